/** The host on which the systemd adapter is tested: units for it, and its processes as an onlooker sees them. */
import type { RuntimeUnit } from "../../../agent/runtime.ts";
import { type SystemdRuntimeOptions, SystemdUnitRuntime } from "../../../agent/systemd/unit-runtime.ts";
import { parseUnitFile, unitHash } from "../../../cluster/unit-file.ts";
import type { Host } from "../../../hosts/host.ts";

/** A runtime, not yet opened, that works on a host from outside of it. */
export function runtimeOn(host: Host, options: SystemdRuntimeOptions = {}): SystemdUnitRuntime {
  return new SystemdUnitRuntime({ root: host.path("/"), address: host.busAddress, ...options });
}

/** A unit as the agent would hand it to its runtime. */
export function unit(name: string, text: string, generation = 0): RuntimeUnit {
  return { name, text, hash: unitHash(parseUnitFile(text)), generation };
}

/** What systemd says of a property of a unit. */
export async function property(host: Host, name: string, property: string): Promise<string> {
  return (await host.exec(["systemctl", "show", "--property", property, "--value", name])).trim();
}

/** The processes of a unit, as ids on the host. */
export async function processesOf(host: Host, name: string): Promise<readonly number[]> {
  const group = await property(host, name, "ControlGroup");
  if (group === "") return [];
  const { stdout } = await host.attempt([
    "sh",
    "-c",
    `cat /sys/fs/cgroup/systemd${group}/cgroup.procs /sys/fs/cgroup${group}/cgroup.procs 2>/dev/null`,
  ]);
  return stdout.split("\n").filter(Boolean).map(Number);
}
