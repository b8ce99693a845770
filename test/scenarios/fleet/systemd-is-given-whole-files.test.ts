import { expect } from "chai";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("systemd on the unit's machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("always runs the file as it was last submitted, however often it is destroyed and made anew", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    for (let round = 1; round <= 4; round += 1) {
      const text = service({ fleet: onH4, service: `Environment=ROUND=${round}` });
      await deployed.write({ "anew.service": text });
      await deployed.deisctl("start", "anew.service");
      const shown = await h4.exec([
        "systemctl",
        "show",
        "-P",
        "Environment",
        "-P",
        "NeedDaemonReload",
        "anew",
      ]);
      expect(shown.split("\n").sort()).to.deep.equal(["", `ROUND=${round}`, "no"]);
      if (round % 2 === 0) await deployed.deisctl("destroy", "--no-block", "anew.service");
      else await deployed.deisctl("destroy", "anew.service");
    }
  });

  it("gets a unit's file as a whole, and no other: the agent is killed while twenty are started", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const text = service({ fleet: onH4, service: `X-Note=${"x".repeat(40_000)}` });
    await deployed.write({ "whole@.service": text });
    const names = Array.from({ length: 20 }, (_, at) => `whole@${at}.service`);
    await deployed.deisctl("start", "--no-block", ...names);
    await h4.exec(["systemctl", "kill", "-s", "KILL", "deis-agent"]);
    await deployed.allActive(names);
    const sizes = await h4.exec(["sh", "-c", "cd /run/deis/units; stat -c %s whole@*"]);
    expect([...new Set(sizes.trim().split("\n"))]).to.deep.equal([String(text.length)]);
  });
});
