/**
 * What a unit reserves on its machine, and is held to there: systemd's words in `[Service]` (`systemd.resource-control(5)`).
 * The last assignment of a word wins, an empty one takes it back.
 *
 * Pure.
 */
import type { PlatformError } from "./errors.ts";
import { type UnitFile, type UnitOption, unitFileError } from "./unit-file.ts";

export interface Resources {
  /** `MemoryMax=` in bytes, or 0: weighs nothing and is not limited. */
  readonly memoryBytes: number;
  /** `CPUQuota=` in thousandths of a processor, or 0. */
  readonly cpuMillis: number;
  /** `CPUWeight=`, 1 to 10 000; absent: the runtime's default. */
  readonly cpuWeight?: number;
}

/** The words read here. */
export const resourceNames = ["MemoryMax", "CPUQuota", "CPUWeight"] as const;

const none: Resources = { memoryBytes: 0, cpuMillis: 0 };

/** Reads the reservations and limits. Throws `unit-file-invalid` with the line, the value and what is allowed. */
export function parseResources(file: UnitFile): Resources {
  if (!file.has("Service")) return none;
  let memory: UnitOption | undefined;
  let quota: UnitOption | undefined;
  let weight: UnitOption | undefined;
  for (const { name: header, options } of file.sections) {
    if (header !== "Service") continue;
    for (const option of options) {
      if (option.name === "MemoryMax") memory = option;
      else if (option.name === "CPUQuota") quota = option;
      else if (option.name === "CPUWeight") weight = option;
    }
  }
  if (memory === undefined && quota === undefined && weight === undefined) return none;
  return {
    memoryBytes: isSet(memory) ? parseMemory(memory) : 0,
    cpuMillis: isSet(quota) ? parseQuota(quota) : 0,
    ...(isSet(weight) ? { cpuWeight: parseWeight(weight) } : {}),
  };
}

/** Bytes of `512M`, `1.5G`, `1G 512M` or a bare number, by powers of 1024; undefined if this is no size. */
export function parseByteSize(text: string): number | undefined {
  // Sticky, so that each part begins where the last one ended and no text is read twice.
  const part = /(\d+(?:\.\d+)?)\s*([BKMGTPE]?)\s*/y;
  let total = 0;
  do {
    const [, amount, suffix] = part.exec(text) ?? [];
    if (amount === undefined) return undefined;
    total += Number(amount) * 1024 ** Math.max(0, "BKMGTPE".indexOf(suffix ?? ""));
  } while (part.lastIndex < text.length);
  return Number.isSafeInteger(Math.floor(total)) ? Math.floor(total) : undefined;
}

function isSet(option: UnitOption | undefined): option is UnitOption {
  return option !== undefined && option.value !== "";
}

function parseMemory(option: UnitOption): number {
  if (option.value === "infinity") return 0;
  if (option.value.endsWith("%")) {
    throw invalid(
      option,
      "is a share of a machine's memory",
      "Write the amount, for example MemoryMax=512M: the scheduler counts it before it knows the machine",
    );
  }
  const bytes = parseByteSize(option.value);
  if (bytes === undefined || bytes === 0) {
    throw invalid(
      option,
      "is no amount of memory",
      "Write bytes, or a number with K, M, G or T, or infinity: MemoryMax=512M",
    );
  }
  return bytes;
}

function parseQuota(option: UnitOption): number {
  const percent = /^(\d+(?:\.\d{1,2})?)\s*%$/.exec(option.value)?.[1];
  const millis = Math.round(Number(percent ?? 0) * 10);
  if (millis === 0 || !Number.isSafeInteger(millis)) {
    throw invalid(
      option,
      "is no share of a processor",
      "Write a percentage of one processor: CPUQuota=50%, or 200% for two",
    );
  }
  return millis;
}

function parseWeight(option: UnitOption): number {
  // systemd's `idle` is below every weight; the lowest weight is the nearest that each runtime can do.
  if (option.value === "idle") return 1;
  const weight = /^\d+$/.test(option.value) ? Number(option.value) : 0;
  if (weight < 1 || weight > 10_000) {
    throw invalid(option, "is no weight", "Write a whole number from 1 to 10000: CPUWeight=100");
  }
  return weight;
}

function invalid(option: UnitOption, problem: string, hint: string): PlatformError {
  return unitFileError(option.line, `${option.name}="${option.value}" ${problem}`, hint);
}
