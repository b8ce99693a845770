/** What a mirror must do over any client of a store. */
import { expect } from "chai";
import type { Mirror } from "../../cluster/ports.ts";
import { decodeText } from "../../etcd/codec.ts";
import { openMirror } from "../../etcd/mirror.ts";
import type { EtcdClient, Operation } from "../../etcd/protocol.ts";
import { prefixTable } from "../../etcd/tables.ts";
import { eventually } from "../support/eventually.ts";

export interface MirrorBed {
  /** The client under the mirror, cut off by `cut`. */
  readonly client: EtcdClient;
  /** Applies operations as one revision, also while the client is cut off, and resolves to that revision. */
  commit(operations: readonly Operation[]): Promise<bigint>;
  cut(): void;
  mend(): void;
  /** Forgets all history so far. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

interface Letters {
  a: string;
  c: string;
}

const never = new AbortController().signal;
const specs = { a: prefixTable("/t/a/", decodeText), c: prefixTable("/t/c/", decodeText) };

export function put(key: string, value: string): Operation {
  return { kind: "put", key, value: Buffer.from(value) };
}

export function remove(key: string): Operation {
  return { kind: "delete", range: { key } };
}

export function mirrorContract(open: () => Promise<MirrorBed>): void {
  let bed: MirrorBed;
  let mirror: Mirror<Letters>;
  let lists: string[];

  beforeEach(async () => {
    bed = await open();
    lists = [];
  });
  afterEach(async () => {
    await mirror.close();
    await bed.close();
  });

  async function follow(): Promise<void> {
    mirror = openMirror<Letters>(bed.client, specs, {
      onEvent: (event) => {
        if (event.kind === "listed") lists.push(event.why);
      },
    });
    await mirror.reached(0n, never);
  }

  it("is not synced before its first listing, and then shows what is there, all of it as changed", async () => {
    const revision = await bed.commit([
      put("/t/a/1", "one"),
      put("/t/b/1", "not ours"),
      put("/t/c/1", "three"),
    ]);
    mirror = openMirror<Letters>(bed.client, specs);
    expect(mirror.synced).to.equal(false);
    await mirror.reached(0n, never);
    expect(mirror.revision >= revision).to.equal(true);
    expect([...mirror.tables.a.entries()]).to.deep.equal([["1", "one"]]);
    expect([...mirror.tables.c.entries()]).to.deep.equal([["1", "three"]]);
    expect(mirror.tables.a.revisionOf("1")).to.equal(revision);
    expect(mirror.takeChanges()).to.deep.equal({ a: new Set(["1"]), c: new Set(["1"]) });
    expect(mirror.takeChanges()).to.deep.equal({ a: new Set(), c: new Set() });
  });

  it("shows the changes of one revision together, with one bell", async () => {
    await follow();
    mirror.takeChanges();
    const seen: string[] = [];
    mirror.onChange(() => seen.push(`${mirror.tables.a.get("1")} ${mirror.tables.c.get("1")}`));
    await mirror.reached(await bed.commit([put("/t/a/1", "x"), put("/t/c/1", "y")]), never);
    expect(seen).to.deep.equal(["x y"]);
    await mirror.reached(await bed.commit([remove("/t/a/1"), put("/t/c/1", "z")]), never);
    expect(seen).to.deep.equal(["x y", "undefined z"]);
    expect(mirror.takeChanges()).to.deep.equal({ a: new Set(["1"]), c: new Set(["1"]) });
  });

  it("can be closed as soon as its first listing is told", async () => {
    await bed.commit([put("/t/a/1", "one")]);
    mirror = openMirror<Letters>(bed.client, specs);
    await new Promise<void>((resolve, reject) => {
      mirror.onChange(() => mirror.close().then(resolve, reject));
    });
  });

  it("reaches a revision that touched none of its tables", async () => {
    await follow();
    const revision = await bed.commit([put("/elsewhere", "x")]);
    await mirror.reached(revision, never);
    expect(mirror.revision >= revision).to.equal(true);
  });

  it("ends a wait for a revision when its signal aborts", async () => {
    await follow();
    const stop = new AbortController();
    const waiting = mirror.reached(1_000_000n, stop.signal);
    stop.abort("enough");
    expect(await waiting.catch((reason: unknown) => reason)).to.equal("enough");
  });

  it("keeps what it knows while the store is away, and catches up without listing again", async () => {
    await bed.commit([put("/t/a/1", "one"), put("/t/a/2", "two")]);
    await follow();
    mirror.takeChanges();
    bed.cut();
    await bed.commit([put("/t/a/3", "three")]);
    const last = await bed.commit([remove("/t/a/1")]);
    expect(mirror.synced).to.equal(true);
    expect(mirror.tables.a.get("1")).to.equal("one");
    bed.mend();
    await eventually(() => mirror.revision >= last);
    expect([...mirror.tables.a.entries()]).to.deep.equal([
      ["2", "two"],
      ["3", "three"],
    ]);
    expect(mirror.takeChanges().a).to.deep.equal(new Set(["1", "3"]));
    expect(lists).to.deep.equal(["start"]);
  });

  it("lists again after a compaction that it missed, and sees what was deleted", async () => {
    await bed.commit([put("/t/a/1", "one"), put("/t/a/2", "two")]);
    await follow();
    mirror.takeChanges();
    bed.cut();
    await bed.commit([remove("/t/a/1")]);
    await bed.commit([put("/t/a/3", "three")]);
    await bed.compact();
    const last = await bed.commit([put("/t/c/9", "nine")]);
    bed.mend();
    await eventually(() => mirror.revision >= last);
    expect([...mirror.tables.a.entries()]).to.deep.equal([
      ["2", "two"],
      ["3", "three"],
    ]);
    expect(mirror.takeChanges()).to.deep.equal({ a: new Set(["1", "3"]), c: new Set(["9"]) });
    expect(lists.length).to.equal(2);
  });

  it("follows on after a compaction that it did not miss", async () => {
    await bed.commit([put("/t/a/1", "one")]);
    await follow();
    await bed.compact();
    const last = await bed.commit([put("/t/a/1", "uno")]);
    await eventually(() => mirror.revision >= last);
    expect(mirror.tables.a.get("1")).to.equal("uno");
    expect(lists).to.deep.equal(["start"]);
  });

  it("starts when the store comes, however late", async () => {
    bed.cut();
    mirror = openMirror<Letters>(bed.client, specs);
    await bed.commit([put("/t/a/1", "one")]);
    expect(mirror.synced).to.equal(false);
    bed.mend();
    await mirror.reached(0n, never);
    expect(mirror.tables.a.get("1")).to.equal("one");
  });
}
