import { Duplex } from "node:stream";
import { expect } from "chai";
import type { Endpoint } from "../../etcd/endpoint.ts";
import { runWatchStream } from "../../etcd/watch-stream.ts";

type Watches = Endpoint["watches"];
type Call = Awaited<ReturnType<Watches["watch"]>>;

describe("a watch stream", () => {
  it("ends when it is given up while it is still opening", async () => {
    const over = new AbortController();
    let cancelled = false;
    // A stream that opens but then is silent, as every stream is until etcd answers.
    const silent = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const call = Object.assign(silent, { cancel: () => (cancelled = true) }) as unknown as Call;
    let open: (call: Call) => void = () => undefined;
    const watches = { watch: () => new Promise<Call>((resolve) => (open = resolve)) } as unknown as Watches;
    const ended = runWatchStream(
      { watches },
      {
        range: { key: "/t/", end: "/t0" },
        fromRevision: 1n,
        handler: { onCreated: () => undefined, onEvents: () => undefined, onProgress: () => undefined },
        signal: over.signal,
        idleMs: 60_000,
        answerMs: 60_000,
        onOpen: () => undefined,
      },
    );
    over.abort();
    open(call);
    await ended;
    expect(cancelled).to.equal(true);
  });
});
