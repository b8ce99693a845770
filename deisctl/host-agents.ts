/** The agents' own API, reached over mutual TLS with the same certificates as etcd. */
import { readFile } from "node:fs/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { JournalRequest } from "../cluster/journal-request.ts";
import type { Machine } from "../cluster/machine.ts";
import type { HostAgents } from "../cluster/ports.ts";
import type { EtcdSettings } from "../cluster/settings.ts";

/** One agent, as the API's client offers it. */
export interface AgentClient {
  journal(unit: string, request: JournalRequest, signal: AbortSignal): AsyncIterable<string>;
  status(unit: string, signal: AbortSignal): Promise<string>;
}

/** Speaks to the agent at `url`, as a machine announces it. */
export type Connect = (address: {
  readonly url: string;
  readonly tls: { readonly ca: Buffer; readonly certificate: Buffer; readonly key: Buffer };
}) => AgentClient;

export function hostAgents(settings: EtcdSettings, connect: Connect): HostAgents {
  return {
    async *journal(machine, unit, request, signal) {
      const client = await clientOf(machine, settings, connect);
      yield* client.journal(unit, request, signal);
    },
    async status(machine, unit, signal) {
      const client = await clientOf(machine, settings, connect);
      return await client.status(unit, signal);
    },
  };
}

async function clientOf(machine: Machine, settings: EtcdSettings, connect: Connect): Promise<AgentClient> {
  const { cafile, certfile, keyfile } = settings;
  if (machine.api === undefined) {
    throw new PlatformError("no-agent-api", `The agent of ${machine.address} serves no API`, {
      hint: "Set [agent] listen in /etc/deis/agent.toml there, or look there with journalctl and docker logs",
    });
  }
  if (cafile === undefined || certfile === undefined || keyfile === undefined) {
    throw new PlatformError(
      "no-certificate",
      `Cannot ask the agent of ${machine.address} without a certificate`,
      {
        hint: "Give --etcd-cafile, --etcd-certfile and --etcd-keyfile: agents trust the same authority as etcd",
      },
    );
  }
  const [ca, certificate, key] = await Promise.all([cafile, certfile, keyfile].map((path) => readPem(path)));
  if (!ca || !certificate || !key) throw new Error("three files were read");
  return connect({ url: machine.api, tls: { ca, certificate, key } });
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new PlatformError("certificate-unreadable", `Cannot read "${path}"`, {
      cause,
      hint: "Check the certificate files and who may read them",
    });
  }
}
