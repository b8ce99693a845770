import { expect } from "chai";
import { Presence, returnMs } from "../../scheduler/presence.ts";

const options = { ttlMs: 5_000, massLossGraceMs: 30_000 };

describe("a machine's presence", () => {
  it("ends when its lease has lapsed and its agent has not come back at once", () => {
    const presence = new Presence(options);
    presence.vanished(["m1"], 2, 1_000);
    expect(presence.verdict("m1", 1_000)).to.deep.equal({ kind: "held", until: 1_000 + returnMs });
    expect(presence.nextEnd).to.equal(1_000 + returnMs);
    expect(presence.verdict("m1", 1_000 + returnMs).kind).to.equal("gone");
    expect(presence.takeEndedHolds(1_000 + returnMs)).to.deep.equal(["m1"]);
  });

  it("goes on when the agent is back at once", () => {
    const presence = new Presence(options);
    presence.vanished(["m1"], 2, 1_000);
    presence.returned("m1");
    expect(presence.nextEnd).to.equal(undefined);
    expect(presence.takeEndedHolds(9_000)).to.deep.equal([]);
  });

  it("holds when two of three vanish within one TTL, and says so", () => {
    const presence = new Presence(options);
    presence.vanished(["m1"], 2, 1_000);
    presence.vanished(["m2"], 1, 4_000);
    const verdict = presence.verdict("m2", 4_000);
    expect(verdict).to.deep.include({ kind: "held", until: 34_000 });
    expect(verdict)
      .to.have.property("reason")
      .that.matches(/^2 of 3 machines vanished at once/);
    expect(presence.verdict("m1", 33_999).kind).to.equal("held");
    expect(presence.nextEnd).to.equal(34_000);
    expect(presence.takeEndedHolds(34_000)).to.deep.equal(["m1", "m2"]);
    expect(presence.verdict("m1", 34_000).kind).to.equal("gone");
  });

  it("counts a machine whose units have left it already", () => {
    const presence = new Presence(options);
    presence.vanished(["m1"], 4, 1_000);
    presence.forget("m1");
    presence.vanished(["m2"], 3, 1_500);
    expect(presence.verdict("m2", 1_500)).to.deep.include({ kind: "held", until: 31_500 });
  });

  it("does not hold when losses are more than a TTL apart", () => {
    const presence = new Presence(options);
    presence.vanished(["m1"], 2, 1_000);
    presence.vanished(["m2"], 1, 6_001);
    expect(presence.verdict("m2", 6_001 + returnMs).kind).to.equal("gone");
  });

  it("does not hold for a third, nor in a cluster of two", () => {
    const third = new Presence(options);
    third.vanished(["m1", "m2"], 4, 0);
    expect(third.verdict("m1", returnMs).kind).to.equal("gone");
    const two = new Presence(options);
    two.vanished(["m1"], 1, 0);
    expect(two.verdict("m1", returnMs).kind).to.equal("gone");
  });

  it("gives a machine that was never seen a full TTL", () => {
    const presence = new Presence(options);
    expect(presence.verdict("m1", 1_000)).to.deep.equal({ kind: "held", until: 6_000 });
    expect(presence.verdict("m1", 6_000).kind).to.equal("gone");
  });

  it("gives machines a full TTL after an outage of the store", () => {
    const presence = new Presence(options);
    presence.vanished(["m1"], 9, 1_000);
    presence.outageEnded(2_000);
    presence.vanished(["m2"], 8, 3_000);
    expect(presence.verdict("m1", 6_999).kind).to.equal("held");
    expect(presence.verdict("m2", 6_999).kind).to.equal("held");
    expect(presence.takeEndedHolds(7_000)).to.deep.equal(["m1", "m2"]);
  });
});
