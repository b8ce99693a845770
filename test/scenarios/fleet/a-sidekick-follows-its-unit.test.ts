import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

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
});
