/**
 * The Docker Engine API as this agent uses it: every call has a deadline and a signal, every failure a code.
 *
 * Requests go through dockerode's transport and not through its per-call methods: those have no deadline, mix the signal into
 * the body of some calls, and treat each status in their own way. "Not there" is a value here, and so is "already so".
 */
import Docker, {
  type ContainerCreateOptions,
  type ContainerInfo,
  type ContainerInspectInfo,
} from "dockerode";
import { withDeadline } from "./deadline.ts";
import { classify, refusalOf } from "./failure.ts";
import { jsonLines } from "./json-lines.ts";

/** A container event, as far as this agent listens. */
export interface ContainerEvent {
  readonly action: string;
  readonly id: string;
  /** The container's name at that moment; after a renaming the new one. */
  readonly name: string;
}

/** A byte stream of the daemon. It ends with an error when the connection breaks or its signal aborts. */
export type ByteStream = AsyncIterable<Buffer>;

export interface LogOptions {
  readonly follow: boolean;
  /** How many of the last lines; absent: all. */
  readonly tail?: number;
  /** Only lines from this time on. */
  readonly since?: Date;
}

/** Processor and memory of a container, as `GET /containers/{id}/stats` has them. */
export interface Usage {
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly cpuNanoseconds: number;
  readonly tasks: number;
}

interface Request {
  /** Completes "Docker did not …" and "Cannot …". */
  readonly attempt: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  /** Answers besides 2xx that are as good as success: 304 (already so), 404 (not there). */
  readonly fine?: readonly number[];
  readonly timeoutMs?: number;
}

/** Deadline of calls that only read or write the daemon's records. */
const quickMs = 10_000;
/** Deadline for making or removing a container's files, on a busy disk. */
const diskMs = 60_000;

export class DockerClient {
  readonly #docker: Docker;

  /** Connects on each call; the daemon need not be there yet. */
  constructor(socketPath: string) {
    this.#docker = new Docker({ socketPath });
  }

  /** Resolves if the daemon answers within `timeoutMs`. */
  async ping(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#call({ attempt: "answer a ping", method: "GET", path: "/_ping", timeoutMs }, signal);
  }

  /** All containers that carry this label (`name` or `name=value`), running or not. */
  async list(label: string, signal: AbortSignal): Promise<ContainerInfo[]> {
    return this.#list({ label: [label] }, signal);
  }

  /** The running containers whose name matches this regular expression of Go. */
  async listNamed(pattern: string, signal: AbortSignal): Promise<ContainerInfo[]> {
    return this.#list({ name: [pattern], status: ["running"] }, signal);
  }

  /** The running containers that publish this port of the host. */
  async publishers(port: number, signal: AbortSignal): Promise<ContainerInfo[]> {
    return this.#list({ publish: [`${port}`] }, signal);
  }

  /** What the daemon knows of a container, by id or name; undefined if there is none. */
  async inspect(id: string, signal: AbortSignal): Promise<ContainerInspectInfo | undefined> {
    const path = `/containers/${encodeURIComponent(id)}/json`;
    const attempt = `inspect container "${short(id)}"`;
    const answer = await this.#call({ attempt, method: "GET", path, fine: [404] }, signal);
    return answer as ContainerInspectInfo | undefined;
  }

  /** Creates a container and resolves to its id. */
  async create(options: ContainerCreateOptions, signal: AbortSignal): Promise<string> {
    const { name = "", ...body } = options;
    const attempt = `create container "${name}" from image "${options.Image}"`;
    const answer = await this.#call(
      { attempt, method: "POST", path: "/containers/create", query: { name }, body, timeoutMs: diskMs },
      signal,
    );
    return (answer as { Id: string }).Id;
  }

  /** Starts a container; one that runs is left alone. Resolves once its process was executed. */
  async start(id: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const path = `/containers/${id}/start`;
    const attempt = `start container "${short(id)}"`;
    await this.#call({ attempt, method: "POST", path, fine: [304], timeoutMs }, signal);
  }

  /** Sends the stop signal, after `seconds` SIGKILL, and resolves when it has ended. A stopped or missing one is fine. `Infinity` waits. */
  async stop(id: string, seconds: number, signal: AbortSignal): Promise<void> {
    const query = { t: Number.isFinite(seconds) ? Math.ceil(seconds) : -1 };
    const timeoutMs = seconds * 1_000 + diskMs;
    const path = `/containers/${id}/stop`;
    const attempt = `stop container "${short(id)}"`;
    await this.#call({ attempt, method: "POST", path, query, fine: [304, 404], timeoutMs }, signal);
  }

  /** Lets a paused container go on. One that is not paused, or gone, is fine. */
  async unpause(id: string, signal: AbortSignal): Promise<void> {
    const path = `/containers/${id}/unpause`;
    const attempt = `unpause container "${short(id)}"`;
    await this.#call({ attempt, method: "POST", path, fine: [404, 409] }, signal);
  }

  /** Removes a container with its anonymous volumes, killing it if it runs. One that is gone, or is just being removed, is fine. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const path = `/containers/${id}`;
    const query = { force: 1, v: 1 };
    const attempt = `remove container "${short(id)}"`;
    await this.#call({ attempt, method: "DELETE", path, query, fine: [404, 409], timeoutMs: diskMs }, signal);
  }

  /** True if the image is on this host. */
  async hasImage(image: string, signal: AbortSignal): Promise<boolean> {
    const path = `/images/${encodeURIComponent(image)}/json`;
    const attempt = `look for image "${image}"`;
    return (await this.#call({ attempt, method: "GET", path, fine: [404] }, signal)) !== undefined;
  }

  /** Begins to pull an image; the stream's objects tell how it goes, and also how it fails. */
  async pull(image: string, signal: AbortSignal): Promise<AsyncIterable<unknown>> {
    const attempt = `pull image "${image}"`;
    const request: Request = { attempt, method: "POST", path: "/images/create", query: { fromImage: image } };
    // The answer's head comes only after the registry's first answer, so its deadline is not that of a quick call.
    return jsonLines(await this.#stream({ ...request, timeoutMs: diskMs }, signal));
  }

  /** Subscribes to the events of the containers with this label (undefined: of all): what happens after this resolves is in the stream. */
  async events(
    label: string | undefined,
    actions: readonly string[],
    signal: AbortSignal,
  ): Promise<AsyncIterable<ContainerEvent>> {
    const labelled = label === undefined ? {} : { label: [label] };
    const filters = JSON.stringify({ type: ["container"], ...labelled, event: actions });
    const request: Request = {
      attempt: "listen to its events",
      method: "GET",
      path: "/events",
      query: { filters },
    };
    return containerEvents(await this.#stream(request, signal));
  }

  /** A container's output: multiplexed frames, or plain bytes if it has a terminal. */
  async logs(id: string, options: LogOptions, signal: AbortSignal): Promise<ByteStream> {
    const { follow, tail, since } = options;
    const query = {
      stdout: 1,
      stderr: 1,
      timestamps: 1,
      follow: follow ? 1 : 0,
      tail: tail ?? "all",
      ...(since ? { since: (since.getTime() / 1_000).toFixed(3) } : {}),
    };
    const path = `/containers/${id}/logs`;
    const attempt = `read the output of container "${short(id)}"`;
    return this.#stream({ attempt, method: "GET", path, query }, signal);
  }

  /** What a running container uses now; undefined if there is none. */
  async usage(id: string, signal: AbortSignal): Promise<Usage | undefined> {
    const path = `/containers/${id}/stats`;
    const query = { stream: 0, "one-shot": 1 };
    const attempt = `measure container "${short(id)}"`;
    const answer = await this.#call({ attempt, method: "GET", path, query, fine: [404] }, signal);
    if (answer === undefined) return undefined;
    const { memory_stats: memory, cpu_stats: cpu, pids_stats: pids } = answer as Docker.ContainerStats;
    return {
      memoryBytes: memory.usage ?? 0,
      memoryLimitBytes: memory.limit ?? 0,
      cpuNanoseconds: cpu.cpu_usage?.total_usage ?? 0,
      tasks: pids?.current ?? 0,
    };
  }

  /** The processes of a running container as `[pid, command line]`. */
  async processes(id: string, signal: AbortSignal): Promise<[pid: number, command: string][]> {
    const path = `/containers/${id}/top`;
    const attempt = `list the processes of container "${short(id)}"`;
    const query = { ps_args: "-o pid,args" };
    const answer = await this.#call({ attempt, method: "GET", path, query, fine: [404, 409] }, signal);
    const rows = (answer as { Processes?: string[][] } | undefined)?.Processes ?? [];
    return rows.map(([pid = "", ...command]) => [Number(pid), command.join(" ")]);
  }

  async #list(filters: object, signal: AbortSignal): Promise<ContainerInfo[]> {
    const query = { all: 1, filters: JSON.stringify(filters) };
    const attempt = "list its containers";
    return (await this.#call(
      { attempt, method: "GET", path: "/containers/json", query },
      signal,
    )) as ContainerInfo[];
  }

  /** One answer, parsed; undefined if its status is one of `fine`. */
  async #call(request: Request, signal: AbortSignal): Promise<unknown> {
    const { attempt, fine = [], timeoutMs = quickMs } = request;
    try {
      return await withDeadline(attempt, timeoutMs, signal, (over) => this.#dial(request, false, over));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (fine.includes(refusalOf(error)?.statusCode ?? 0)) return undefined;
      throw classify(attempt, error);
    }
  }

  /** A stream of bytes. The deadline is for its beginning, `signal` also ends it later. */
  async #stream(request: Request, signal: AbortSignal): Promise<ByteStream> {
    const { attempt, timeoutMs = quickMs } = request;
    const ended = new AbortController();
    const end = () => ended.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const leave = () => {
      signal.removeEventListener("abort", end);
      ended.abort();
    };
    try {
      const answer = await withDeadline(attempt, timeoutMs, signal, (over) => {
        over.addEventListener("abort", () => ended.abort(over.reason), { once: true });
        return this.#dial(request, true, ended.signal);
      });
      return reported(answer as AsyncIterable<Buffer>, attempt, signal, leave);
    } catch (error) {
      leave();
      if (signal.aborted) throw signal.reason;
      throw classify(attempt, error);
    }
  }

  #dial(request: Request, isStream: boolean, abortSignal: AbortSignal): Promise<unknown> {
    const { method, path, query = {}, body = {} } = request;
    const statusCodes = { 200: true, 201: true, 204: true };
    const options = { _query: query, _body: body };
    return new Promise((resolve, reject) => {
      this.#docker.modem.dial(
        { path: `${path}?`, method, options, statusCodes, isStream, abortSignal },
        (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)),
      );
    });
  }
}

/** Passes a stream on; a break has the caller's reason or a code. A reader that leaves early leaves no open connection behind. */
async function* reported(
  stream: AsyncIterable<Buffer>,
  attempt: string,
  signal: AbortSignal,
  leave: () => void,
): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    throw signal.aborted ? signal.reason : classify(attempt, error);
  } finally {
    leave();
  }
}

/** One object of `GET /events`, as far as it is read. */
interface ContainerMessage {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: { readonly name?: string } };
}

async function* containerEvents(bytes: ByteStream): AsyncGenerator<ContainerEvent> {
  for await (const event of jsonLines(bytes)) {
    const { Action: action, Actor: actor } = event as ContainerMessage;
    const id = actor?.ID;
    if (action !== undefined && id !== undefined) yield { action, id, name: actor?.Attributes?.name ?? "" };
  }
}

/** Ids are cut as `docker ps` does; names stay whole. */
function short(idOrName: string): string {
  return /^[0-9a-f]{64}$/.test(idOrName) ? idOrName.slice(0, 12) : idOrName;
}
