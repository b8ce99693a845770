/**
 * A machine announces itself under its lease, so that its key goes when the machine goes.
 *
 * Two live hosts with one machine id (cloned images) would fight over the same units, so an id held by another live lease is refused.
 * A lease whose holder has been silent for 2/3 of its TTL is not live: by the rule of `lease-session.ts` its holder has stopped believing in
 * it. That is this very host before it was rebooted or lost its `/run`: the record goes over to the new lease, so that the machine is never
 * away, and what else hangs on the old lease goes with it.
 */
import { PlatformError } from "../cluster/errors.ts";
import type { Machine } from "../cluster/machine.ts";
import { type Clock, systemClock } from "../loop/clock.ts";
import { encodeMachine } from "./codec.ts";
import { machineKey } from "./keys.ts";
import type { Lease } from "./lease-session.ts";
import type { EtcdClient, KeyValue } from "./protocol.ts";

/**
 * Writes the machine's record on `lease`. Idempotent: call it again when the record or the lease changed; writes nothing when the store
 * has it already. Rejects with `machine-id-taken` when another live host holds the id, with `lease-not-found` when `lease` has
 * ended. May wait for the TTL of the former holder.
 */
export async function announceMachine(
  client: EtcdClient,
  lease: Lease,
  machine: Machine,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const key = machineKey(machine.id);
  const value = encodeMachine(machine);
  for (;;) {
    const { entries } = await client.range({ key }, { signal });
    const holder = entries[0];
    if (holder?.lease === lease.id && holder.value.equals(value)) return;
    const other = holder !== undefined && holder.lease !== lease.id;
    if (other && (await outlive(client, holder, machine.id, clock, signal)) === "ended") continue;
    const { succeeded } = await client.txn(
      {
        compare: [
          holder
            ? { key, target: "lease", lease: holder.lease }
            : { key, target: "create", is: "=", revision: 0n },
        ],
        success: [{ kind: "put", key, value, lease: lease.id }],
      },
      { signal },
    );
    if (!succeeded) continue;
    if (other) await client.revokeLease(holder.lease, { signal });
    return;
  }
}

/** Waits until the holder's lease has ended, or its holder counts as silent. */
async function outlive(
  client: EtcdClient,
  holder: KeyValue,
  machine: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<"ended" | "silent"> {
  let leftBefore = Number.POSITIVE_INFINITY;
  const began = clock.monotonic();
  for (;;) {
    const life = await client.timeToLive(holder.lease, { signal });
    if (!life) {
      await dropLeaseless(client, holder, signal);
      return "ended";
    }
    const watchedMs = clock.monotonic() - began;
    if (life.left > leftBefore || watchedMs > life.granted * 1_000 + 1_000) throw taken(holder, machine);
    leftBefore = life.left;
    // The server rounds what is left down to whole seconds, so the silence is at least this long less one second.
    const silent = life.granted - life.left - 1;
    if (silent >= (life.granted * 2) / 3) return "silent";
    await clock.sleep(Math.min(1_000, (life.granted * 1_000) / 12), signal);
  }
}

/** A record without a lease was written by hand; it holds nothing. */
async function dropLeaseless(client: EtcdClient, holder: KeyValue, signal: AbortSignal): Promise<void> {
  if (holder.lease !== "0") return;
  const { key, modRevision } = holder;
  await client.txn(
    {
      compare: [{ key, target: "mod", is: "=", revision: modRevision }],
      success: [{ kind: "delete", range: { key } }],
    },
    { signal },
  );
}

function taken(holder: KeyValue, machine: string): PlatformError {
  const address = /"address":"([^"]*)"/.exec(holder.value.toString("utf8"))?.[1] ?? "unknown";
  return new PlatformError(
    "machine-id-taken",
    `Cannot announce machine "${machine}": another live host has this id, at ${address}`,
    {
      hint: "Give one of them a new id: `rm /etc/machine-id && systemd-machine-id-setup`, then restart its agent",
      retryable: true,
    },
  );
}
