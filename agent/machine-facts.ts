/** What a host is: its id, its address, what it can carry. Read from the host itself, once at the start. */
import { readFile } from "node:fs/promises";
import { cpus, type NetworkInterfaceInfo, networkInterfaces, totalmem } from "node:os";
import { PlatformError } from "../cluster/errors.ts";
import type { Capacity } from "../cluster/machine.ts";
import type { Settings } from "../cluster/settings.ts";

/** The host's `machine-id(5)`. Rejects with `machine-id-invalid`. */
export async function readMachineId(path = "/etc/machine-id"): Promise<string> {
  const hint = "Make one: `rm -f /etc/machine-id && systemd-machine-id-setup`";
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new PlatformError("machine-id-invalid", `Cannot read the machine id in "${path}"`, { cause, hint });
  }
  const id = text.trim();
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw new PlatformError(
    "machine-id-invalid",
    `The machine id in "${path}" is ${JSON.stringify(id)}, not 32 hex digits`,
    { hint },
  );
}

/** The address at which others reach this host: as set, or the first one of the interface with the default route. */
export async function readAddress(configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured;
  const routes = await readFile("/proc/net/route", "utf8").catch(() => "");
  const address = chooseAddress(routes, networkInterfaces());
  if (address !== undefined) return address;
  throw new PlatformError("address-unknown", "Cannot find the address of this host: it has no network", {
    hint: "Set address in [machine] of /etc/deis/agent.toml",
    retryable: true,
  });
}

/** Picks from the kernel's `/proc/net/route` and the interfaces: the default route's IPv4 address, else any that is not internal. */
export function chooseAddress(
  routes: string,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string | undefined {
  const rows = routes
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const defaults = rows
    .filter(([, destination, , , , , , mask]) => destination === "00000000" && mask === "00000000")
    .sort((one, other) => Number(one[6]) - Number(other[6]));
  const byRoute = defaults.map(([name = ""]) => interfaces[name] ?? []);
  const all = Object.values(interfaces).map((addresses) => addresses ?? []);
  for (const family of ["IPv4", "IPv6"]) {
    const found = [...byRoute, ...all].flat().find((at) => at.family === family && !at.internal);
    if (found) return found.address;
  }
  return undefined;
}

/** What units may reserve here: what the host has, less what is kept for itself. Never less than nothing. */
export function capacityOf(
  machine: Settings["machine"],
  total = { memoryBytes: totalmem(), cpus: cpus().length },
): Capacity {
  return {
    memoryBytes: Math.max(0, total.memoryBytes - machine.reservedMemoryBytes),
    cpuMillis: Math.max(0, total.cpus * 1_000 - machine.reservedCpuMillis),
  };
}
