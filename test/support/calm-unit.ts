/** A unit that runs on h4 while something is done to the daemons there, which it must not notice. */
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import type { DeployedCluster } from "./deployed-cluster.ts";
import { livesOn } from "./living-units.ts";
import { onH4 } from "./shared-cluster.ts";
import { service } from "./sleepers.ts";

const daemons = ["deis-agent", "deis-scheduler"];

export interface Calm {
  readonly h4: Host;
  /** Throws unless the unit has run on, untouched. */
  runsOn(): Promise<void>;
}

/** Starts `calm.service` on h4. */
export async function calmUnit(deployed: DeployedCluster): Promise<Calm> {
  await deployed.write({ "calm.service": service({ fleet: onH4 }) });
  await deployed.deisctl("start", "calm.service");
  const h4 = deployed.cluster.host(4);
  const life = await livesOn(h4);
  expect(life).to.have.length(1);
  return {
    h4,
    async runsOn() {
      expect(await livesOn(h4)).to.deep.equal(life);
    },
  };
}

/** Stops agent and scheduler; throws unless systemd calls that a success for both. Resolves to how long it took, in ms. */
export async function stopsCleanly(host: Host): Promise<number> {
  const began = performance.now();
  await host.exec(["systemctl", "stop", ...daemons]);
  const tookMs = performance.now() - began;
  for (const daemon of daemons) {
    const shown = await host.exec(["systemctl", "show", daemon, "-p", "ActiveState", "-p", "Result"]);
    expect(shown.trim().split("\n").sort(), daemon).to.deep.equal(["ActiveState=inactive", "Result=success"]);
  }
  return tookMs;
}
