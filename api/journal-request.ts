/** Reads what part of a journal a client asks for, from the query of its request. Pure. */
import { type JournalRequest, journalOutputs } from "../cluster/journal-request.ts";
import { invalid } from "./refuse.ts";

/** Throws `request-invalid`. */
export function journalRequest(query: Readonly<Record<string, unknown>>): JournalRequest {
  const { lines = "10", follow = "false", output = "short", since } = query;
  const count = typeof lines === "string" && /^[0-9]{1,7}$/.test(lines) ? Number(lines) : undefined;
  if (count === undefined) throw invalid('Parameter "lines"', lines, "a whole number from 0 to 9999999");
  if (follow !== "true" && follow !== "false") throw invalid('Parameter "follow"', follow, "true or false");
  const known = journalOutputs.find((name) => name === output);
  if (known === undefined) throw invalid('Parameter "output"', output, `one of ${journalOutputs.join(", ")}`);
  const from = typeof since === "string" ? Date.parse(since) : undefined;
  if (since !== undefined && !Number.isFinite(from)) {
    throw invalid('Parameter "since"', since, "a time such as 2026-11-20T19:00:00Z");
  }
  return {
    lines: count,
    follow: follow === "true",
    output: known,
    ...(from === undefined ? {} : { since: new Date(from).toISOString() }),
  };
}
