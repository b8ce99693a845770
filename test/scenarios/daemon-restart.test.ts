import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { shareInHost } from "../../hosts/cluster.ts";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf } from "../support/living-units.ts";
import { container, service } from "../support/sleepers.ts";

const units = ["web@1.service", "web@2.service", "web@3.service", "job@1.service", "job@2.service"];
const fenced = ["fenced-web@1.service", "fenced-job@1.service"];
const all = [...units, ...fenced];

describe("a daemon that is restarted", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  before("spread units over the hosts", async () => {
    await the.deployed.write({
      "web@.service": container({ service: "Restart=always" }),
      "job@.service": service(),
      "fenced-web@.service": container({ fleet: "Fence=true", service: "Restart=always" }),
      "fenced-job@.service": service({ fleet: "Fence=true" }),
    });
    await the.deployed.deisctl("start", ...all);
    await the.deployed.allActive(all);
  });

  /** Every record of machines, placements and states with the revision that wrote it. */
  function revisions(): readonly string[] {
    const { machines, placements, states } = the.deployed.records.tables;
    return [machines, placements, states].flatMap((table) =>
      [...table.entries()].map(([name]) => `${name} ${table.revisionOf(name)}`),
    );
  }

  /** Does something to every host's daemon and waits until it is well again; no unit and no record may have been touched. */
  async function touchesNothing(daemon: string, act: (host: Host) => Promise<unknown>): Promise<void> {
    const { hosts } = the.deployed;
    const [lives, records] = [await livesOf(hosts), revisions()];
    for (const host of hosts) {
      const before = await pidOf(host, daemon);
      await act(host);
      await eventually(async () => expect(await pidOf(host, daemon)).to.not.be.oneOf([before, "0"]), {
        within: 15_000,
        every: 50,
      });
    }
    for (const host of hosts) await eventually(() => healthy(host), { within: 15_000, every: 100 });
    expect(await livesOf(hosts)).to.deep.equal(lives);
    expect(revisions()).to.deep.equal(records);
  }

  it("by systemctl restart of the agent, touches no unit and no record", async () => {
    await touchesNothing("deis-agent", (host) => host.exec(["systemctl", "restart", "deis-agent"]));
  });

  it("by SIGKILL of the agent, touches no unit and no record", async () => {
    await touchesNothing("deis-agent", (host) =>
      host.exec(["systemctl", "kill", "-s", "KILL", "deis-agent"]),
    );
  });

  it("by an upgrade to another release, touches no unit and no record", async () => {
    const { deployed } = the;
    await writeFile(join(deployed.cluster.share, "release/units/next.txt"), "another release\n");
    const release = `${shareInHost}/release`;
    const before = await deployed.cluster.host(1).exec(["readlink", "/opt/deis/current"]);
    await touchesNothing("deis-agent", (host) =>
      host.exec(["bash", `${release}/install.sh`, "--release", release], { deadlineMs: 60_000 }),
    );
    expect(await deployed.cluster.host(1).exec(["readlink", "/opt/deis/current"])).to.not.equal(before);
  });

  it("while units were started, stopped and destroyed, carries out what it missed", async () => {
    const { deployed } = the;
    const host = deployed.cluster.host(2);
    const here = { fleet: `MachineMetadata=host=${host.name}` };
    await deployed.write({
      "old-web.service": container(here),
      "old-job.service": service(here),
      "gone.service": service(here),
      "new-web.service": container(here),
      "new-job.service": service(here),
    });
    await deployed.deisctl("start", "old-web", "old-job", "gone");
    await deployed.allActive(["old-web.service", "old-job.service", "gone.service"]);
    await host.exec(["systemctl", "stop", "deis-agent"]);
    await deployed.deisctl("start", "--no-block", "new-web", "new-job");
    await deployed.deisctl("stop", "--no-block", "old-web", "old-job");
    await deployed.deisctl("destroy", "gone");
    await host.exec(["systemctl", "start", "deis-agent"]);
    await deployed.allActive(["new-web.service", "new-job.service"]);
    await eventually(
      () => {
        for (const unit of ["old-web.service", "old-job.service"])
          expect(deployed.reported(unit).map(({ state }) => state.active)).to.deep.equal(["inactive"]);
        expect(deployed.reported("gone.service")).to.deep.equal([]);
      },
      { within: 15_000 },
    );
  });
});

async function pidOf(host: Host, daemon: string): Promise<string> {
  return (await host.exec(["systemctl", "show", daemon, "--value", "-p", "MainPID"])).trim();
}

async function healthy(host: Host): Promise<boolean> {
  const ask = ["curl", "-sf", "--unix-socket", "/run/deis/agent.sock", "http://agent/healthz"];
  return (await host.attempt(ask)).code === 0;
}
