import { expect } from "chai";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf, runningOn, tracesOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";

const registry = "deis-registry@1.service";
const routers = ["deis-router@1.service", "deis-router@2.service", "deis-router@3.service"];
const platform = [registry, ...routers];

describe("the platform on three hosts", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  afterEach("uninstall the platform", async () => {
    await the.deployed.deisctl("uninstall", "platform");
  });

  /** Answers of one path of every host, as HTTP statuses or what went wrong. */
  async function answers(port: number, path: string): Promise<readonly string[]> {
    return await Promise.all(
      the.deployed.hosts.map(async ({ address }) => {
        const answer = await fetch(`http://${address}:${port}${path}`, {
          signal: AbortSignal.timeout(2_000),
        });
        await answer.arrayBuffer();
        return String(answer.status);
      }),
    );
  }

  async function up(): Promise<void> {
    await the.deployed.deisctl("install", "platform");
    await the.deployed.deisctl("start", "platform");
    await the.deployed.allActive(platform);
  }

  it("is installed section by section, placed but not started", async () => {
    const { deployed } = the;
    const { code, stdout, stderr } = await deployed.tryDeisctl("install", "platform");
    const lines = stdout.split("\n");
    expect(lines.slice(0, 6)).to.deep.equal([
      "● ▴ ■",
      "■ ● ▴ Installing Deis...",
      "▴ ■ ●",
      "Control plane...",
      `${registry}: loaded`,
      "Router mesh...",
    ]);
    expect(lines.slice(6, 9).sort()).to.deep.equal(routers.map((router) => `${router}: loaded`));
    expect(lines.slice(9)).to.deep.equal([
      "Done.",
      "",
      "Please run `deisctl start platform` to boot up Deis.",
      "",
    ]);
    expect(stderr).to.contain("deisctl config platform set domain=");
    expect(code).to.equal(0);
    expect(routers.map((router) => deployed.hostWith(router).name).sort()).to.deep.equal(["h1", "h2", "h3"]);
    expect(await livesOf(deployed.hosts)).to.deep.equal([]);
  });

  it("answers on every host's port 80, and as a registry on port 5000, once it is started", async function () {
    const { deployed } = the;
    await deployed.deisctl("install", "platform");
    const began = performance.now();
    const out = await deployed.deisctl("start", "platform");
    measured(this, "for start platform", performance.now() - began);
    for (const unit of platform) expect(out).to.contain(`${unit}: active/running\n`);
    await eventually(async () =>
      expect(await answers(80, "/health-check")).to.deep.equal(["200", "200", "200"]),
    );
    const { address } = deployed.hostWith(registry);
    await eventually(async () => {
      const answer = await fetch(`http://${address}:5000/v2/`);
      expect(answer.status).to.equal(200);
      expect(await answer.json()).to.deep.equal({});
    });
  });

  it("may be installed and started again: nothing is touched", async () => {
    const { deployed } = the;
    await up();
    const before = await livesOf(deployed.hosts);
    const installed = await deployed.deisctl("install", "platform");
    const started = await deployed.deisctl("start", "platform");
    for (const unit of platform) {
      expect(installed).to.contain(`${unit}: already launched\n`);
      expect(started).to.contain(`${unit}: already running\n`);
    }
    expect(await livesOf(deployed.hosts)).to.deep.equal(before);
  });

  it("stops in order, stays loaded, and starts again", async () => {
    const { deployed } = the;
    await up();
    const out = await deployed.deisctl("stop", "platform");
    expect(out.indexOf("Router mesh...")).to.be.greaterThan(0).and.lessThan(out.indexOf("Control plane..."));
    expect(await livesOf(deployed.hosts)).to.deep.equal([]);
    expect(deployed.placements).to.have.length(platform.length);
    await deployed.deisctl("start", "platform");
    await deployed.allActive(platform);
    await eventually(async () =>
      expect(await answers(80, "/health-check")).to.deep.equal(["200", "200", "200"]),
    );
  });

  it("is uninstalled without a trace in etcd or on a host, and again without an error", async () => {
    const { deployed } = the;
    await up();
    const out = await deployed.deisctl("uninstall", "platform");
    for (const unit of platform) expect(out).to.contain(`${unit}: destroyed\n`);
    const keys = (await deployed.etcdctl(["get", "--prefix", "/deis/cluster/", "--keys-only"])).split("\n");
    const left = keys.filter((key) => /^\/deis\/cluster\/(units|placements|states|unplaced)\//.test(key));
    expect(left).to.deep.equal([]);
    for (const host of deployed.hosts) {
      expect(await tracesOn(host)).to.deep.equal([]);
      expect(await host.exec(["docker", "ps", "--all", "--quiet"])).to.equal("");
    }
    await deployed.deisctl("uninstall", "platform");
  });

  it("tells a fourth router that three hosts cannot take, and runs the rest", async () => {
    const { deployed } = the;
    const fourth = "deis-router@4.service";
    for (const verb of ["install", "start"]) {
      const mesh = verb === "install" ? ["--router-mesh-size=4"] : [];
      const { code, stdout, stderr } = await deployed.tryDeisctl(verb, "platform", ...mesh);
      expect(code, verb).to.equal(3);
      expect(stderr).to.match(/Cannot place "deis-router@4\.service": 3 machines rejected it: .*conflicts/);
      expect(stderr).to.contain(`deisctl destroy ${fourth}`);
      for (const unit of platform) expect(stdout, verb).to.contain(`${unit}: `);
      expect(stdout, verb).not.to.contain("Done.");
    }
    await deployed.allActive(platform);
    expect(deployed.placedOn(fourth)).to.deep.equal([]);
    expect(await deployed.deisctl("list-unit-files", "--fields=unit,unplaced", "--no-legend")).to.match(
      /deis-router@4\.service\t3 machines rejected it/,
    );
  });

  it("gives the router that waits the host of one that goes", async () => {
    const { deployed } = the;
    await deployed.tryDeisctl("install", "platform", "--router-mesh-size=4");
    await deployed.tryDeisctl("start", "platform");
    const host = deployed.hostWith("deis-router@2.service");
    await deployed.deisctl("uninstall", "router@2");
    await deployed.allActive(["deis-router@4.service"]);
    expect(deployed.hostWith("deis-router@4.service")).to.equal(host);
    expect(await runningOn(host)).to.include("deis-router@4.service");
  });

  it("starts nothing on a machine set aside for something else", async () => {
    const { deployed } = the;
    await deployed.deisctl("config", "platform", "set", "enablePlacementOptions=true");
    try {
      const { code, stderr } = await deployed.tryDeisctl("install", "router@1");
      expect(code).to.equal(3);
      expect(stderr).to.contain('lack metadata "routerMesh=true"');
    } finally {
      await deployed.deisctl("config", "platform", "rm", "enablePlacementOptions");
    }
  });

  it("can be read in etcd: one fact a key", async () => {
    const { deployed } = the;
    await up();
    const machine = deployed.machineOf(deployed.hostWith(registry));
    const text = await deployed.etcdctl(["get", "--prefix", "/deis/cluster/"]);
    const at = (key: string): string => {
      const start = text.indexOf(`${key}\n`);
      expect(start, `${key} in\n${text}`).to.be.at.least(0);
      return text.slice(start + key.length + 1).split("\n", 1)[0] ?? "";
    };
    const { hash, ...record } = JSON.parse(at(`/deis/cluster/units/${registry}`));
    expect(hash).to.match(/^[0-9a-f]{40}$/);
    expect(record).to.deep.equal({ target: "launched", generation: 0 });
    expect(at(`/deis/cluster/unit-files/${hash}`)).to.equal("[Unit]");
    const placement = JSON.parse(at(`/deis/cluster/placements/${machine}/${registry}`));
    expect(placement).to.include({ hash, target: "launched", generation: 0 });
    expect(placement.reason).to.be.a("string").that.is.not.empty;
    const state = JSON.parse(at(`/deis/cluster/states/${machine}/${registry}`));
    expect(state).to.include({ load: "loaded", active: "active", sub: "running", hash, generation: 0 });
    expect(state.containerId).to.match(/^[0-9a-f]{64}$/);
    const announced = JSON.parse(at(`/deis/cluster/machines/${machine}`));
    expect(announced).to.include({ id: machine, address: deployed.hostWith(registry).address });
    expect(at("/deis/cluster/leader")).to.match(/^[0-9a-f]{32}$/);
  });

  it("is listed in fleetctl's table", async function () {
    const { deployed } = the;
    await up();
    const began = performance.now();
    const table = await deployed.deisctl("list-units");
    measured(this, "for list-units over TLS", performance.now() - began);
    const [head, ...rows] = table.trimEnd().split("\n");
    expect(head?.split(/\t+/)).to.deep.equal(["UNIT", "MACHINE", "ACTIVE", "SUB"]);
    expect(rows.map((row) => row.split(/\t+/))).to.deep.equal(
      platform.map((unit) => {
        const host = deployed.hostWith(unit);
        return [unit, `${deployed.machineOf(host).slice(0, 8)}.../${host.address}`, "active", "running"];
      }),
    );
  });
});
