import { expect } from "chai";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("systemd on the unit's machine", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("knows the unit when it is loaded, runs it when it is started, and has forgotten it when it is unloaded", async () => {
    const { deployed } = the;
    await deployed.write({ "hello.service": service({ fleet: onH4 }) });
    for (const [command, states] of [
      ["submit", ["not-found", "inactive", "dead"]],
      ["load", ["loaded", "inactive", "dead"]],
      ["start", ["loaded", "active", "running"]],
      ["stop", ["loaded", "inactive", "dead"]],
      ["unload", ["not-found", "inactive", "dead"]],
    ] as const) {
      await deployed.deisctl(command, "hello.service");
      const asked = ["LoadState", "ActiveState", "SubState"].flatMap((property) => ["-p", property]);
      const shown = await deployed.cluster.host(4).exec(["systemctl", "show", ...asked, "hello.service"]);
      const values = Object.fromEntries(
        shown
          .trim()
          .split("\n")
          .map((line) => line.split("=")),
      );
      expect([values.LoadState, values.ActiveState, values.SubState], command).to.deep.equal(states);
    }
  });
});
