/** fleet's tests of its daemon's own life. Where fleet unloaded every unit on an orderly stop, ours touches none: on purpose. */
import { expect } from "chai";
import type { Host } from "../../../hosts/host.ts";
import { eventually } from "../../support/eventually.ts";
import { livesOn } from "../../support/living-units.ts";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const daemons = ["deis-agent", "deis-scheduler"];

describe("the daemons of a machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  async function calm(): Promise<{ readonly h4: Host; readonly life: readonly string[] }> {
    await the.deployed.write({ "calm.service": service({ fleet: "MachineMetadata=host=h4" }) });
    await the.deployed.deisctl("start", "calm.service");
    const h4 = the.deployed.cluster.host(4);
    return { h4, life: await livesOn(h4) };
  }

  async function stopped(h4: Host): Promise<void> {
    await h4.exec(["systemctl", "stop", ...daemons]);
    for (const daemon of daemons) {
      const shown = await h4.exec(["systemctl", "show", daemon, "-p", "ActiveState", "-p", "Result"]);
      expect(shown.trim().split("\n").sort(), daemon).to.deep.equal([
        "ActiveState=inactive",
        "Result=success",
      ]);
    }
  }

  it("stop with success, and no unit with them", async function () {
    const { h4, life } = await calm();
    const began = performance.now();
    await stopped(h4);
    measured(this, "for both to stop", performance.now() - began);
    expect(await livesOn(h4)).to.deep.equal(life);
  });

  it("stop with success while etcd cannot be reached", async function () {
    const { h4, life } = await calm();
    await the.deployed.cluster.part([4]);
    await eventually(
      async () => {
        const said = await h4.exec(["journalctl", "-u", "deis-agent", "-o", "cat", "-n", "5", "--no-pager"]);
        expect(said).to.contain("cannot reach the store");
      },
      { within: 15_000, every: 100 },
    );
    const began = performance.now();
    await stopped(h4);
    measured(this, "for both to stop", performance.now() - began);
    expect(await livesOn(h4)).to.deep.equal(life);
  });

  it("keep their listeners and process over a reload of the settings", async () => {
    const { h4, life } = await calm();
    const main = async () => await h4.exec(["systemctl", "show", "-P", "MainPID", "deis-agent"]);
    const before = await main();
    for (let round = 0; round < 3; round += 1) {
      await h4.exec(["systemctl", "reload", "deis-agent"]);
      const status = await the.deployed.deisctl("status", "calm");
      expect(status).to.contain("Active: active (running)");
    }
    expect(await main()).to.equal(before);
    const said = await h4.exec(["journalctl", "-u", "deis-agent", "-o", "cat", "-n", "20", "--no-pager"]);
    expect(said).to.not.match(/api not served|EADDRINUSE/);
    expect(await livesOn(h4)).to.deep.equal(life);
  });
});
