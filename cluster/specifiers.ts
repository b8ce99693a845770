/**
 * Specifiers: `%i` and its kin, replaced by what the unit's name says.
 *
 * In `[X-Fleet]` they are fleet's four; in `[Container]` they follow `systemd.unit(5)`, where `%%` is a percent sign and an
 * unknown one is a fault. All other sections are the runtime's own to expand.
 *
 * Pure.
 */
import type { UnitNameParts } from "./unit-name.ts";

/** What is known of the machine only where a unit runs. */
export interface SpecifierHost {
  /** `%H`. */
  readonly hostname: string;
  /** `%m`: `machine-id(5)`. */
  readonly machineId: string;
}

/**
 * fleet's expansion: plain replacement of `%n`, `%N`, `%p`, `%i` one after the other, so there is no `%%` and no error. A name
 * that cannot be taken apart (undefined) leaves the value alone.
 */
export function expandFleetSpecifiers(value: string, parts: UnitNameParts | undefined): string {
  if (parts === undefined || !value.includes("%")) return value;
  return value
    .replaceAll("%n", () => parts.name)
    .replaceAll("%N", () => parts.stem)
    .replaceAll("%p", () => parts.prefix)
    .replaceAll("%i", () => parts.instance ?? "");
}

/** The specifiers of `[Container]`, for messages. */
export const containerSpecifiers = ["%n", "%N", "%p", "%i", "%H", "%m", "%%"] as const;

/**
 * systemd's expansion in one pass. Without a host `%H` and `%m` stay as they are. Calls `unknown` with a specifier that is
 * none of `containerSpecifiers` and expects it to throw.
 */
export function expandContainerSpecifiers(
  value: string,
  parts: UnitNameParts,
  host: SpecifierHost | undefined,
  unknown: (specifier: string) => never,
): string {
  if (!value.includes("%")) return value;
  return value.replace(/%.?/gsu, (specifier) => {
    switch (specifier) {
      case "%n":
        return parts.name;
      case "%N":
        return parts.stem;
      case "%p":
        return parts.prefix;
      case "%i":
        return parts.instance ?? "";
      case "%H":
        return host?.hostname ?? specifier;
      case "%m":
        return host?.machineId ?? specifier;
      case "%%":
        return "%";
      default:
        return unknown(specifier);
    }
  });
}
