/** What clients send to `/deis/v1`, read field by field: an unknown field is an error, so that a misspelt one is never ignored. Pure. */
import { isTargetState, type TargetState, targetStates } from "../../cluster/unit.ts";
import { invalid } from "../refuse.ts";

export interface UnitBody {
  readonly file?: string;
  readonly target?: TargetState;
}

export interface CordonBody {
  readonly drain: boolean;
  readonly reason?: string;
}

export function readUnitBody(body: unknown): UnitBody {
  const fields = objectOf(body, ["file", "target"]);
  const file = optionalText(fields, "file");
  const { target } = fields;
  if (target !== undefined && (typeof target !== "string" || !isTargetState(target))) {
    throw invalid('Field "target"', target, `one of ${targetStates.join(", ")}`);
  }
  return { ...(file === undefined ? {} : { file }), ...(target === undefined ? {} : { target }) };
}

/** Without a body the machine is closed and not emptied. */
export function readCordonBody(body: unknown): CordonBody {
  const fields = objectOf(body ?? {}, ["drain", "reason"]);
  const { drain = false } = fields;
  if (typeof drain !== "boolean") throw invalid('Field "drain"', drain, "true or false");
  const reason = optionalText(fields, "reason");
  return { drain, ...(reason === undefined ? {} : { reason }) };
}

/** Values by key; null takes a key away. */
export function readMetadataBody(body: unknown): ReadonlyMap<string, string | null> {
  const { metadata } = objectOf(body, ["metadata"]);
  const entries = Object.entries(objectOf(metadata, undefined)).map(([key, value]) => {
    if (!/^[A-Za-z0-9_.-]+$/.test(key)) throw invalid("A key of metadata", key, "letters, digits and _ . -");
    if (value === null || (typeof value === "string" && value !== "")) return [key, value] as const;
    throw invalid(`Metadata "${key}"`, value, "a text that is not empty, or null to take it away");
  });
  return new Map(entries);
}

/** `known` undefined: any field. */
function objectOf(value: unknown, known: readonly string[] | undefined): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("The body", value ?? null, `a JSON object${known ? ` with ${known.join(", ")}` : ""}`);
  }
  const foreign = known && Object.keys(value).find((key) => !known.includes(key));
  if (foreign !== undefined) throw invalid("A field", foreign, `only ${known?.join(", ")}`);
  return { ...value };
}

function optionalText(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw invalid(`Field "${name}"`, value, "a text");
}
