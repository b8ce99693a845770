/** A router tells how far it is, under its own lease: its record goes when the router goes, and nothing else does. */
import { hasCode } from "../cluster/errors.ts";
import type { RouterRecord } from "../cluster/router-record.ts";
import { decodeRouter, encodeRouter } from "./codec.ts";
import { rangeOf, routerHostKey, routerHostsPrefix } from "./keys.ts";
import type { Lease } from "./lease-session.ts";
import type { EtcdClient } from "./protocol.ts";

/**
 * Writes the record of the machine's router. Idempotent. A record of the router before this one is replaced, whatever it hangs on.
 * Rejects with `lease-not-found` when `lease` has ended.
 */
export async function announceRouter(
  client: EtcdClient,
  lease: Lease,
  machine: string,
  record: RouterRecord,
  signal: AbortSignal,
): Promise<void> {
  const put = {
    kind: "put",
    key: routerHostKey(machine),
    value: encodeRouter(record),
    lease: lease.id,
  } as const;
  await client.txn({ compare: [], success: [put] }, { signal });
}

/** The routers that are alive, with their machines, sorted by these. One whose record cannot be read is left out. */
export async function liveRouters(
  client: EtcdClient,
  signal: AbortSignal,
): Promise<readonly (RouterRecord & { readonly machine: string })[]> {
  const { entries } = await client.range(rangeOf(routerHostsPrefix), { signal });
  return entries.flatMap(({ key, value }) => {
    try {
      return [{ machine: key.slice(routerHostsPrefix.length), ...decodeRouter(value, key) }];
    } catch (error) {
      if (hasCode(error, "record-unreadable")) return [];
      throw error;
    }
  });
}
