/** Unit files for scenarios: units that do nothing, for ever, and stop at once when told to. */

export interface SleeperOptions {
  /** Lines of `[X-Fleet]`. */
  readonly fleet?: string;
  /** Lines of `[Service]`. */
  readonly service?: string;
}

/** A unit that Docker runs. */
export function container({ fleet = "", service = "" }: SleeperOptions = {}): string {
  // A shell as PID 1 heeds a signal only by a trap, and only while it waits.
  const script = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";
  return `[Container]\nImage=busybox\nPull=never\nExec=sh -c "${script}"\n[Service]\n${service}\n[X-Fleet]\n${fleet}\n`;
}

/** A unit that systemd runs. */
export function service({ fleet = "", service = "" }: SleeperOptions = {}): string {
  return `[Service]\nExecStart=/bin/sleep infinity\n${service}\n[X-Fleet]\n${fleet}\n`;
}
