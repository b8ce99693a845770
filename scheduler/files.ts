/**
 * Unit files that nothing refers to any more. A file is collected only after some minutes without a unit and without a
 * placement of its hash, so that destroying and submitting again, or a slow agent, never meets a missing text. Pure.
 */
import type { Mirror } from "../cluster/ports.ts";
import type { Decision } from "./decision.ts";
import type { SchedulerTables } from "./look.ts";

const collectAfterMs = 300_000;
/** The references are counted over all records, so not more often than this, and only after a change. */
const surveyEveryMs = 60_000;

export class UnitFiles {
  readonly #unreferencedSince = new Map<string, number>();
  #changed = true;
  #surveyedAt = Number.NEGATIVE_INFINITY;

  /** Something that refers to files, or a file, has changed. */
  changed(): void {
    this.#changed = true;
  }

  /** The files to collect now; each only once, unless it is written again. */
  collect(mirror: Mirror<SchedulerTables>, now: number): Decision[] {
    if (this.#changed && now - this.#surveyedAt >= surveyEveryMs) this.#survey(mirror, now);
    const decisions: Decision[] = [];
    for (const [hash, since] of this.#unreferencedSince) {
      if (now - since < collectAfterMs) continue;
      // Counted anew right before: a unit may have taken the file up since the last survey.
      if (this.#changed) this.#survey(mirror, now);
      const revision = mirror.tables.unitFiles.revisionOf(hash);
      if (!this.#unreferencedSince.delete(hash) || revision === undefined) continue;
      decisions.push({
        kind: "collect-file",
        hash,
        revision,
        reason: "no unit and no placement refers to it",
      });
    }
    return decisions;
  }

  #survey(mirror: Mirror<SchedulerTables>, now: number): void {
    this.#changed = false;
    this.#surveyedAt = now;
    const { unitFiles, units, placements, runs } = mirror.tables;
    if (units.unreadable.size > 0 || placements.unreadable.size > 0 || runs.unreadable.size > 0) {
      // What cannot be read may refer to any of them.
      this.#unreferencedSince.clear();
      this.#changed = true;
      return;
    }
    const referred = new Set<string>();
    for (const [, { hash, held = [] }] of units.entries()) {
      referred.add(hash);
      for (const earlier of held) referred.add(earlier.hash);
    }
    for (const [, { hash }] of placements.entries()) referred.add(hash);
    // A run ends with the file it began with.
    for (const [, { hash }] of runs.entries()) referred.add(hash);
    for (const [hash] of unitFiles.entries()) {
      if (referred.has(hash)) this.#unreferencedSince.delete(hash);
      else if (!this.#unreferencedSince.has(hash)) this.#unreferencedSince.set(hash, now);
    }
  }
}
