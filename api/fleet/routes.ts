/**
 * fleet's API on the wire: which path and method is what, and answers byte for byte as Go's server gave them: no charset, no newline at
 * the end, an empty body for 201 and 204, a type even on the 204 of a patch.
 */
import { posix } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { describeError, isRetryable } from "../../cluster/errors.ts";
import { inTime } from "../request-signal.ts";
import { discovery } from "./discovery.ts";
import type { FleetApi } from "./fleet-api.ts";
import { goJson } from "./go-json.ts";
import { FleetRefusal } from "./refusal.ts";

/** Both were served from one code: the first name is of before 1.0. */
export const fleetPrefixes = ["/fleet/v1", "/v1-alpha"] as const;

interface Asked {
  readonly method: string;
  /** Below the prefix, decoded: `/units/web.service`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** How often the request named a type, and the type it named first. */
  readonly contentTypes: readonly string[];
  readonly body: string;
}

interface Answer {
  readonly status: number;
  /** Absent: no body. A text is sent as it stands. */
  readonly entity?: object | string;
  /** Says `application/json` even without a body. */
  readonly typed?: boolean;
}

/** Serves fleet's API below its prefixes, and fleetd's answers to everything that is nowhere. */
export function addFleetRoutes(server: FastifyInstance, api: FleetApi, closing: AbortSignal): void {
  server.register((scope, _options, ready) => {
    // Bodies are read whatever type they claim, also one that is no type: the answer to a wrong type is fleet's own.
    scope.addHook("onRequest", (request, _reply, next) => {
      if (request.headers["content-type"] !== undefined) request.headers["content-type"] = "application/json";
      next();
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, _request, reply) => void send(reply, refusalAnswer(error)));
    for (const prefix of fleetPrefixes) {
      for (const url of [prefix, `${prefix}/*`]) {
        scope.all(url, { exposeHeadRoute: false }, (request, reply) =>
          serve(api, prefix, request, reply, closing),
        );
      }
    }
    scope.all("/", { exposeHeadRoute: false }, (_request, reply) =>
      send(reply, refusalAnswer(new FleetRefusal(405))),
    );
    ready();
  });
}

/** Sends a client with a path like `//fleet/v1/units` to the clean one, as Go's server does; true if it did. */
export function redirectUnclean(request: FastifyRequest, reply: FastifyReply): boolean {
  const [path = "", query] = splitOnce(request.raw.url ?? "", "?");
  const clean = posix.normalize(path);
  if (clean === path || !path.startsWith("/")) return false;
  const location = query === undefined ? clean : `${clean}?${query}`;
  reply.hijack();
  reply.raw.writeHead(301, { Location: location, Server: "fleetd/1.0.0", "Content-Length": "0" }).end();
  return true;
}

/** An answer in fleetd's form to what no route has taken. */
export function sendRefusal(reply: FastifyReply, refusal: FleetRefusal): FastifyReply {
  return send(reply, refusalAnswer(refusal));
}

async function serve(
  api: FleetApi,
  prefix: string,
  request: FastifyRequest,
  reply: FastifyReply,
  closing: AbortSignal,
): Promise<FastifyReply> {
  try {
    return send(reply, await inTime(reply, closing, (signal) => answer(api, asked(prefix, request), signal)));
  } catch (error) {
    return send(reply, refusalAnswer(error));
  }
}

async function answer(api: FleetApi, request: Asked, signal: AbortSignal): Promise<Answer> {
  const { method, path, query } = request;
  const [, resource = "", item, ...deeper] = path.split("/");
  if (path === "") throw new FleetRefusal(405);
  if (item === "" || deeper.length > 0) throw new FleetRefusal(404);
  switch (`${resource}${item === undefined ? "" : "/"}`) {
    case "units":
      if (method !== "GET") throw new FleetRefusal(405, "only GET supported against this resource");
      return { status: 200, entity: await api.units(query, signal) };
    case "units/":
      return await unitAnswer(api, request, item ?? "", signal);
    case "state":
    case "state/":
      if (method !== "GET") throw new FleetRefusal(405, "only GET supported against this resource");
      return { status: 200, entity: await (item ? api.state(item, signal) : api.states(query, signal)) };
    case "machines":
      if (method === "PATCH") {
        await api.patchMachines(request.body, signal);
        return { status: 204, typed: true };
      }
      if (method !== "GET") throw new FleetRefusal(405, "only GET and PATCH supported against this resource");
      return { status: 200, entity: await api.machines(query, signal) };
    case "discovery":
      if (method !== "GET") throw new FleetRefusal(400, "only HTTP GET supported against this resource");
      return { status: 200, entity: discovery };
    default:
      throw new FleetRefusal(404);
  }
}

async function unitAnswer(
  api: FleetApi,
  { method, contentTypes, body }: Asked,
  name: string,
  signal: AbortSignal,
): Promise<Answer> {
  switch (method) {
    case "GET":
      return { status: 200, entity: await api.unit(name, signal) };
    case "DELETE":
      await api.deleteUnit(name, signal);
      return { status: 204 };
    case "PUT":
      refuseOtherTypes(contentTypes);
      return { status: (await api.putUnit(name, body, signal)) ? 201 : 204 };
    default:
      throw new FleetRefusal(405, "only GET, PUT and DELETE supported against this resource");
  }
}

const wrongType = "only acceptable Content-Type is application/json";

function refuseOtherTypes(types: readonly string[]): void {
  if (types.length !== 1) throw new FleetRefusal(415, `expected 1 Content-Type, got ${types.length}`);
  const [type = ""] = (types[0] ?? "").split(";");
  if (type.trim() !== "application/json") {
    throw new FleetRefusal(415, wrongType);
  }
}

function asked(prefix: string, request: FastifyRequest): Asked {
  const { method, body, raw } = request;
  const [path = "", query = ""] = splitOnce(raw.url ?? "", "?");
  return {
    method,
    path: decodePath(path).slice(prefix.length),
    query: new URLSearchParams(query),
    contentTypes: headerValues(raw.rawHeaders, "content-type"),
    body: Buffer.isBuffer(body) ? body.toString("utf8") : "",
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new FleetRefusal(400, "invalid URL escape", { cause });
  }
}

/** Every value of a header: Node itself keeps the first of those that may occur but once. */
function headerValues(rawHeaders: readonly string[], name: string): readonly string[] {
  const values: string[] = [];
  for (const [at, header] of rawHeaders.entries()) {
    if (at % 2 === 0 && header.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? "");
  }
  return values;
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function refusalAnswer(error: unknown): Answer {
  const { status, message } = refusalOf(error);
  return { status, entity: { error: { code: status, message } } };
}

function refusalOf(error: unknown): FleetRefusal {
  if (error instanceof FleetRefusal) return error;
  if (isRetryable(error)) return new FleetRefusal(503, "fleet server unable to communicate with etcd");
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (status === 413) return new FleetRefusal(413, "request body is too large");
  if (status === 415) return new FleetRefusal(415, wrongType);
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new FleetRefusal(status, describeError(error));
  }
  return new FleetRefusal(500, describeError(error));
}

/** Writes past fastify, which knows better than fleetd what a 204 should say. */
function send(reply: FastifyReply, { status, entity, typed }: Answer): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  if (raw.destroyed || raw.headersSent) return reply;
  raw.statusCode = status;
  raw.setHeader("Server", "fleetd/1.0.0");
  if (entity !== undefined || typed) raw.setHeader("Content-Type", "application/json");
  if (entity === undefined) {
    if (status !== 204) raw.setHeader("Content-Length", "0");
    raw.end();
    return reply;
  }
  const body = Buffer.from(typeof entity === "string" ? entity : goJson(entity), "utf8");
  raw.setHeader("Content-Length", String(body.length));
  raw.end(body);
  return reply;
}
