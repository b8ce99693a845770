import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import type { WhyAnswer } from "../../cluster/question.ts";
import { explainWhy } from "../../scheduler/why.ts";
import { Cluster, machine, placement, unit } from "./builders.ts";

describe("why a unit is where it is", () => {
  it("names every machine with its reason", () => {
    const cluster = new Cluster().join(
      machine("m1", { metadata: { disk: "ssd" } }),
      machine("m2", { metadata: { disk: "ssd" }, runtimes: ["docker"] }),
      machine("m3"),
      machine("m4", { metadata: { disk: "ssd" } }),
    );
    cluster
      .submit(unit("a.service", { metadata: { disk: ["ssd"] } }))
      .cordon("m4", { reason: "new kernel" })
      .pass();
    expect(why(cluster, "a.service")).to.deep.equal({
      unit: "a.service",
      placements: [{ machine: "m1", reason: "for a test" }],
      machines: [
        { machine: "m1", fits: true, reason: "it is here: for a test" },
        { machine: "m2", fits: false, reason: 'it does not offer the runtime "systemd"' },
        { machine: "m3", fits: false, reason: 'it lacks metadata "disk=ssd"' },
        { machine: "m4", fits: false, reason: "it is cordoned (new kernel)" },
      ],
      summary: "it is on m1: for a test",
    });
  });

  it("says of machines that fit what they have to do already", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(unit("web@1.service"), unit("web@2.service"), unit("z.service")).pass();
    expect(why(cluster, "web@1.service").machines[1]).to.deep.equal({
      machine: "m2",
      fits: true,
      reason: "it fits: 1 unit, 1 instance of the same template",
    });
  });

  it("takes the unit's own copy for no reason against another machine", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2"));
    cluster.submit(unit("web@1.service", { conflicts: ["web@*"] })).pass();
    expect(why(cluster, "web@1.service").machines.map(({ fits }) => fits)).to.deep.equal([true, true]);
    expect(cluster.pass()).to.deep.equal([]);
  });

  it("says why it is nowhere", () => {
    const cluster = new Cluster().join(machine("m1")).cordon("m1").submit(unit("a.service"));
    cluster.pass();
    const answer = why(cluster, "a.service");
    expect(answer.placements).to.deep.equal([]);
    expect(answer.summary).to.equal("1 machine rejected it: 1 is cordoned");
  });

  it("says of a unit that is not started, and of a template, that they are placed nowhere", () => {
    const cluster = new Cluster().join(machine("m1"));
    cluster.submit(unit("a.service", { target: "inactive" }), unit("web@.service")).pass();
    expect(why(cluster, "a.service").summary).to.equal(
      "the unit's target is inactive, so it is placed nowhere",
    );
    expect(why(cluster, "web@.service").summary).to.equal("a template is never placed, its instances are");
    expect(why(cluster, "a.service").machines).to.deep.equal([
      { machine: "m1", fits: false, reason: "the unit's target is inactive, so it is placed nowhere" },
    ]);
  });

  it("counts the machines of a global unit", () => {
    const cluster = new Cluster().join(machine("m1"), machine("m2")).cordon("m2");
    cluster.submit(unit("g.service", { global: true })).pass();
    const answer = why(cluster, "g.service");
    expect(answer.summary).to.equal("it is global, and on 1 of 2 machines");
    expect(answer.machines[1]).to.include({ fits: false, reason: "it is cordoned" });
  });

  it("tells both machines of a unit that moves", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a.service"));
    cluster.pass();
    cluster.join(machine("m2")).drain("m1").pass();
    const answer = why(cluster, "a.service");
    expect(answer.summary).to.equal("it is moving from m1 to m2");
    expect(answer.machines.map(({ reason }) => reason)).to.deep.equal([
      "it is here: for a test",
      "it is arriving here: for a test",
    ]);
  });

  it("tells a machine that is away only if the unit is on it", () => {
    const cluster = new Cluster()
      .join(machine("m1"), machine("m2"))
      .submit(unit("a.service", { machineId: "m1" }));
    cluster.pass();
    cluster.leave("m1").pass();
    expect(why(cluster, "a.service").machines[0]).to.deep.equal({
      machine: "m1",
      fits: false,
      reason: "the unit is here, and the machine is away",
    });
    cluster.submit(unit("b.service")).pass();
    expect(why(cluster, "b.service").machines.map(({ machine: id }) => id)).to.deep.equal(["m2"]);
  });

  it("says what cannot be read", () => {
    const cluster = new Cluster().join(machine("m1")).submit(unit("a.service"));
    cluster.pass();
    cluster.model.setTrouble("a.service", "file", new PlatformError("unit-file-invalid", "Line 3 is odd"));
    expect(why(cluster, "a.service").summary).to.match(/cannot be read: Line 3 is odd$/);
  });

  it("refuses a unit that does not exist", () => {
    const answer = explainWhy("x.service", new Cluster().model, { get: () => undefined });
    expect(answer).to.have.nested.property("error.code", "unit-not-found");
  });
});

function why(cluster: Cluster, name: string): WhyAnswer {
  const get = (key: string) => placement(key.split("/")[0] ?? "", name, { reason: "for a test" });
  const answer = explainWhy(name, cluster.model, { get });
  if ("error" in answer) throw new Error(answer.error.message);
  return answer;
}
