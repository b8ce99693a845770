/** The HTTP server of deis-api: the limits that hold for every request, and the routes below. */
import { type FastifyInstance, type FastifyServerOptions, fastify } from "fastify";
import { Cluster, type ClusterSource } from "./cluster.ts";
import { FleetApi } from "./fleet/fleet-api.ts";
import { PagedLists } from "./fleet/paged-lists.ts";
import { FleetRefusal } from "./fleet/refusal.ts";
import { addFleetRoutes, sendRefusal } from "./fleet/routes.ts";
import { mutualTls, type TlsIdentity } from "./listen.ts";
import { UnitFiles } from "./unit-files.ts";
import { UnitIndex } from "./unit-index.ts";

export interface ApiServerPorts {
  readonly source: ClusterSource;
  /** Milliseconds on a clock that does not go back. */
  readonly monotonic: () => number;
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

/** One server, to be listened with at one address. What its servers share is made once, by `apiServers`. */
export type MakeServer = (tls?: TlsIdentity) => FastifyInstance;

/** Makes servers of the API that share mirror, index and snapshots. `closing` ends every stream. */
export function apiServers(ports: ApiServerPorts, closing: AbortSignal, limits: ApiLimits = {}): MakeServer {
  const { source, monotonic } = ports;
  const cluster = new Cluster(source);
  const files = new UnitFiles();
  const index = new UnitIndex(source.mirror);
  const fleet = new FleetApi({ cluster, index, files, lists: new PagedLists({ monotonic }) });
  return (tls) => {
    const server = bareServer(limits, tls);
    addFleetRoutes(server, fleet, closing);
    server.setNotFoundHandler((_request, reply) => sendRefusal(reply, new FleetRefusal(404)));
    return server;
  };
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
