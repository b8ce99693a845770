/** The sockets that systemd has opened for this process: sd_listen_fds(3). Pure. */

const first = 3;

/** Their file descriptors; none if the environment speaks of another process or of nothing. */
export function inheritedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly number[] {
  const { LISTEN_PID: owner, LISTEN_FDS: count } = environment;
  if (owner !== String(pid) || count === undefined || !/^[0-9]{1,3}$/.test(count)) return [];
  return Array.from({ length: Number(count) }, (_, at) => first + at);
}
