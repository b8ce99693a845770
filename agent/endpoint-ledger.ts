/**
 * What this machine has in the store, had there, and found there when its agent began: the memory behind the publisher's passes.
 *
 * Everything here is noted from what the store shows, never from what was written. What must survive a restart of the agent is with the
 * store, too: the endpoints hang on the machine's lease, and what was told of them stands in the units' states.
 */
import type { EndpointName } from "../cluster/ports.ts";
import type { PublishedState } from "../cluster/unit-state.ts";
import type { Candidate } from "./candidates.ts";
import { overtaken, type Stored } from "./publish.ts";

/** How the store has changed about one endpoint since it was last looked at. */
export type LedgerNews =
  | { readonly kind: "came"; readonly address: string }
  /** `elsewhere`: another machine has it now. */
  | { readonly kind: "went"; readonly elsewhere: boolean }
  | undefined;

/** What is looked at for one endpoint. */
export interface LedgerEntry {
  readonly id: string;
  readonly life?: Candidate["life"];
  readonly stored: Stored | undefined;
  /** What the unit's state in the store says of it. */
  readonly told?: PublishedState | undefined;
}

export class EndpointLedger {
  /** Addresses of ours that are in the store. */
  readonly #held = new Map<string, string>();
  /** When an endpoint of ours went. */
  readonly #removed = new Map<string, bigint>();
  /** Runs whose endpoint another machine has taken over. */
  readonly #overtaken = new Map<string, string>();
  /** Endpoints of the agent before this one, each with the run that it was first found with. */
  readonly #adopted = new Map<string, string | undefined>();
  readonly #met = new Set<string>();

  /** An endpoint that the agent before this one had in the store. */
  adopt(id: string): void {
    this.#adopted.set(id, undefined);
  }

  /** True for the run that the agent before this one had published: it is believed in until its probes say otherwise. */
  isAdopted({ id, life }: Candidate): boolean {
    if (life.kind === "unknown" || !this.#adopted.has(id)) return false;
    if (life.kind === "down") {
      this.#adopted.delete(id);
      return false;
    }
    const run = this.#adopted.get(id) ?? life.run;
    this.#adopted.set(id, run);
    return run === life.run;
  }

  /** Compares with what was noted last. `revision`: of our own withdrawal of it just now, if there was one. */
  note(entry: LedgerEntry, lease: string, revision?: bigint): LedgerNews {
    const { id, life, stored, told } = entry;
    const held = this.#held.get(id);
    const isFirst = !this.#met.has(id);
    this.#met.add(id);
    if (stored?.lease === lease) {
      this.#held.set(id, stored.address);
      this.#removed.delete(id);
      this.#overtaken.delete(id);
      return held === stored.address ? undefined : { kind: "came", address: stored.address };
    }
    if (stored === undefined) this.#overtaken.delete(id);
    const isLost = held === undefined ? isFirst && told?.problem === overtaken : held !== stored?.address;
    if (stored !== undefined && isLost && life?.kind === "up") this.#overtaken.set(id, life.run);
    if (held === undefined) return undefined;
    this.#held.delete(id);
    this.#removed.set(id, revision ?? stored?.revision ?? 0n);
    return { kind: "went", elsewhere: stored !== undefined };
  }

  /** True if another machine has taken over what this run had published. */
  isOvertaken({ id, life }: Candidate): boolean {
    return life.kind === "up" && this.#overtaken.get(id) === life.run;
  }

  /** The revision at which an endpoint of ours went; 0 if none did, as far as is known. */
  removedAt(id: string): bigint {
    return this.#removed.get(id) ?? 0n;
  }

  /** The endpoints of ours that are in the store, by id. */
  held(): Iterable<string> {
    return this.#held.keys();
  }

  /** Forgets what nobody asks about any more. */
  retain(isKnown: (id: string) => boolean): void {
    for (const known of [this.#held, this.#removed, this.#overtaken, this.#adopted, this.#met])
      for (const id of known.keys()) if (!isKnown(id)) known.delete(id);
  }
}

/** One endpoint as one word. */
export function idOf({ service, name }: EndpointName): string {
  return `${service}/${name}`;
}

export function endpointOf(id: string): EndpointName {
  const slash = id.indexOf("/");
  return { service: id.slice(0, slash), name: id.slice(slash + 1) };
}
