/** A router tells how far it is, under its own lease: its record goes when the router goes, and nothing else does. */
import type { RouterRecord } from "../cluster/router-record.ts";
import { encodeRouter } from "./codec.ts";
import { routerHostKey } from "./keys.ts";
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
