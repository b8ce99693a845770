import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a unit names its machine", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("by MachineID=, and by its old names X-ConditionMachineID= and X-ConditionMachineBootID=", async () => {
    const { deployed } = the;
    const [h1, h2, h3] = deployed.hosts.map((host) => deployed.machineOf(host));
    await deployed.write({
      "here.service": service({ fleet: `MachineID=${h3}` }),
      "legacy.service": service({ fleet: `X-ConditionMachineID=${h2}` }),
      "oldest.service": service({ fleet: `X-ConditionMachineBootID=${h1}` }),
    });
    await deployed.deisctl("start", "here.service", "legacy.service", "oldest.service");
    const places = ["oldest", "legacy", "here"].map((name) => deployed.placedOn(`${name}.service`).join());
    expect(places).to.deep.equal(["h1", "h2", "h3"]);
  });
});
