/** What an operator gets wrong: each mistake is told with what to do next, by its exit code, and leaves nothing half-made. */
import { join } from "node:path";
import { expect } from "chai";
import { createAuthority, createClientCertificate } from "../../hosts/pki.ts";
import type { Finished } from "../../hosts/run.ts";
import { DeisctlProcess } from "../support/deisctl-process.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { tracesOn } from "../support/living-units.ts";
import { container, service } from "../support/sleepers.ts";

/** Command lines, their exit codes, and what they say. */
const mistakes = [
  ["start nosuch", 1, /unable to find Unit\(nosuch\.service\) in Registry or on filesystem\nHint: /],
  ["start nosuch@1", 1, /unable to find template Unit\(nosuch@\.service\)/],
  ["start tmpl@.service", 1, /cannot activate template "tmpl@\.service"\nHint: .*tmpl@1\.service/],
  ["start nosuch*", 1, /No unit of the cluster matches "nosuch\*"/],
  ["stop nosuch", 1, /not found in registry: nosuch\.service\nHint: /],
  ["restart nosuch", 1, /not found in registry/],
  ["destroy nosuch", 1, /not found in registry/],
  ["status nosuch", 1, /Unit nosuch\.service does not exist/],
  ["journal nosuch", 1, /Unit nosuch\.service does not exist/],
  ["cat nosuch", 1, /Unit nosuch\.service not found/],
  ["start platform", 1, /none of its components is installed\nHint: Run `deisctl install platform`/],
  ["start", 2, /No units given/],
  ["strat x", 2, /Did you mean start\?/],
  ["list-units --fields=nope", 2, /"nope"\nKnown here: active, /],
  ["list-units --output=yaml", 2, /allowed is text or json/],
  ["start x --timeout=0", 2, /--timeout is "0", allowed is /],
  ["install platform --router-mesh-size=0", 2, /--router-mesh-size/],
  ["install nosuch", 1, /nosuch/],
] as const;

describe("wrong input", function () {
  this.timeout(60_000);
  const the = useDeployedCluster({ hosts: 2 });

  afterEach("leave nothing", async () => {
    const { deployed } = the;
    if (deployed.records.tables.units.size > 0) await deployed.deisctl("destroy", "*");
    await eventually(() => expect([...deployed.records.tables.units.entries()]).to.deep.equal([]));
    for (const host of deployed.hosts) expect(await tracesOn(host)).to.deep.equal([]);
  });

  async function start(name: string, text: string): Promise<Finished> {
    await the.deployed.write({ [name]: text });
    return await the.deployed.tryDeisctl("start", name);
  }

  describe("in a unit file", () => {
    for (const [mistake, text, message, hint] of [
      [
        "a line that is none",
        "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/sleep 100\nGarbage here\n",
        /^Error creating units: cannot use "bad\.service": Invalid unit file at 5:1: .*"Garbage here"\n/,
        /Hint: .*line 5/,
      ],
      [
        "an unknown word in [X-Fleet]",
        service({ fleet: "Conflict=x" }),
        /unrecognized requirement in \[X-Fleet\] section: "Conflict"\n/,
        /Hint: Known in \[X-Fleet\]: .*Conflicts/,
      ],
      [
        "requirements that exclude each other",
        service({ fleet: "Global=true\nMachineOf=x.service" }),
        /Global cannot be used with Peers/,
        /Hint: /,
      ],
      [
        "a misspelt word in [Container]",
        "[Container]\nImage=busybox\nExce=sleep 1\n",
        /unknown option "Exce" in \[Container\]/,
        /Hint: Known here: .*Exec/,
      ],
      ["a container without an image", "[Container]\nExec=sleep 1\n", /without Image=/, /Hint: .*Image=/],
    ] as const) {
      it(`${mistake} is refused with its place, and nothing is written`, async () => {
        await the.deployed.write({ "good.service": service(), "bad.service": text });
        const { code, stdout, stderr } = await the.deployed.tryDeisctl("start", "good", "bad.service");
        expect(stderr).to.match(message).and.match(hint);
        expect({ code, stdout }).to.deep.equal({ code: 1, stdout: "" });
        expect(the.deployed.records.tables.units.size).to.equal(0);
        expect(the.deployed.records.tables.placements.size).to.equal(0);
      });
    }

    it("a requirement that no machine can ever meet is accepted, as in fleet, with a warning", async () => {
      const { code, stderr } = await start("never.service", service({ fleet: "MachineMetadata=ssd" }));
      expect(stderr).to.match(/^WARNING: Unit never\.service: Line \d+: .*ssd/);
      expect([0, 3]).to.include(code);
    });
  });

  describe("that no machine can take", () => {
    it("exits 3 at once with what each machine lacks, and the unit waits for one that can", async () => {
      const began = performance.now();
      const { code, stdout, stderr } = await start(
        "meta.service",
        service({ fleet: "MachineMetadata=disk=ssd" }),
      );
      expect(performance.now() - began).to.be.lessThan(5_000);
      expect(stderr).to.equal(
        'Cannot place "meta.service": 2 machines rejected it: 2 lack metadata "disk=ssd"\n' +
          "Hint: it stays wanted and starts as soon as a machine can take it; `deisctl destroy meta.service` withdraws it\n",
      );
      expect({ code, stdout }).to.deep.equal({ code: 3, stdout: "Unit meta.service inactive\n" });
      expect(await the.deployed.deisctl("status", "meta").catch((error) => String(error))).to.contain(
        "Unplaced: ",
      );
    });

    it("names the unit that is in the way", async () => {
      await the.deployed.write({ "alone@.service": service({ fleet: "Conflicts=alone@*" }) });
      const { code, stdout, stderr } = await the.deployed.tryDeisctl(
        "start",
        "alone@1",
        "alone@2",
        "alone@3",
      );
      expect(code).to.equal(3);
      expect(stderr).to.match(
        /Cannot place "alone@\d\.service": 2 machines rejected it: 2 run units such as "alone@\d/,
      );
      expect(stdout.match(/launched on/g)).to.have.length(2);
    });
  });

  describe("that fails on its machine", () => {
    for (const [what, text, reason, next] of [
      [
        "an image that exists nowhere",
        "[Container]\nImage=nosuch/image:1\nPull=never\n",
        /nosuch\/image:1/,
        /deisctl status x/,
      ],
      [
        "an image that cannot be pulled",
        "[Container]\nImage=nosuch/image:1\n",
        /pull image "nosuch\/image:1"/,
        /deisctl status x/,
      ],
      [
        "a command that does not exist",
        "[Service]\nExecStart=/no/such/command\n",
        /status 203/,
        /deisctl journal x/,
      ],
      [
        "a command that fails",
        '[Service]\nExecStart=/bin/sh -c "echo last words; exit 7"\n',
        /status 7/,
        /deisctl journal x/,
      ],
      [
        "a command that fails in a container",
        '[Container]\nImage=busybox\nExec=sh -c "echo last words; exit 9"\n',
        /status 9/,
        /deisctl journal x/,
      ],
      [
        "a command that a container does not have",
        "[Container]\nImage=busybox\nExec=/no/such/command\n",
        /\/no\/such\/command/,
        /Hint: `deisctl (journal|status) x/,
      ],
    ] as const) {
      it(`${what}: exit 1, where, why, and the next command`, async () => {
        const { code, stderr } = await start("x.service", text);
        expect(stderr).to.match(/^Unit x\.service failed on [0-9a-f]{8}\.\.\.\/10\.77\.\d+\.1[12]: /);
        expect(stderr).to.match(reason).and.match(next);
        expect(code).to.equal(1);
        if (!/last words/.test(text)) return;
        await eventually(async () =>
          expect(await the.deployed.deisctl("journal", "x")).to.contain("last words"),
        );
      });
    }

    it("a port that another container has: whose it is", async () => {
      const text = `${container({ fleet: "MachineMetadata=host=h1" })}[Container]\nPublishPort=8080:80\n`;
      await the.deployed.write({ "port@.service": text });
      await the.deployed.deisctl("start", "port@1");
      const { code, stderr } = await the.deployed.tryDeisctl("start", "port@2");
      expect(stderr).to.match(
        /Port 8080 of this host is published by (another container|container "port-1" of unit "port@1\.service")/,
      );
      expect(code).to.equal(1);
      await the.deployed.deisctl("destroy", "port@1");
      await the.deployed.allActive(["port@2.service"]);
    });

    it("a corrected file starts in its place", async () => {
      const { code } = await start("x.service", "[Service]\nExecStart=/bin/false\n");
      expect(code).to.equal(1);
      await the.deployed.write({ "x.service": service() });
      await the.deployed.deisctl("start", "--replace", "x.service");
      await the.deployed.allActive(["x.service"]);
    });
  });

  it("on the command line: each mistake has its message and its exit code, and writes nothing", async () => {
    await the.deployed.write({ "tmpl@.service": service() });
    await Promise.all(
      mistakes.map(async ([words, code, message]) => {
        const finished = await the.deployed.tryDeisctl(...words.split(" "));
        expect(finished.stderr, words).to.match(message);
        expect(finished, words).to.include({ code, stdout: "" });
      }),
    );
    expect(the.deployed.records.tables.units.size).to.equal(0);
  });

  describe("on the way to etcd", () => {
    it("an address where nobody answers is told in the time that was granted", async () => {
      const endpoint = `https://${the.deployed.hosts[0]?.address}:2999`;
      const began = performance.now();
      const { code, stderr } = await the.deployed.tryDeisctl(
        "--endpoint",
        endpoint,
        "--request-timeout=2",
        "list-units",
      );
      expect(performance.now() - began).to.be.lessThan(6_000);
      expect(stderr)
        .to.contain(`no answer from etcd at ${endpoint}`)
        .and.contain("Hint: Check that etcd runs");
      expect(code).to.equal(1);
    });

    it("a certificate that etcd refuses is told as such", async () => {
      const directory = join(the.deployed.cluster.directory, "stranger");
      await createAuthority(directory, "stranger");
      const stranger = await createClientCertificate(directory, "operator");
      const own = ["--etcd-certfile", stranger.certfile, "--etcd-keyfile", stranger.keyfile];
      const { code, stderr } = await the.deployed.tryDeisctl(...own, "--request-timeout=2", "list-units");
      expect(stderr).to.match(/no answer from etcd at .*\nHint: Check etcd\.cafile, etcd\.certfile/s);
      expect(code).to.equal(1);
    });

    it("a certificate file that is not there is told without a stack", async () => {
      const { code, stderr } = await the.deployed.tryDeisctl("--etcd-cafile=/no/ca.crt", "list-units");
      expect(stderr).to.match(/^Error: Cannot read "\/no\/ca\.crt": .*\nHint: .*\n$/);
      expect(code).to.equal(1);
    });

    it("an agent that is down: status still says what the cluster knows", async () => {
      await start("x.service", service());
      const host = the.deployed.hostWith("x.service");
      await host.exec(["systemctl", "stop", "deis-agent"]);
      try {
        const { code, stdout, stderr } = await the.deployed.tryDeisctl("status", "x");
        expect(stdout).to.contain("x.service").and.contain("Active: ");
        expect(stderr).to.match(/No word from the host itself: .*(not there|Cannot reach the agent)/);
        expect([0, 3]).to.include(code);
      } finally {
        await host.exec(["systemctl", "start", "deis-agent"]);
        await eventually(
          async () => expect((await the.deployed.tryDeisctl("status", "x")).stderr).to.equal(""),
          {
            within: 20_000,
          },
        );
        await the.deployed.allPresent();
      }
    });
  });

  it("Ctrl-C ends the wait, says what goes on, and the cluster goes on", async () => {
    const { deployed } = the;
    await deployed.write({ "slow.service": service({ service: "ExecStartPre=/bin/sleep 300" }) });
    const starting = new DeisctlProcess(
      deployed,
      "start",
      join(deployed.cluster.directory, "workshop/slow.service"),
    );
    await eventually(() => deployed.reported("slow.service").some(({ state }) => state.sub === "start-pre"), {
      within: 10_000,
    });
    expect(await starting.interrupt()).to.equal(130);
    expect(starting.said).to.match(/still waiting for it to become active on .*activating\/start-pre/);
    expect(starting.said).to.contain("`deisctl status slow.service` shows how far it is");
    expect(deployed.reported("slow.service").map(({ state }) => state.sub)).to.deep.equal(["start-pre"]);
  });
});
