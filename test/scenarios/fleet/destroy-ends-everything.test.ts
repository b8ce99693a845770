import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { tracesOn } from "../../support/living-units.ts";
import { measured } from "../../support/measured.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("destroy", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("of a hundred running units is done in seconds, not with one unit in each pass", async function () {
    const { deployed } = the;
    await deployed.write({ "many@.service": service({ fleet: onH4 }) });
    const names = Array.from({ length: 100 }, (_, at) => `many@${at}.service`);
    await deployed.deisctl("start", ...names);
    const h4 = deployed.cluster.host(4);
    expect(await tracesOn(h4)).to.have.length(100);
    const began = performance.now();
    const said = await deployed.deisctl("destroy", "many@*");
    const tookMs = performance.now() - began;
    measured(this, "until nothing of them is left", tookMs);
    expect(said.match(/^Destroyed many@\d+\.service$/gm)).to.have.length(100);
    expect(await tracesOn(h4), "it waits until nothing is left").to.deep.equal([]);
    // fleet took 8 minutes: 5 s for each.
    expect(tookMs).to.be.lessThan(15_000);
  });

  it("runs ExecStop= and ExecStopPost= to their end before the file goes", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    const lines = [
      'ExecStop=/bin/sh -c "sleep 0.3; test -e /run/deis/units/tidy.service && echo stop >>/run/tidy"',
      'ExecStopPost=/bin/sh -c "sleep 0.3; test -e /run/deis/units/tidy.service && echo post >>/run/tidy"',
    ];
    await deployed.write({ "tidy.service": service({ fleet: onH4, service: lines.join("\n") }) });
    await deployed.deisctl("start", "tidy.service");
    await deployed.deisctl("destroy", "tidy.service");
    expect(await h4.exec(["cat", "/run/tidy"])).to.equal("stop\npost\n");
    await h4.exec(["rm", "/run/tidy"]);
  });

  it("of a unit that takes its time holds up no other unit of the machine", async () => {
    const { deployed } = the;
    await deployed.write({
      "slow.service": service({ fleet: onH4, service: "ExecStop=/bin/sleep 6" }),
      "quick.service": service({ fleet: onH4 }),
    });
    await deployed.deisctl("start", "slow.service");
    await deployed.deisctl("destroy", "--no-block", "slow.service");
    await eventually(() =>
      expect(deployed.reported("slow.service")[0]?.state.active).to.equal("deactivating"),
    );
    await deployed.deisctl("start", "quick.service");
    await deployed.deisctl("destroy", "quick.service");
    const still = deployed.reported("slow.service").map(({ state }) => `${state.active} ${state.sub}`);
    expect(still, "and is waited for").to.deep.equal(["deactivating stop"]);
  });

  it("of a unit that ends badly, has failed, or cannot be loaded leaves nothing either", async () => {
    const { deployed } = the;
    await deployed.write({
      "grim.service": service({ fleet: onH4, service: "ExecStop=/bin/false" }),
      "failed.service": `[Service]\nExecStart=/bin/false\n[X-Fleet]\n${onH4}\n`,
      "bad.service": `[Service]\nExecStart=relative/path\n[X-Fleet]\n${onH4}\n`,
    });
    await deployed.tryDeisctl("start", "grim.service", "failed.service", "bad.service");
    await deployed.deisctl("destroy", "grim", "failed", "bad");
    const h4 = deployed.cluster.host(4);
    expect(await tracesOn(h4)).to.deep.equal([]);
    const failed = await h4.exec(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]);
    expect(failed, "systemd remembers none of them").to.not.match(/grim|failed\.service|bad\.service/);
  });

  it("leaves no key of a unit in etcd but its file, which goes when nobody refers to it", async () => {
    const { deployed } = the;
    await deployed.write({ "gone@.service": service({ fleet: "MachineMetadata=host=%i" }) });
    // One that runs, one that nothing can take, and the template.
    await deployed.tryDeisctl("start", "gone@h1", "gone@nowhere");
    await deployed.deisctl("submit", "gone@.service");
    await deployed.deisctl("destroy", "gone@*");
    await eventually(async () => {
      const keys = await deployed.etcdctl(["get", "--prefix", "--keys-only", "/deis/"]);
      expect(keys.split("\n").filter((key) => key.includes("gone@"))).to.deep.equal([]);
    });
  });
});
