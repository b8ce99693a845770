import { expect } from "chai";
import { livesOf } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("from outside of the hosts, by mutual TLS,", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("one unit is started, and then ten at once with --no-block, which come up by themselves", async () => {
    const { deployed } = the;
    await deployed.write({ "one.service": service(), "many@.service": service() });
    await deployed.deisctl("start", "one.service");
    expect(deployed.activeOn("one.service")).to.have.length(1);
    const names = Array.from({ length: 10 }, (_, at) => `many@${at}.service`);
    const out = await deployed.deisctl("start", "--no-block", ...names);
    expect(out.match(/^Triggered unit many@\d\.service start$/gm)).to.have.length(10);
    await deployed.allActive(names);
    const machines = (await livesOf(deployed.hosts)).map((life) => life.split(" ", 1)[0]);
    expect(machines).to.have.length(11);
    expect(new Set(machines).size, "every machine has its share").to.equal(4);
  });
});
