import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { livesOn, tracesOn } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("a machine id that is taken", function () {
  this.timeout(90_000);
  const the = useSharedCluster();

  it("is refused to a second machine, which touches nothing", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const h3 = deployed.cluster.host(3);
    const id = deployed.machineOf(h4);
    await deployed.write({ "job.service": service({ fleet: "MachineMetadata=host=h3" }) });
    await deployed.deisctl("start", "job.service");
    const before = await livesOn(h3);
    try {
      await h4.exec(["systemctl", "stop", "deis-agent", "deis-scheduler"]);
      await h4.exec(["rm", "-f", "/run/deis/agent-lease"]);
      await h4.write("/etc/machine-id", `${deployed.machineOf(h3)}\n`);
      await h4.exec(["systemctl", "start", "deis-agent"]);
      await eventually(
        async () => {
          const said = await h4.exec([
            "journalctl",
            "-m",
            "-u",
            "deis-agent",
            "-o",
            "cat",
            "-n",
            "20",
            "--no-pager",
          ]);
          expect(said).to.contain('"code":"machine-id-taken"');
          expect(said).to.contain("systemd-machine-id-setup");
        },
        { within: 15_000, every: 100 },
      );
      const health = await h4.exec([
        "curl",
        "-s",
        "--unix-socket",
        "/run/deis/agent.sock",
        "http://agent/healthz",
      ]);
      expect(JSON.parse(health)).to.include({ ok: false });
      expect(await tracesOn(h4)).to.deep.equal([]);
      expect(await livesOn(h3)).to.deep.equal(before);
      expect(deployed.activeOn("job.service")).to.deep.equal(["h3"]);
    } finally {
      await h4.exec(["systemctl", "stop", "deis-agent"]);
      await h4.write("/etc/machine-id", `${id}\n`);
      await h4.exec(["systemctl", "start", "deis-agent", "deis-scheduler"]);
    }
  });
});
