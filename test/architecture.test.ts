/** The map of the rooms, and the purity of what decides, held by reading the sources. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect } from "chai";
import { importViolations, rooms } from "./support/import-rule.ts";
import { impurities, isListed, isPure, pureByDecision, valueImports } from "./support/purity-rule.ts";

const root = new URL("../", import.meta.url);
const notRooms = new Set(["node_modules", "dist", "release", "coverage"]);

/** Every TypeScript file below the project's folders, by path from its root. */
const sources = new Map(
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !notRooms.has(entry.name))
    .flatMap(({ name }) =>
      readdirSync(new URL(name, root), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .map((path) => `${name}/${path}`),
    )
    .filter((path) => !path.includes("node_modules/"))
    .map((path) => [path, readFileSync(new URL(path, root), "utf8")] as const),
);
const everywhere = (rule: (path: string, text: string) => readonly string[]) =>
  [...sources].flatMap(([path, text]) => rule(path, text));

describe("the architecture", () => {
  it("has its source files in rooms that are on the map", () => {
    expect([...sources.keys()].filter((path) => !rooms.includes(path.split("/")[0] ?? ""))).to.deep.equal([]);
  });

  it("lets rooms import only whom they may", () => {
    expect(everywhere(importViolations)).to.deep.equal([]);
  });

  it("keeps pure files pure", () => {
    expect(everywhere((path, text) => (isPure(path, text) ? impurities(path, text) : []))).to.deep.equal([]);
  });

  it("keeps pure, too, whatever the files that are pure by decision compute with", () => {
    const reached = new Map([...sources.keys()].filter(isListed).map((path) => [path, path]));
    // A map may grow while it is walked: this visits what the visited import, and remembers through whom.
    for (const path of reached.keys()) {
      for (const specifier of valueImports(path, sources.get(path) ?? "")) {
        const target = posix.join(posix.dirname(path), specifier);
        if (!reached.has(target)) reached.set(target, path);
      }
    }
    const impure = [...reached].flatMap(([path, through]) => {
      const [first] = impurities(path, sources.get(path) ?? "");
      return first === undefined ? [] : [`${first} (imported by ${through})`];
    });
    expect(impure).to.deep.equal([]);
  });

  it("has every file that is pure by decision", () => {
    const present = new Set([...sources.keys()].map((path) => path.split("/")[0]));
    const missing = pureByDecision.filter((entry) => {
      return present.has(entry.split("/")[0]) && ![...sources.keys()].some((path) => path.startsWith(entry));
    });
    expect(missing).to.deep.equal([]);
  });
});

describe("the import rule", () => {
  for (const [path, line, words] of [
    [
      "cluster/unit.ts",
      'import { ControlLoop } from "../loop/control-loop.ts";',
      "cluster/ may not know loop/",
    ],
    ["loop/clock.ts", 'import type { Unit } from "../cluster/unit.ts";', "loop/ may not know cluster/"],
    ["etcd/mirror.ts", 'import { pass } from "../agent/agent.ts";', "etcd/ may not know agent/"],
    ["agent/agent.ts", 'import { decide } from "../scheduler/decide.ts";', "agent/ may not know scheduler/"],
    ["agent/agent.ts", 'import type { K } from "../etcd/keys.ts";', "only agent/main.ts may know etcd/"],
    ["agent/agent.ts", 'export * from "../api/server.ts";', "only agent/main.ts may know api/"],
    ["agent/docker/logs.ts", 'import "../../etcd/keys.ts";', "only agent/main.ts may know etcd/"],
    [
      "deisctl/main.ts",
      'const { x } = await import("../etcd/x.ts");',
      "only deisctl/context.ts may know etcd/",
    ],
    ["deisctl/wait.ts", 'type T = import("../agent/report.ts").T;', "deisctl/ may not know agent/"],
    ["scheduler/main.ts", 'import { x } from "../test/support/x.ts";', "nothing imports test/"],
    ["test/a.test.ts", 'import { x } from "../bench/x.ts";', "nothing imports bench/"],
    ["agent/main.ts", 'import { x } from "../utils/x.ts";', "utils is no room"],
    [
      "renderer/gotmpl/lexer.ts",
      'import { x } from "../resource.ts";',
      "renderer/gotmpl/ depends on nothing",
    ],
    ["agent/runtime.ts", 'import Docker from "dockerode";', "dockerode belongs to agent/docker/ alone"],
    ["agent/docker/client.ts", 'import dbus from "dbus-next";', "dbus-next belongs to agent/systemd/ alone"],
    ["deisctl/context.ts", 'import { Etcd3 } from "etcd3/lib/index.js";', "etcd3 belongs to etcd/ alone"],
  ] as const) {
    it(`refuses ${line} in ${path}`, () => {
      const [violation = ""] = importViolations(path, `/** x */\n${line}\n`);
      expect(violation).to.match(/^\S+ imports "/);
      expect(violation.endsWith(words), violation).to.equal(true);
    });
  }

  for (const [path, line] of [
    ["agent/main.ts", 'import { x } from "../etcd/x.ts";'],
    ["agent/main.ts", 'import { x } from "../api/x.ts";'],
    ["agent/unit-logs.ts", 'import type { JournalSource } from "../api/ports.ts";'],
    ["agent/docker/client.ts", 'import Docker from "dockerode";'],
    ["deisctl/commands/start.ts", 'import { x } from "../../units/index.ts";'],
    ["test/etcd/a.test.ts", 'import { Etcd3 } from "etcd3"; import { x } from "../../etcd/x.ts";'],
    ["cluster/unit.ts", '// import { x } from "../etcd/x.ts";'],
  ] as const) {
    it(`allows ${line} in ${path}`, () => {
      expect(importViolations(path, line)).to.deep.equal([]);
    });
  }
});

describe("the purity rule", () => {
  for (const [line, words] of [
    ['import { readFileSync } from "node:fs";', 'imports "node:fs"'],
    ['import pino from "pino";', 'imports "pino"'],
    ['import { createHash, randomUUID } from "node:crypto";', "imports more than createHash"],
    ["const a = Date.now();", "reads the clock"],
    ["const a = new Date();", "reads the clock"],
    ["const a = Math.random();", "is random"],
    ["const a = performance.now();", "uses performance"],
    ["const a = process.env.HOME;", "uses process"],
    ["const { pid } = process;", "uses process"],
    ['console.log("a");', "uses console"],
    ["setTimeout(() => 1, 2);", "uses setTimeout"],
    ["const a = globalThis.Date;", "uses globalThis"],
    ["async function a() {}", "is async"],
    ["const a = async () => 1;", "is async"],
    ["await a;", "awaits"],
    ['const a = import("./a.ts");', "imports on demand"],
  ] as const) {
    it(`finds that ${line} ${words}`, () => {
      expect(impurities("a.ts", `/** x */\n${line}\n`).join()).to.contain(`a.ts:2 is pure and ${words}`);
    });
  }

  for (const line of [
    'import { createHash } from "node:crypto";',
    'import type { Stats } from "node:fs";',
    "// await Date.now(), console.log",
    'const a = "Date.now() await process";',
    "const a = new Date(b).toISOString();",
    "const a = { process: 1 }; a.process;",
    "interface A { readonly process: number; console(): void }",
  ]) {
    it(`has nothing against ${line}`, () => {
      expect(impurities("a.ts", line)).to.deep.equal([]);
    });
  }

  it("follows imports of values, not of types", () => {
    const text =
      'import type { A } from "./a.ts"; import { type B } from "./b.ts"; import { type C, d } from "./d.ts"; export * from "./e.ts";';
    expect(valueImports("x.ts", text)).to.deep.equal(["./d.ts", "./e.ts"]);
  });

  it("holds for what is listed and for what claims it", () => {
    expect(isPure("cluster/new-word.ts", "")).to.equal(true);
    expect(isPure("agent/desired.ts", "")).to.equal(true);
    expect(isPure("agent/agent.ts", "/**\n * Runs passes.\n */")).to.equal(false);
    expect(isPure("agent/agent.ts", "/**\n * Decides.\n *\n * Pure: no clock.\n */")).to.equal(true);
    expect(isPure("agent/agent.ts", "/** Decides. Pure. */")).to.equal(true);
    expect(isListed("agent/agent.ts")).to.equal(false);
  });
});
