/**
 * The routers, with real nginx and a real etcd on this machine's loopback.
 *
 * - An endpoint changed to requests going there by every one of two routers, and to both having vouched for it, among 1,000 apps of
 *   three endpoints. Beside it: when a bare watch has seen the change.
 * - A key changed to the file that the router's own templates make of all.
 * - Reloads of nginx: of 50 changes of its structure within 5 s, and of all the changes of endpoints before.
 * - Requests per second of keep-alive clients, and the processor time of nginx's workers for each, against a hand-written nginx with
 *   upstream keep-alive that logs the same in the same way and gives the backend the same headers (the backend's reading of them is
 *   time that both share). Once as nginx is by itself, which closes a client's connection after a thousand requests, and once with as
 *   much patience as the router has. Rounds alternate in which comes first, so that a noisy machine is noisy for all.
 */
import { mkdtemp } from "node:fs/promises";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openEtcd } from "../etcd/client.ts";
import { openMirror } from "../etcd/mirror.ts";
import type { EtcdClient, Operation } from "../etcd/protocol.ts";
import { routersTable } from "../etcd/tables.ts";
import { BareWatch } from "./bare-watch.ts";
import type { Benchmark, Tell } from "./figure.ts";
import { FileSight } from "./file-sight.ts";
import { withLoopbackEtcd } from "./loopback-etcd.ts";
import { each, median } from "./measure.ts";
import { BareNginx, BenchRouter, clear, requestsPerSecond } from "./router-bed.ts";

export const benchmark: Benchmark = {
  about: "Endpoint changed to served, reloads, and requests per second against a hand-written nginx.",
  run: ({ quick }, tell) =>
    withLoopbackEtcd(async (url) => {
      const directory = await mkdtemp(join(tmpdir(), "deis-bench-router-"));
      const client = await openEtcd({ endpoints: [url] });
      const routers = await Promise.all(
        [1, 2].map((number) => BenchRouter.start(number, url, join(directory, `router-${number}`))),
      );
      try {
        const bed: Bed = { client, routers, directory, quick, tell };
        await fill(client, 0, 250);
        await rendered(bed, "1,000 keys", "≤ 15 ms");
        await fill(client, 250, 1_000);
        await served(bed);
        await fill(client, 1_000, 2_500);
        await rendered(bed, "10,000 keys", "≤ 60 ms");
        await reloads(bed);
        await throughput(bed);
      } finally {
        await Promise.all(routers.map((router) => router.stop()));
        await client.close();
        await clear(directory);
      }
    }),
};

interface Bed {
  readonly client: EtcdClient;
  readonly routers: readonly BenchRouter[];
  readonly directory: string;
  readonly quick: boolean;
  readonly tell: Tell;
}

/** Apps of three endpoints each: four keys an app. */
async function fill(client: EtcdClient, from: number, to: number): Promise<void> {
  const batches = Array.from({ length: (to - from) / 25 }, (_, at) => from + at * 25);
  await each(batches, 4, (first) => {
    const success = Array.from({ length: 25 }, (_, at): Operation[] => {
      const app = `app-${first + at}`;
      const endpoints = [1, 2, 3].map((unit) =>
        put(`/deis/services/${app}/${app}_v2.web.${unit}`, `10.1.${(first + at) % 256}.${unit}:8080`),
      );
      return [put(`/deis/cluster/apps/${app}`, "{}"), ...endpoints];
    });
    return client.txn({ compare: [], success: success.flat() }, {});
  });
}

function put(key: string, value: string): Operation {
  return { kind: "put", key, value: Buffer.from(value) };
}

async function rendered({ client, routers, quick, tell }: Bed, size: string, goal: string): Promise<void> {
  const [router] = routers;
  if (router === undefined) return;
  const key = "/deis/services/app-0/app-0_v2.web.1";
  const sight = new FileSight(router.state, join(router.state, "routes.json"));
  const bare = new BareWatch(client, key);
  try {
    const [ours, peer]: [number[], number[]] = [[], []];
    for (let round = 0; round < (quick ? 10 : 50) + 5; round += 1) {
      const value = `10.9.9.9:${10_000 + round}`;
      const event = bare.next();
      const began = performance.now();
      const sent = client.txn({ compare: [], success: [put(key, value)] }, {});
      await sight.shows(value);
      const took = performance.now() - began;
      await sent;
      if (round >= 5) {
        ours.push(took);
        peer.push((await event) - began);
      }
      // Long enough for all of the last change to be over, in nginx too.
      await delay(150);
    }
    tell({
      name: `put to the router's table on disk, ${size}, median`,
      ours: { value: median(ours), unit: "ms" },
      against: { name: "bare watch", value: median(peer) },
      goal,
      note: spread(ours),
    });
  } finally {
    sight.close();
    await bare.close();
  }
}

async function served({ client, routers, quick, tell }: Bed): Promise<void> {
  const backends = [await answering("a"), await answering("b")];
  const mirror = openMirror(client, { routers: routersTable });
  const agent = new Agent({ keepAlive: true });
  const key = "/deis/services/probe/probe_v2.web.1";
  const bare = new BareWatch(client, key);
  const before = routers.reduce((sum, router) => sum + router.reloads, 0);
  try {
    await client.txn({ compare: [], success: [put("/deis/cluster/apps/probe", "{}")] }, {});
    const [ours, acknowledged, peer]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < (quick ? 20 : 300) + 5; round += 1) {
      const backend = backends[round % 2];
      if (backend === undefined) break;
      const event = bare.next();
      const began = performance.now();
      const sent = client.txn({ compare: [], success: [put(key, backend.address)] }, {});
      const all = Promise.all(routers.map(({ port }) => answers(agent, port, backend.name)));
      const { header } = await sent;
      const vouched = reached(mirror, routers.length, header.revision).then(() => performance.now() - began);
      await all;
      const took = performance.now() - began;
      if (round >= 5) {
        ours.push(took);
        acknowledged.push(await vouched);
        peer.push((await event) - began);
      }
      await vouched;
      await delay(20);
    }
    const against = { name: "bare watch", value: median(peer) };
    const note = "two routers, 1,000 apps × 3 endpoints";
    tell({
      name: "endpoint changed to served by all routers, p50",
      ours: { value: median(ours), unit: "ms" },
      against,
      goal: "≤ 100 ms",
      note: `${note}; vouched for by all after ${median(acknowledged).toFixed(1)} ms`,
    });
    tell({
      name: "endpoint changed to served by all routers, p99",
      ours: { value: part(ours, 0.99), unit: "ms" },
      goal: "≤ 500 ms",
      note: `${spread(ours)}; vouched for: p99 ${part(acknowledged, 0.99).toFixed(1)} ms`,
    });
    tell({
      name: "reloads of nginx by those changes",
      ours: { value: routers.reduce((sum, router) => sum + router.reloads, 0) - before, unit: "reloads" },
      goal: "0",
    });
  } finally {
    await client.txn({ compare: [], success: [{ kind: "delete", range: { key } }] }, {});
    agent.destroy();
    await bare.close();
    await mirror.close();
    for (const backend of backends) backend.close();
  }
}

/** Resolves once a request through the router is answered by the backend of this name. */
async function answers(agent: Agent, port: number, name: string): Promise<void> {
  for (;;) {
    if ((await ask(agent, port, "probe.example.com")) === name) return;
    await delay(1);
  }
}

function ask(agent: Agent, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ agent, host: "127.0.0.1", port, headers: { host } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => resolve(text));
      answer.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}

/** Resolves once so many routers say that they serve this revision. */
async function reached(
  mirror: ReturnType<typeof openMirror<{ routers: import("../cluster/router-record.ts").RouterRecord }>>,
  count: number,
  revision: bigint,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = () => {
      const records = [...mirror.tables.routers.entries()];
      if (records.filter(([, record]) => record.revision >= revision).length < count) return;
      end();
      resolve();
    };
    const end = mirror.onChange(look);
    look();
  });
}

async function reloads({ client, routers, tell }: Bed): Promise<void> {
  const [router] = routers;
  if (router === undefined) return;
  const before = router.reloads;
  for (let change = 0; change < 50; change += 1) {
    await client.txn(
      { compare: [], success: [put("/deis/router/gzipCompLevel", `${1 + (change % 9)}`)] },
      {},
    );
    await delay(100);
  }
  await delay(4_000);
  tell({
    name: "reloads of nginx by 50 changes of its structure in 5 s",
    ours: { value: router.reloads - before, unit: "reloads" },
    goal: "≤ 5",
  });
}

const rawLog = `  log_format upstreaminfo '[$time_local] - $remote_addr - $remote_user - $status - "$request" - $bytes_sent - "$http_referer" - "$http_user_agent" - "$server_name" - $upstream_addr - $http_host - $upstream_response_time - $request_time';`;

async function throughput({ client, routers, directory, quick, tell }: Bed): Promise<void> {
  const [router] = routers;
  if (router === undefined) return;
  const backend = await BareNginx.start(join(directory, "backend"), 1, (port) =>
    [
      "access_log off;",
      "keepalive_requests 1000000;",
      `server { listen 127.0.0.1:${port}; return 200 "ok\\n"; }`,
    ].join("\n"),
  );
  const handWritten = (name: string, clients = "") =>
    BareNginx.start(join(directory, name), "auto", (port) =>
      [
        rawLog,
        `  access_log ${directory}/${name}.log upstreaminfo buffer=64k flush=1s;`,
        `  keepalive_timeout 1300s; ${clients}`,
        `  upstream app { ${`server 127.0.0.1:${backend.port};`} keepalive 256; keepalive_requests 100000; }`,
        `  server { listen ${port} default_server; location / { proxy_pass http://app; proxy_http_version 1.1;`,
        '  proxy_set_header Host $host; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; proxy_buffering off;',
        "  proxy_set_header X-Forwarded-Port 80; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Ssl off; } }",
      ].join("\n"),
    );
  const plain = await handWritten("peer");
  const patient = await handWritten("patient-peer", "keepalive_requests 100000;");
  try {
    const endpoint = put("/deis/services/probe/probe_v2.web.1", `127.0.0.1:${backend.port}`);
    await client.txn({ compare: [], success: [put("/deis/cluster/apps/probe", "{}"), endpoint] }, {});
    const agent = new Agent({ keepAlive: true });
    await answers(agent, router.port, "ok\n");
    agent.destroy();
    const seconds = quick ? 2 : 3;
    const rounds = quick ? 1 : 15;
    const load = async (proxy: BareNginx | BenchRouter): Promise<Load> => {
      const before = await proxy.workersCpuUs();
      const result = await requestsPerSecond(proxy.port, "probe.example.com", 64, seconds);
      return { ...result, cpuUs: ((await proxy.workersCpuUs()) - before) / result.requests };
    };
    const ours: Load[] = [];
    const peers = [
      { name: "hand-written nginx", proxy: plain, loads: [] as Load[] },
      { name: "that, keeping clients as long", proxy: patient, loads: [] as Load[] },
    ];
    const turns = [{ proxy: router, loads: ours }, ...peers];
    // Who has just been started answers its first requests slowly.
    for (const { proxy } of turns) await load(proxy);
    for (let round = 0; round < rounds; round += 1) {
      for (const { proxy, loads } of round % 2 === 0 ? turns : turns.toReversed()) {
        loads.push(await load(proxy));
      }
    }
    const bad = ours.reduce((sum, load) => sum + load.bad, 0);
    for (const { name, loads: theirs } of peers) {
      const paired = median(ours.map(({ rate }, round) => rate / (theirs[round]?.rate ?? Number.NaN)));
      tell({
        name: "requests per second, 64 keep-alive clients",
        ours: { value: median(ours.map(({ rate }) => rate)), unit: "1/s" },
        against: { name, value: median(theirs.map(({ rate }) => rate)) },
        goal: "≥ 0.95x",
        note: `${bad} failed; median of the ${rounds} rounds' own ratios ${paired.toFixed(3)}x; wrk, the proxies and the backend share the processors`,
      });
      tell({
        name: "processor time of nginx for a request",
        ours: { value: median(ours.map(({ cpuUs }) => cpuUs)), unit: "µs" },
        against: { name, value: median(theirs.map(({ cpuUs }) => cpuUs)) },
        note: `least of ${rounds} rounds: ${least(ours).toFixed(1)} against ${least(theirs).toFixed(1)} µs`,
      });
    }
  } finally {
    await plain.stop();
    await patient.stop();
    await backend.stop();
  }
}

interface Load {
  readonly rate: number;
  readonly bad: number;
  readonly cpuUs: number;
}

/** What the least disturbed round took. */
function least(loads: readonly Load[]): number {
  return Math.min(...loads.map(({ cpuUs }) => cpuUs));
}

interface Backend {
  readonly name: string;
  readonly address: string;
  close(): void;
}

async function answering(name: string): Promise<Backend> {
  const server: Server = createServer((_, answer) => answer.end(name));
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name,
    address: `127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function part(values: readonly number[], share: number): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length * share)] ?? Number.NaN;
}

function spread(values: readonly number[]): string {
  return `p90 ${part(values, 0.9).toFixed(1)} ms, max ${Math.max(...values).toFixed(1)} ms of ${values.length}`;
}
