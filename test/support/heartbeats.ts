/**
 * Units that write down every few milliseconds that they run, on their host's disk. All hosts of a cluster share one kernel clock, so
 * the times of two copies can be compared: copies that never ran at once have spans that do not touch.
 */
import type { Host } from "../../hosts/host.ts";

const directory = "/var/lib/heartbeats";
const everyMs = 20;

/** A unit that Docker runs. `more`: lines of `[Service]`. */
export function beatingContainer(unit: string, fleet: string, more = ""): string {
  const script = `trap 'exit 0' TERM; while :; do date +%%s%%3N >>/beats/${unit}; sleep 0.0${everyMs} & wait $!; done`;
  return `[Container]\nImage=debian:bookworm-slim\nPull=never\nVolume=${directory}:/beats\nExec=bash -c "${script}"\n[Service]\n${more}\n[X-Fleet]\n${fleet}\n`;
}

/** A unit that systemd runs. */
export function beatingService(unit: string, fleet: string, more = ""): string {
  const script = `mkdir -p ${directory}; while :; do date +%%s%%3N >>${directory}/${unit}; sleep 0.0${everyMs}; done`;
  return `[Service]\nExecStart=/bin/bash -c "${script}"\n${more}\n[X-Fleet]\n${fleet}\n`;
}

/** When the unit ran on this host, in ms since the epoch, in order. */
export async function beatsOn(host: Host, unit: string): Promise<readonly number[]> {
  const { stdout } = await host.attempt(["cat", `${directory}/${unit}`]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}
