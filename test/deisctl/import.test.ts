import { createHash } from "node:crypto";
import { expect } from "chai";
import { EtcdServer } from "../support/etcd-server.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { deisctl, type Ran } from "./run-command.ts";

const machine = "f1ee0001000000000000000000000000";
const prefix = "/_coreos.com/fleet";
const hello =
  '[Unit]\nDescription=Hello World\n\n[Service]\nExecStart=/bin/bash -c "while true; do echo Hello, World!; sleep 1; done"\n';
const template =
  "[Service]\nExecStart=/usr/bin/docker run --name web-%i nginx\nExecStop=/usr/bin/docker stop web-%i\n\n[X-Fleet]\nConflicts=web@*.service\n";
const legacy = "[Service]\nExecStart=/bin/sleep 1\n\n[X-Fleet]\nX-ConditionMachineMetadata=region=lab\n";
const unknown = "[Service]\nExecStart=/bin/sleep 1\n\n[X-Fleet]\nX-Peers=a.service\n";

/** fleet's own keys and values for one unit. */
function fleetUnit(name: string, text: string, target?: string, hash?: string): [string, string][] {
  const own = hash ?? createHash("sha1").update(text).digest("hex");
  const bytes = [...Buffer.from(own, "hex")];
  return [
    [`job/${name}/object`, JSON.stringify({ Name: name, UnitHash: bytes })],
    [`unit/${own}`, JSON.stringify({ Raw: text })],
    ...(target === undefined ? [] : [[`job/${name}/target-state`, target] as [string, string]]),
  ];
}

const keyspace: readonly [string, string][] = [
  ...fleetUnit("hello.service", hello, "launched"),
  ...fleetUnit("web@.service", template, "inactive"),
  ...fleetUnit("web@1.service", template, "launched"),
  ...fleetUnit("web@2.service", template, "loaded"),
  ...fleetUnit("old.service", legacy, "inactive"),
  ...fleetUnit("untargeted.service", hello),
  ...fleetUnit("odd.service", unknown, "launched"),
  ...fleetUnit("bogus.service", hello, "bogus"),
  ...fleetUnit("torn.service", hello, "launched", "0".repeat(40)),
  ["job/lost.service/object", JSON.stringify({ Name: "lost.service", UnitHash: Array(20).fill(7) })],
  ["job/hello.service/target", machine],
  ["job/hello.service/job-state", machine],
  [
    `machines/${machine}/object`,
    JSON.stringify({ ID: machine, PublicIP: "10.0.0.1", Metadata: { region: "lab" }, Version: "1.0.0" }),
  ],
  [`machines/${machine}/metadata/disk`, "ssd"],
  [`machines/${machine}/metadata/region`, ""],
  [
    `states/hello.service/${machine}`,
    JSON.stringify({ loadState: "loaded", activeState: "active", subState: "running" }),
  ],
  ["engine/version", "1"],
  ["lease/engine-leader", JSON.stringify({ MachineID: machine, Version: 1 })],
];

const plan = [
  "UNIT\tACTION\tHASH\tTARGET\tNOTE",
  'bogus.service\trefuse\t22f25e0\t-\tits target state is "bogus", allowed are inactive, loaded, launched',
  "hello.service\tsubmit\t22f25e0\tlaunched\t-",
  "lost.service\trefuse\t-\t-\tits text unit/0707070707070707070707070707070707070707 is missing",
  /^odd\.service\trefuse\t.{7}\t-\t.*X-Peers/,
  /^old\.service\tsubmit\t.{7}\tinactive\t-$/,
  /^torn\.service\trefuse\t0000000\t-\tits text has the hash 22f25e0/,
  "untargeted.service\tsubmit\t22f25e0\tinactive\tfleet had no target state for it",
  /^web@\.service\tsubmit\t.{7}\tinactive\t-$/,
  /^web@1\.service\tsubmit\t.{7}\tlaunched\t-$/,
  /^web@2\.service\tsubmit\t.{7}\tloaded\t-$/,
  `metadata of ${machine}: disk=ssd`,
  `metadata of ${machine}: region hidden`,
];

describe("deisctl import fleet", () => {
  let server: EtcdServer;
  let dump: string;
  let store: MemoryStore;

  before(async function () {
    this.timeout(30_000);
    server = await EtcdServer.start({ v2: true });
    for (const [key, value] of keyspace) {
      const answer = await fetch(`${server.member.url}/v2/keys${prefix}/${key}`, {
        method: "PUT",
        body: new URLSearchParams({ value }),
      });
      expect(answer.ok, key).to.equal(true);
    }
    dump = await (await fetch(`${server.member.url}/v2/keys${prefix}?recursive=true`)).text();
  });
  after(() => server?.stop());
  beforeEach(() => {
    store = new MemoryStore();
  });

  const run = (words: string): Promise<Ran> => deisctl(words, { store, files: { "fleet.json": dump } });
  const units = (): string[] =>
    [...store.etcd.dump()].flatMap(([key, value]) => {
      const name = /^\/deis\/cluster\/units\/(.+)$/.exec(key)?.[1];
      return name === undefined ? [] : [`${name} ${JSON.parse(value).target}`];
    });
  const imported = [
    "hello.service launched",
    "old.service inactive",
    "untargeted.service inactive",
    "web@.service inactive",
    "web@1.service launched",
    "web@2.service loaded",
  ];

  it("plans from a real etcd's version 2 API: what would be submitted, what is refused, and why", async () => {
    const { out, err, code } = await run(`import fleet --from ${server.member.url} --dry-run`);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/\t+/g, "\t"));
    expect(lines).to.have.length(plan.length);
    for (const [at, wanted] of plan.entries()) {
      if (typeof wanted === "string") expect(lines[at]).to.equal(wanted);
      else expect(lines[at]).to.match(wanted);
    }
    expect(err).to.equal("Would import: 6, there already: 0, refused: 4\n");
    expect(code).to.equal(1);
    expect(units()).to.deep.equal([]);
  });

  it("imports units with their targets and machines' run-time metadata", async () => {
    const { err } = await run(`import fleet --from ${server.member.url} --yes`);
    expect(err).to.contain("Imported: 6, there already: 0, refused: 4\n");
    expect(units()).to.deep.equal(imported);
    const keys = store.etcd.dump();
    expect(keys.get(`/deis/cluster/metadata/${machine}/disk`)).to.equal("ssd");
    expect(keys.get(`/deis/cluster/metadata/${machine}/region`)).to.equal("");
    expect((await run("cat hello.service")).out).to.equal(hello);
  });

  it("does the same from a dump, and nothing when repeated", async () => {
    await run("import fleet --dump fleet.json --yes");
    expect(units()).to.deep.equal(imported);
    await store
      .clusterStore()
      .edit([{ kind: "target", name: "hello.service", target: "inactive" }], new AbortController().signal);
    const revision = store.etcd.revision;
    const { out, err } = await run("import fleet --dump fleet.json --yes");
    expect(store.etcd.revision).to.equal(revision);
    expect(err).to.contain("there already: 6");
    expect(out).to.match(/hello\.service\t+keep\t.*the cluster has it already; fleet's target was launched/);
  });

  it("takes fleet's text for a unit that the cluster has otherwise only with --replace", async () => {
    await deisctl("submit hello.service", {
      store,
      files: { "hello.service": "[Service]\nExecStart=/bin/true\n" },
    });
    expect((await run("import fleet --dump fleet.json --dry-run")).out).to.match(
      /hello\.service\t+refuse\t.*the cluster has another text of it \(.{7}\): --replace takes fleet's/,
    );
    await run("import fleet --dump fleet.json --replace --yes");
    expect((await run("cat hello.service")).out).to.equal(hello);
  });

  it("gives no higher target than asked", async () => {
    await run("import fleet --dump fleet.json --target inactive --yes");
    expect(units().every((line) => line.endsWith(" inactive"))).to.equal(true);
  });

  it("asks first, and does nothing where nobody can be asked", async () => {
    const alone = await run("import fleet --dump fleet.json");
    expect(alone.err).to.contain("Nothing was imported: `deisctl import fleet --yes` does it\n");
    await deisctl("import fleet --dump fleet.json", { store, files: { "fleet.json": dump }, answer: "n" });
    expect(units()).to.deep.equal([]);
    await deisctl("import fleet --dump fleet.json", { store, files: { "fleet.json": dump }, answer: "y" });
    expect(units()).to.deep.equal(imported);
  });

  it("prints one JSON value with --output json", async () => {
    const { out } = await run("import fleet --dump fleet.json --dry-run --output json");
    const { done, units: steps } = JSON.parse(out);
    expect(done).to.equal(false);
    expect(steps[1]).to.deep.equal({
      unit: "hello.service",
      action: "submit",
      hash: "22f25e029e50c9a5eece8467b98a9d0d60e40b97",
      target: "launched",
      note: null,
    });
  });

  it("says what to do when there is no fleet, no version 2 API, or no dump", async () => {
    const other = await run(`import fleet --from ${server.member.url} --prefix /other`);
    expect(other.err).to.match(/has no key "\/other"\nHint: Name fleet's etcd_key_prefix with --prefix/);
    const wrong = await run("import fleet --dump fleet.json --prefix /other");
    expect(wrong.err).to.match(/Nothing is stored below "\/other"\nHint: .*the first key here is "\/_coreos/);
    const none = await run("import fleet --dump nowhere.json");
    expect(none.err).to.match(/^Error: Cannot read "nowhere\.json"/);
    const away = await run("import fleet --from http://127.0.0.1:1");
    expect(away.err).to.match(
      /^Error: Cannot read fleet's keys from "http:\/\/127\.0\.0\.1:1": .*ECONNREFUSED/,
    );
    expect((await run("import")).code).to.equal(2);
    const plain = await EtcdServer.start();
    try {
      const { err } = await run(`import fleet --from ${plain.member.url}`);
      expect(err).to.match(
        /answered 404 on its version 2 API\nHint: etcd 3\.4 serves that API with --enable-v2 only/,
      );
    } finally {
      await plain.stop();
    }
  }).timeout(20_000);
});
