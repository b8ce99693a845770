import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";

describe("systemd on the unit's machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("runs a timer's service, whichever of the two is named first, and both are gone together", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const timer = `[Timer]\nOnActiveSec=100ms\nAccuracySec=10ms\n[X-Fleet]\n${onH4}\n`;
    const job = `[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo tick >>/run/ticked"\n[X-Fleet]\n${onH4}\n`;
    await deployed.write({ "tick.timer": timer, "tick.service": job });
    for (const order of [
      ["tick.timer", "tick.service"],
      ["tick.service", "tick.timer"],
    ]) {
      await deployed.deisctl("load", "tick.service");
      await deployed.deisctl("start", ...order.filter((unit) => unit === "tick.timer"), ...order);
      await eventually(async () => expect(await h4.exec(["cat", "/run/ticked"])).to.contain("tick"));
      await deployed.deisctl("destroy", ...order);
      await h4.exec(["rm", "/run/ticked"]);
    }
  });
});
