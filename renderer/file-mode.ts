/**
 * The `mode` of a template resource, read as confd reads it: by Go's `strconv.ParseUint` with base 0. So `"0644"`, `"0o644"` and
 * `"0x1a4"` are what they look like, and `"644"` is a decimal number, which makes the permissions 0204.
 *
 * Pure.
 */
import { PlatformError } from "../cluster/errors.ts";

const forms = [
  { prefix: /^0[xX]_?/, base: 16, digits: /^[0-9a-fA-F]+(_[0-9a-fA-F]+)*$/ },
  { prefix: /^0[bB]_?/, base: 2, digits: /^[01]+(_[01]+)*$/ },
  { prefix: /^0[oO]_?/, base: 8, digits: /^[0-7]+(_[0-7]+)*$/ },
  { prefix: /^0_?(?=.)/, base: 8, digits: /^[0-7]+(_[0-7]+)*$/ },
  { prefix: /^/, base: 10, digits: /^[0-9]+(_[0-9]+)*$/ },
] as const;

/** The permission bits that `text` stands for. Only the last nine bits count, as in confd. Throws `mode-invalid`. */
export function parseMode(text: string): number {
  const form = forms.find(({ prefix }) => prefix.test(text));
  const digits = form === undefined ? "" : text.replace(form.prefix, "");
  if (form === undefined || !form.digits.test(digits)) throw invalid(text, "invalid syntax");
  const value = Number.parseInt(digits.replaceAll("_", ""), form.base);
  if (value > 0xffffffff) throw invalid(text, "value out of range");
  return value & 0o777;
}

function invalid(text: string, why: string): PlatformError {
  return new PlatformError("mode-invalid", `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`, {
    hint: 'Set mode to an octal number with a leading zero, such as "0644"',
  });
}
