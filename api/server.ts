/**
 * The agent's own API: what only the host itself knows about its units.
 *
 * On a unix socket for root, and where asked for on TCP, there with mutual TLS only: who has no certificate of the cluster's CA
 * gets no answer at all. Errors are `{"error":{"code","message","hint"}}`.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type FastifyInstance, fastify } from "fastify";
import { PlatformError } from "../cluster/errors.ts";
import { metricsType } from "../cluster/metrics-text.ts";
import { journalRequest } from "./journal-request.ts";
import { type ApiAddress, listen, mutualTls, type TlsIdentity } from "./listen.ts";
import type { ApiPorts } from "./ports.ts";
import { refuse } from "./refuse.ts";
import { inTime, requestSignal } from "./request-signal.ts";

export interface ServedApi {
  /** A path, or `https://host:port`. */
  readonly at: string;
  /** Ends every stream and closes. */
  close(): Promise<void>;
}

/** Serves the API at one address. Rejects with `api-listen-failed`. */
export async function serveApi(ports: ApiPorts, address: ApiAddress): Promise<ServedApi> {
  const server = address.kind === "tcp" ? httpsServer(address.tls) : fastify({ forceCloseConnections: true });
  const closing = new AbortController();
  addRoutes(server, ports, closing.signal);
  const at = await listen(server, address, {
    what: "the agent's API",
    hint: "Set listen in [agent] of /etc/deis/agent.toml to an address of this host and a free port",
  });
  return {
    at,
    close: async () => {
      closing.abort(new Error("the agent is stopping"));
      await server.close();
    },
  };
}

/** Typed as the plain server: routes do not differ. */
function httpsServer(tls: TlsIdentity): FastifyInstance {
  return fastify({ forceCloseConnections: true, https: mutualTls(tls) }) as unknown as FastifyInstance;
}

function addRoutes(server: FastifyInstance, ports: ApiPorts, closing: AbortSignal): void {
  server.setErrorHandler((error, _request, reply) => void refuse(reply, error));
  server.setNotFoundHandler(
    (request, reply) =>
      void refuse(reply, new PlatformError("route-not-found", `There is nothing at "${request.url}"`), 404),
  );
  server.get("/healthz", async (_request, reply) => {
    const health = ports.health();
    return reply.status(health.ok ? 200 : 503).send(health);
  });
  server.get("/metrics", (_request, reply) =>
    reply.header("content-type", metricsType).send(ports.metrics()),
  );
  server.get<{ Params: { name: string } }>("/v1/units/:name/status", async (request, reply) => {
    const text = await inTime(reply, closing, (signal) => ports.logs.status(request.params.name, signal));
    return reply.type("text/plain; charset=utf-8").send(text);
  });
  server.get<{ Params: { name: string }; Querystring: Record<string, unknown> }>(
    "/v1/units/:name/journal",
    async (request, reply) => {
      const wanted = journalRequest(request.query);
      const { signal } = requestSignal(reply, closing, Number.POSITIVE_INFINITY);
      const chunks = await ports.logs.journal(request.params.name, wanted, signal);
      // Sent by hand: a follower must see the headers at once, even if nothing is written for hours.
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
      reply.raw.flushHeaders();
      // An error on the way cuts the answer short, so that the client does not take it for complete.
      await pipeline(Readable.from(chunks, { objectMode: false }), reply.raw).catch(() =>
        reply.raw.destroy(),
      );
    },
  );
}
