/**
 * The endpoints of one machine in the store: `/deis/services/<service>/<name>` under the machine's lease.
 *
 * Every write is conditional. Two agents may run one unit for a moment while it moves, and neither may undo what the other wrote last:
 * a publication replaces only what its writer has seen, a withdrawal deletes only what hangs on the writer's own lease.
 */
import type { EndpointStore, EndpointWrite } from "../cluster/ports.ts";
import { maxConditional } from "./batch-writer.ts";
import { encodeText } from "./codec.ts";
import { endpointKey, servicesPrefix } from "./keys.ts";
import { type MirrorOptions, openMirror } from "./mirror.ts";
import type { EtcdClient, Operation } from "./protocol.ts";
import { endpointsTable, healthSettingsTable, routersTable } from "./tables.ts";

export function openEndpointStore(client: EtcdClient, options: MirrorOptions = {}): EndpointStore {
  return {
    follow: (service) => ({
      endpoints: openMirror(client, { endpoints: endpointsTable(service) }, options),
      health: openMirror(client, { settings: healthSettingsTable(service) }, options),
    }),
    followRouters: () => openMirror(client, { routers: routersTable }, options),
    onLease: async (lease, signal) => {
      const keys = await client.leaseKeys(lease, { signal });
      return keys.flatMap((key) => {
        if (!key.startsWith(servicesPrefix)) return [];
        const [service, name, ...more] = key.slice(servicesPrefix.length).split("/");
        return service && name && more.length === 0 ? [{ service, name }] : [];
      });
    },
    write: async (writes, lease, signal) => {
      let revision = 0n;
      for (let at = 0; at < writes.length; at += maxConditional) {
        const success = writes.slice(at, at + maxConditional).map((write) => operationOf(write, lease));
        const { header } = await client.txn({ compare: [], success }, { signal });
        revision = header.revision;
      }
      return revision;
    },
  };
}

function operationOf(write: EndpointWrite, lease: string): Operation {
  const key = endpointKey(write.service, write.name);
  if (write.kind === "publish") {
    return {
      kind: "when",
      compare: [{ key, target: "mod", is: "=", revision: write.over }],
      success: [{ kind: "put", key, value: encodeText(write.address), lease }],
    };
  }
  return {
    kind: "when",
    compare: [{ key, target: "lease", lease }],
    success: [{ kind: "delete", range: { key } }],
  };
}
