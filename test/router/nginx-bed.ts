/**
 * A real nginx on loopback that runs on the router's own resources: keys → rendered by deis-confd's renderer → checked by `nginx -t` →
 * pushed or reloaded, as deis-router does it. Needs Debian's nginx with its Lua and stream modules (`make setup`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import {
  type Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
} from "node:http";
import { request as secureRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import type { RendererEvent } from "../../renderer/events.ts";
import { newRenderer } from "../../renderer/new-renderer.ts";
import { findResources } from "../../renderer/resource-files.ts";
import { mergeSettings, readFlags } from "../../renderer/settings.ts";
import { fixedKeys } from "../../renderer/source.ts";
import { nginxEnvironment } from "../../router/nginx-process.ts";
import { ensureSelfMadeCertificate } from "../../router/self-made-certificate.ts";
import { digestOf } from "../../router/serving.ts";
import { freePorts } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

const home = fileURLToPath(new URL("../../router", import.meta.url));

export type Keys = Readonly<Record<string, string | undefined>>;

export interface Problem {
  readonly key: string;
  readonly message: string;
}

export interface State {
  readonly routes: string;
  readonly certs: string;
  readonly structure: string;
  readonly workers: number;
  readonly draining: readonly { readonly endpoint: string; readonly inFlight: number }[];
  readonly problems: {
    readonly routes: readonly Problem[];
    readonly certs: readonly Problem[];
    readonly structure: readonly Problem[];
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Over TLS: the common name of the certificate that was presented. */
  readonly certificate?: string;
  /** Until when that certificate is good. */
  readonly validTo?: string;
}

export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Ask over TLS with this server name. */
  readonly tls?: string | boolean;
  readonly port?: number;
  /** The address to ask from. */
  readonly from?: string;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** A server of an app, which answers with what it was asked. */
export interface Backend {
  readonly address: string;
  readonly port: number;
  /** How many requests it was asked. */
  readonly asked: () => number;
  readonly close: () => Promise<void>;
}

export class NginxBed {
  readonly directory: string;
  readonly ports: {
    readonly http: number;
    readonly https: number;
    readonly status: number;
    readonly builder: number;
  };
  /** What the renderer told in the last `set`. */
  events: RendererEvent[] = [];
  #keys = new Map<string, string>();
  #nginx: ChildProcess | undefined;
  readonly #backends: Backend[] = [];

  private constructor(directory: string, ports: NginxBed["ports"]) {
    this.directory = directory;
    this.ports = ports;
  }

  /** Starts nginx with these keys in the store. */
  static start(keys: Keys = {}): Promise<NginxBed> {
    return NginxBed.#open(keys, (bed) => bed.startNginx());
  }

  /** Starts nginx before it is given any table; `serve` gives it those of an empty store. */
  static fresh(): Promise<NginxBed> {
    return NginxBed.#open({}, async (bed) => {
      const tables = ["routes", "certs"].map((table) => bed.path(`state/${table}.json`));
      for (const table of tables) await rename(table, `${table}.later`);
      await bed.startNginx();
      for (const table of tables) await rename(`${table}.later`, table);
    });
  }

  static async #open(keys: Keys, begin: (bed: NginxBed) => Promise<void>): Promise<NginxBed> {
    const directory = await mkdtemp(join(tmpdir(), "deis-nginx-"));
    const [http = 0, https = 0, status = 0, builder = 0] = await freePorts(4);
    const bed = new NginxBed(directory, { http, https, status, builder });
    try {
      await bed.#prepare();
      bed.#merge(keys);
      await bed.render();
      await begin(bed);
    } catch (error) {
      await bed.close();
      throw error;
    }
    return bed;
  }

  /** A file of the router's, such as `state/nginx.conf`. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Changes keys (undefined removes one), renders, and has nginx serve the result. */
  async set(keys: Keys): Promise<void> {
    this.#merge(keys);
    await this.render();
    await this.serve();
  }

  /** Changes keys to exactly these. */
  async replace(keys: Keys): Promise<void> {
    this.#keys = new Map();
    await this.set(keys);
  }

  /** Renders all files of the present keys, checking as deis-confd does. */
  async render(): Promise<void> {
    const environment = this.#environment();
    Object.assign(process.env, environment);
    try {
      await this.#renderAll();
    } finally {
      // Whoever comes after must not find them.
      for (const name of Object.keys(environment)) delete process.env[name];
    }
  }

  async #renderAll(): Promise<void> {
    this.events = [];
    const settings = mergeSettings(readFlags(["-onetime", `-confdir=${this.path("conf")}`]), undefined, {});
    const { resources, problems } = await findResources(settings.confdir, settings);
    if (problems[0]) throw problems[0].error;
    const tell = (event: RendererEvent) => {
      this.events.push(event);
    };
    // Reloading is this bed's own doing, because it must wait for the reload.
    const renderer = newRenderer({ ...settings, syncOnly: false }, tell, () => undefined, {
      reload: async () => ({ output: "", failure: undefined, durationMs: 0 }),
    });
    renderer.setResources(resources);
    await renderer.pass(fixedKeys(this.#keys), AbortSignal.timeout(20_000));
  }

  /** Gives nginx what is on disk and waits until it serves that. */
  async serve(): Promise<void> {
    for (const table of ["routes", "certs"] as const) {
      const body = await readFile(this.path(`state/${table}.json`));
      const state = await this.state();
      if (state[table] !== digestOf(body)) await this.push(table, body);
    }
    const structure = digestOf(await readFile(this.path("state/nginx.conf")));
    if ((await this.state()).structure === structure) return;
    this.signal("SIGHUP");
    const workers = await eventually(
      async () => {
        const state = await this.state();
        return state.structure === structure && state.workers;
      },
      { within: 10_000 },
    );
    // The workers of before take new requests until the master's word has reached them.
    await eventually(async () => (await this.#acceptingWorkers()) === workers, { within: 10_000 });
  }

  /** How many workers have not been told to end. */
  async #acceptingWorkers(): Promise<number> {
    const titles = (await this.#workers()).map((pid) =>
      readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
    );
    return (await Promise.all(titles)).filter((title) => /worker process\0*$/.test(title)).length;
  }

  async #workers(): Promise<readonly number[]> {
    const pid = this.#nginx?.pid;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return children.trim().split(" ").map(Number);
  }

  /** PUT /routes or /certs with these bytes; resolves to nginx's answer. */
  push(table: "routes" | "certs", body: string | Buffer): Promise<Answer> {
    return this.control("PUT", `/${table}`, body);
  }

  /** One request on the control socket. */
  control(method: string, path: string, body?: string | Buffer): Promise<Answer> {
    return exchange({ socketPath: this.path("run/control.sock"), method, path, agent: false }, body);
  }

  async state(): Promise<State> {
    const { body } = await this.control("GET", "/state");
    return JSON.parse(body) as State;
  }

  /** A request for `host`. */
  ask(host: string, ask: Ask = {}): Promise<Answer> {
    const { path = "/", method = "GET", headers = {}, body, tls, port, from, agent, signal } = ask;
    const options = {
      host: "127.0.0.1",
      method,
      path,
      headers: { host, ...headers },
      agent: agent ?? false,
      ...(from === undefined ? {} : { localAddress: from }),
      ...(signal === undefined ? {} : { signal }),
    };
    if (tls === undefined || tls === false) {
      return exchange({ ...options, port: port ?? this.ports.http }, body);
    }
    const servername = typeof tls === "string" ? tls : host;
    return exchange(
      { ...options, port: port ?? this.ports.https, servername, rejectUnauthorized: false },
      body,
      true,
    );
  }

  /** A backend that answers 200 with what it was asked as JSON, or as `handler` does. */
  async backend(handler?: Parameters<typeof createServer>[1]): Promise<Backend> {
    let asked = 0;
    const server: Server = createServer((question, answer) => {
      asked += 1;
      if (handler) return void handler(question, answer);
      question.resume().on("end", () => {
        answer.setHeader("content-type", "application/json");
        answer.end(
          JSON.stringify({
            port: portOf(server),
            url: question.url,
            method: question.method,
            headers: question.headers,
          }),
        );
      });
    });
    const [port = 0] = await freePorts(1);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const backend: Backend = {
      address: `127.0.0.1:${port}`,
      port,
      asked: () => asked,
      close: async () => {
        server.closeAllConnections();
        if (server.listening) await new Promise((resolve) => server.close(resolve));
      },
    };
    this.#backends.push(backend);
    return backend;
  }

  /** Lines of the access log so far. */
  async accessLog(): Promise<readonly string[]> {
    const text = await readFile(this.path("access.log"), "utf8").catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  }

  errorLog(): Promise<string> {
    return readFile(this.path("error.log"), "utf8").catch(() => "");
  }

  signal(name: NodeJS.Signals): void {
    this.#nginx?.kill(name);
  }

  async startNginx(): Promise<void> {
    await rm(this.path("run/control.sock"), { force: true });
    const child = spawn("nginx", ["-c", this.path("state/nginx.conf"), "-g", "daemon off;"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: nginxEnvironment(),
    });
    let said = "";
    child.stderr.on("data", (text) => {
      said += String(text);
    });
    await once(child, "spawn").catch(() => {
      throw new Error("nginx is not there: run make setup");
    });
    this.#nginx = child;
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`nginx has ended: ${said}${await this.errorLog()}`);
      await this.state();
    });
  }

  /** Ends nginx at once, workers too. */
  async stopNginx(): Promise<void> {
    const child = this.#nginx;
    this.#nginx = undefined;
    if (!child || child.exitCode !== null) return;
    const over = once(child, "exit");
    child.kill("SIGTERM");
    await over;
  }

  /** Kills nginx as a crash would. */
  async killNginx(): Promise<void> {
    const child = this.#nginx;
    if (!child) return;
    const workers = await this.#workers();
    this.#nginx = undefined;
    const over = once(child, "exit");
    child.kill("SIGKILL");
    for (const pid of workers) process.kill(pid, "SIGKILL");
    await over;
  }

  async close(): Promise<void> {
    await this.stopNginx();
    await Promise.all(this.#backends.map((backend) => backend.close()));
    await rm(this.directory, { recursive: true, force: true });
  }

  /** The router's files, with this bed's directories in the place of the container's. */
  async #prepare(): Promise<void> {
    await mkdir(this.path("conf/conf.d"), { recursive: true });
    await mkdir(this.path("run"));
    await symlink(join(home, "templates"), this.path("conf/templates"));
    for (const name of await readdir(join(home, "conf.d"))) {
      const text = await readFile(join(home, "conf.d", name), "utf8");
      const here = text
        .replaceAll("/var/lib/deis-router", this.path("state"))
        .replaceAll("/run/deis-router", this.path("run"));
      await writeFile(this.path(`conf/conf.d/${name}`), here);
    }
    await ensureSelfMadeCertificate(this.path("state"));
  }

  #environment(): Readonly<Record<string, string>> {
    return {
      DEIS_ROUTER_LUA: join(home, "lua"),
      DEIS_ROUTER_STATE: this.path("state"),
      DEIS_ROUTER_RUN: this.path("run"),
      DEIS_ROUTER_HTTP_PORT: String(this.ports.http),
      DEIS_ROUTER_HTTPS_PORT: String(this.ports.https),
      DEIS_ROUTER_STATUS_PORT: String(this.ports.status),
      DEIS_ROUTER_BUILDER_PORT: String(this.ports.builder),
      DEIS_ROUTER_ACCESS_LOG: this.path("access.log"),
      DEIS_ROUTER_ERROR_LOG: this.path("error.log"),
    };
  }

  #merge(keys: Keys): void {
    for (const [key, value] of Object.entries(keys)) {
      if (value === undefined) this.#keys.delete(key);
      else this.#keys.set(key, value);
    }
  }
}

/** The keys that publish these backends for an app, as units `app_v2.web.1` and on. */
export function published(app: string, ...backends: readonly Backend[]): Keys {
  return Object.fromEntries(
    backends.map(({ address }, at) => [`/deis/services/${app}/${app}_v2.web.${at + 1}`, address]),
  );
}

function exchange(options: object, body?: string | Buffer, secure = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = (secure ? secureRequest : request)(options, (answer: IncomingMessage) => {
      const socket = answer.socket as TLSSocket;
      const { subject, valid_to } = secure ? socket.getPeerCertificate() : {};
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: text,
          ...(subject === undefined ? {} : { certificate: String(subject.CN) }),
          ...(valid_to === undefined ? {} : { validTo: valid_to }),
        });
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
