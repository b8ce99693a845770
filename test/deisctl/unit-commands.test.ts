import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { deisctl, type Ran } from "./run-command.ts";
import { h2, ScriptedCluster } from "./scripted-cluster.ts";

const hello =
  '[Unit]\nDescription=Hello World\n\n[Service]\nExecStart=/bin/bash -c "while true; do echo Hello, World!; sleep 1; done"\n';
const edited = hello.replace("World!", "Venus!");
const template = `${hello}\n[X-Fleet]\nConflicts=hello@*.service\n`;

describe("deisctl's unit commands", () => {
  let cluster: ScriptedCluster;
  let files: Record<string, string>;

  beforeEach(() => {
    cluster = new ScriptedCluster();
    files = { "hello.service": hello };
  });
  afterEach(() => cluster.close());

  const run = (words: string): Promise<Ran> => deisctl(words, { store: cluster.store, files });

  it("shows machines with the metadata that was set at run time", async () => {
    const machine = "f1ee0001000000000000000000000000";
    const edit = (key: string, value: string) => ({ machine, key, value });
    await cluster.store
      .clusterStore()
      .setMetadata([edit("region", ""), edit("disk", "ssd")], new AbortController().signal);
    expect((await run("list-machines --no-legend")).out).to.equal(
      "f1ee0001...\t127.0.0.1\tdisk=ssd,host=h1\nf1ee0002...\t127.0.0.2\thost=h2,region=lab\n",
    );
  });

  it("repeats fleetctl's transcript of one unit's life", async () => {
    expect(await run("list-machines")).to.deep.equal({
      out: "MACHINE\t\tIP\t\tMETADATA\nf1ee0001...\t127.0.0.1\thost=h1,region=lab\nf1ee0002...\t127.0.0.2\thost=h2,region=lab\n",
      err: "",
      code: 0,
    });
    expect((await run("list-machines --full")).out).to.equal(
      "MACHINE\t\t\t\t\tIP\t\tMETADATA\nf1ee0001000000000000000000000000\t127.0.0.1\thost=h1,region=lab\nf1ee0002000000000000000000000000\t127.0.0.2\thost=h2,region=lab\n",
    );
    expect((await run("list-units")).out).to.equal("UNIT\tMACHINE\tACTIVE\tSUB\n");
    expect((await run("list-unit-files")).out).to.equal("UNIT\tHASH\tDSTATE\tSTATE\tTARGET\n");
    expect(await run("submit hello.service")).to.deep.equal({
      out: "Unit hello.service inactive\n",
      err: "",
      code: 0,
    });
    expect((await run("list-unit-files")).out).to.match(
      /^UNIT\t\tHASH\tDSTATE\t\tSTATE\t\tTARGET\nhello\.service\t[0-9a-f]{7}\tinactive\tinactive\t-\n$/,
    );
    expect(await run("load hello.service")).to.deep.equal({
      out: "Unit hello.service loaded on f1ee0001.../127.0.0.1\n",
      err: "",
      code: 0,
    });
    expect(await run("start hello.service")).to.deep.equal({
      out: "Unit hello.service launched on f1ee0001.../127.0.0.1\n",
      err: "",
      code: 0,
    });
    expect((await run("list-units")).out).to.equal(
      "UNIT\t\tMACHINE\t\t\tACTIVE\tSUB\nhello.service\tf1ee0001.../127.0.0.1\tactive\trunning\n",
    );
    expect((await run("list-units --full")).out).to.equal(
      "UNIT\t\tMACHINE\t\t\t\t\t\tACTIVE\tSUB\nhello.service\tf1ee0001000000000000000000000000/127.0.0.1\tactive\trunning\n",
    );
    expect((await run("list-unit-files --fields=unit,desc,global,dstate,state")).out).to.equal(
      "UNIT\t\tDESC\t\tGLOBAL\tDSTATE\t\tSTATE\nhello.service\tHello World\tfalse\tlaunched\tlaunched\n",
    );
    expect(await run("cat hello.service")).to.deep.equal({ out: hello, err: "", code: 0 });
    expect(await run("stop hello.service")).to.deep.equal({
      out: "Unit hello.service loaded on f1ee0001.../127.0.0.1\n",
      err: "Successfully stopped units [hello.service].\n",
      code: 0,
    });
    expect(await run("stop hello.service")).to.deep.equal({
      out: "",
      err: "Successfully stopped units [].\n",
      code: 0,
    });
    expect(await run("unload hello.service")).to.deep.equal({
      out: "Unit hello.service inactive\n",
      err: "Successfully unloaded units [hello.service].\n",
      code: 0,
    });
    const refused = await run("stop hello.service");
    expect(refused.code).to.equal(1);
    expect(refused.err).to.match(/^Unable to stop unit hello\.service in state inactive\n/);
    expect(await run("destroy hello.service")).to.deep.equal({
      out: "Destroyed hello.service\n",
      err: "",
      code: 0,
    });
    expect((await run("list-units")).out).to.equal("UNIT\tMACHINE\tACTIVE\tSUB\n");
  });

  it("start says that a new unit is known, then where it runs, and nothing when it runs already", async () => {
    expect((await run("start hello")).out).to.equal(
      "Unit hello.service inactive\nUnit hello.service launched on f1ee0001.../127.0.0.1\n",
    );
    expect(await run("start hello")).to.deep.equal({ out: "", err: "", code: 0 });
  });

  it("start keeps the cluster's text, warns about an edited file, and takes it with --replace", async () => {
    await run("submit hello.service");
    files["hello.service"] = edited;
    expect(await run("start hello.service")).to.deep.equal({
      out: "Unit hello.service launched on f1ee0001.../127.0.0.1\n",
      err: "WARNING: Unit hello.service in registry differs from local unit file hello.service. Add --replace to override.\n",
      code: 0,
    });
    expect((await run("cat hello")).out).to.equal(hello);
    expect((await run("start --replace hello.service")).out).to.equal(
      "Unit hello.service inactive\nUnit hello.service launched on f1ee0001.../127.0.0.1\n",
    );
    expect((await run("cat hello")).out).to.equal(edited);
    expect((await run("start --replace hello.service")).out).to.equal(
      "Found same Unit(hello.service) in Registry, nothing to do\n",
    );
  });

  it("load of a unit that runs, and whose file was edited since, says both", async () => {
    await run("start hello.service");
    files["hello.service"] = edited;
    expect(await run("load hello.service")).to.deep.equal({
      out: "",
      err:
        "WARNING: Unit hello.service in registry differs from local unit file hello.service. Add --replace to override.\n" +
        "Unit hello.service is launched already; `deisctl stop hello.service` stops it and keeps it loaded\n",
      code: 0,
    });
  });

  it("start --replace keeps comments as they are written now, and restarts nothing for them", async () => {
    await run("start hello.service");
    files["hello.service"] = `# Says hello\n${hello}`;
    expect(await run("start --replace hello.service")).to.deep.equal({
      out: "Found same Unit(hello.service) in Registry, only its comments or spacing were replaced\nUnit hello.service launched on f1ee0001.../127.0.0.1\n",
      err: "",
      code: 0,
    });
    expect((await run("cat hello")).out).to.equal(`# Says hello\n${hello}`);
    expect((await run("start --replace hello.service")).out).to.equal(
      "Found same Unit(hello.service) in Registry, nothing to do\n",
    );
  });

  it("submit refuses an empty unit file", async () => {
    files["hello.service"] = "";
    const { err, code } = await run("submit hello.service");
    expect(err).to.contain('The unit file of "hello.service" holds no option');
    expect(code).to.equal(1);
  });

  it("load --replace does not touch a launched unit", async () => {
    await run("start hello.service");
    files["hello.service"] = edited;
    expect(await run("load --replace hello.service")).to.deep.equal({
      out: "",
      err: "Warning: can not replace Unit(hello.service) in state 'launched', use the appropriate command\n",
      code: 0,
    });
    expect((await run("list-units --no-legend --fields=active")).out).to.equal("active\n");
  });

  it("load leaves a running unit running", async () => {
    await run("start hello.service");
    expect((await run("load hello.service")).code).to.equal(0);
    expect((await run("list-units --no-legend --fields=active")).out).to.equal("active\n");
  });

  it("start makes instances from the cluster's template without waiting with --no-block", async () => {
    cluster.machineOf.set("hello@2.service", h2);
    files["hello@.service"] = template;
    await run("submit hello@.service");
    delete files["hello@.service"];
    expect(await run("start hello@1 hello@2 --no-block")).to.deep.equal({
      out: "Unit hello@1.service inactive\nUnit hello@2.service inactive\nTriggered unit hello@1.service start\nTriggered unit hello@2.service start\n",
      err: "",
      code: 0,
    });
  });

  it("start makes an instance from the template file beside the word", async () => {
    const done = await deisctl("start apps/hello@7", {
      store: cluster.store,
      files: { "apps/hello@.service": template },
    });
    expect(done.out).to.equal(
      "Unit hello@7.service inactive\nUnit hello@7.service launched on f1ee0001.../127.0.0.1\n",
    );
  });

  it("start of what exists nowhere says so in fleetctl's words", async () => {
    const plain = await run("start nope");
    expect(plain.code).to.equal(1);
    expect(plain.err).to.match(
      /^Error creating units: unable to find Unit\(nope\.service\) in Registry or on filesystem\n/,
    );
    expect((await run("start nope@1")).err).to.match(
      /^Error creating units: failed getting Unit\(nope@1\.service\) from template: unable to find template Unit\(nope@\.service\) in Registry or on filesystem\n/,
    );
  });

  it("start refuses a template", async () => {
    files["hello@.service"] = template;
    const refused = await run("start hello@.service");
    expect(refused).to.include({ out: "", code: 1 });
    expect(refused.err).to.match(/cannot activate template "hello@\.service"\nHint: .*hello@1\.service/);
  });

  it("a bad file among good ones is refused with its place, and nothing is written", async () => {
    files["bad.service"] = "[Service]\nExecStart=/bin/true\nnonsense\n";
    const before = cluster.store.etcd.revision;
    const refused = await run("start hello.service bad.service");
    expect(refused).to.include({ out: "", code: 1 });
    expect(refused.err).to.match(/bad\.service.*3/s);
    expect(cluster.store.etcd.revision).to.equal(before);
  });

  it("start of what no machine can take exits 3 with the scheduler's sentence", async () => {
    cluster.script.set("hello.service", {
      does: "cannot-be-placed",
      reason: "2 machines rejected it (conflict)",
    });
    const began = performance.now();
    const refused = await run("start hello.service");
    expect(refused.code).to.equal(3);
    expect(refused.err).to.match(
      /^Cannot place "hello\.service": 2 machines rejected it \(conflict\)\nHint: /,
    );
    expect(performance.now() - began).to.be.lessThan(1_000);
    const again = await run("start hello.service");
    expect(again.code).to.equal(3);
  });

  it("start of what fails exits 1 with the reason and the journal command", async () => {
    cluster.script.set("hello.service", { does: "fails", exitStatus: 203 });
    const failed = await run("start hello.service");
    expect(failed.code).to.equal(1);
    expect(failed.err).to.equal(
      "Unit hello.service failed on f1ee0001.../127.0.0.1: it exited with status 203\nHint: `deisctl journal hello.service` shows its last lines\n",
    );
  });

  it("start does not take a container for launched that ends at once", async () => {
    cluster.script.set("hello.service", { does: "dies-at-once", exitStatus: 9 });
    const { out, err, code } = await run("start hello");
    expect(out).to.equal("Unit hello.service inactive\n");
    expect(err).to.match(
      /^Unit hello\.service failed on .*: it exited with status 9\nHint: `deisctl journal /,
    );
    expect(code).to.equal(1);
  });

  it("start of what its machine cannot load tells the problem and what to do", async () => {
    cluster.script.set("hello.service", { does: "cannot-be-loaded", problem: "no such image" });
    const { err, code } = await run("start hello");
    expect(err).to.equal(
      "Unit hello.service failed on f1ee0001.../127.0.0.1: no such image (it is tried again)\n" +
        "Hint: `deisctl status hello.service` shows how it goes on, `deisctl destroy hello.service` withdraws it\n",
    );
    expect(code).to.equal(1);
    const journal = await run("journal hello");
    expect(journal.err).to.equal(
      "Unit hello.service is not loaded on f1ee0001.../127.0.0.1 and has no log: no such image\n",
    );
    expect(journal.code).to.equal(1);
    const status = await run("status hello");
    expect(status.out).to.match(/Loaded: error .*[\s\S]*Problem: no such image\n$/);
    expect(status.err).to.equal("");
  });

  it("start of a unit that failed starts it again", async () => {
    cluster.script.set("hello.service", { does: "fails", problem: 'image "deis/nope" does not exist' });
    expect((await run("start hello.service")).err).to.match(/image "deis\/nope" does not exist/);
    cluster.script.set("hello.service", { does: "runs" });
    expect(await run("start hello.service")).to.deep.equal({
      out: "Unit hello.service launched on f1ee0001.../127.0.0.1\n",
      err: "",
      code: 0,
    });
  });

  it("start of a oneshot is done when it has run to completion", async () => {
    cluster.script.set("hello.service", { does: "completes" });
    expect((await run("start hello.service")).code).to.equal(0);
  });

  it("a person who waits is told each step once", async () => {
    await run("start hello");
    const { err } = await deisctl("destroy hello", { store: cluster.store, files, terminal: true });
    const lines = err.trimEnd().split("\n");
    expect(lines[0]).to.equal("Unit hello.service active/running on f1ee0001.../127.0.0.1");
    expect(new Set(lines).size).to.equal(lines.length);
  });

  it("gives up in time and says what it waited for", async () => {
    cluster.script.set("hello.service", { does: "hangs" });
    const late = await run("start hello.service --timeout 1");
    expect(late.code).to.equal(1);
    expect(late.err).to.equal(
      [
        "Error waiting for units: timed out waiting for unit hello.service to report state launched",
        "still waiting for it to become active on f1ee0001.../127.0.0.1; it is activating/start-pre",
        "The cluster goes on without this command; `deisctl status hello.service` shows how far it is",
        "",
      ].join("\n"),
    );
  });

  it("Ctrl-C ends the wait with 130 and says what goes on", async () => {
    cluster.script.set("hello.service", { does: "hangs" });
    const interrupt = new AbortController();
    const running = deisctl("start hello.service", {
      store: cluster.store,
      files,
      signal: interrupt.signal,
      terminal: true,
    });
    // Once the cluster works on it, the command can only be waiting.
    await eventually(async () => {
      const { tables } = await cluster.store.clusterStore().read(["units"], AbortSignal.timeout(1_000));
      return tables.units.get("hello.service")?.target === "launched";
    });
    interrupt.abort(new Error("Interrupted"));
    const ended = await running;
    expect(ended.code).to.equal(130);
    expect(ended.err).to.contain("The cluster goes on without this command");
  });

  it("a global unit is launched when every machine runs it", async () => {
    files["glob.service"] = `${hello}\n[X-Fleet]\nGlobal=true\n`;
    expect((await run("start glob.service")).out).to.equal(
      "Unit glob.service inactive\nUnit glob.service launched on f1ee0001.../127.0.0.1\nUnit glob.service launched on f1ee0002.../127.0.0.2\n",
    );
    expect((await run("list-unit-files --no-legend --fields=unit,dstate,state,target")).out).to.equal(
      "glob.service\tlaunched\t-\tglobal\n",
    );
    expect((await run("stop glob.service --no-block")).out).to.equal(
      "Triggered global unit glob.service stop\n",
    );
  });

  it("restart waits for the new generation", async () => {
    await run("start hello.service");
    expect(await run("restart hello.service")).to.deep.equal({
      out: "Unit hello.service launched on f1ee0001.../127.0.0.1\n",
      err: "",
      code: 0,
    });
    expect((await run("--output json list-unit-files")).out).to.contain('"generation": 1');
  });

  it("quoted globs mean units of the cluster", async () => {
    files["hello@.service"] = template;
    await run("start hello@1 hello@2 hello");
    expect((await run("destroy hello@*")).out.split("\n").sort()).to.deep.equal([
      "",
      "Destroyed hello@1.service",
      "Destroyed hello@2.service",
    ]);
    expect((await run("list-unit-files --no-legend --fields=unit")).out).to.equal("hello.service\n");
  });

  it("unknown names are told and fail, known ones beside them are carried out", async () => {
    await run("start hello");
    const mixed = await run("stop hello nope");
    expect(mixed.code).to.equal(1);
    expect(mixed.err).to.match(/^Units not found in registry: nope\.service\n/);
    expect(mixed.out).to.equal("Unit hello.service loaded on f1ee0001.../127.0.0.1\n");
  });

  it("prints one JSON array with --output json", async () => {
    cluster.script.set("bad.service", {
      does: "cannot-be-placed",
      reason: "no machine has metadata disk=ssd",
    });
    files["bad.service"] = edited;
    const { out, code } = await run("start hello bad --output json");
    expect(code).to.equal(3);
    expect(JSON.parse(out)).to.deep.equal([
      {
        unit: "bad.service",
        outcome: "unplaceable",
        goal: "launched",
        machines: [],
        reason: "no machine has metadata disk=ssd",
      },
      {
        unit: "hello.service",
        outcome: "done",
        goal: "launched",
        machines: [{ id: "f1ee0001000000000000000000000000", address: "127.0.0.1" }],
        reason: null,
      },
    ]);
  });

  it("a command without units is wrong usage", async () => {
    for (const verb of ["submit", "load", "start", "stop", "unload", "destroy", "restart", "status"]) {
      const { code, err } = await run(verb);
      expect(code, verb).to.equal(2);
      expect(err, verb).to.match(/^No units given\n/);
    }
  });
});
