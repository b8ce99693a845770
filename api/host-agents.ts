/** The agents of other hosts, asked over mutual TLS with this host's certificate. */
import { PlatformError } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";
import type { HostAgents } from "../cluster/ports.ts";
import { type AgentClient, agentClient } from "./client.ts";
import type { TlsIdentity } from "./listen.ts";

export function hostAgents(tls: TlsIdentity | undefined): HostAgents {
  const clientOf = (machine: Machine): AgentClient => {
    if (machine.api === undefined || tls === undefined) {
      const why = tls === undefined ? "this host has no certificate" : "its agent serves no API";
      throw new PlatformError("no-agent-api", `Cannot ask the agent of ${machine.address}: ${why}`, {
        hint: "Set listen in [agent] and the certificates in [etcd] of /etc/deis/agent.toml on every host",
      });
    }
    return agentClient({ url: machine.api, tls });
  };
  return {
    async *journal(machine, unit, request, signal) {
      yield* clientOf(machine).journal(unit, request, signal);
    },
    status: async (machine, unit, signal) => await clientOf(machine).status(unit, signal),
  };
}
