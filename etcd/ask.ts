/**
 * One question to the scheduler's leader and its answer. The question stands under a lease of its own, as does the answer, so
 * whatever becomes of either side nothing is left behind.
 */
import { randomBytes } from "node:crypto";
import { PlatformError } from "../cluster/errors.ts";
import type { Answer, AnswerTo, Question } from "../cluster/question.ts";
import { onAbort } from "../loop/abort.ts";
import { answerKey, leaderKey, questionKey } from "./keys.ts";
import { newLeaseId } from "./lease-session.ts";
import { openMirror } from "./mirror.ts";
import type { EtcdClient } from "./protocol.ts";
import { decodeAnswer, encodeQuestion } from "./question-codec.ts";
import { singleKeyTable } from "./tables.ts";

/** How long an answer is waited for: longer than it takes for another leader to be elected when one dies. */
const patienceMs = 10_000;
const leaseSeconds = 15;

/** See `ClusterStore.ask`. `waitMs`: how long to wait for an answer. */
export async function ask<Q extends Question>(
  client: EtcdClient,
  question: Q,
  signal: AbortSignal,
  waitMs: number = patienceMs,
): Promise<AnswerTo<Q>> {
  const id = randomBytes(8).toString("hex");
  const lease = newLeaseId();
  await client.grantLease(lease, leaseSeconds, { signal });
  try {
    const put = { kind: "put", key: questionKey(id), value: encodeQuestion(question), lease } as const;
    await client.txn({ compare: [], success: [put] }, { signal });
    const answer = await answered(client, id, signal, waitMs);
    if (!answer) throw await unanswered(client, waitMs, signal);
    if ("error" in answer) throw refused(answer.error);
    return answer as AnswerTo<Q>;
  } finally {
    // If this fails the lease ends by itself.
    await client.revokeLease(lease, { timeoutMs: 1_000 }).catch(() => undefined);
  }
}

/** Undefined if there is none in time. */
async function answered(
  client: EtcdClient,
  id: string,
  signal: AbortSignal,
  waitMs: number,
): Promise<Answer | undefined> {
  const mirror = openMirror(client, { answer: singleKeyTable<Answer>(answerKey(id), decodeAnswer) });
  let timer: NodeJS.Timeout | undefined;
  let off = (): void => undefined;
  try {
    return await new Promise<Answer | undefined>((resolve, reject) => {
      const look = (): void => {
        const { answer } = mirror.tables;
        const unreadable = answer.unreadable.get("");
        const found = answer.get("");
        if (unreadable) reject(unreadable);
        else if (found) resolve(found);
      };
      mirror.onChange(look);
      timer = setTimeout(() => resolve(undefined), waitMs);
      off = onAbort(signal, () => reject(signal.reason));
      look();
    });
  } finally {
    clearTimeout(timer);
    off();
    await mirror.close();
  }
}

async function unanswered(client: EtcdClient, waitMs: number, signal: AbortSignal): Promise<PlatformError> {
  const { entries } = await client.range({ key: leaderKey }, { signal });
  const [leader] = entries;
  const within = `within ${waitMs / 1_000} s`;
  if (!leader) {
    return new PlatformError("no-leader", `No scheduler leads, so nobody answered ${within}`, {
      hint: "Start deis-scheduler on a host: `systemctl start deis-scheduler`",
      retryable: true,
    });
  }
  return new PlatformError(
    "no-answer",
    `The leading scheduler, on ${leader.value}, did not answer ${within}`,
    {
      hint: `Look at its log on that machine: \`journalctl -u deis-scheduler\``,
      retryable: true,
    },
  );
}

function refused({ code, message, hint }: { code: string; message: string; hint?: string }): PlatformError {
  return new PlatformError(code, message, hint === undefined ? {} : { hint });
}
