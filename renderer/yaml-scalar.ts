/**
 * What confd makes of a YAML scalar: the text of its value as Go's yaml.v2 resolves it. `yes` is `true`, `017` is 15, `1e3` is 1000,
 * a date stays as it is written.
 *
 * Source: yaml.v2's resolution of YAML 1.1, and Go's strconv.
 *
 * Pure.
 */
import { formatFloat } from "./gotmpl/float.ts";
import { parseFloat64, parseInt64, parseUint } from "./gotmpl/number.ts";

/** A tag without its `!!`, or with whatever else stands there; empty for none. */
export type Tag = string;

const truths = new Set("y Y yes Yes YES true True TRUE on On ON".split(" "));
const untruths = new Set("n N no No NO false False FALSE off Off OFF".split(" "));
const nulls = new Set(["", "~", "null", "Null", "NULL"]);
const specials: ReadonlyMap<string, number> = new Map([
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map((word) => [word, Infinity] as const),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => [word, -Infinity] as const),
]);
const floatForm = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/**
 * The text of a scalar, or null where confd has no value: of nothing, and of whole numbers that only fit 64 bits without a sign.
 * `plain` says that it was written without quotes. Throws an `Error` without a line if it is not what its tag says.
 */
export function scalarText(text: string, plain: boolean, tag: Tag): string | null {
  if (plain && text === "") return tag === "str" ? "" : null;
  switch (tag) {
    case "":
      return plain ? resolved(text) : text;
    case "int":
    case "float": {
      const value = number(text);
      if (value === undefined) throw mismatch(text, tag);
      return value;
    }
    case "bool": {
      const value = resolved(text);
      if (value !== "true" && value !== "false") throw mismatch(text, tag);
      return value;
    }
    case "null":
      return null;
    case "binary":
      return binary(text);
    default:
      return text;
  }
}

function resolved(text: string): string | null {
  if (nulls.has(text)) return null;
  if (truths.has(text)) return "true";
  if (untruths.has(text)) return "false";
  const value = /^[-+.0-9]/.test(text) ? number(text) : undefined;
  return value === undefined ? text : value;
}

/** Undefined if the text is no number. */
function number(text: string): string | null | undefined {
  const special = specials.get(text);
  if (special !== undefined) return floatText(special);
  if (text.startsWith(".")) return real(text);
  const bare = text.replaceAll("_", "");
  const whole = parseInt64(bare, 0);
  if (whole.ok) return whole.value.toString();
  if (parseUint(bare, 0).ok) return null;
  if (floatForm.test(bare)) return real(bare);
  const bits = /^(-?)0b([-+]?[01]+)$/.exec(bare);
  const small = bits ? parseInt64(`${bits[1]}${bits[2]}`, 2) : undefined;
  return small?.ok ? small.value.toString() : undefined;
}

function real(text: string): string | undefined {
  const value = parseFloat64(text);
  return value.ok ? floatText(value.value) : undefined;
}

/** Never with an exponent. */
function floatText(value: number): string {
  return formatFloat(value, "f", -1, 64);
}

function binary(text: string): string {
  const bare = text.replace(/[\r\n]/g, "");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(bare)) {
    throw new Error("!!binary value contains invalid base64 data");
  }
  return Buffer.from(bare, "base64").toString("utf8");
}

function mismatch(text: string, tag: Tag): Error {
  return new Error(`cannot decode "${text}" as a !!${tag}`);
}
