/** `/deis/v1` on the wire: paths, queries, conditions and types. `openapi.json` describes every one of them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PlatformError } from "../../cluster/errors.ts";
import { journalRequest } from "../journal-request.ts";
import { invalid, refuse } from "../refuse.ts";
import { inTime, requestSignal } from "../request-signal.ts";
import { readCordonBody, readMetadataBody, readUnitBody } from "./bodies.ts";
import type { Condition, DeisApi, UnitsQuery } from "./deis-api.ts";
import type { UnitEntity } from "./entities.ts";
import type { EventHub, Told } from "./event-hub.ts";
import { streamText, streamWithBeats } from "./stream.ts";

export interface DeisRoutesPorts {
  readonly api: DeisApi;
  readonly hub: EventHub;
  /** The text of `openapi.json`. */
  readonly openapi: string;
  /** Aborts when the server closes: ends every stream. */
  readonly closing: AbortSignal;
}

/** How many clients may follow events at a time. */
const mostFollowers = 200;
const longestPage = 1_000;

type Named = { Params: { name: string } };
type OfMachine = { Params: { id: string } };
type Query = Readonly<Record<string, unknown>>;

export function addDeisRoutes(server: FastifyInstance, ports: DeisRoutesPorts): void {
  server.register(
    (scope, _options, ready) => {
      scope.setErrorHandler((error, _request, reply) => void refuse(reply, error));
      scope.setNotFoundHandler((request, reply) => void refuse(reply, nowhere(request.method, request.url)));
      addUnitRoutes(scope, ports);
      addMachineRoutes(scope, ports);
      addEventRoutes(scope, ports);
      scope.get("/openapi.json", (_request, reply) => reply.type("application/json").send(ports.openapi));
      ready();
    },
    { prefix: "/deis/v1" },
  );
}

function addUnitRoutes(scope: FastifyInstance, { api, closing }: DeisRoutesPorts): void {
  const bounded = <T>(reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>) =>
    inTime(reply, closing, work);
  const endless = (reply: FastifyReply) => requestSignal(reply, closing, Number.POSITIVE_INFINITY).signal;

  scope.get("/units", async (request, reply) =>
    bounded(reply, (signal) => api.units(unitsQuery(request.query), signal)),
  );
  scope.get<Named>("/units/:name", async ({ params, headers }, reply) => {
    const unit = await bounded(reply, (signal) => api.unit(params.name, signal));
    if (headers["if-none-match"] === etag(unit)) return reply.header("etag", etag(unit)).status(304).send();
    return sendUnit(reply, unit);
  });
  scope.put<Named>("/units/:name", async (request, reply) => {
    const wish = readUnitBody(request.body);
    const { name } = request.params;
    const { isNew, unit, warnings } = await bounded(reply, (signal) =>
      api.putUnit(name, wish, condition(request), signal),
    );
    return sendUnit(reply.status(isNew ? 201 : 200), { ...unit, warnings });
  });
  scope.delete<Named>("/units/:name", async (request, reply) => {
    await bounded(reply, (signal) => api.destroy(request.params.name, condition(request), signal));
    return reply.status(204).send();
  });
  scope.post<Named>("/units/:name/restart", async (request, reply) => {
    const unit = await bounded(reply, (signal) =>
      api.restart(request.params.name, condition(request), signal),
    );
    return sendUnit(reply.status(202), unit);
  });
  scope.get<Named>("/units/:name/file", async ({ params }, reply) => {
    const { text, revision } = await bounded(reply, (signal) => api.file(params.name, signal));
    return reply.header("etag", `"${revision}"`).type("text/plain; charset=utf-8").send(text);
  });
  scope.get<Named>("/units/:name/why", async ({ params }, reply) =>
    bounded(reply, (signal) => api.why(params.name, signal)),
  );
  scope.get<Named>("/units/:name/status", async ({ params, query }, reply) => {
    const text = await bounded(reply, (signal) => api.status(params.name, textIn(query, "machine"), signal));
    return reply.type("text/plain; charset=utf-8").send(text);
  });
  scope.get<Named>("/units/:name/logs", async ({ params, query }, reply) => {
    const wanted = journalRequest(query as Query);
    const chunks = await api.logs(params.name, textIn(query, "machine"), wanted, endless(reply));
    await streamText(reply, "text/plain; charset=utf-8", chunks);
  });
  scope.get("/rebalance", async (_request, reply) => bounded(reply, (signal) => api.rebalance(signal)));
}

function addMachineRoutes(scope: FastifyInstance, { api, closing }: DeisRoutesPorts): void {
  const bounded = <T>(reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>) =>
    inTime(reply, closing, work);

  scope.get("/machines", async (_request, reply) => bounded(reply, (signal) => api.machines(signal)));
  scope.get<OfMachine>("/machines/:id", async ({ params }, reply) =>
    bounded(reply, (signal) => api.machine(params.id, signal)),
  );
  scope.patch<OfMachine>("/machines/:id", async ({ params, body }, reply) =>
    bounded(reply, (signal) => api.setMetadata(params.id, readMetadataBody(body), signal)),
  );
  scope.put<OfMachine>("/machines/:id/cordon", async ({ params, body }, reply) =>
    bounded(reply, (signal) => api.cordon(params.id, readCordonBody(body), signal)),
  );
  scope.delete<OfMachine>("/machines/:id/cordon", async ({ params }, reply) => {
    await bounded(reply, (signal) => api.uncordon(params.id, signal));
    return reply.status(204).send();
  });
}

function addEventRoutes(scope: FastifyInstance, { hub, closing }: DeisRoutesPorts): void {
  scope.get("/events", async (request, reply) => {
    const { query, headers } = request;
    const since = revisionOf(textIn(query, "since") ?? headers["last-event-id"]);
    const follow = textIn(query, "follow") ?? "true";
    if (follow !== "true" && follow !== "false") throw invalid('Parameter "follow"', follow, "true or false");
    const [unit, machine] = [textIn(query, "unit"), textIn(query, "machine")];
    if (hub.followers >= mostFollowers) throw tooMany();
    const { signal } = requestSignal(reply, closing, Number.POSITIVE_INFINITY);
    const events = chosen(await hub.open(since, follow === "true", signal), unit, machine);
    if (headers.accept?.includes("text/event-stream")) {
      await streamWithBeats(reply, "text/event-stream", asServerSent(events), ": still here\n\n");
    } else await streamText(reply, "application/x-ndjson", asLines(events));
  });
}

/** What is about this unit and this machine, as far as they are named; a gap is about everything. */
async function* chosen(
  events: AsyncIterable<Told>,
  unit: string | undefined,
  machine: string | undefined,
): AsyncGenerator<Told> {
  for await (const event of events) {
    const isIt =
      event.kind === "gap" ||
      ((unit === undefined || event.unit === unit) && (machine === undefined || event.machine === machine));
    if (isIt) yield event;
  }
}

async function* asServerSent(events: AsyncIterable<Told>): AsyncGenerator<string> {
  for await (const event of events)
    yield `id: ${event.revision}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function* asLines(events: AsyncIterable<Told>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}

function sendUnit(
  reply: FastifyReply,
  unit: UnitEntity & { readonly warnings?: readonly string[] },
): FastifyReply {
  return reply.header("etag", etag(unit)).send(unit);
}

function etag({ revision }: UnitEntity): string {
  return `"${revision}"`;
}

/** If-Match and If-None-Match as RFC 9110 has them, for the tags that we give. */
function condition({ headers }: FastifyRequest): Condition {
  const { "if-match": match, "if-none-match": noneMatch } = headers;
  if (noneMatch !== undefined) {
    if (noneMatch !== "*") throw invalid("Header If-None-Match", noneMatch, '"*", for a unit that is new');
    return "absent";
  }
  if (match === undefined) return undefined;
  const [, revision] = /^"(\d{1,19})"$/.exec(match) ?? [];
  if (revision === undefined) throw invalid("Header If-Match", match, "the ETag of the unit");
  return { revision: BigInt(revision) };
}

function unitsQuery(query: unknown): UnitsQuery {
  const [name, machine] = [textIn(query, "name"), textIn(query, "machine")];
  const pending = textIn(query, "pending") ?? "false";
  if (pending !== "true" && pending !== "false")
    throw invalid('Parameter "pending"', pending, "true or false");
  const limit = textIn(query, "limit") ?? "500";
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > longestPage) {
    throw invalid('Parameter "limit"', limit, `a whole number from 1 to ${longestPage}`);
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(machine === undefined ? {} : { machine }),
    pending: pending === "true",
    limit: Number(limit),
    after: textIn(query, "after") ?? "",
  };
}

function revisionOf(text: string | readonly string[] | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !/^\d{1,19}$/.test(text)) {
    throw invalid("The revision to go on from", text, "the revision of an event");
  }
  return BigInt(text);
}

function textIn(query: unknown, name: string): string | undefined {
  const value = (query as Query)[name];
  if (value === undefined || typeof value === "string") return value;
  throw invalid(`Parameter "${name}"`, value, "it once");
}

function nowhere(method: string, url: string): PlatformError {
  return new PlatformError("route-not-found", `There is no ${method} ${url}`, {
    hint: "GET /deis/v1/openapi.json describes what there is",
  });
}

function tooMany(): PlatformError {
  return new PlatformError("too-many-followers", `${mostFollowers} clients follow events already`, {
    hint: "Try again, or ask another host",
    retryable: true,
  });
}
