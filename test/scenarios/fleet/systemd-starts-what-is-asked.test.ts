/** What systemd does with a unit's file beside starting it: links of [Install], timers, and files that change quickly. */
import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const onH4 = "MachineMetadata=host=h4";

describe("systemd on the unit's machine", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("starts and stops a sidekick with the unit that [Install] WantedBy= names", async () => {
    const { deployed } = the;
    await deployed.write({
      "main.service": service({ fleet: onH4 }),
      "sidekick.service": `[Unit]\nBindsTo=main.service\nAfter=main.service\n${service({ fleet: "MachineOf=main.service" })}[Install]\nWantedBy=main.service\n`,
    });
    await deployed.deisctl("load", "main.service", "sidekick.service");
    expect(deployed.activeOn("sidekick.service")).to.deep.equal([]);
    await deployed.deisctl("start", "main.service");
    await eventually(() => expect(deployed.activeOn("sidekick.service")).to.deep.equal(["h4"]));
    await deployed.deisctl("stop", "main.service");
    await eventually(() => expect(deployed.activeOn("sidekick.service")).to.deep.equal([]));
  });

  it("finds a unit by the Alias= of its [Install]", async () => {
    const { deployed } = the;
    await deployed.write({
      "real.service": `${service({ fleet: onH4 })}[Install]\nAlias=other-name.service\n`,
    });
    await deployed.deisctl("start", "real.service");
    const h4 = deployed.cluster.host(4);
    expect(await h4.exec(["systemctl", "cat", "other-name.service"])).to.contain("[Install]\nAlias=");
    await deployed.deisctl("destroy", "real.service");
    expect((await h4.attempt(["systemctl", "cat", "other-name.service"])).code).to.not.equal(0);
  });

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
