/** Four units that stay together on one host: one of each runtime, fenced and not. The fenced ones write down that they run. */
import type { Host } from "../../hosts/host.ts";
import type { DeployedCluster } from "./deployed-cluster.ts";
import { beatingContainer, beatingService } from "./heartbeats.ts";
import { container, service } from "./sleepers.ts";

export const plain = ["web.service", "job.service"];
export const fenced = ["fenced-web.service", "fenced-job.service"];

/** Starts them and resolves to the host that has them. */
export async function startTogether(deployed: DeployedCluster): Promise<Host> {
  const together = "MachineOf=web.service";
  const quick = "Restart=always\nTimeoutStopSec=1";
  await deployed.write({
    "web.service": container({ service: quick }),
    "job.service": service({ service: quick, fleet: together }),
    "fenced-web.service": beatingContainer("fenced-web", `${together}\nFence=true`, quick),
    "fenced-job.service": beatingService("fenced-job", `${together}\nFence=true`, quick),
  });
  await deployed.deisctl("start", ...plain, ...fenced);
  await deployed.allActive([...plain, ...fenced]);
  return deployed.hostWith("web.service");
}
