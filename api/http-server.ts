/** The HTTP servers of deis-api: the limits and the watch that hold for every request, and the routes below. */
import type { TLSSocket } from "node:tls";
import { type FastifyInstance, type FastifyRequest, type FastifyServerOptions, fastify } from "fastify";
import { PlatformError } from "../cluster/errors.ts";
import { metricsType, processMetrics } from "../cluster/metrics-text.ts";
import type { HostAgents } from "../cluster/ports.ts";
import { processFacts } from "../loop/process-facts.ts";
import { Cluster, type ClusterSource } from "./cluster.ts";
import { DeisApi } from "./deis/deis-api.ts";
import { EventHub } from "./deis/event-hub.ts";
import { addDeisRoutes } from "./deis/routes.ts";
import { FleetApi } from "./fleet/fleet-api.ts";
import { PagedLists } from "./fleet/paged-lists.ts";
import { FleetRefusal } from "./fleet/refusal.ts";
import { addFleetRoutes, fleetPrefixes, redirectUnclean, sendRefusal } from "./fleet/routes.ts";
import { StopEcho } from "./fleet/stop-echo.ts";
import { mutualTls, type TlsIdentity } from "./listen.ts";
import { ApiMetrics } from "./metrics.ts";
import { refuse } from "./refuse.ts";
import { mayChange, roleOf } from "./roles.ts";
import { UnitFiles } from "./unit-files.ts";
import { UnitIndex } from "./unit-index.ts";

/** What happens, for those who report. */
export type ApiEvent =
  /** Someone asked for a change: who, and how it was answered. */
  | {
      readonly kind: "changed";
      readonly client: string;
      readonly method: string;
      readonly url: string;
      readonly status: number;
      readonly durationMs: number;
    }
  /** An answer that is our fault. */
  | { readonly kind: "failed"; readonly method: string; readonly url: string; readonly status: number };

export interface ApiServerPorts {
  readonly source: ClusterSource;
  readonly agents: HostAgents;
  /** The text of `openapi.json`. */
  readonly openapi: string;
  /** Milliseconds on a clock that does not go back. */
  readonly monotonic: () => number;
  readonly now: () => Date;
  readonly onEvent?: (event: ApiEvent) => void;
}

/** What a client may take and how long it may take; tests set others. */
export interface ApiLimits {
  /** Longest body in bytes. Default 4 MiB: etcd takes 1.5 MiB, and JSON may escape much of a file. */
  readonly bodyBytes?: number;
  /** Until all headers have come. Default 10 s. */
  readonly headersMs?: number;
  /** Until the whole request has come. Default 30 s. */
  readonly requestMs?: number;
  /** How long a connection may rest between two requests. Default 75 s: Go's client keeps one for 90 s. */
  readonly keepAliveMs?: number;
  /** Connections at a time; the next is closed at once. Default 2 000. */
  readonly connections?: number;
}

/** One server, to be listened with at one address. */
export type MakeServer = (tls?: TlsIdentity) => FastifyInstance;

/** Makes servers of the API that share mirror, index and snapshots. `closing` ends every stream. */
export function apiServers(ports: ApiServerPorts, closing: AbortSignal, limits: ApiLimits = {}): MakeServer {
  const { source, monotonic, agents, now, openapi } = ports;
  const { mirror, store } = source;
  const cluster = new Cluster(source);
  const files = new UnitFiles();
  const index = new UnitIndex(mirror);
  const lists = new PagedLists({ monotonic });
  const echo = new StopEcho({ monotonic });
  const fleet = new FleetApi({ cluster, index, files, lists, echo });
  const deis = new DeisApi({ cluster, store, index, files, agents, now });
  const hub = new EventHub(store);
  const metrics = new ApiMetrics();
  const metricsNow = () =>
    metrics.text({
      storeConnected: mirror.synced && source.outage() === undefined,
      revision: mirror.revision,
      followers: hub.followers,
      snapshots: lists.kept,
      ...(mirror.synced ? { tables: mirror.tables } : {}),
      process: processMetrics(processFacts()),
    });
  return (tls) => {
    const server = bareServer(limits, tls);
    watchRequests(server, metrics, ports);
    addFleetRoutes(server, fleet, closing);
    addDeisRoutes(server, { api: deis, hub, openapi, closing });
    server.get("/healthz", (_request, reply) => {
      const problem = source.outage() ?? (mirror.synced ? undefined : notRead());
      const { revision } = mirror;
      if (problem) return refuse(reply, problem, 503);
      return reply.send({ ok: true, revision: String(revision) });
    });
    server.get("/metrics", (_request, reply) => reply.header("content-type", metricsType).send(metricsNow()));
    server.setNotFoundHandler((_request, reply) => void sendRefusal(reply, new FleetRefusal(404)));
    return server;
  };
}

/** Counts and reports every answer, and holds readers to reading. */
function watchRequests(server: FastifyInstance, metrics: ApiMetrics, { onEvent }: ApiServerPorts): void {
  server.addHook("onRequest", (request, reply, next) => {
    if (redirectUnclean(request, reply)) return;
    if (isRead(request) || mayChange(roleOf(subjectOf(request)))) return next();
    const words = "this certificate is a reader's: it may not change anything";
    const isFleets = fleetPrefixes.some((prefix) => request.url.startsWith(prefix));
    if (isFleets) sendRefusal(reply, new FleetRefusal(403, words));
    else
      refuse(reply, new PlatformError("role-insufficient", words, { hint: "Use an operator's certificate" }));
  });
  server.addHook("onResponse", (request, reply, next) => {
    const { method, url } = request;
    const { statusCode: status } = reply.raw;
    const durationMs = Math.round(reply.elapsedTime);
    metrics.answered(method, routeOf(request), status, reply.elapsedTime / 1_000);
    if (!isRead(request))
      onEvent?.({ kind: "changed", client: clientOf(request), method, url, status, durationMs });
    if (status === 500) onEvent?.({ kind: "failed", method, url, status });
    next();
  });
}

function isRead({ method }: FastifyRequest): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/** The pattern of the path: for fleet's API the resource, without names. */
function routeOf(request: FastifyRequest): string {
  const { url = "" } = request.routeOptions;
  if (!url.endsWith("/*")) return url === "" ? "none" : url;
  const prefix = url.slice(0, -2);
  const [resource = "", item] =
    request.url
      .slice(prefix.length + 1)
      .split(/[?#]/, 1)[0]
      ?.split("/") ?? [];
  const known = ["units", "state", "machines", "discovery"].includes(resource) ? resource : "*";
  return `${prefix}/${known}${item === undefined ? "" : "/:name"}`;
}

/** Who the client is: the subject of its certificate, or whoever may write to the socket. */
function clientOf(request: FastifyRequest): string {
  return subjectOf(request)?.CN ?? "socket";
}

function subjectOf({ raw }: FastifyRequest): Readonly<Record<string, string>> | undefined {
  const socket = raw.socket as Partial<TLSSocket>;
  return socket.getPeerCertificate?.().subject as Readonly<Record<string, string>> | undefined;
}

function notRead(): PlatformError {
  return new PlatformError("store-unreachable", "The store has not been read yet", { retryable: true });
}

function bareServer(limits: ApiLimits, tls: TlsIdentity | undefined): FastifyInstance {
  const { bodyBytes = 4 << 20, headersMs = 10_000, requestMs = 30_000, keepAliveMs = 75_000 } = limits;
  // Node looks for late clients only so often.
  const http = { headersTimeout: headersMs, connectionsCheckingInterval: Math.min(1_000, headersMs) };
  const options = {
    bodyLimit: bodyBytes,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: true,
    // A client behind a proxy names the whole URL (RFC 9112, 3.2.2).
    rewriteUrl: ({ url = "" }) => url.replace(/^https?:\/\/[^/?#]*/i, "") || "/",
    routerOptions: { maxParamLength: 1_024, ignoreTrailingSlash: false },
    frameworkErrors: (_error, _request, reply) =>
      void sendRefusal(reply, new FleetRefusal(400, "invalid URL escape")),
  } satisfies FastifyServerOptions;
  // Typed as the plain server: routes do not differ.
  const server = tls
    ? (fastify({ ...options, https: { ...http, ...mutualTls(tls) } }) as unknown as FastifyInstance)
    : fastify({ ...options, http });
  server.server.maxConnections = limits.connections ?? 2_000;
  return server;
}
