/** How other hosts reach a container, from what the daemon says of it. Pure. */
import type { ContainerInspectInfo } from "dockerode";
import type { MappedPort, Reach } from "../reach.ts";

/** Undefined while it does not run. Only TCP counts. */
export function reachOf(container: ContainerInspectInfo): Reach | undefined {
  if (!container.State.Running || container.State.Restarting) return undefined;
  if (container.HostConfig.NetworkMode === "host") return { kind: "host" };
  const ports: MappedPort[] = [];
  // A port that is exposed and not published has no bindings.
  for (const [port, bindings] of Object.entries(container.NetworkSettings.Ports ?? {})) {
    const [, containerPort] = /^([0-9]+)\/tcp$/.exec(port) ?? [];
    if (containerPort === undefined) continue;
    for (const { HostIp: hostAddress, HostPort: hostPort } of bindings ?? []) {
      const mapped = { containerPort: Number(containerPort), hostPort: Number(hostPort) };
      if (mapped.hostPort > 0) ports.push(hostAddress ? { ...mapped, hostAddress } : mapped);
    }
  }
  return { kind: "mapped", ports };
}
