import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import { allCommands } from "../../deisctl/all-commands.ts";
import { Options } from "../../deisctl/command.ts";
import { globalSettings, mergeEtcd } from "../../deisctl/global-flags.ts";
import { commandLoaders, oneCommand } from "../../deisctl/one-command.ts";
import { patienceOf } from "../../deisctl/patience.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { deisctl, deisctlWords, type Ran } from "./run-command.ts";

describe("deisctl's command line", () => {
  const store = new MemoryStore();
  const run = (words: string): Promise<Ran> => deisctl(words, { store });

  it("shows help that fits a screen, with examples, also for each command", async () => {
    const { out, code } = await run("--help");
    expect(code).to.equal(0);
    expect(out.split("\n").length).to.be.lessThan(66);
    for (const command of out.matchAll(/^ {2}([a-z-]+) {3,}\w/gm)) {
      const name = command[1] ?? "";
      if (name === "help") continue;
      const help = await run(`${name} --help`);
      expect(help.code, name).to.equal(0);
      expect(help.out, name).to.match(/Examples:\n {2}.*deisctl/);
    }
  });

  for (const [words, code, err] of [
    ["bogus", 2, 'Error: unknown command "bogus" for "deisctl"\nRun \'deisctl --help\' for usage.\n'],
    ["strat web", 2, /Did you mean .*start/],
    ["list-unit", 2, /"list-unit" could be list-unit-files, list-units/],
    ["list-units --bogus", 2, /unknown option '--bogus'/],
    ["list-units --fields=unit,foo", 2, /^Invalid key in output format: "foo"\n/],
    ["list-units --fields=", 2, /^Must define output format\n/],
    ["list-units --output yaml", 2, /--output is "yaml", allowed is text or json/],
    ["start web --timeout soon", 2, /--timeout is "soon", allowed is a whole number from 1 to 86400/],
    ["--endpoint nonsense list-units", 2, /--endpoint is "nonsense"/],
    ["--tunnel 10.0.0.1 list-units", 2, /^There is no tunnel to "10\.0\.0\.1" .* ssh 10\.0\.0\.1 deisctl/],
    ["--etcd-key-prefix /mine list-units", 2, /^--etcd-key-prefix is "\/mine"/],
    ["--etcd-key-prefix /_coreos.com/fleet/ --driver=API --ssh-username core list-units", 0, ""],
    [
      "verify web.service",
      2,
      "WARNING: The signed/verified units feature is DEPRECATED and cannot be used.\n",
    ],
    ["journal", 2, /^One unit file must be provided\.\n/],
    ["cat", 2, /^One unit file must be provided\n/],
    ["journal nope", 1, /^Unit nope\.service does not exist\.\n/],
    ["cat nope", 1, "Unit nope.service not found\n"],
    ["stop nope", 1, /^Units not found in registry: nope\.service\n/],
    ["completion fish", 2, /Name the shell/],
  ] as [string, number, string | RegExp][]) {
    it(`answers "${words}" with exit code ${code} and says why`, async () => {
      const ran = await run(words);
      expect(ran.code).to.equal(code);
      if (typeof err === "string") expect(ran.err).to.equal(err);
      else expect(ran.err).to.match(err);
    });
  }

  for (const words of [
    "list-mach --no-legend",
    "machines -l",
    "list-machines --l",
    "--endpoint http://10.0.0.1:2379,http://10.0.0.2:2379 list-machines",
    "list-machines --request-timeout=3 --no-color",
    "list",
    "version",
    "-v",
  ]) {
    it(`takes "${words}"`, async () => {
      expect((await run(words)).code).to.equal(0);
    });
  }

  it("runs ssh with what was asked, options of the command after --", async () => {
    const ran: unknown[] = [];
    const own = new MemoryStore();
    own.addMachine({
      id: "f1ee0001000000000000000000000000",
      address: "10.0.0.1",
      metadata: {},
      capacity: { memoryBytes: 1, cpuMillis: 1 },
      runtimes: ["docker"],
      version: "0.1.0",
    });
    const options = { store: own, onProgram: (...call: unknown[]) => ran.push(call) };
    await deisctlWords(["ssh", "-A", "f1ee0001", "--", "ls", "-l"], options);
    expect(ran).to.deep.equal([["ssh", ["-A", "10.0.0.1", "--", "ls", "-l"]]]);
  });

  it("completes what there is", async () => {
    const { out } = await run("completion bash");
    expect(out).to.contain("complete -o default -F _deisctl deisctl");
    expect(out).to.contain("list-machines|machines) ");
    expect((await run("completion zsh")).out).to.match(/^#compdef deisctl\n/);
  });
});

describe("global settings", () => {
  it("come from the flag, else the environment, else the file", () => {
    const env = { DEISCTL_ENDPOINT: "http://b:2379", DEISCTL_OUTPUT: "json", DEISCTL_ETCD_CAFILE: "/env/ca" };
    expect(globalSettings({ endpoint: "http://a:2379, http://c:2379/" }, env)).to.deep.include({
      endpoints: ["http://a:2379", "http://c:2379"],
      output: "json",
      cafile: "/env/ca",
      requestTimeoutMs: 10_000,
    });
    expect(globalSettings({}, env).endpoints).to.deep.equal(["http://b:2379"]);
    const file = { endpoints: ["https://f:2379"], cafile: "/f/ca", certfile: "/f/cert", keyfile: "/f/key" };
    expect(mergeEtcd(globalSettings({}, {}), file)).to.deep.equal(file);
    expect(
      mergeEtcd(globalSettings({ endpoint: "https://a:1" }, { DEISCTL_ETCD_CAFILE: "/env/ca" }), file),
    ).to.deep.equal({
      ...file,
      endpoints: ["https://a:1"],
      cafile: "/env/ca",
    });
    expect(mergeEtcd(globalSettings({ endpoint: "http://a:1" }, {}), file)).to.deep.equal({
      endpoints: ["http://a:1"],
    });
    expect(mergeEtcd(globalSettings({}, {}), undefined)).to.deep.equal({
      endpoints: ["http://127.0.0.1:2379"],
    });
  });

  it("refuse half a TLS", () => {
    expect(() =>
      mergeEtcd(globalSettings({ endpoint: "https://a:1", etcdCafile: "/ca" }, {}), undefined),
    ).to.throw(/go together/);
  });
});

describe("deisctl as a process", () => {
  it("tells a certificate file that is not there once, without a stack", async () => {
    const main = fileURLToPath(new URL("../../deisctl/main.ts", import.meta.url));
    const tls = ["--etcd-cafile", "/no/ca", "--etcd-certfile", "/no/crt", "--etcd-keyfile", "/no/key"];
    const argv = ["--import", "tsx", main, "--endpoint", "https://127.0.0.1:1", ...tls, "list-units"];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 9_000 });
    expect(stderr).to.match(/^Error: Cannot read "\/no\/ca": .*\nHint: .*\n$/);
    expect(status).to.equal(1);
  });
});

describe("patience", () => {
  const file = (timeout: string) =>
    parseUnitFile(`[Service]\nTimeoutStartSec=${timeout}\nExecStart=/bin/true\n`);

  for (const [name, options, timeout, totalMs] of [
    ["outlasts systemd's own 90 s by default", {}, "5", 100_000],
    ["is never shorter than the unit's own timeout", {}, "20m", 1_210_000],
    ["has an end also for a unit without one", {}, "infinity", 1_800_000],
    ["is what --timeout says", { timeout: "3" }, "20m", 3_000],
    ["counts two seconds for a block attempt", { blockAttempts: "5" }, "20m", 10_000],
    ["takes zero block attempts as the default", { blockAttempts: "0" }, "5", 100_000],
  ] as [string, Record<string, string>, string, number][]) {
    it(name, () => {
      expect(patienceOf(new Options(options), [file(timeout), undefined]).totalMs).to.equal(totalMs);
    });
  }
});

describe("oneCommand", () => {
  it("knows every command by its name", async () => {
    const all = Object.values(allCommands).flat();
    expect(Object.keys(commandLoaders).sort()).to.deep.equal(all.map(({ name }) => name).sort());
    for (const { name } of all) expect((await commandLoaders[name]?.())?.name).to.equal(name);
  });

  it("finds the command behind global flags, and leaves what is no full name to the whole program", async () => {
    expect((await oneCommand(["--endpoint", "stop", "list-units", "--full"]))?.name).to.equal("list-units");
    expect((await oneCommand(["--endpoint=x", "--no-color", "stop", "start"]))?.name).to.equal("stop");
    for (const words of [
      [],
      ["--help"],
      ["list-un"],
      ["help", "start"],
      ["completion", "bash"],
      ["constructor"],
    ])
      expect(await oneCommand(words)).to.equal(undefined);
  });
});
