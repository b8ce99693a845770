/** What planned moves are made of, in terms of what a round decides. Pure. */
import { type Acts, whatChanged } from "./acts.ts";
import type { ClusterModel } from "./model.ts";
import { type Wish, wishFor } from "./nodes.ts";
import type { MoveActs } from "./planned-moves.ts";
import { sameWish } from "./wishes.ts";

/** Carries out moves by `acts`; a unit whose move has come to something is looked at again in the same round. */
export function moveActs(model: ClusterModel, acts: Acts): MoveActs {
  return {
    withdraw: (copy, reason) => {
      acts.withdraw(copy, reason);
      acts.consequences.add(copy.unit);
    },
    settle: (unit, machine, why) => {
      acts.left.set(unit, why);
      acts.settle(unit, machine);
    },
    arrive: (unit, machine, why) => {
      const wish = wishFor(unit, machine);
      if (!wish) return;
      const reason = `${acts.reasons.here(unit, machine)}; ${why}`;
      model.copies.arrive(unit, machine, wish);
      acts.tell(unit, machine, wish, reason, "arriving");
    },
    takeOver: (unit, reason) => acts.takeOver(unit, reason),
    renewArrival: (copy) => {
      const { unit, machine, as } = copy;
      const wish = wishFor(unit, machine);
      if (!wish || sameWish(as, wish)) return;
      model.copies.renew(copy, wish);
      acts.tell(unit, machine, wish, `to take over; ${whatChanged(as, wish)}`, "arriving");
    },
    leave: (copy, reason) => {
      const wish: Wish = { ...copy.as, target: "loaded" };
      model.copies.beginLeaving(copy, wish);
      acts.tell(copy.unit, copy.machine, wish, reason, "leaving");
    },
    stay: (copy, reason) => {
      const wish = wishFor(copy.unit, copy.machine) ?? copy.as;
      model.copies.renew(copy, wish);
      acts.tell(copy.unit, copy.machine, wish, `stays here: ${reason}`);
    },
    park: (unit, reason) => acts.park(unit, reason),
    release: (unit, reason) => acts.release(unit, reason),
    endMove: (name, reason) => {
      const wanted = model.moves.wanted.get(name);
      if (!wanted) return;
      model.moves.wanted.delete(name);
      acts.decisions.push({ kind: "end-move", unit: name, revision: wanted.revision, reason });
      const unit = model.units.get(name);
      if (unit) acts.consequences.add(unit);
    },
  };
}
