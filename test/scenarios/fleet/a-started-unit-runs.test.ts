import { expect } from "chai";
import { listed } from "../../support/listed.ts";
import { runningOn } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("start", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("of a unit file has it run on a machine by the time it returns, and listed so", async () => {
    const { deployed } = the;
    await deployed.write({ "hello.service": service() });
    await deployed.deisctl("start", "hello.service");
    const host = deployed.hostWith("hello.service");
    expect(await runningOn(host)).to.deep.equal(["hello.service"]);
    const machine = `${deployed.machineOf(host).slice(0, 8)}.../${host.address}`;
    expect(await listed(deployed, "list-units", "unit,machine,load,active,sub")).to.deep.equal([
      `hello.service ${machine} loaded active running`,
    ]);
  });
});
