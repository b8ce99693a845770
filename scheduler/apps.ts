/**
 * Which apps the cluster knows: those that a unit publishes, whether it runs or not. A router answers for a known app without
 * an endpoint otherwise than for a host that nobody knows.
 *
 * Counted by unit, told as the difference to what the store says; so whatever a former leader left half done is put right. Pure.
 */
import type { Table } from "../cluster/ports.ts";
import type { Decision } from "./decision.ts";
import { countDown, countUp } from "./tally.ts";

export class Apps {
  readonly #ofUnit = new Map<string, string>();
  readonly #units = new Map<string, number>();
  /** Apps that may have come or gone since the last decision. */
  readonly #doubted = new Set<string>();

  /** The app that the unit publishes, or undefined if it publishes none or is gone. */
  setUnit(unit: string, app: string | undefined): void {
    const before = this.#ofUnit.get(unit);
    if (before === app) return;
    if (before !== undefined) {
      countDown(this.#units, before);
      this.#doubted.add(before);
    }
    if (app === undefined) this.#ofUnit.delete(unit);
    else {
      this.#ofUnit.set(unit, app);
      countUp(this.#units, app);
      this.#doubted.add(app);
    }
  }

  /** The store's record of the app was written or deleted, or may not have been. */
  doubt(app: string): void {
    this.#doubted.add(app);
  }

  /**
   * What the store must be told. `mayRetire`: false while there are units that cannot be read, since one of them may publish the
   * app; it is then asked about again.
   */
  decide(announced: Table<unknown>, mayRetire: boolean): Decision[] {
    const decisions: Decision[] = [];
    for (const app of [...this.#doubted].sort()) {
      const isKnown = this.#units.has(app);
      const isTold = announced.get(app) !== undefined;
      if (!isKnown && isTold && !mayRetire) continue;
      this.#doubted.delete(app);
      if (isKnown && !isTold) decisions.push({ kind: "announce-app", app, reason: "a unit publishes it" });
      const isLeft = !isKnown && (isTold || announced.unreadable.has(app));
      if (isLeft) decisions.push({ kind: "retire-app", app, reason: "no unit publishes it any more" });
    }
    return decisions;
  }
}
