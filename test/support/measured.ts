/** Figures that a reader of a test run should see: they are put behind the test's title. */
import type { Context } from "mocha";

/** Adds `… (4.9 s from power cut to active elsewhere)` to the title of the running test. */
export function measured(context: Context, what: string, ms: number): void {
  const figure = ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
  const { test } = context;
  if (test !== undefined) test.title = `${test.title} (${figure} ${what})`;
}
