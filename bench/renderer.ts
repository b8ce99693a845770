/**
 * How fast deis-confd makes files of keys: put to rendered file, one run over all keys, a storm, and what it costs when nothing happens.
 *
 * The template is of a router's size and shape: it lists the apps and asks for the endpoints of each. Beside each latency stands the
 * time in which a bare watch sees the same put, beside the single run that of `etcdctl get`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openEtcd } from "../etcd/client.ts";
import { type EtcdClient, type Operation, prefixRange } from "../etcd/protocol.ts";
import { BareWatch } from "./bare-watch.ts";
import type { Benchmark, Tell } from "./figure.ts";
import { FileSight } from "./file-sight.ts";
import { withLoopbackEtcd } from "./loopback-etcd.ts";
import { each, median, timed } from "./measure.ts";

export const benchmark: Benchmark = {
  about: "A key changed to its file rendered, by deis-confd over etcd, against a bare watch of the same key.",
  run: ({ quick }, tell) =>
    withLoopbackEtcd(async (url) => {
      const client = await openEtcd({ endpoints: [url] });
      try {
        for (const apps of quick ? [100] : [100, 1_000]) await measure(client, url, apps, quick, tell);
      } finally {
        await client.close();
      }
    }),
};

const main = fileURLToPath(new URL("../renderer/main.js", import.meta.url));
const perApp = 10;

const template = `{{range $app := lsdir "/apps"}}
upstream {{$app}} {
{{range gets (printf "/apps/%s/*" $app)}}    server {{.Value}};
{{end}}}
server { server_name {{$app}}.example.org; location / { proxy_pass http://{{$app}}; } }
{{end}}# {{getv "/apps/app-0/0"}}
`;

async function measure(
  client: EtcdClient,
  url: string,
  apps: number,
  quick: boolean,
  tell: Tell,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "deis-bench-renderer-"));
  const size = `${(apps * perApp).toLocaleString("en-US")} keys`;
  try {
    await fill(client, apps);
    await configure(directory);
    await single(url, directory, size, quick, tell);
    const confd = start(url, directory, ["-watch"]);
    try {
      await latency(client, directory, size, quick ? 10 : 50, tell);
      if (apps === 100) {
        await storm(client, directory, tell);
        await idle(confd, tell);
      }
    } finally {
      confd.kill("SIGTERM");
      await once(confd, "exit");
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function fill(client: EtcdClient, apps: number): Promise<void> {
  await client.txn({ compare: [], success: [{ kind: "delete", range: prefixRange("/apps/") }] }, {});
  for (let app = 0; app < apps; app += 10) {
    const success = Array.from({ length: 10 * perApp }, (_, at): Operation => {
      const key = `/apps/app-${app + Math.floor(at / perApp)}/${at % perApp}`;
      return { kind: "put", key, value: Buffer.from(`10.0.${app % 256}.${at}:8080`) };
    });
    await client.txn({ compare: [], success }, {});
  }
}

async function configure(directory: string): Promise<void> {
  await mkdir(join(directory, "conf.d"), { recursive: true });
  await mkdir(join(directory, "templates"), { recursive: true });
  await mkdir(join(directory, "out"));
  await writeFile(join(directory, "templates/router.tmpl"), template);
  await writeFile(join(directory, "templates/storm.tmpl"), '{{getv "/storm" "0"}}');
  const resource = (name: string, more: string) =>
    writeFile(
      join(directory, `conf.d/${name}.toml`),
      `[template]\nsrc = "${name}.tmpl"\ndest = "${join(directory, "out", name)}"\n${more}\n`,
    );
  await resource("router", 'keys = ["/apps"]');
  await resource("storm", `keys = ["/storm"]\nreload_cmd = "echo >> ${join(directory, "reloads")}"`);
}

function start(url: string, directory: string, flags: readonly string[]): ChildProcess {
  const words = ["-backend", "etcdv3", "-node", url, "-confdir", directory, "-log-level", "error", ...flags];
  return spawn(process.execPath, [main, ...words], { stdio: ["ignore", "inherit", "inherit"] });
}

/** One run from nothing to the file. */
async function single(
  url: string,
  directory: string,
  size: string,
  quick: boolean,
  tell: Tell,
): Promise<void> {
  const [ours, peer]: [number[], number[]] = [[], []];
  for (let round = 0; round < (quick ? 3 : 9); round += 1) {
    await rm(join(directory, "out/router"), { force: true });
    ours.push(await timed(() => ended(start(url, directory, ["-onetime"]))));
    peer.push(
      await timed(() =>
        ended(
          spawn("etcdctl", ["--endpoints", url, "get", "--prefix", "/apps"], {
            stdio: "ignore",
            env: { ...process.env, ETCDCTL_API: "3" },
          }),
        ),
      ),
    );
  }
  tell({
    name: `-onetime, ${size}`,
    ours: { value: median(ours), unit: "ms" },
    against: { name: "etcdctl get", value: median(peer) },
    ...(size.startsWith("10,") ? { goal: "≤ 300 ms" } : {}),
  });
}

async function ended(child: ChildProcess): Promise<void> {
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${child.spawnargs.join(" ")} ended with ${code}`);
}

/** From the put's answer requested to the new bytes under the file's name. */
async function latency(
  client: EtcdClient,
  directory: string,
  size: string,
  rounds: number,
  tell: Tell,
): Promise<void> {
  const file = join(directory, "out/router");
  const seen = new FileSight(join(directory, "out"), file);
  const bare = new BareWatch(client, "/apps/app-0/0");
  try {
    await seen.shows("# ");
    const [ours, peer]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds + 5; round += 1) {
      const value = `10.9.9.9:${10_000 + round}`;
      const began = performance.now();
      const event = bare.next();
      const put: Operation = { kind: "put", key: "/apps/app-0/0", value: Buffer.from(value) };
      const sent = client.txn({ compare: [], success: [put] }, {});
      await seen.shows(`# ${value}\n`);
      const took = performance.now() - began;
      await sent;
      // The first ones run code that is still cold.
      if (round >= 5) {
        ours.push(took);
        peer.push((await event) - began);
      }
      await delay(20);
    }
    const sorted = [...ours].sort((one, other) => one - other);
    tell({
      name: `put to rendered file, ${size}, median`,
      ours: { value: median(ours), unit: "ms" },
      against: { name: "bare watch", value: median(peer) },
      goal: size.startsWith("10,") ? "≤ 60 ms" : "≤ 15 ms",
      note: `p90 ${(sorted[Math.floor(sorted.length * 0.9)] ?? 0).toFixed(1)} ms, max ${(sorted.at(-1) ?? 0).toFixed(1)} ms of ${rounds}`,
    });
  } finally {
    seen.close();
    await bare.close();
  }
}

async function storm(client: EtcdClient, directory: string, tell: Tell): Promise<void> {
  const puts = Array.from({ length: 1_000 }, (_, at) => String(at));
  const put = (value: string) =>
    client.txn({ compare: [], success: [{ kind: "put", key: "/storm", value: Buffer.from(value) }] }, {});
  const before = await reloads(directory);
  const took = await timed(() => each(puts, 8, put));
  await put("last");
  await delay(4_000);
  tell({
    name: "reloads in a storm of 1,000 puts",
    ours: { value: (await reloads(directory)) - before, unit: "reloads" },
    goal: "≤ 3",
    note: `the puts took ${(took / 1_000).toFixed(1)} s`,
  });
}

async function reloads(directory: string): Promise<number> {
  return (await readFile(join(directory, "reloads"), "utf8").catch(() => "")).length;
}

async function idle(confd: ChildProcess, tell: Tell): Promise<void> {
  const before = await cpuMs(confd);
  await delay(10_000);
  const status = await readFile(`/proc/${confd.pid}/status`, "utf8");
  tell({
    name: "processor time of 10 s idle",
    ours: { value: (await cpuMs(confd)) - before, unit: "ms" },
    goal: "0",
    note: `${Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024)} MiB resident`,
  });
}

/** Processor time used so far, to 10 ms. */
async function cpuMs(child: ChildProcess): Promise<number> {
  const fields = (await readFile(`/proc/${child.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
