/** What can be asked of the scheduler's leader, who alone has all rules and the whole cluster at hand, and how it answers. */

/** Why is the unit where it is, or nowhere? */
export interface WhyQuestion {
  readonly kind: "why";
  readonly unit: string;
}

/** Which moves would spread units and load evenly? */
export interface RebalanceQuestion {
  readonly kind: "rebalance";
}

/** The value of `/deis/cluster/questions/<id>`, under a short lease of the asker. */
export type Question = WhyQuestion | RebalanceQuestion;

/** A question as the scheduler finds it. */
export interface AskedQuestion {
  /** The lease that the question stands under, decimal; the answer is put under the same, so that both vanish together. */
  readonly lease: string;
  /** Undefined if the record is not a question. */
  readonly question: Question | undefined;
  /** Why it is not, in one sentence. */
  readonly problem?: string;
}

/** One machine's answer to whether it could take a unit. */
export interface MachineVerdict {
  readonly machine: string;
  /** True if the unit is there, or could be placed there now. */
  readonly fits: boolean;
  /** Without full stop: `it lacks metadata "disk=ssd"`. */
  readonly reason: string;
}

export interface WhyAnswer {
  readonly unit: string;
  /** Where the unit is, in order of machine id; several for a global unit, and for one that is on the move. */
  readonly placements: readonly { readonly machine: string; readonly reason: string }[];
  /** Every machine that is in the cluster, or that the unit is on, in order of id. */
  readonly machines: readonly MachineVerdict[];
  /** One sentence. */
  readonly summary: string;
}

/** One move of a plan: what to write as `WantedMove` to have it done. */
export interface ProposedMove {
  readonly unit: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export interface RebalanceAnswer {
  /** In the order in which they are best done. Empty if there is nothing to gain. */
  readonly moves: readonly ProposedMove[];
  readonly summary: string;
}

/** What a question is answered with that cannot be answered. */
export interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** The value of `/deis/cluster/answers/<id>`. */
export type Answer = WhyAnswer | RebalanceAnswer | Refusal;

/** The answer that goes with a question, if it can be answered. */
export type AnswerTo<Q extends Question> = Q extends WhyQuestion ? WhyAnswer : RebalanceAnswer;
