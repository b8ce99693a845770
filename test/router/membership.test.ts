import { expect } from "chai";
import type { HeldLease } from "../../cluster/ports.ts";
import type { RouterRecord } from "../../cluster/router-record.ts";
import { Membership } from "../../router/membership.ts";
import { eventually } from "../support/eventually.ts";
import { MemorySession } from "../support/memory-session.ts";

describe("a router's membership", () => {
  let session: MemorySession;
  let writes: { lease: string; record: RouterRecord }[];
  let hold: Promise<void>;
  let membership: Membership<HeldLease>;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    session = new MemorySession();
    writes = [];
    hold = Promise.resolve();
    stop = new AbortController();
    membership = new Membership({
      session,
      address: async () => "10.0.0.1",
      write: async ({ id }, record) => {
        writes.push({ lease: id, record });
        await hold;
      },
      onEvent: () => undefined,
    });
    running = membership.run(stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  it("begins when the router serves something, and not before", async () => {
    session.give("1");
    membership.advance({ revision: 4n, drained: 4n });
    await eventually(() => writes.length === 1);
    expect(writes).to.deep.equal([
      { lease: "1", record: { address: "10.0.0.1", revision: 4n, drained: 4n } },
    ]);
  });

  it("writes the last of what came while a write was under way, and nothing twice", async () => {
    session.give("1");
    let release: () => void = () => undefined;
    hold = new Promise((resolve) => {
      release = resolve;
    });
    membership.advance({ revision: 4n, drained: 4n });
    await eventually(() => writes.length === 1);
    for (const revision of [5n, 6n, 7n]) membership.advance({ revision, drained: 4n });
    hold = Promise.resolve();
    release();
    await eventually(() => writes.length === 2);
    expect(writes[1]?.record).to.deep.equal({ address: "10.0.0.1", revision: 7n, drained: 4n });
    membership.advance({ revision: 7n, drained: 4n });
    membership.advance({ revision: 7n, drained: 7n });
    await eventually(() => writes.length === 3);
    expect(writes[2]?.record.drained).to.equal(7n);
  });

  it("is written anew on the next lease when one was lost", async () => {
    session.give("1");
    membership.advance({ revision: 4n, drained: 4n });
    await eventually(() => writes.length === 1);
    session.take();
    session.give("2");
    await eventually(() => writes.at(-1)?.lease === "2");
    expect(writes).to.have.length(2);
  });

  it("is written anew when its record has left the store though the lease lives", async () => {
    session.give("1");
    membership.advance({ revision: 4n, drained: 4n });
    await eventually(() => writes.length === 1);
    membership.recordGone();
    await eventually(() => writes.length === 2);
    expect(writes[1]).to.deep.equal(writes[0]);
  });
});
