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

  it("by a template's instance: MachineMetadata=host=%i, and an instance that no machine fits says so", async () => {
    const { deployed } = the;
    await deployed.write({ "on@.service": service({ fleet: "MachineMetadata=host=%i" }) });
    await deployed.deisctl("start", "on@h1", "on@h2", "on@h3");
    for (const name of ["h1", "h2", "h3"])
      expect(deployed.placedOn(`on@${name}.service`)).to.deep.equal([name]);
    const { code, stderr } = await deployed.tryDeisctl("start", "--block-attempts=1", "on@nowhere");
    expect(code).to.equal(3);
    expect(stderr).to.match(/^Cannot place "on@nowhere\.service": 4 machines .*lack metadata "host=nowhere"/);
  });

  it("by metadata that the operator changes while units run", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    await deployed.write({ "fast.service": service({ fleet: "MachineMetadata=disk=ssd" }) });
    expect((await deployed.tryDeisctl("start", "fast.service")).code).to.equal(3);
    const settings = await h4.exec(["cat", "/etc/deis/agent.toml"]);
    const section = "[machine.metadata]\n";
    expect(settings).to.contain(section);
    await h4.write("/etc/deis/agent.toml", settings.replace(section, `${section}disk = "ssd"\n`));
    await h4.exec(["systemctl", "reload", "deis-agent"]);
    try {
      await deployed.allActive(["fast.service"]);
      expect(deployed.placedOn("fast.service")).to.deep.equal(["h4"]);
    } finally {
      await h4.write("/etc/deis/agent.toml", settings);
      await h4.exec(["systemctl", "reload", "deis-agent"]);
    }
  });
});
