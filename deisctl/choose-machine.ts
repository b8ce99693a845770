/** Which machine a word means: the beginning of its id, or its address. Pure. */
import { PlatformError } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";

/**
 * The id of the one machine that a word means. `others` are ids of machines that are not there but may be named as well.
 * Throws `machine-not-found` or `machine-ambiguous`.
 */
export function chooseMachine(
  word: string,
  machines: Iterable<readonly [string, Machine]>,
  others: Iterable<string> = [],
): string {
  const short = word.replace(/\.\.\.$/, "");
  const meant = new Set([...others].filter((id) => short !== "" && id.startsWith(short)));
  for (const [id, machine] of machines) {
    if (
      (short !== "" && id.startsWith(short)) ||
      machine.address === word ||
      `${id.slice(0, 8)}.../${machine.address}` === word
    )
      meant.add(id);
  }
  const [only, ...more] = [...meant].sort();
  if (only === undefined) {
    throw new PlatformError("machine-not-found", `No machine of the cluster is "${word}"`, {
      hint: "Give the beginning of an id, or an address, from `deisctl list-machines`",
    });
  }
  if (more.length > 0) {
    throw new PlatformError(
      "machine-ambiguous",
      `"${word}" means ${more.length + 1} machines: ${[only, ...more].join(", ")}`,
      {
        hint: "Give more of the id",
      },
    );
  }
  return only;
}
