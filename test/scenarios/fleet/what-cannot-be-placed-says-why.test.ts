import { expect } from "chai";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("start of a unit that nothing can take", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("never hangs: each machine's reason within a second, exit 3, and again for whoever asks later", async function () {
    const { deployed } = the;
    await deployed.write({
      "never.service": service({ fleet: "MachineMetadata=disk=ssd" }),
      "alone@.service": service({ fleet: "Conflicts=alone@*" }),
      "follower.service": service({ fleet: "MachineOf=nobody.service" }),
    });
    await deployed.deisctl("start", "alone@1", "alone@2", "alone@3", "alone@4");
    // What any command costs: Node's start, TLS, and a read.
    const bare = performance.now();
    await deployed.deisctl("list-machines");
    const bareMs = performance.now() - bare;
    for (const [unit, why] of [
      ["never.service", /4 lack metadata "disk=ssd"/],
      ["alone@5.service", /4 run units such as "alone@\d\.service"/],
      ["follower.service", /"nobody\.service"/],
    ] as const) {
      const began = performance.now();
      const { code, stderr } = await deployed.tryDeisctl("start", unit);
      const tookMs = performance.now() - began;
      expect(code, unit).to.equal(3);
      expect(stderr, unit).to.match(why);
      measured(this, `for ${unit}`, tookMs);
      expect(tookMs, `beside ${Math.round(bareMs)} ms for list-machines`).to.be.lessThan(bareMs + 1_000);
    }
    const listed = await deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,state,unplaced");
    expect(listed).to.match(/^never\.service\s+inactive\s+4 machines rejected it/m);
  });
});
