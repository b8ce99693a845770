/**
 * What really runs on a host, asked of its own systemd and Docker, not of Deis. A unit's *life* is named by what changes when
 * somebody touches it: the container with its start and process, the service with its invocation and process.
 */
import type { Host } from "../../hosts/host.ts";

/** A script for a host: a line for each unit of ours that runs there. */
const lives = `
docker ps -q --no-trunc --filter label=deis.unit | xargs -r docker inspect \
  -f '{{index .Config.Labels "deis.unit"}} container {{.Id}} {{.State.StartedAt}} {{.State.Pid}}'
cd /run/deis/units 2>/dev/null || exit 0
for unit in *.*; do
  [ -e "$unit" ] || continue
  systemctl is-active --quiet "$unit" || continue
  echo "$unit service $(systemctl show "$unit" --value -p InvocationID -p MainPID | tr '\\n' ' ')"
done`;

/** A script for a host: the name of every unit of which anything is left there, running or not. */
const traces = `
docker ps -a --filter label=deis.unit --format '{{.Label "deis.unit"}}'
ls /run/deis/units 2>/dev/null
find /run/systemd/system /run/systemd/transient -maxdepth 2 -type l -lname '/run/deis/*' -printf '%f\\n' 2>/dev/null
true`;

/** The units that run on a host, each as `unit` and what names its life. */
export async function livesOn(host: Host): Promise<readonly string[]> {
  return lines(await host.exec(["sh", "-c", lives]));
}

/** All lives on these hosts, as `host unit life`. Equal before and after: nothing was stopped, restarted or moved. */
export async function livesOf(hosts: readonly Host[]): Promise<readonly string[]> {
  const found = await Promise.all(
    hosts.map(async (host) => (await livesOn(host)).map((life) => `${host.name} ${life}`)),
  );
  return found.flat();
}

/** The units of which a host has a trace: a container, a unit file, a link. Sorted, each once. */
export async function tracesOn(host: Host): Promise<readonly string[]> {
  return [...new Set(lines(await host.exec(["sh", "-c", traces])))];
}

/** The names of the units that run on a host. */
export async function runningOn(host: Host): Promise<readonly string[]> {
  return (await livesOn(host)).map((life) => life.split(" ", 1)[0] ?? "");
}

function lines(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .sort();
}
