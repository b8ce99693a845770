/** Questions that wait for an answer. Each is answered once by whoever leads when it is seen; the asker takes the first answer. */
import type { Placement } from "../cluster/placement.ts";
import type { Table } from "../cluster/ports.ts";
import type { Answer, AskedQuestion } from "../cluster/question.ts";
import type { Decision } from "./decision.ts";
import type { ClusterModel } from "./model.ts";
import { planRebalance } from "./rebalance.ts";
import { explainWhy } from "./why.ts";

export class Questions {
  readonly #open = new Set<string>();

  /** Questions were asked or withdrawn. */
  changed(ids: ReadonlySet<string>, asked: Table<AskedQuestion>): void {
    for (const id of ids) {
      if (asked.get(id)) this.#open.add(id);
      else this.#open.delete(id);
    }
  }

  /** Answers all that are open. */
  answer(
    asked: Table<AskedQuestion>,
    model: ClusterModel,
    placements: Pick<Table<Placement>, "get">,
  ): Decision[] {
    const decisions: Decision[] = [];
    for (const id of [...this.#open].sort()) {
      const question = asked.get(id);
      if (!question) continue;
      const answer = answerTo(question, model, placements);
      decisions.push({ kind: "answer", id, lease: question.lease, answer, reason: "it was asked" });
    }
    this.#open.clear();
    return decisions;
  }

  /** These answers were perhaps not written. */
  doubt(decisions: readonly Decision[]): void {
    for (const decision of decisions) if (decision.kind === "answer") this.#open.add(decision.id);
  }
}

function answerTo(
  { question, problem }: AskedQuestion,
  model: ClusterModel,
  placements: Pick<Table<Placement>, "get">,
): Answer {
  switch (question?.kind) {
    case "why":
      return explainWhy(question.unit, model, placements);
    case "rebalance":
      return planRebalance(model);
    case undefined:
      return {
        error: {
          code: "question-invalid",
          message: `Cannot answer the question: ${problem ?? "it is none"}`,
          hint: 'Ask {"kind":"why","unit":"web.service"} or {"kind":"rebalance"}',
        },
      };
  }
}
