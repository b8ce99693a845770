/** A machine in memory that publishes to a store of the test's choice: an agent with its publisher, and what they said. */
import type { NamedContainer, NamedContainers } from "../../agent/named-containers.ts";
import type { ProbeTarget } from "../../agent/probe.ts";
import { publicationReader } from "../../agent/publication-reader.ts";
import { Publisher } from "../../agent/publisher.ts";
import { endpointText } from "../../agent/reach.ts";
import type { RouterPatience } from "../../agent/withdrawals.ts";
import type { Machine } from "../../cluster/machine.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import { openEndpointStore } from "../../etcd/endpoint-store.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { systemClock } from "../../loop/clock.ts";
import { MachineUnderTest, machine } from "./machine-under-test.ts";

/** Containers with names of Deis v1, as a test makes them. */
export class MemoryNamedContainers implements NamedContainers {
  readonly running = new Map<string, NamedContainer>();
  readonly #bells = new Set<() => void>();
  connected = true;
  #count = 0;

  run(name: string, hostPort: number): void {
    const ports = [{ containerPort: 5000, hostPort }];
    this.#count += 1;
    const startedAt = new Date().toISOString();
    this.running.set(name, { id: `c${this.#count}`, startedAt, reach: { kind: "mapped", ports } });
    this.ring();
  }

  end(name: string): void {
    this.running.delete(name);
    this.ring();
  }

  ring(): void {
    for (const bell of this.#bells) bell();
  }

  onChange(bell: () => void): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }
}

export class PublishingMachine extends MachineUnderTest {
  readonly client: EtcdClient;
  readonly address: string;
  readonly containers = new MemoryNamedContainers();
  /** By `host:port`: why it does not answer. What is not in it refuses; `undefined` answers. */
  readonly answers = new Map<string, string | undefined>();
  /** Every probe that was made, in order. */
  readonly probed: ProbeTarget[] = [];
  lease: string | undefined = "7001";
  runtimes: Machine["runtimes"] = ["docker", "systemd"];

  constructor(client: EtcdClient, address = "10.0.0.1") {
    super();
    this.client = client;
    this.address = address;
  }

  /** Starts an agent that publishes. */
  async publish(patience: RouterPatience = { routedMs: 2_000, drainMs: 2_000 }): Promise<void> {
    const { signal } = new AbortController();
    const runtimes = [this.systemd.runtime(), this.docker.runtime()];
    for (const runtime of runtimes) await runtime.open(signal).catch(() => undefined);
    if (this.lease !== undefined) await this.client.grantLease(this.lease, 60, {});
    const publisher = new Publisher({
      machine,
      announced: () => ({
        id: machine,
        address: this.address,
        metadata: {},
        capacity: { memoryBytes: 1, cpuMillis: 1 },
        runtimes: this.runtimes,
        version: "1",
      }),
      lease: () => this.lease,
      store: openEndpointStore(this.client, { backoff: { initialMs: 5, maxMs: 50 } }),
      runtimes,
      containers: this.containers,
      probe: async (target) => {
        this.probed.push(target);
        const at = endpointText(target);
        return this.answers.has(at) ? this.answers.get(at) : `${at} refuses connections`;
      },
      patience,
      onEvent: (event) => this.events.push(event),
      clock: systemClock,
      backoff: { initialMs: 5, maxMs: 50 },
    });
    await this.start({
      runtimes,
      publisher,
      read: (text) => {
        const file = parseUnitFile(text);
        return {
          text,
          runtime: file.has("Container") ? "docker" : "systemd",
          fence: text.includes("# fence"),
          conflictsOf: () => [],
          publicationOf: publicationReader(file, () => undefined),
        };
      },
    });
    this.placements.sync();
    this.reported.sync();
  }

  /** What stands below `/deis/services/`, by `<service>/<name>`. */
  async endpoints(): Promise<Record<string, string>> {
    const prefix = "/deis/services/";
    const { entries } = await this.client.range({ key: prefix, end: "/deis/services0" }, {});
    return Object.fromEntries(entries.map(({ key, value }) => [key.slice(prefix.length), value.toString()]));
  }

  async put(key: string, value: string, lease?: string): Promise<bigint> {
    const put = {
      kind: "put",
      key,
      value: Buffer.from(value),
      ...(lease === undefined ? {} : { lease }),
    } as const;
    const { header } = await this.client.txn({ compare: [], success: [put] }, {});
    return header.revision;
  }

  async remove(key: string): Promise<void> {
    await this.client.txn({ compare: [], success: [{ kind: "delete", range: { key } }] }, {});
  }

  /** A router that has come so far. */
  async router(name: string, revision: bigint, drained = revision): Promise<void> {
    const record = { address: "10.0.0.9", revision: `${revision}`, drained: `${drained}` };
    await this.put(`/deis/router/hosts/${name}`, JSON.stringify(record));
  }
}

/** A unit of systemd that publishes the host's port. */
export function systemdUnit(port: number, more = ""): string {
  return `[Service]\nExecStart=/bin/web\n[X-Publish]\nService=shop\nPort=${port}\n${more}`;
}
