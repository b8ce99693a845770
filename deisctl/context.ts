/**
 * The composition root: turns global flags, environment and the settings file into a command's context. The only file of
 * deisctl that knows where the cluster is kept; everything heavy is imported when a command first asks for it.
 */
import { PlatformError } from "../cluster/errors.ts";
import type { EtcdSettings } from "../cluster/settings.ts";
import type { CommandContext, Io, LocalFiles } from "./command.ts";
import { type GlobalFlags, type GlobalSettings, globalSettings, mergeEtcd } from "./global-flags.ts";

const defaultSettingsFile = "/etc/deis/agent.toml";

export interface Surroundings {
  readonly io: Io;
  readonly files: LocalFiles;
  readonly signal: AbortSignal;
}

/** A context for one command and what closes it. Nothing is connected before the command asks. */
export async function openContext(
  flags: GlobalFlags,
  surroundings: Surroundings,
): Promise<{ readonly context: CommandContext; close(): Promise<void> }> {
  const { files, signal } = surroundings;
  const settings = globalSettings(flags, files.env);
  const io = settings.color ? surroundings.io : { ...surroundings.io, color: false };
  const etcd = once(async () => mergeEtcd(settings, await fileSettings(settings, files)));
  const client = once(async () => {
    const { openEtcd } = await import("../etcd/client.ts");
    return withTimeout(await openEtcd(await etcd()), settings.requestTimeoutMs);
  });
  const cluster = once(async () => {
    const { openClusterStore } = await import("../etcd/cluster-store.ts");
    return openClusterStore(await client());
  });
  const config = once(async () => {
    const { openConfigStore } = await import("../etcd/config-store.ts");
    return openConfigStore(await client());
  });
  const context: CommandContext = {
    io,
    output: settings.output,
    signal,
    files,
    now: () => new Date(),
    cluster,
    config,
    agents: async () => {
      const { hostAgents } = await import("./host-agents.ts");
      const { agentClient } = await import("../api/client.ts");
      return hostAgents(await etcd(), agentClient);
    },
    ask: async (question) => {
      const { askAtTerminal } = await import("./ask-at-terminal.ts");
      return await askAtTerminal(question, signal);
    },
    routers: async () => {
      const { httpRouters } = await import("./routers.ts");
      const { liveRouters } = await import("../etcd/router-presence.ts");
      return httpRouters(async (wanted) => liveRouters(await client(), wanted));
    },
    runProgram: async (program, args) => {
      const { runProgram } = await import("./run-program.ts");
      return await runProgram(program, args);
    },
  };
  return {
    context,
    close: async () => {
      // One that could not be opened has nothing to close, and the command has told why.
      const opened = client.started ? await client().catch(() => undefined) : undefined;
      await opened?.close();
    },
  };
}

/** Calls `make` at the first call and gives every caller its promise. */
function once<T>(make: () => Promise<T>): (() => Promise<T>) & { readonly started: boolean } {
  let made: Promise<T> | undefined;
  const get = (): Promise<T> => (made ??= make());
  return Object.defineProperty(get, "started", { get: () => made !== undefined }) as typeof get & {
    started: boolean;
  };
}

/** `[etcd]` of the settings file; undefined if the default file is not there. A file named by hand must be. */
async function fileSettings(settings: GlobalSettings, files: LocalFiles): Promise<EtcdSettings | undefined> {
  const path = settings.configFile ?? defaultSettingsFile;
  // Given by hand completely, the host's file has nothing to add; it may not even be readable for this user.
  const complete =
    settings.endpoints !== undefined && (settings.keyfile !== undefined || !needsTls(settings));
  if (complete && settings.configFile === undefined) return undefined;
  const text = await files.read(path);
  if (text === undefined && settings.configFile === undefined) return undefined;
  if (text === undefined) {
    throw new PlatformError("settings-missing", `Cannot read the settings file "${path}"`, {
      hint: "Correct --config or DEISCTL_CONFIG",
    });
  }
  const { parseSettings } = await import("../cluster/settings.ts");
  return parseSettings(text, path).etcd;
}

function needsTls(settings: GlobalSettings): boolean {
  return settings.endpoints?.some((endpoint) => endpoint.startsWith("https://")) ?? true;
}

type EtcdClient = Awaited<ReturnType<typeof import("../etcd/client.ts")["openEtcd"]>>;

/** The same client with the operator's patience for each call. */
function withTimeout(client: EtcdClient, timeoutMs: number): EtcdClient {
  return {
    endpoints: client.endpoints,
    range: (range, options) => client.range(range, { timeoutMs, ...options }),
    txn: (txn, limits) => client.txn(txn, { timeoutMs, ...limits }),
    watch: (range, fromRevision, handler, signal) => client.watch(range, fromRevision, handler, signal),
    grantLease: (id, ttlSeconds, limits) => client.grantLease(id, ttlSeconds, { timeoutMs, ...limits }),
    keepAlive: (id, limits) => client.keepAlive(id, { timeoutMs, ...limits }),
    revokeLease: (id, limits) => client.revokeLease(id, { timeoutMs, ...limits }),
    timeToLive: (id, limits) => client.timeToLive(id, { timeoutMs, ...limits }),
    leaseKeys: (id, limits) => client.leaseKeys(id, { timeoutMs, ...limits }),
    close: () => client.close(),
  };
}
