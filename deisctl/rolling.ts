/**
 * A rolling change: which of its members may be taken up next, so that never more than a given number are down at once.
 *
 * A member is a unit, or a global unit's copy on one machine. Those that are not ready anyway come first: to change them takes
 * nothing away. The others wait until enough of the rest is ready, also of those that were changed before. Pure.
 */
import { UsageError } from "./command.ts";

export interface Member {
  readonly unit: string;
  /** Of a global unit: the machine whose copy it is. */
  readonly machine?: string;
}

export interface MemberStanding {
  /** `left`: not taken up yet. `under-way`: changed, and not known to be ready. `done`: changed and ready once. */
  readonly stage: "left" | "under-way" | "done";
  readonly ready: boolean;
}

/** The indices of the members to take up now, in order. */
export function nextMembers(standings: readonly MemberStanding[], maxUnavailable: number): readonly number[] {
  const underWay = standings.filter(({ stage }) => stage === "under-way").length;
  const down = standings.filter(({ stage, ready }) => stage !== "under-way" && !ready).length;
  const left = standings.flatMap((standing, index) =>
    standing.stage === "left" ? [{ index, ...standing }] : [],
  );
  const ailing = left.filter(({ ready }) => !ready).slice(0, Math.max(0, maxUnavailable - underWay));
  const room = Math.max(0, maxUnavailable - underWay - down);
  const healthy = left.filter(({ ready }) => ready).slice(0, room);
  return [...ailing, ...healthy].map(({ index }) => index);
}

/** What `--max-unavailable` allows of so many members: a number, or a share that is rounded down, but at least 1. Throws `UsageError`. */
export function maxUnavailable(text: string | undefined, members: number): number {
  if (text === undefined) return 1;
  const [, digits, percent] = /^(\d{1,9})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  const most = percent === "%" ? 100 : 1_000_000;
  if (digits !== undefined && number >= 1 && number <= most) {
    return percent === "%" ? Math.max(1, Math.floor((members * number) / 100)) : number;
  }
  throw new UsageError(
    `--max-unavailable is "${text}", allowed is a number from 1, or a share from 1% to 100%`,
  );
}

/** The members of each unit, in their order. */
export function byUnit(members: readonly Member[]): ReadonlyMap<string, readonly Member[]> {
  const units = new Map<string, Member[]>();
  for (const member of members) units.set(member.unit, [...(units.get(member.unit) ?? []), member]);
  return units;
}

/** Names as people count: `web@2` before `web@10`. */
export function byNumber(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

const collator = new Intl.Collator("en", { numeric: true });
