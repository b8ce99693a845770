import { expect } from "chai";
import { deisctl, deisctlWords, type Ran } from "./run-command.ts";
import { h1, h2, machine, ScriptedCluster } from "./scripted-cluster.ts";

const h3 = "f1ee0003000000000000000000000000";

describe("deisctl's platform commands", () => {
  let cluster: ScriptedCluster;

  beforeEach(() => {
    cluster = new ScriptedCluster([
      machine(h1, "10.0.0.1", "h1"),
      machine(h2, "10.0.0.2", "h2"),
      machine(h3, "10.0.0.3", "h3"),
    ]);
    cluster.machineOf.set("deis-router@2.service", h2);
    cluster.machineOf.set("deis-router@3.service", h3);
  });
  afterEach(() => cluster.close());

  const run = (words: string): Promise<Ran> => deisctl(words, { store: cluster.store });
  const lines = (text: string): string[] => text.trimEnd().split("\n");

  it("install platform prints Deis's sections, start and stop follow, uninstall leaves nothing", async () => {
    const installed = await run("install platform");
    expect(installed.code).to.equal(0);
    expect(lines(installed.out)).to.deep.equal([
      "● ▴ ■",
      "■ ● ▴ Installing Deis...",
      "▴ ■ ●",
      "Control plane...",
      "deis-registry@1.service: loaded",
      "Router mesh...",
      "deis-router@1.service: loaded",
      "deis-router@2.service: loaded",
      "deis-router@3.service: loaded",
      "Done.",
      "",
      "Please run `deisctl start platform` to boot up Deis.",
    ]);
    expect(installed.err).to.contain("deisctl config platform set domain=");
    const started = await run("start platform");
    expect(started.code).to.equal(0);
    expect(lines(started.out).slice(1, 9)).to.deep.equal([
      "■ ● ▴ Starting Deis...",
      "▴ ■ ●",
      "Control plane...",
      "deis-registry@1.service: active/running",
      "Router mesh...",
      "deis-router@1.service: active/running",
      "deis-router@2.service: active/running",
      "deis-router@3.service: active/running",
    ]);
    const stopped = await run("stop platform");
    expect(lines(stopped.out).slice(3)).to.deep.equal([
      "Router mesh...",
      "deis-router@1.service: inactive/dead",
      "deis-router@2.service: inactive/dead",
      "deis-router@3.service: inactive/dead",
      "Control plane...",
      "deis-registry@1.service: inactive/dead",
      "Done.",
      "",
      "Please run `deisctl start platform` to restart Deis.",
    ]);
    const removed = await run("uninstall platform");
    expect(lines(removed.out).slice(3)).to.deep.equal([
      "Router mesh...",
      "deis-router@1.service: destroyed",
      "deis-router@2.service: destroyed",
      "deis-router@3.service: destroyed",
      "Control plane...",
      "deis-registry@1.service: destroyed",
      "Done.",
    ]);
    expect((await run("list-unit-files --no-legend")).out).to.equal("");
  });

  it("may be installed and started again: it says what there is and succeeds", async () => {
    await run("install platform --router-mesh-size=1");
    const again = await run("install platform --router-mesh-size=1");
    expect(again.code).to.equal(0);
    expect(again.out).to.contain("deis-router@1.service: already loaded\n");
    await run("start platform");
    const restarted = await run("start platform");
    expect(restarted.code).to.equal(0);
    expect(restarted.out).to.contain("deis-router@1.service: already running\n");
  });

  it("a router that no host can take is told with exit 3, the rest goes on", async () => {
    cluster.script.set("deis-router@3.service", {
      does: "cannot-be-placed",
      reason: "2 machines run a router already",
    });
    const installed = await run("install platform");
    expect(installed.code).to.equal(3);
    expect(installed.err).to.contain(
      'Cannot place "deis-router@3.service": 2 machines run a router already\n',
    );
    expect(installed.out).to.contain("deis-router@2.service: loaded\n");
  });

  it("writes the operator's image, or the platform's version, into the text", async () => {
    await run("config router set image=registry.example.com/router:7");
    await run("config platform set version=9.9.9");
    await run("install router@1 registry@1");
    expect((await run("cat router@1")).out).to.contain("\nImage=registry.example.com/router:7\n");
    expect((await run("cat registry@1")).out).to.contain("\nImage=deis/registry:9.9.9\n");
  });

  it("puts components on machines set aside for them when asked", async () => {
    await run("config platform set enablePlacementOptions=true");
    await run("install router@1");
    expect((await run("cat router@1")).out).to.contain("MachineMetadata=routerMesh=true");
  });

  it("names components as Deis did", async () => {
    await run("install platform --router-mesh-size=2");
    expect((await run("start router")).out.split("\n").sort()).to.deep.equal([
      "",
      "Unit deis-router@1.service launched on f1ee0001.../10.0.0.1",
      "Unit deis-router@2.service launched on f1ee0002.../10.0.0.2",
    ]);
    expect((await run("stop router@2")).out).to.equal(
      "Unit deis-router@2.service loaded on f1ee0002.../10.0.0.2\n",
    );
    expect((await run("status router@1")).out).to.match(/^● deis-router@1\.service - deis-router\n/);
  });

  it("refuses what is no component and what has no template, and installs nothing then", async () => {
    expect((await run("install Router!")).err).to.match(/^Error: Could not parse target: Router!\n/);
    const missing = await run("install router@1 database");
    expect(missing.code).to.equal(1);
    expect(missing.err).to.match(/^Error: Could not find unit template for database\n/);
    expect((await run("list-unit-files --no-legend")).out).to.equal("");
  });

  it("refuses a mesh size that is none", async () => {
    for (const size of ["0", "256", "x", "-1"]) {
      const refused = await deisctlWords(["install", "platform", `--router-mesh-size=${size}`], {
        store: cluster.store,
      });
      expect(refused.code, size).to.equal(2);
      expect(refused.err, size).to.contain(
        "Error: argument --router-mesh-size: invalid value, make sure the value is an integer between 1 and 255.",
      );
    }
  });

  it("uninstall platform without an installed platform has nothing to do", async () => {
    const { out, err, code } = await run("uninstall platform");
    expect({ out, code }).to.deep.equal({ out: "", code: 0 });
    expect(err).to.equal("None of the platform's components is installed: nothing to uninstall\n");
  });

  it("start platform without an installed platform says what to do", async () => {
    const refused = await run("start platform");
    expect(refused.code).to.equal(1);
    expect(refused.err).to.contain("Hint: Run `deisctl install platform`");
  });
});

describe("deisctl config", () => {
  let cluster: ScriptedCluster;

  beforeEach(() => {
    cluster = new ScriptedCluster();
  });
  afterEach(() => cluster.close());

  const files = { "/home/op/.ssh/deis": "KEY", "cert.pem": "CERT" };
  const run = (words: string): Promise<Ran> =>
    deisctl(words, { store: cluster.store, files, env: { HOME: "/home/op" } });

  it("sets, gets, lists and removes; a value may hold an equals sign", async () => {
    expect((await run("config platform set domain=example.com url=http://h/?a=b empty=")).out).to.equal(
      "example.com\nhttp://h/?a=b\n\n",
    );
    expect((await run("config platform get domain url")).out).to.equal("example.com\nhttp://h/?a=b\n");
    expect((await run("config platform list")).out).to.equal(
      "domain=example.com\nempty=\nurl=http://h/?a=b\n",
    );
    expect((await run("config platform rm url")).out).to.equal("url\n");
    const gone = await run("config platform get url");
    expect(gone.code).to.equal(1);
    expect(gone.err).to.contain("Key not found (/deis/platform/url)");
    expect(cluster.store.etcd.dump().get("/deis/platform/domain")).to.equal("example.com");
  });

  it("takes files where Deis did", async () => {
    await run("config platform set sshPrivateKey=~/.ssh/deis");
    expect((await run("config platform get sshPrivateKey")).out).to.equal(
      `${Buffer.from("KEY").toString("base64")}\n`,
    );
    await run("config router set sslCert=cert.pem");
    expect((await run("config router get sslCert")).out).to.equal("CERT\n");
    expect((await run("config router set sslKey=nope.pem")).code).to.equal(1);
  });

  it("refuses a word without a key", async () => {
    const refused = await run("config platform set foo");
    expect(refused.code).to.equal(2);
    expect(refused.err).to.match(/^'foo' does not match the pattern 'key=var', ex: foo=bar\n/);
  });
});
