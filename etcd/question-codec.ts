/** Between questions and answers and their bytes in the store, as `codec.ts` does it for all other records. */
import { PlatformError } from "../cluster/errors.ts";
import type { Answer, AskedQuestion, Question } from "../cluster/question.ts";
import { type Decode, encode, Fields, unreadable } from "./codec.ts";

/** A record that is not a question is a bad question, which deserves an answer; only without a lease it could get none. */
export const decodeQuestion: Decode<AskedQuestion> = (value, key, lease = "0") => {
  if (lease === "0") throw unreadable(key, "it stands under no lease, so an answer would never go away");
  try {
    return { lease, question: questionFrom(new Fields(value, key)) };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return { lease, question: undefined, problem: error.message };
  }
};

export const decodeAnswer: Decode<Answer> = (value, key) => {
  const fields = new Fields(value, key);
  if (fields.has("error")) {
    const error = fields.inner("error");
    const hint = error.optionalText("hint");
    return {
      error: {
        code: error.text("code"),
        message: error.text("message"),
        ...(hint === undefined ? {} : { hint }),
      },
    };
  }
  const summary = fields.text("summary");
  if (fields.has("moves")) {
    const moves = fields.innerList("moves").map((move) => ({
      unit: move.text("unit"),
      from: move.text("from"),
      to: move.text("to"),
      reason: move.text("reason"),
    }));
    return { moves, summary };
  }
  const placements = fields
    .innerList("placements")
    .map((placement) => ({ machine: placement.text("machine"), reason: placement.text("reason") }));
  const machines = fields.innerList("machines").map((machine) => ({
    machine: machine.text("machine"),
    fits: machine.flag("fits"),
    reason: machine.text("reason"),
  }));
  return { unit: fields.text("unit"), placements, machines, summary };
};

export const encodeQuestion = (question: Question): Buffer => encode(question);

export const encodeAnswer = (answer: Answer): Buffer => encode(answer);

const kinds = ["why", "rebalance"] as const;

function questionFrom(fields: Fields): Question {
  const kind = fields.choice("kind", kinds);
  return kind === "why" ? { kind, unit: fields.text("unit") } : { kind };
}
