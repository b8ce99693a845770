import { expect } from "chai";
import fc from "fast-check";
import { type BatchWrite, BatchWriter, maxOperations } from "../../etcd/batch-writer.ts";
import type { Operation } from "../../etcd/protocol.ts";
import { ManualClock } from "../support/manual-clock.ts";

const never = new AbortController().signal;

interface Commit {
  readonly operations: readonly Operation[];
  finish(): void;
  fail(error: unknown): void;
}

function write(lane: string, key: string, value = "x"): BatchWrite {
  return { lane, key, operation: { kind: "put", key, value: Buffer.from(value) } };
}

function keysOf({ operations }: Pick<Commit, "operations">): string[] {
  return operations.map((operation) => (operation.kind === "put" ? operation.key : ""));
}

/** A writer whose transactions end when the test says so, and time enough for it to send what it has. */
function manual(options: { lastWins?: boolean } = {}) {
  const clock = new ManualClock();
  const commits: Commit[] = [];
  const commit = (operations: readonly Operation[]) =>
    new Promise<void>((resolve, reject) => {
      commits.push({ operations, finish: resolve, fail: reject });
    });
  const turn = () => clock.advance(10);
  return { writer: new BatchWriter({ commit, clock, ...options }), commits, turn };
}

describe("a batch writer", () => {
  it("puts what is written in one turn into as few transactions as etcd allows, four at a time", async () => {
    const { writer, commits, turn } = manual();
    const writes = Array.from({ length: 700 }, (_, at) => write(`u${at}`, `k${at}`));
    const done = writer.write(writes, never);
    await turn();
    expect(commits.map(({ operations }) => operations.length)).to.deep.equal(Array(4).fill(maxOperations));
    for (const commit of commits.slice()) commit.finish();
    await turn();
    expect(commits.map(({ operations }) => operations.length).slice(4)).to.deep.equal([maxOperations, 60]);
    for (const commit of commits) commit.finish();
    await done;
  });

  it("leaves room in a transaction for what is inside a condition, as etcd counts", async () => {
    const { writer, commits, turn } = manual();
    const inner = { kind: "delete", range: { key: "x" } } as const;
    const conditional = (at: number): BatchWrite => ({
      ...write(`u${at}`, `k${at}`),
      operation: { kind: "when", compare: [], success: [inner] },
    });
    const plain = Array.from({ length: 127 }, (_, at) => write(`p${at}`, `p${at}`));
    const done = writer.write([...plain, ...Array.from({ length: 130 }, (_, at) => conditional(at))], never);
    await turn();
    expect(commits.map(({ operations }) => operations.length)).to.deep.equal([127, 127, 3]);
    for (const commit of commits) commit.finish();
    await done;
  });

  it("never has a lane in two transactions at once, and lets others pass it", async () => {
    const { writer, commits, turn } = manual();
    const first = writer.write([write("web", "1")], never);
    await turn();
    const second = writer.write([write("web", "2"), write("db", "3")], never);
    await turn();
    expect(commits.map(keysOf)).to.deep.equal([["1"], ["3"]]);
    commits[0]?.finish();
    await turn();
    expect(commits.map(keysOf)).to.deep.equal([["1"], ["3"], ["2"]]);
    for (const commit of commits) commit.finish();
    await Promise.all([first, second]);
  });

  it("does not write a key twice in one transaction", async () => {
    const { writer, commits, turn } = manual();
    const done = writer.write([write("web", "k", "old"), write("web", "k", "new"), write("web", "l")], never);
    await turn();
    commits[0]?.finish();
    await turn();
    expect(commits.map(keysOf)).to.deep.equal([["k"], ["k", "l"]]);
    commits[1]?.finish();
    await done;
  });

  it("sends only the last of several waiting writes of a key when the last one wins", async () => {
    const { writer, commits, turn } = manual({ lastWins: true });
    const all = ["1", "2", "3", "4"].map(async (value) => {
      await writer.write([write("k", "k", value)], never);
    });
    await turn();
    expect(commits.length).to.equal(1);
    const [put] = commits[0]?.operations ?? [];
    expect(put?.kind === "put" && put.value.toString()).to.equal("4");
    commits[0]?.finish();
    await Promise.all(all);
  });

  it("keeps a transaction below etcd's limit of bytes", async () => {
    const { writer, commits, turn } = manual();
    const big = "x".repeat(400_000);
    const done = writer.write(
      ["1", "2", "3"].map((key) => write(key, key, big)),
      never,
    );
    await turn();
    expect(commits.map(keysOf)).to.deep.equal([["1", "2"], ["3"]]);
    for (const commit of commits) commit.finish();
    await done;
  });

  it("fails with everything that waits behind a failure, and works on afterwards", async () => {
    const { writer, commits, turn } = manual();
    const first = writer.write([write("web", "1")], never).catch((error: unknown) => error);
    await turn();
    const behind = writer.write([write("web", "2")], never).catch((error: unknown) => error);
    commits[0]?.fail("lost");
    expect(await Promise.all([first, behind])).to.deep.equal(["lost", "lost"]);
    const after = writer.write([write("web", "3")], never);
    await turn();
    expect(commits.map(keysOf)).to.deep.equal([["1"], ["3"]]);
    commits[1]?.finish();
    await after;
  });

  it("forgets what a caller that gave up had waiting, but nothing of others", async () => {
    const { writer, commits, turn } = manual();
    const first = writer.write([write("web", "1")], never);
    await turn();
    const stop = new AbortController();
    const given = writer.write([write("web", "2")], stop.signal).catch((reason: unknown) => reason);
    const kept = writer.write([write("web", "3")], never);
    stop.abort("enough");
    expect(await given).to.equal("enough");
    commits[0]?.finish();
    await turn();
    expect(commits.map(keysOf)).to.deep.equal([["1"], ["3"]]);
    commits[1]?.finish();
    await Promise.all([first, kept]);
  });

  it("stores in each lane what was written last, whatever the order in which transactions end", async () => {
    const lane = fc.constantFrom("a", "b", "c");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(lane, fc.nat(2)), { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        fc.infiniteStream(fc.nat(3)),
        async (given, lastWins, delays) => {
          const stored = new Map<string, string>();
          const commit = async (operations: readonly Operation[]) => {
            for (let wait = delays.next().value ?? 0; wait > 0; wait -= 1) {
              await new Promise((resolve) => setImmediate(resolve));
            }
            for (const operation of operations) {
              if (operation.kind === "put") stored.set(operation.key, operation.value.toString());
            }
          };
          const writer = new BatchWriter({ commit, lastWins });
          const expected = new Map<string, string>();
          const writes = given.map(async ([of, number], at) => {
            expected.set(`${of}${number}`, String(at));
            await writer.write([write(of, `${of}${number}`, String(at))], never);
          });
          await Promise.all(writes);
          expect([...stored].sort()).to.deep.equal([...expected].sort());
        },
      ),
      { numRuns: 30 },
    );
  });
});
