import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import { ask } from "../../etcd/ask.ts";
import { leaderKey } from "../../etcd/keys.ts";
import { MemoryStore } from "../support/memory-store.ts";

const never = new AbortController().signal;

describe("a question that nobody answers", () => {
  it("says that no scheduler leads, and may be asked again", async () => {
    const failure = await failureOf(new MemoryStore());
    expect(failure).to.include({ code: "no-leader", retryable: true });
    expect(failure.message).to.equal("No scheduler leads, so nobody answered within 0.02 s");
  });

  it("names the scheduler that leads and does not answer", async () => {
    const store = new MemoryStore();
    store.etcd.put(leaderKey, "1".repeat(32));
    const failure = await failureOf(store);
    expect(failure).to.include({ code: "no-answer", retryable: true });
    expect(failure.message).to.contain("1".repeat(32));
  });

  it("leaves nothing behind", async () => {
    const store = new MemoryStore();
    await failureOf(store);
    expect(store.etcd.dump().size).to.equal(0);
  });
});

async function failureOf(store: MemoryStore): Promise<PlatformError> {
  try {
    await ask(store.etcd.client(), { kind: "rebalance" }, never, 20);
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}
