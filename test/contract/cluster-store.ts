/** What every store behind `ClusterStore` and its writers must do. */
import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import type { Placement } from "../../cluster/placement.ts";
import type {
  ClusterHistory,
  ClusterStore,
  OutcomeWriter,
  SchedulerWriter,
  StateWriter,
  UnitEdit,
  UnitTexts,
} from "../../cluster/ports.ts";
import type { UnitRecord } from "../../cluster/unit.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { eventually } from "../support/eventually.ts";

export interface StoreUnderTest {
  readonly store: ClusterStore;
  readonly texts: UnitTexts;
  stateWriter(machine: string): StateWriter;
  outcomeWriter(machine: string): OutcomeWriter;
  /** Becomes leader, in place of whoever was. */
  lead(machine: string): Promise<SchedulerWriter>;
  put(key: string, value: string): Promise<void>;
  /** Makes the store forget what was before its present revision. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

const never = new AbortController().signal;
const m1 = "1".repeat(32);
const m2 = "2".repeat(32);
const hash = "a".repeat(40);

export function clusterStoreContract(open: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  beforeEach(async () => {
    under = await open();
  });
  afterEach(async () => {
    await under.close();
  });

  it("claims a run where it is placed, while that machine is there, and nowhere else", async () => {
    const writer = await under.lead(m1);
    const run = "2026-11-21T03:00:00Z";
    const placement: Placement = {
      machine: m1,
      unit: "job.service",
      hash,
      target: "launched",
      generation: 0,
      run,
      reason: "",
    };
    await writer.write([{ kind: "place", placement }], never);
    const claim = { run, started: "2026-11-21T03:00:01Z" };
    const outcomes = under.outcomeWriter(m1);
    const elsewhere = under.outcomeWriter(m2).claim("job.service", claim, never);
    expect(await failureOf(elsewhere)).to.include({ code: "run-not-ours" });
    const other = outcomes.claim("job.service", { ...claim, run: "2026-11-20T03:00:00Z" }, never);
    expect(await failureOf(other)).to.include({ code: "run-not-ours" });
    expect(await failureOf(outcomes.claim("job.service", claim, never))).to.include({ code: "run-not-ours" });
    await under.put(`/deis/cluster/machines/${m1}`, "{}");
    await outcomes.claim("job.service", claim, never);
    const read = await under.store.read(["outcomes"], never);
    expect([...read.tables.outcomes.entries()]).to.deep.equal([[`${m1}/job.service`, { claim }]]);
  });

  it("keeps runs and failures, and sweeps the outcomes of a machine with its states", async () => {
    const writer = await under.lead(m1);
    const run = { status: "finished", run: "r", hash, generation: 0, machine: m1 } as const;
    const tried = { hash, generation: 0, machines: [{ machine: m1, at: "then", count: 3 }] };
    const failures = { hash, generation: 0, count: 3, at: "then" };
    await under.outcomeWriter(m1).write([{ kind: "tell", unit: "a.service", outcome: { failures } }], never);
    await writer.write(
      [
        { kind: "record-run", unit: "a.service", run },
        { kind: "record-failures", unit: "a.service", tried },
      ],
      never,
    );
    const before = await under.store.read(["runs", "failures", "outcomes"], never);
    expect(before.tables.runs.get("a.service")).to.deep.equal(run);
    expect(before.tables.failures.get("a.service")).to.deep.equal(tried);
    expect(before.tables.outcomes.get(`${m1}/a.service`)).to.deep.equal({ failures });
    await writer.write(
      [
        { kind: "forget-run", unit: "a.service" },
        { kind: "forget-failures", unit: "a.service" },
        { kind: "sweep-states", machine: m1 },
      ],
      never,
    );
    const after = await under.store.read(["runs", "failures", "outcomes"], never);
    expect(Object.values(after.tables).map((table) => table.size)).to.deep.equal([0, 0, 0]);
  });

  it("submit stores the text and the record in one revision", async () => {
    const revision = await under.store.edit([submit("web.service")], never);
    const read = await under.store.read(["units", "unitFiles"], never);
    expect(read.revision >= revision).to.equal(true);
    expect(read.tables.units.get("web.service")).to.deep.equal({ hash, target: "launched", generation: 0 });
    expect(read.tables.units.revisionOf("web.service")).to.equal(revision);
    expect(read.tables.unitFiles.get(hash)).to.equal("[Service]\n");
    expect(read.tables.unitFiles.revisionOf(hash)).to.equal(revision);
  });

  it("keeps a text with comments and a line of a mebibyte byte for byte", async () => {
    const text = `# Why\n[Service]\nEnvironment=A=${"x".repeat(2 ** 20)}\n\n; the end`;
    await under.store.edit([{ ...submit("long.service"), text }], never);
    expect((await under.store.read(["unitFiles"], never)).tables.unitFiles.get(hash)).to.equal(text);
    expect(await under.texts.text(hash, never)).to.equal(text);
  });

  it("submit is refused when the record is not the expected one", async () => {
    await under.store.edit([submit("web.service")], never);
    expect(await failureOf(under.store.edit([submit("web.service")], never))).to.include({
      code: "unit-changed",
    });
    const expected = { hash, target: "launched", generation: 0 } as const;
    const other = "b".repeat(40);
    await under.store.edit([{ ...submit("web.service"), hash: other, expected }], never);
    const { tables } = await under.store.read(["units"], never);
    expect(tables.units.get("web.service")?.hash).to.equal(other);
  });

  for (const edit of [
    { kind: "restart", name: "web.service" },
    { kind: "target", name: "web.service", target: "loaded" },
    { kind: "destroy", name: "web.service" },
    { ...submit("web.service"), hash: "b".repeat(40), expected: { hash, target: "launched", generation: 0 } },
  ] as const) {
    it(`${edit.kind} that names a revision is refused once the record is a later one`, async () => {
      const revision = await under.store.edit([submit("web.service")], never);
      await under.store.edit([{ kind: "target", name: "web.service", target: "inactive" }], never);
      await under.store.edit([{ kind: "target", name: "web.service", target: "launched" }], never);
      expect(await failureOf(under.store.edit([{ ...edit, revision }], never))).to.include({
        code: "unit-changed",
      });
      const { tables } = await under.store.read(["units"], never);
      const present = tables.units.revisionOf("web.service");
      if (present === undefined) throw new Error("the unit has gone");
      await under.store.edit([{ ...edit, revision: present }], never);
    });
  }

  for (const kind of ["restart", "destroy"] as const) {
    it(`${kind} of a unit that does not exist is refused and changes nothing`, async () => {
      const failure = await failureOf(
        under.store.edit([submit("web.service"), { kind, name: "nowhere.service" }], never),
      );
      expect(failure).to.include({ code: "unit-not-found" });
      const { tables } = await under.store.read(["units"], never);
      expect(tables.units.size).to.equal(0);
    });
  }

  it("each restart raises the generation, and a submit keeps it", async () => {
    await under.store.edit([submit("web.service")], never);
    await under.store.edit([{ kind: "restart", name: "web.service" }], never);
    await under.store.edit([{ kind: "restart", name: "web.service" }], never);
    const expected = { hash, target: "launched", generation: 2 } as const;
    await under.store.edit([{ ...submit("web.service"), expected }], never);
    const { tables } = await under.store.read(["units"], never);
    expect(tables.units.get("web.service")?.generation).to.equal(2);
  });

  it("a held machine keeps what it has through a restart and a new file, until it is released", async () => {
    const { store } = under;
    const name = "web.service";
    const record = async (): Promise<UnitRecord> => {
      const found = (await store.read(["units"], never)).tables.units.get(name);
      if (!found) throw new Error("no record");
      return found;
    };
    await store.edit([submit(name)], never);
    await store.edit(
      [
        { kind: "restart", name, hold: [m1, m2] },
        { kind: "release", name, machines: [m1] },
      ],
      never,
    );
    expect(await record()).to.deep.equal({
      hash,
      target: "launched",
      generation: 1,
      held: [{ hash, generation: 0, machines: [m2] }],
    });
    const other = "b".repeat(40);
    const expected = await record();
    await store.edit([{ ...submit(name), hash: other, expected, hold: [m1, m2] }], never);
    expect((await record()).held).to.deep.equal([
      { hash, generation: 1, machines: [m1] },
      { hash, generation: 0, machines: [m2] },
    ]);
    await store.edit([{ kind: "target", name, target: "loaded" }], never);
    expect((await record()).held).to.have.length(2);
    await store.edit([{ kind: "release", name, machines: [m1, m2] }], never);
    expect(await record()).to.deep.equal({ hash: other, target: "loaded", generation: 1 });
    await store.edit(
      [
        { kind: "restart", name, hold: [m1] },
        { kind: "restart", name },
      ],
      never,
    );
    expect(await record()).to.deep.equal({ hash: other, target: "loaded", generation: 3 });
  });

  it("restarts asked for at the same time are all counted", async () => {
    await under.store.edit([submit("web.service")], never);
    const restart = { kind: "restart", name: "web.service" } as const;
    await Promise.all(Array.from({ length: 5 }, () => under.store.edit([restart], never)));
    const { tables } = await under.store.read(["units"], never);
    expect(tables.units.get("web.service")?.generation).to.equal(5);
  });

  it("edits of one call see each other", async () => {
    await under.store.edit(
      [
        submit("web.service"),
        { kind: "restart", name: "web.service" },
        { kind: "target", name: "web.service", target: "loaded" },
        submit("db.service"),
        { kind: "destroy", name: "db.service" },
      ],
      never,
    );
    const { tables } = await under.store.read(["units"], never);
    expect([...tables.units.entries()]).to.deep.equal([
      ["web.service", { hash, target: "loaded", generation: 1 }],
    ]);
  });

  it("an edit that changes nothing writes nothing", async () => {
    const revision = await under.store.edit([submit("web.service")], never);
    expect(
      await under.store.edit([{ kind: "target", name: "web.service", target: "launched" }], never),
    ).to.equal(revision);
  });

  it("edits of more units than one transaction holds are all applied", async () => {
    const edits = Array.from({ length: 300 }, (_, at) => submit(`web@${at}.service`));
    await under.store.edit(edits, never);
    const { tables } = await under.store.read(["units"], never);
    expect(tables.units.size).to.equal(300);
  });

  it("a record that cannot be read hides only itself, and can be destroyed", async () => {
    await under.store.edit([submit("web.service")], never);
    await under.put("/deis/cluster/units/bad.service", '{"hash":7}');
    const { tables } = await under.store.read(["units"], never);
    expect([...tables.units.entries()].map(([name]) => name)).to.deep.equal(["web.service"]);
    const failure = tables.units.unreadable.get("bad.service");
    expect(failure).to.include({ code: "record-unreadable" });
    expect(failure?.message).to.contain("/deis/cluster/units/bad.service").and.to.contain('"hash" is 7');
    await under.store.edit([{ kind: "destroy", name: "bad.service" }], never);
    expect((await under.store.read(["units"], never)).tables.units.unreadable.size).to.equal(0);
  });

  it("follow shows what writers write, and nothing of other tables", async () => {
    const mirror = await under.store.follow(["placements", "unplaced"], never);
    const writer = await under.lead(m1);
    await writer.write(
      [
        { kind: "place", placement: placement(m1, "web.service") },
        { kind: "park", unit: "db.service", unplaced: { hash, reason: "no machine" } },
      ],
      never,
    );
    await under.stateWriter(m1).write([{ kind: "report", unit: "web.service", state }], never);
    await eventually(() => mirror.tables.unplaced.size === 1);
    expect(mirror.tables.placements.get(`${m1}/web.service`)).to.deep.equal(placement(m1, "web.service"));
    expect(mirror.tables.unplaced.get("db.service")).to.deep.equal({ hash, reason: "no machine" });
    expect(Object.keys(mirror.tables)).to.deep.equal(["placements", "unplaced"]);
    await mirror.close();
  });

  it("a writer whose leadership has passed on is refused", async () => {
    const former = await under.lead(m1);
    const present = await under.lead(m2);
    const write = { kind: "place", placement: placement(m1, "web.service") } as const;
    expect(await failureOf(former.write([write], never))).to.include({ code: "leadership-lost" });
    await present.write([write], never);
    const { tables } = await under.store.read(["placements", "leader"], never);
    expect(tables.placements.size).to.equal(1);
    expect(tables.leader.get("")).to.equal(m2);
  });

  it("a unit's writes are stored in the order given", async () => {
    const writer = await under.lead(m1);
    for (let round = 0; round < 20; round += 1) {
      await writer.write(
        [
          { kind: "place", placement: placement(m1, "web.service") },
          { kind: "withdraw", machine: m1, unit: "web.service" },
          { kind: "place", placement: { ...placement(m1, "web.service"), generation: round } },
        ],
        never,
      );
      const { tables } = await under.store.read(["placements"], never);
      expect(tables.placements.get(`${m1}/web.service`)?.generation).to.equal(round);
    }
  });

  it("of several states of a unit the last one stays", async () => {
    const writer = under.stateWriter(m1);
    await Promise.all(
      ["activating", "active", "failed"].map((active) =>
        writer.write([{ kind: "report", unit: "web.service", state: { ...state, active } }], never),
      ),
    );
    const { tables } = await under.store.read(["states"], never);
    expect(tables.states.get(`${m1}/web.service`)?.active).to.equal("failed");
    await writer.write([{ kind: "retract", unit: "web.service" }], never);
    expect((await under.store.read(["states"], never)).tables.states.size).to.equal(0);
  });

  it("sweeping a machine's states leaves those of others", async () => {
    await under.stateWriter(m1).write([{ kind: "report", unit: "web.service", state }], never);
    await under.stateWriter(m2).write([{ kind: "report", unit: "web.service", state }], never);
    await (await under.lead(m1)).write([{ kind: "sweep-states", machine: m1 }], never);
    const { tables } = await under.store.read(["states"], never);
    expect([...tables.states.entries()].map(([name]) => name)).to.deep.equal([`${m2}/web.service`]);
  });

  it("a unit file is collected, but not one that was submitted again meanwhile", async () => {
    const first = await under.store.edit([submit("web.service")], never);
    await under.store.edit([submit("db.service")], never);
    const writer = await under.lead(m1);
    await writer.write([{ kind: "collect-file", hash, revision: first }], never);
    const { tables } = await under.store.read(["unitFiles"], never);
    const revision = tables.unitFiles.revisionOf(hash);
    if (revision === undefined) throw new Error("the text was collected though it was wanted again");
    await writer.write([{ kind: "collect-file", hash, revision }], never);
    expect((await under.store.read(["unitFiles"], never)).tables.unitFiles.size).to.equal(0);
  });

  it("metadata is set in one revision, for machines that are away too, and the last value of a key wins", async () => {
    const revision = await under.store.setMetadata(
      [
        { machine: m1, key: "disk", value: "hdd" },
        { machine: m2, key: "disk", value: "" },
        { machine: m1, key: "disk", value: "ssd" },
      ],
      never,
    );
    const { tables } = await under.store.read(["metadata"], never);
    expect([...tables.metadata.entries()]).to.deep.equal([
      [`${m1}/disk`, "ssd"],
      [`${m2}/disk`, ""],
    ]);
    expect(tables.metadata.revisionOf(`${m2}/disk`)).to.equal(revision);
  });

  it("a machine of the cluster is cordoned and uncordoned, and another is refused", async () => {
    await under.put(`/deis/cluster/machines/${m1}`, machineRecord(m1));
    const cordon = { drain: true, reason: "kernel", since: "2026-01-01T00:00:00Z" };
    await under.store.edit([{ kind: "cordon", machine: m1, cordon }], never);
    const failure = await failureOf(under.store.edit([{ kind: "cordon", machine: m2, cordon }], never));
    expect(failure).to.include({ code: "machine-not-found" });
    const { tables } = await under.store.read(["cordons"], never);
    expect([...tables.cordons.entries()]).to.deep.equal([[m1, cordon]]);
    await under.store.edit(
      [
        { kind: "uncordon", machine: m1 },
        { kind: "uncordon", machine: m2 },
      ],
      never,
    );
    expect((await under.store.read(["cordons"], never)).tables.cordons.size).to.equal(0);
  });

  it("a cordon that is there can be changed while its machine is away", async () => {
    await under.put(`/deis/cluster/cordons/${m1}`, '{"drain":true,"since":"2026-01-01T00:00:00Z"}');
    const cordon = { drain: false, since: "2026-01-02T00:00:00Z" };
    await under.store.edit([{ kind: "cordon", machine: m1, cordon }], never);
    const { tables } = await under.store.read(["cordons"], never);
    expect(tables.cordons.get(m1)).to.deep.equal(cordon);
  });

  it("a move is wanted from where the unit is, to a machine that is there, and can be given up", async () => {
    await under.store.edit([submit("web.service")], never);
    const writer = await under.lead(m1);
    await writer.write([{ kind: "place", placement: placement(m1, "web.service") }], never);
    await under.put(`/deis/cluster/machines/${m2}`, machineRecord(m2));
    const move = { from: m1, to: m2, reason: "by hand" };
    const ask = (unit: string, wanted: typeof move): Promise<bigint> =>
      under.store.edit([{ kind: "move", unit, move: wanted }], never);
    expect(await failureOf(ask("db.service", move))).to.include({ code: "unit-not-found" });
    expect(await failureOf(ask("web.service", { ...move, from: m2 }))).to.include({ code: "unit-not-there" });
    expect(await failureOf(ask("web.service", { ...move, to: m1 }))).to.include({
      code: "machine-not-found",
    });
    await ask("web.service", move);
    const wanted = (await under.store.read(["moves"], never)).tables.moves;
    expect(wanted.get("web.service")).to.deep.equal(move);
    await under.store.edit([{ kind: "cancel-move", unit: "web.service" }], never);
    expect((await under.store.read(["moves"], never)).tables.moves.size).to.equal(0);
  });

  it("a wanted move is ended, but not one that was written again meanwhile", async () => {
    const writer = await under.lead(m1);
    const key = "/deis/cluster/moves/web.service";
    await under.put(key, JSON.stringify({ from: m1, reason: "first" }));
    const first = (await under.store.read(["moves"], never)).tables.moves.revisionOf("web.service") ?? 0n;
    await under.put(key, JSON.stringify({ from: m1, reason: "second" }));
    await writer.write([{ kind: "end-move", unit: "web.service", revision: first }], never);
    const { moves } = (await under.store.read(["moves"], never)).tables;
    expect(moves.get("web.service")?.reason).to.equal("second");
    const revision = moves.revisionOf("web.service") ?? 0n;
    await writer.write([{ kind: "end-move", unit: "web.service", revision }], never);
    expect((await under.store.read(["moves"], never)).tables.moves.size).to.equal(0);
  });

  it("a placement keeps that it is one of two while a unit moves", async () => {
    const writer = await under.lead(m1);
    const arriving = { ...placement(m2, "web.service"), move: "arriving" } as const;
    await writer.write([{ kind: "place", placement: arriving }], never);
    const { tables } = await under.store.read(["placements"], never);
    expect(tables.placements.get(`${m2}/web.service`)).to.deep.equal(arriving);
  });

  it("apps are announced and retired", async () => {
    const writer = await under.lead(m1);
    await writer.write(
      [
        { kind: "announce-app", app: "shop" },
        { kind: "announce-app", app: "blog" },
        { kind: "retire-app", app: "blog" },
      ],
      never,
    );
    const { tables } = await under.store.read(["apps"], never);
    expect([...tables.apps.entries()]).to.deep.equal([["shop", {}]]);
  });

  it("a question is answered under its lease, and both are gone afterwards", async () => {
    const writer = await under.lead(m1);
    const questions = await under.store.follow(["questions"], never);
    const asked = under.store.ask({ kind: "why", unit: "web.service" }, never);
    await eventually(() => questions.tables.questions.size === 1);
    const [[id, { lease, question }] = unasked()] = [...questions.tables.questions.entries()];
    expect(question).to.deep.equal({ kind: "why", unit: "web.service" });
    const answer = { unit: "web.service", placements: [], machines: [], summary: "there is no machine" };
    await writer.write([{ kind: "answer", id, lease, answer }], never);
    expect(await asked).to.deep.equal(answer);
    await eventually(() => questions.tables.questions.size === 0);
    expect((await under.store.read(["answers"], never)).tables.answers.size).to.equal(0);
    await writer.write([{ kind: "answer", id, lease, answer }], never);
    expect((await under.store.read(["answers"], never)).tables.answers.size).to.equal(0);
    await questions.close();
  });

  it("a question that is refused rejects with the refusal", async () => {
    const writer = await under.lead(m1);
    const questions = await under.store.follow(["questions"], never);
    const asked = failureOf(under.store.ask({ kind: "why", unit: "web.service" }, never));
    await eventually(() => questions.tables.questions.size === 1);
    const [[id, { lease }] = unasked()] = [...questions.tables.questions.entries()];
    const error = { code: "unit-not-found", message: "There is no such unit", hint: "Look" };
    await writer.write([{ kind: "answer", id, lease, answer: { error } }], never);
    expect(await asked).to.include({ ...error, retryable: false });
    await questions.close();
  });

  it("asking can be given up", async () => {
    const giveUp = new AbortController();
    const asked = under.store.ask({ kind: "rebalance" }, giveUp.signal).catch((error: unknown) => error);
    giveUp.abort(new Error("no more"));
    expect(await asked).to.have.property("message", "no more");
  });

  it("unit texts are found by hash, and a missing one is said to be missing", async () => {
    await under.store.edit([submit("web.service")], never);
    expect(await Promise.all([under.texts.text(hash, never), under.texts.text(hash, never)])).to.deep.equal([
      "[Service]\n",
      "[Service]\n",
    ]);
    expect(await failureOf(under.texts.text("c".repeat(40), never))).to.include({
      code: "unit-file-missing",
      retryable: true,
    });
  });

  describe("history", () => {
    const tables = ["units", "states", "unplaced"] as const;

    it("tells the past change by change with what stood there before, then that it is live", async () => {
      const { store } = under;
      await store.edit([submit("web.service")], never);
      await store.edit([{ kind: "target", name: "web.service", target: "loaded" }], never);
      await store.edit([{ kind: "destroy", name: "web.service" }], never);
      const past = await take(store.history(tables, 3, never), (item) => item.kind === "live");
      const launched = { hash, target: "launched", generation: 0 };
      const loaded = { ...launched, target: "loaded" };
      const told = past.flatMap((item) => (item.kind === "change" ? [item.change] : []));
      expect(told.map(({ revision: _, ...change }) => change)).to.deep.equal([
        { table: "units", name: "web.service", deleted: false, after: launched },
        { table: "units", name: "web.service", deleted: false, before: launched, after: loaded },
        { table: "units", name: "web.service", deleted: true, before: loaded },
      ]);
      expect(told[0] && told[1] && told[0].revision < told[1].revision).to.equal(true);
    });

    it("without a past begins live and tells what comes", async () => {
      const { store } = under;
      await store.edit([submit("old.service")], never);
      const items: ClusterHistory[] = [];
      const until = new AbortController();
      const reading = (async () => {
        for await (const item of store.history(tables, 0, until.signal)) items.push(item);
      })();
      await eventually(() => items.length === 1);
      await store.edit([submit("new.service")], never);
      await eventually(() => items.length === 2);
      until.abort();
      await reading;
      expect(items[0]).to.include({ kind: "live" });
      expect(items[1]).to.have.nested.property("change.name", "new.service");
    });

    it("goes back as far as the store remembers", async () => {
      const { store } = under;
      await store.edit([submit("old.service")], never);
      await store.edit([{ kind: "destroy", name: "old.service" }], never);
      await under.compact();
      await store.edit([submit("new.service")], never);
      const past = await take(
        store.history(tables, Number.POSITIVE_INFINITY, never),
        (item) => item.kind === "live",
      );
      const names = past.flatMap((item) => (item.kind === "change" ? [item.change.name] : []));
      expect(names).to.deep.equal(["new.service"]);
    });

    it("shows a record that cannot be read as written, without its content", async () => {
      const { store } = under;
      await under.put("/deis/cluster/units/bad.service", "{");
      const [first] = await take(store.history(tables, 1, never), () => true);
      expect(first).to.have.nested.property("change.deleted", false);
      expect(first).to.not.have.nested.property("change.after");
    });
  });
}

/** What an endless sequence brings, up to and with the first item that `ends` it. */
async function take<T>(items: AsyncIterable<T>, ends: (item: T) => boolean): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) {
    taken.push(item);
    if (ends(item)) break;
  }
  return taken;
}

function unasked(): never {
  throw new Error("no question was asked");
}

function machineRecord(id: string): string {
  const capacity = { memoryBytes: 1, cpuMillis: 1 };
  return JSON.stringify({ id, address: "10.0.0.1", metadata: {}, capacity, runtimes: [], version: "0.1.0" });
}

const state: UnitState = {
  load: "loaded",
  active: "active",
  sub: "running",
  hash,
  generation: 0,
  since: "2026-01-01T00:00:00Z",
};

function submit(name: string): Extract<UnitEdit, { kind: "submit" }> {
  return { kind: "submit", name, hash, text: "[Service]\n", target: "launched", expected: undefined };
}

function placement(machine: string, unit: string): Placement {
  return { machine, unit, hash, target: "launched", generation: 0, reason: "the only machine" };
}

async function failureOf(promise: Promise<unknown>): Promise<PlatformError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}
