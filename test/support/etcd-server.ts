/**
 * Real etcd servers for tests, on free loopback ports, each stopped by its own process id. Needs Debian's `etcd-server`; without it
 * a test fails and says how to install it, for a store that was never tried is no store.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

export interface EtcdMember {
  readonly name: string;
  readonly url: string;
  readonly peerUrl: string;
  readonly port: number;
  readonly directory: string;
  readonly args: readonly string[];
}

export interface TlsPaths {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface EtcdServerOptions {
  /** Members of the cluster. Default 1. */
  readonly members?: number;
  /** Serve clients over TLS and ask for their certificates. */
  readonly tls?: TlsPaths;
  /** Serve the version 2 API, too. */
  readonly v2?: boolean;
}

/** A cluster of etcd members that run until `stop`. */
export class EtcdServer {
  readonly members: readonly EtcdMember[];
  readonly #tls: TlsPaths | undefined;
  readonly #directory: string;
  readonly #processes = new Map<EtcdMember, ChildProcess>();

  private constructor(directory: string, members: readonly EtcdMember[], tls: TlsPaths | undefined) {
    this.#directory = directory;
    this.members = members;
    this.#tls = tls;
  }

  /** Starts all members and resolves when each of them answers as itself. */
  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const directory = await mkdtemp(join(tmpdir(), "deis-etcd-"));
    const server = new EtcdServer(directory, await planMembers(directory, options), options.tls);
    try {
      await Promise.all(server.members.map((member) => server.startMember(member)));
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Client URLs of all members. */
  get endpoints(): readonly string[] {
    return this.members.map((member) => member.url);
  }

  /** The only member of a cluster of one. */
  get member(): EtcdMember {
    const [member] = this.members;
    if (!member) throw new Error("no member");
    return member;
  }

  /** (Re)starts a member on its own data and resolves when it answers. */
  async startMember(member: EtcdMember): Promise<void> {
    const child = spawn("etcd", member.args, { stdio: ["ignore", "ignore", "pipe"] });
    const log: string[] = [];
    child.stderr?.on("data", (text) => {
      log.push(String(text));
      if (log.length > 50) log.shift();
    });
    let failure: unknown;
    child.on("error", (error) => {
      failure = error;
    });
    this.#processes.set(member, child);
    await eventually(
      async () => {
        if (failure) {
          throw new Fatal("Cannot start etcd: install it with `apt-get install etcd-server`", {
            cause: failure,
          });
        }
        if (child.exitCode !== null) throw new Fatal(`etcd ended with ${child.exitCode}: ${log.join("")}`);
        return (await this.#status(member)).name === member.name;
      },
      { within: 20_000, every: 50 },
    );
  }

  /** Sends a signal to a member: `SIGKILL` for a crash, `SIGSTOP` for a freeze. Resolves when a killed one has gone. */
  async signal(member: EtcdMember, signal: NodeJS.Signals): Promise<void> {
    const child = this.#processes.get(member);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM") await once(child, "exit");
  }

  /** The member that leads, by asking each that answers. */
  async leader(): Promise<EtcdMember> {
    return eventually(
      async () => {
        for (const member of this.members) {
          const status = await this.#status(member).catch(() => undefined);
          if (status?.leads) return member;
        }
        throw new Error("no member leads");
      },
      { within: 10_000, every: 50 },
    );
  }

  /** Stops all members and removes their data. */
  /** Figures that the one member tells of itself on /metrics, in the order of their names. Throws if it tells none of a name. */
  async metrics(...names: readonly string[]): Promise<readonly number[]> {
    const text = await (await fetch(`${this.member.url}/metrics`)).text();
    return names.map((name) => {
      const value = new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1];
      if (value === undefined) throw new Error(`etcd tells no ${name}`);
      return Number(value);
    });
  }

  async stop(): Promise<void> {
    for (const member of this.members) {
      await this.signal(member, "SIGCONT");
      await this.signal(member, "SIGKILL");
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Name and role of whoever answers at the member's address: on a shared machine it might be another's server. */
  async #status(member: EtcdMember): Promise<{ name: string; leads: boolean }> {
    const status = await etcdctl(["--endpoints", member.url, "endpoint", "status"], this.#tls);
    const [, id, , , leads] = status.split(", ");
    const list = await etcdctl(["--endpoints", member.url, "member", "list"], this.#tls);
    const row = list.split("\n").find((line) => line.startsWith(`${id}, `));
    return { name: row?.split(", ")[2] ?? "", leads: leads === "true" };
  }
}

/** Runs etcdctl (version 3 API) and resolves to what it printed. Rejects when it fails. */
export async function etcdctl(args: readonly string[], tls?: TlsPaths): Promise<string> {
  const files = tls ? ["--cacert", tls.ca, "--cert", tls.certificate, "--key", tls.key] : [];
  const child = spawn("etcdctl", [...files, "--command-timeout", "3s", ...args], {
    env: { ...process.env, ETCDCTL_API: "3" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let problem = "";
  child.stdout.on("data", (text) => {
    output += String(text);
  });
  child.stderr.on("data", (text) => {
    problem += String(text);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`etcdctl ${args.join(" ")} ended with ${code}: ${problem}`);
  return output;
}

/** No use to wait any longer. */
class Fatal extends Error {}

async function planMembers(directory: string, options: EtcdServerOptions): Promise<EtcdMember[]> {
  const count = options.members ?? 1;
  const ports = await freePorts(count * 2);
  const scheme = options.tls ? "https" : "http";
  const token = `deis-test-${process.pid}-${ports[0]}`;
  const plans = Array.from({ length: count }, (_, at) => ({
    name: `${token}-${at}`,
    port: ports[at * 2] ?? 0,
    peerUrl: `http://127.0.0.1:${ports[at * 2 + 1]}`,
  }));
  const cluster = plans.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
  return plans.map(({ name, port, peerUrl }) => {
    const url = `${scheme}://127.0.0.1:${port}`;
    const { tls } = options;
    return {
      name,
      port,
      url,
      peerUrl,
      directory: join(directory, name),
      args: [
        ["--name", name],
        ["--data-dir", join(directory, name)],
        ["--listen-client-urls", url],
        ["--advertise-client-urls", url],
        ["--listen-peer-urls", peerUrl],
        ["--initial-advertise-peer-urls", peerUrl],
        ["--initial-cluster", cluster],
        ["--initial-cluster-token", token],
        ["--log-level", "error"],
        options.v2 ? ["--enable-v2"] : [],
        tls
          ? [
              "--cert-file",
              tls.certificate,
              "--key-file",
              tls.key,
              "--trusted-ca-file",
              tls.ca,
              "--client-cert-auth",
            ]
          : [],
      ].flat(),
    };
  });
}

/** Ports below the range from which the kernel takes those of outgoing connections. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
