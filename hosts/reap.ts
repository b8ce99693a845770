/** The end of a leash: waits until a cluster's owner is really gone, then removes the cluster. */
import { setTimeout as delay } from "node:timers/promises";
import { Cluster } from "./cluster.ts";

/** Resolves to true if the cluster was removed, false if it is gone, outlives its owner by intent, or its owner lives after all. */
export async function reap(name: string): Promise<boolean> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const cluster = await Cluster.find(name);
    if (cluster === undefined) return false;
    if (cluster.isGarbage) {
      await cluster.down();
      return true;
    }
    // Its pipe closed, but the kernel has not done with the dying process yet.
    await delay(50);
  }
  return false;
}
