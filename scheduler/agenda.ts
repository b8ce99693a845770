/** Which units are to be decided about: those that something happened to (marked), and those whose time comes (due). Pure. */
import { courseOf } from "./course.ts";
import { byName, type UnitNode } from "./nodes.ts";

export class Agenda {
  readonly #timed = new Set<UnitNode>();
  #queue: UnitNode[] = [];
  #queueAt = 0;
  #unsorted: UnitNode[] = [];

  /** Asks for a decision about the unit. */
  mark(unit: UnitNode): void {
    if (unit.queued) return;
    unit.queued = true;
    this.#unsorted.push(unit);
  }

  /** True if there are units to be decided about. */
  get hasMarked(): boolean {
    return this.#unsorted.length > 0 || this.#queueAt < this.#queue.length;
  }

  /** Up to `limit` of the marked units, in order of name. */
  takeMarked(limit: number): UnitNode[] {
    if (this.#unsorted.length > 0) {
      this.#queue = this.#queue.slice(this.#queueAt).concat(this.#unsorted).sort(byName);
      this.#queueAt = 0;
      this.#unsorted = [];
    }
    const taken = this.#queue.slice(this.#queueAt, this.#queueAt + limit);
    this.#queueAt += taken.length;
    if (this.#queueAt === this.#queue.length) {
      this.#queue = [];
      this.#queueAt = 0;
    }
    for (const unit of taken) unit.queued = false;
    return taken;
  }

  /** Time alone is a reason to look at the unit, at `at` (wall clock, ms); no longer if undefined. */
  setDue(unit: UnitNode, at: number | undefined): void {
    if (unit.course?.dueAt === at) return;
    courseOf(unit).dueAt = at;
    if (at === undefined) this.#timed.delete(unit);
    else this.#timed.add(unit);
  }

  /** Marks the units whose time has come. */
  markDue(wall: number): void {
    for (const unit of this.#timed) {
      if (unit.course?.dueAt !== undefined && unit.course.dueAt <= wall) this.mark(unit);
    }
  }

  /** When the next unit's time comes, or undefined. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const { course } of this.#timed) {
      if (course?.dueAt !== undefined && (next === undefined || course.dueAt < next)) next = course.dueAt;
    }
    return next;
  }
}
