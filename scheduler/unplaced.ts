/** What is told of units that fit nowhere: they wait from now on, each with a sentence that says why. Pure. */
import type { Acts } from "./acts.ts";
import { hasCompany } from "./company.ts";
import { explainUnplaced } from "./explain.ts";
import type { ClusterModel } from "./model.ts";
import { byName, type UnitNode } from "./nodes.ts";
import type { Rules } from "./rules.ts";
import { classKey } from "./waiting.ts";

/** Takes up what was tried in vain; if machines have come or gone, the sentences of all that wait are made anew. */
export function tellUnplaced(model: ClusterModel, rules: Rules, acts: Acts): void {
  const sentences = new Map<string, string>();
  for (const unit of acts.failed) {
    model.waiting.add(unit);
    // A lost machine that comes back is to run what is wanted now; what was leaving it goes on doing so.
    if (unit.copy && !model.moves.isUnderWay(unit)) acts.renewIfChanged(unit.copy);
  }
  const retold: Iterable<UnitNode> = model.machinesChanged ? allWaiting(model) : acts.failed;
  model.machinesChanged = false;
  for (const unit of [...retold].sort(byName)) {
    const company = hasCompany(unit, model);
    const key = company ? undefined : classKey(unit);
    let sentence = key === undefined ? undefined : sentences.get(key);
    sentence ??= explainUnplaced(unit, model, rules);
    if (key !== undefined) sentences.set(key, sentence);
    const away = unit.demand?.requirements.global ? undefined : unit.copy?.machine;
    acts.park(unit, away ? `its machine ${away.id} is gone and ${sentence}` : sentence);
  }
}

function* allWaiting(model: ClusterModel): IterableIterator<UnitNode> {
  for (const { units } of model.waiting.classes()) yield* units;
}
