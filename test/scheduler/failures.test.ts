import { expect } from "chai";
import { Cluster, machine, unit } from "./builders.ts";

const shape = { moveAfterFailures: 2 };
const three = (): Cluster => new Cluster().join(machine("m1"), machine("m2"), machine("m3"));

/** The machine that has the unit says that it failed there so often. */
function fail(cluster: Cluster, count: number, name = "web.service"): void {
  const copy = cluster.model.units.get(name)?.copy;
  if (!copy) throw new Error(`${name} is nowhere`);
  const at = new Date(Date.UTC(2026, 10, 21) - 1_000_000 + cluster.now).toISOString();
  const { hash, generation } = copy.as;
  const failures = { hash, generation, count, at, problem: "The main process exited with status 1" };
  cluster.model.setOutcome(copy.machine.id, name, { failures });
}

describe("a unit with MoveAfterFailures", () => {
  it("stays while it has failed less often", () => {
    const cluster = three().submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 1);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("is placed elsewhere at once the first time, and says why", () => {
    const cluster = three().submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 2);
    const decisions = cluster.decide();
    expect(decisions.map(({ kind }) => kind)).to.deep.equal(["record-failures", "withdraw", "place"]);
    expect(decisions[2]).to.have.nested.property("placement.machine", "m2");
    expect(decisions[2]).to.have.nested.property(
      "placement.reason",
      "least loaded of the machines that fit: 0 units before it; moved from m1, because it failed 2 times on m1: The main process exited with status 1",
    );
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("waits longer before each further move, and tries every machine before one twice", () => {
    const cluster = three().submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 2);
    cluster.pass();
    cluster.wait(1_000);
    fail(cluster, 2);
    expect(cluster.pass()).to.deep.equal(["record-failures web.service", "park web.service"]);
    expect(cluster.why("web.service")).to.equal(
      "it failed 2 times on m2: The main process exited with status 1; it is moved at 2026-11-21T00:00:10.000Z",
    );
    expect(cluster.wait(8_999).pass()).to.deep.equal([]);
    expect(cluster.wait(1).pass()).to.deep.equal([
      "withdraw web.service m2",
      "place web.service m3",
      "unpark web.service",
    ]);
    fail(cluster, 2);
    expect(cluster.pass()).to.deep.equal(["record-failures web.service", "park web.service"]);
    cluster.wait(60_000);
    expect(cluster.pass()).to.include("place web.service m1");
  });

  it("stays where it is, and says so, when no other machine can take it", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 2);
    expect(cluster.pass()).to.deep.equal(["record-failures web.service", "park web.service"]);
    expect(cluster.why("web.service")).to.contain("; no other machine can take it");
    cluster.join(machine("m2")).wait(30_000);
    expect(cluster.pass()).to.deep.equal([
      "withdraw web.service m1",
      "place web.service m2",
      "unpark web.service",
    ]);
  });

  it("begins afresh with a new file or a restart", () => {
    const cluster = three().submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 2);
    cluster.pass();
    cluster.submit(unit("web.service", { ...shape, generation: 1 }));
    expect(cluster.pass()).to.deep.equal(["forget-failures web.service", "place web.service m2"]);
    fail(cluster, 2);
    expect(cluster.pass()).to.include("place web.service m1");
  });

  it("is not put back where it failed when its new machine goes, if another can take it", () => {
    const cluster = three().submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 2);
    cluster.pass();
    cluster.leave("m2").wait(5_000);
    expect(cluster.pass()).to.include("place web.service m3");
  });

  it("is remembered by a new leader", () => {
    const cluster = three().submit(unit("web.service", shape));
    cluster.pass();
    fail(cluster, 2);
    const [recorded] = cluster.decide();
    if (recorded?.kind !== "record-failures") throw new Error("nothing was recorded");
    const next = three().submit(unit("web.service", shape));
    next.model.setTried("web.service", recorded.tried);
    next.pass();
    expect(next.where("web.service")).to.equal("m2");
  });

  it("takes the units with it that MachineOf binds to it", () => {
    const cluster = three().submit(
      unit("web.service", shape),
      unit("side.service", { machineOf: ["web.service"] }),
    );
    cluster.pass();
    fail(cluster, 2);
    cluster.pass();
    expect([cluster.where("web.service"), cluster.where("side.service")]).to.deep.equal(["m2", "m2"]);
  });

  it("does nothing without the word", () => {
    const cluster = three().submit(unit("web.service"));
    cluster.pass();
    fail(cluster, 9);
    expect(cluster.pass()).to.deep.equal([]);
  });
});
