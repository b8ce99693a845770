/**
 * Where other hosts reach what runs here: from what a unit says of its port and what its runtime says of its ports, to `host:port`.
 *
 * Pure.
 */

/** How other hosts reach what a unit runs. */
export type Reach =
  /** Its ports are the host's own: a process of systemd, a container on the host's network. */
  | { readonly kind: "host" }
  /** Only these TCP ports of the host lead to it. */
  | { readonly kind: "mapped"; readonly ports: readonly MappedPort[] };

export interface MappedPort {
  readonly containerPort: number;
  readonly hostPort: number;
  /** The host's address that is listened on; absent: all of them. */
  readonly hostAddress?: string;
}

/** Where a unit answers, or why that cannot be said. */
export type PortFinding = { readonly host: string; readonly port: number } | { readonly problem: string };

/**
 * `port` is what the unit asks for: the container's port, or the host's where the host's network is used. Without it the lowest published
 * TCP port counts, as in Deis v1. `address` is this machine's.
 */
export function findPort(reach: Reach, port: number | undefined, address: string): PortFinding {
  if (reach.kind === "host") {
    if (port !== undefined) return { host: address, port };
    return { problem: "It uses the host's network and does not say at which port it answers (Port=)" };
  }
  const fitting = reach.ports
    .filter(({ containerPort }) => port === undefined || containerPort === port)
    .toSorted((one, other) => one.containerPort - other.containerPort || one.hostPort - other.hostPort);
  const open = fitting.find(({ hostAddress }) => !isLoopback(hostAddress));
  if (open !== undefined) return { host: hostOf(open, address), port: open.hostPort };
  const [hidden] = fitting;
  if (hidden !== undefined) {
    return {
      problem: `Its port ${hidden.containerPort} is published on ${hidden.hostAddress} only, where no router can reach it`,
    };
  }
  return {
    problem: port === undefined ? "It publishes no TCP port" : `It does not publish its port ${port}`,
  };
}

/** `host:port` as it stands in the store, IPv6 in brackets. */
export function endpointText({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function hostOf({ hostAddress }: MappedPort, address: string): string {
  return hostAddress === undefined || hostAddress === "" || hostAddress === "0.0.0.0" || hostAddress === "::"
    ? address
    : hostAddress;
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === "::1" || address.startsWith("127."));
}
