/** Reads what part of a journal a client asks for, from the query of its request. Pure. */
import { type JournalRequest, journalOutputs } from "./ports.ts";
import { invalid } from "./refuse.ts";

/** Throws `request-invalid`. */
export function journalRequest(query: Readonly<Record<string, unknown>>): JournalRequest {
  const { lines = "10", follow = "false", output = "short" } = query;
  const count = typeof lines === "string" && /^[0-9]{1,7}$/.test(lines) ? Number(lines) : undefined;
  if (count === undefined) throw invalid('Parameter "lines"', lines, "a whole number from 0 to 9999999");
  if (follow !== "true" && follow !== "false") throw invalid('Parameter "follow"', follow, "true or false");
  const known = journalOutputs.find((name) => name === output);
  if (known === undefined) throw invalid('Parameter "output"', output, `one of ${journalOutputs.join(", ")}`);
  return { lines: count, follow: follow === "true", output: known };
}
