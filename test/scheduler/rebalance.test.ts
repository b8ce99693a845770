import { expect } from "chai";
import fc from "fast-check";
import { planRebalance } from "../../scheduler/rebalance.ts";
import { Cluster, machine, type UnitShape, unit } from "./builders.ts";

describe("a plan to rebalance", () => {
  it("is empty for a cluster that is balanced", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(...["a", "b", "web@1", "web@2"].map((name) => unit(`${name}.service`))).pass();
    expect(planRebalance(cluster.model)).to.deep.equal({
      moves: [],
      summary: "nothing to gain: instances are apart and the load is even, as far as the rules allow",
    });
  });

  it("is empty for a cluster without machines", () => {
    expect(planRebalance(new Cluster().model).moves).to.deep.equal([]);
  });

  it("fills a machine that has joined, with the fewest moves", () => {
    const cluster = crowded(...["a", "b", "c", "d", "e", "f"].map((name) => unit(`${name}.service`)));
    const { moves, summary } = planRebalance(cluster.join(machine("m2"), machine("m3")).model);
    expect(moves).to.deep.equal([
      { unit: "a.service", from: "m1", to: "m3", reason: "6 units are on m1, and 0 units on m3" },
      { unit: "b.service", from: "m1", to: "m2", reason: "5 units are on m1, and 0 units on m2" },
      { unit: "c.service", from: "m1", to: "m3", reason: "4 units are on m1, and 1 unit on m3" },
      { unit: "d.service", from: "m1", to: "m2", reason: "3 units are on m1, and 1 unit on m2" },
    ]);
    expect(summary).to.equal("4 moves: 4 to even out the load");
  });

  it("sets the instances of a template apart first", () => {
    const cluster = crowded(
      unit("a.service"),
      unit("web@1.service"),
      unit("web@2.service"),
      unit("web@3.service"),
    );
    const { moves, summary } = planRebalance(cluster.join(machine("m2")).model);
    expect(moves.map(({ unit: name, reason }) => [name, reason])).to.deep.equal([
      ["web@1.service", "3 instances of web@.service are on m1, and none is on m2"],
      ["a.service", "3 units are on m1, and 1 unit on m2"],
    ]);
    expect(summary).to.equal("2 moves: 1 to set instances apart, 1 to even out the load");
  });

  it("spreads instances over zones", () => {
    const zone = (value: string) => ({ metadata: { zone: value } });
    const cluster = new Cluster({ spreadBy: ["zone"] }).join(
      machine("m1", zone("x")),
      machine("m2", zone("x")),
    );
    cluster.submit(unit("web@1.service"), unit("web@2.service")).pass();
    const { moves } = planRebalance(cluster.join(machine("m3", zone("y"))).model);
    expect(moves).to.have.length(1);
    expect(moves[0]).to.include({ unit: "web@1.service", to: "m3" });
  });

  it("evens out what is reserved", () => {
    const cluster = new Cluster().join(machine("m1", { memoryBytes: 10 }));
    cluster.submit(...[1, 2, 3, 4].map((n) => unit(`a${n}.service`, { memoryBytes: n }))).pass();
    const { moves } = planRebalance(cluster.join(machine("m2", { memoryBytes: 10 })).model);
    expect(moves.map(({ unit: name, reason }) => [name, reason])).to.deep.equal([
      ["a4.service", "100 % of m1 is reserved, and 0 % of m2"],
      ["a1.service", "60 % of m1 is reserved, and 40 % of m2"],
    ]);
  });

  it("leaves alone what must not or cannot move", () => {
    const cluster = crowded(
      unit("a.service", { machineId: "m1" }),
      unit("b.service", { fence: true }),
      unit("c.service", { global: true }),
      unit("db.service"),
      unit("e.service", { machineOf: ["db.service"] }),
      unit("f.service", { metadata: { disk: ["ssd"] } }),
    );
    expect(planRebalance(cluster.join(machine("m2")).model).moves).to.deep.equal([]);
  });

  it("sends nothing to a cordoned machine, and takes nothing from one", () => {
    const units = ["a", "b", "c", "d"].map((name) => unit(`${name}.service`));
    expect(
      planRebalance(
        crowded(...units)
          .join(machine("m2"))
          .cordon("m2").model,
      ).moves,
    ).to.deep.equal([]);
    expect(
      planRebalance(
        crowded(...units)
          .join(machine("m2"))
          .cordon("m1").model,
      ).moves,
    ).to.deep.equal([]);
  });

  it("keeps conflicting units apart", () => {
    const cluster = crowded(unit("a.service"), unit("b.service"), unit("c.service"));
    cluster
      .join(machine("m2"))
      .cordon("m1")
      .submit(unit("d.service", { conflicts: ["a.*", "b.*"] }))
      .pass();
    const { moves } = planRebalance(cluster.uncordon("m1").model);
    expect(moves.map(({ unit: name }) => name)).to.deep.equal(["c.service"]);
  });

  const shapes: fc.Arbitrary<UnitShape> = fc.record({
    memoryBytes: fc.constantFrom(0, 0, 1, 3),
    conflicts: fc.constantFrom([], [], ["web@*"], ["a.*"]),
    prefersNot: fc.constantFrom([], [], ["b@*"]),
    spreadBy: fc.constantFrom([], [], ["zone"]),
    fence: fc.constantFrom(false, false, true),
  });
  const clusters = fc.record({
    units: fc.array(
      fc.tuple(fc.constantFrom("web@1", "web@2", "web@3", "web@4", "a", "b@1", "b@2", "c", "d"), shapes),
      {
        maxLength: 9,
      },
    ),
    zones: fc.array(fc.constantFrom("x", "y"), { minLength: 1, maxLength: 4 }),
  });

  it("leaves nothing to do once it was carried out, breaks no rule, and leaves the model as it was", () => {
    fc.assert(
      fc.property(clusters, ({ units, zones }) => {
        const cluster = new Cluster({ spreadBy: ["zone"] }).join(machine("m0", { memoryBytes: 12 }));
        for (const [name, shape] of units) cluster.submit(unit(`${name}.service`, shape));
        cluster.pass();
        for (const [at, zone] of zones.entries()) {
          cluster.join(machine(`m${at + 1}`, { metadata: { zone }, memoryBytes: 6 }));
        }
        cluster.pass();
        const before = picture(cluster);
        const { moves } = planRebalance(cluster.model);
        expect(picture(cluster)).to.deep.equal(before);
        expect(cluster.pass()).to.deep.equal([]);
        for (const { unit: name, from, to } of moves) {
          const node = cluster.model.units.get(name);
          const target = cluster.model.machines.get(to);
          if (!node?.copy || !target) throw new Error(`${name} is nowhere`);
          expect(node.copy.machine.id).to.equal(from);
          const { as } = node.copy;
          cluster.model.copies.withdraw(node.copy);
          cluster.model.copies.place(node, target, as);
        }
        expect(planRebalance(cluster.model).moves).to.deep.equal([]);
        for (const node of cluster.model.units.values()) cluster.model.agenda.mark(node);
        // A unit that waited may come where there is room now.
        expect(cluster.pass().filter((each) => each.startsWith("withdraw"))).to.deep.equal([]);
      }),
      { numRuns: 500 },
    );
  });
});

/** Everything on m1. */
function crowded(...units: Parameters<Cluster["submit"]>): Cluster {
  const cluster = new Cluster().join(machine("m1", { metadata: { disk: "ssd" } })).submit(...units);
  cluster.pass();
  return cluster;
}

function picture(cluster: Cluster): unknown {
  return cluster.model.machinesById.map((node) => [
    node.id,
    node.copies.map((copy) => copy.unit.name).sort(),
    node.memoryBytes,
    node.load,
  ]);
}
