/** A day of an operator who knows fleetctl: every unit command on real hosts, for both runtimes. */
import { expect } from "chai";
import { DeisctlProcess } from "../support/deisctl-process.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf, livesOn, tracesOn } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { container, service } from "../support/sleepers.ts";

const ticking = `# ticks for ever
[Unit]
Description=Ticks as %i

[Service]
ExecStart=/bin/sh -c "echo began; while :; do echo tick; sleep 1; done"
`;
const tickingContainer = `# ticks for ever, in a container
[Unit]
Description=Ticks as %i

[Container]
Image=busybox
Exec=sh -c "trap 'exit 0' TERM; echo began; while :; do echo tick; sleep 1 & wait $!; done"
`;

describe("an operator's tour", function () {
  this.timeout(60_000);
  const the = useDeployedCluster();

  afterEach("destroy everything, which waits until nothing is left", async () => {
    const { deployed } = the;
    if (deployed.records.tables.units.size > 0) await deployed.deisctl("destroy", "*");
    for (const host of deployed.hosts) expect(await tracesOn(host)).to.deep.equal([]);
  });

  for (const [runtime, text] of [
    ["systemd", ticking],
    ["Docker", tickingContainer],
  ] as const) {
    it(`a unit's whole life on ${runtime}: submit, load, start, restart, stop, unload, destroy`, async () => {
      const { deployed } = the;
      await deployed.write({ "clock@.service": text });
      expect(await deployed.deisctl("submit", "clock@.service")).to.equal("Unit clock@.service inactive\n");
      expect(await deployed.deisctl("cat", "clock@.service"), "byte for byte").to.equal(text);
      const loaded = await deployed.deisctl("load", "clock@1");
      expect(loaded).to.match(
        /^Unit clock@1\.service inactive\nUnit clock@1\.service loaded on [0-9a-f]{8}\.\.\.\/10\./,
      );
      const host = deployed.hostWith("clock@1.service");
      expect(await livesOn(host)).to.deep.equal([]);

      const label = `${deployed.machineOf(host).slice(0, 8)}.../${host.address}`;
      expect(await deployed.deisctl("start", "clock@1")).to.equal(
        `Unit clock@1.service launched on ${label}\n`,
      );
      const first = await livesOn(host);
      expect(first).to.have.length(1);
      expect(await deployed.deisctl("start", "clock@1"), "it runs already").to.equal("");
      expect(await deployed.deisctl("load", "clock@1"), "it is left alone").to.equal("");
      expect(await livesOn(host)).to.deep.equal(first);

      expect(await deployed.deisctl("restart", "clock@1")).to.equal(
        `Unit clock@1.service launched on ${label}\n`,
      );
      const second = await livesOn(host);
      expect(second).to.have.length(1).and.not.deep.equal(first);

      expect(await deployed.deisctl("stop", "clock@1")).to.equal(`Unit clock@1.service loaded on ${label}\n`);
      expect(await livesOn(host)).to.deep.equal([]);
      expect(await tracesOn(host)).to.deep.equal(["clock@1.service"]);
      expect(await deployed.deisctl("unload", "clock@1")).to.equal("Unit clock@1.service inactive\n");
      expect(await tracesOn(host)).to.deep.equal([]);
      expect(await deployed.deisctl("destroy", "clock@1")).to.equal("Destroyed clock@1.service\n");
      expect((await deployed.tryDeisctl("cat", "clock@1")).code).to.equal(1);
    });

    it(`status and journal reach the host over mutual TLS, for ${runtime}`, async () => {
      const { deployed } = the;
      await deployed.write({ "clock@.service": text });
      await deployed.deisctl("start", "clock@1");
      const host = deployed.hostWith("clock@1.service");
      // A unit is up before its first words are in the journal.
      const status = await eventually(async () => {
        const shown = await deployed.deisctl("status", "clock@1");
        expect(shown).to.contain("began");
        return shown;
      });
      expect(status)
        .to.match(/^● clock@1\.service/)
        .and.contain("Active: active (running)");
      expect(status).to.contain(`Machine: ${deployed.machineOf(host).slice(0, 8)}.../${host.address}`);
      // systemd's own "Started" may come behind the unit's first word.
      await eventually(async () => {
        const last = await deployed.deisctl("journal", "--lines", "1", "clock@1");
        expect(last).to.match(/^\w{3} \d\d \d\d:\d\d:\d\d h\d .*: (began|tick)\n$/);
      });
      const [entry] = (await deployed.deisctl("journal", "--lines=1", "--output=json", "clock@1")).split(
        "\n",
      );
      expect(JSON.parse(entry ?? ""))
        .to.have.property("MESSAGE")
        .that.matches(/began|tick/);

      const following = new DeisctlProcess(deployed, "journal", "-f", "--lines", "0", "clock@1");
      await eventually(() => (following.printed.match(/tick/g) ?? []).length >= 2, { within: 15_000 });
      expect(await following.interrupt()).to.equal(130);
    });
  }

  it("instances of one template are spread, listed, and meant by a pattern", async () => {
    const { deployed } = the;
    await deployed.write({ "web@.service": container() });
    await deployed.deisctl("start", "web@1", "web@2", "web@3");
    const on = [1, 2, 3].map((number) => deployed.hostWith(`web@${number}.service`));
    expect(on.map(({ name }) => name).sort()).to.deep.equal(["h1", "h2", "h3"]);

    const full = await deployed.deisctl("list-units", "--full", "--no-legend", "--fields=unit,machine,load");
    expect(
      full
        .trimEnd()
        .split("\n")
        .map((row) => row.split(/\t+/)),
    ).to.deep.equal(
      on.map((host, at) => [
        `web@${at + 1}.service`,
        `${deployed.machineOf(host)}/${host.address}`,
        "loaded",
      ]),
    );
    const json = JSON.parse(await deployed.deisctl("list-units", "--output", "json"));
    expect(json).to.have.length(3);
    expect(json[0]).to.include({
      unit: "web@1.service",
      address: on[0]?.address,
      active: "active",
      problem: null,
    });
    const machines = await deployed.deisctl(
      "list-machines",
      "--full",
      "--no-legend",
      "--fields=machine,metadata",
    );
    for (const host of deployed.hosts)
      expect(machines).to.contain(`${deployed.machineOf(host)}\thost=${host.name}\n`);
    expect(await deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,dstate,state")).to.match(
      /^web@1\.service\s+launched\s+launched\n/,
    );

    await deployed.deisctl("stop", "web@[12]");
    expect([1, 2, 3].map((number) => deployed.activeOn(`web@${number}.service`).length)).to.deep.equal([
      0, 0, 1,
    ]);
  });

  it("an edited file is only taken with --replace, and then at once, where the unit is", async () => {
    const { deployed } = the;
    await deployed.write({ "hello.service": service() });
    await deployed.deisctl("start", "hello.service");
    const host = deployed.hostWith("hello.service");
    const before = await livesOn(host);
    const edited = service({ service: "Environment=A=b" });
    await deployed.write({ "hello.service": edited });
    const kept = await deployed.tryDeisctl("start", "hello.service");
    expect(kept.stderr).to.contain("differs from local unit file hello.service. Add --replace");
    expect({ code: kept.code, lives: await livesOn(host) }).to.deep.equal({ code: 0, lives: before });
    await deployed.deisctl("start", "--replace", "hello.service");
    expect(deployed.hostWith("hello.service")).to.equal(host);
    expect(await livesOn(host))
      .to.have.length(1)
      .and.not.deep.equal(before);
    expect(await deployed.deisctl("cat", "hello")).to.equal(edited);
  });

  it("a global unit runs on every machine, and stops, restarts and goes everywhere", async () => {
    const { deployed } = the;
    await deployed.write({ "all.service": service({ fleet: "Global=true" }) });
    const started = await deployed.deisctl("start", "all.service");
    expect(started.match(/launched on/g)).to.have.length(3);
    const before = await livesOf(deployed.hosts);
    expect(before).to.have.length(3);
    await deployed.deisctl("restart", "all");
    const after = await livesOf(deployed.hosts);
    expect(after).to.have.length(3);
    expect(after.filter((life) => before.includes(life))).to.deep.equal([]);
    expect((await deployed.deisctl("status", "all")).match(/Active: active/g)).to.have.length(3);
    await deployed.deisctl("stop", "all");
    expect(await livesOf(deployed.hosts)).to.deep.equal([]);
  });

  it("a oneshot is done when it has run, and is not run again", async () => {
    const { deployed } = the;
    const text =
      '[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo once >> /run/once"\n[X-Fleet]\nMachineMetadata=host=h1\n';
    await deployed.write({ "once.service": text });
    await deployed.deisctl("start", "once.service");
    const [host] = deployed.hosts;
    expect(await host?.exec(["cat", "/run/once"])).to.equal("once\n");
    await deployed.deisctl("start", "once");
    expect(await host?.exec(["cat", "/run/once"])).to.equal("once\n");
    await deployed.deisctl("restart", "once");
    expect(await host?.exec(["cat", "/run/once"])).to.equal("once\nonce\n");
    await host?.exec(["rm", "/run/once"]);
  });

  it("start returns as soon as the unit runs", async function () {
    const { deployed } = the;
    await deployed.write({ "quick.service": service() });
    const began = performance.now();
    await deployed.deisctl("start", "quick.service");
    measured(this, "for start of one unit, the process of deisctl and all", performance.now() - began);
    expect(performance.now() - began).to.be.lessThan(10_000);
  });
});
