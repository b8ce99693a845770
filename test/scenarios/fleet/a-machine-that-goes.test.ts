/** What fleet's tests did to a member of the cluster, each in its own way; h4, which is no member of etcd, is the one that suffers. */
import { expect } from "chai";
import type { Host } from "../../../hosts/host.ts";
import { eventually } from "../../support/eventually.ts";
import { livesOf, livesOn, tracesOn } from "../../support/living-units.ts";
import { measured } from "../../support/measured.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const onH4 = "MachineMetadata=host=h4";

describe("a machine that goes", function () {
  this.timeout(90_000);
  const the = useSharedCluster();

  function h4(): Host {
    return the.deployed.cluster.host(4);
  }

  it("by an orderly shutdown leaves the list; its unit goes to the free machine, a pinned one waits for it", async function () {
    const { deployed } = the;
    await deployed.write({
      "apart@.service": service({ fleet: "Conflicts=apart@*" }),
      "first.service": service({ fleet: `${onH4}\nConflicts=apart@*` }),
      "pinned.service": service({ fleet: onH4 }),
    });
    // Three that exclude each other, one of them on h4 and then no longer bound to it.
    await deployed.deisctl("start", "first.service");
    await deployed.deisctl("start", "apart@1", "apart@2", "pinned.service");
    const free = deployed.hosts.find(
      ({ name }) =>
        !["first.service", "apart@1.service", "apart@2.service"].some((unit) =>
          deployed.placedOn(unit).includes(name),
        ),
    );
    await deployed.write({ "first.service": service({ fleet: "Conflicts=apart@*" }) });
    await deployed.deisctl("start", "--replace", "first.service");
    expect(deployed.placedOn("first.service"), "a new file stays where it fits").to.deep.equal(["h4"]);
    const others = deployed.hosts.filter((host) => host !== h4());
    const lives = await livesOf(others);

    await h4().stop();
    const down = performance.now();
    await eventually(() => expect(deployed.activeOn("first.service")).to.deep.equal([free?.name]), {
      within: 20_000,
    });
    measured(this, "from power-off to its unit active on the free one", performance.now() - down);
    expect(await livesOf(others), "no other was touched").to.include.members([...lives]);
    expect(await deployed.deisctl("list-machines", "--no-legend")).to.not.contain(h4().address);
    await eventually(() => expect(deployed.reported("pinned.service")).to.deep.equal([]));
    const waiting = await deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,unplaced");
    expect(waiting).to.match(/^pinned\.service\s+\S/m);

    await h4().start();
    await deployed.allActive(["pinned.service"], 30_000);
    expect(deployed.activeOn("first.service"), "nothing comes back by itself").to.deep.equal([free?.name]);
  });

  it("from the network for longer than its lease keeps every unit as it was, and touches none when it is back", async () => {
    const { deployed } = the;
    const kinds = ["inactive", "loaded", "launched"];
    await deployed.write({
      ...Object.fromEntries(kinds.map((kind) => [`${kind}.service`, service({ fleet: onH4 })])),
      ...Object.fromEntries(kinds.map((kind) => [`all-${kind}.service`, service({ fleet: "Global=true" })])),
    });
    await deployed.deisctl("submit", "inactive.service", "all-inactive.service");
    await deployed.deisctl("load", "loaded.service", "all-loaded.service");
    await deployed.deisctl("start", "launched.service", "all-launched.service");
    const [traces, lives] = [await tracesOn(h4()), await livesOf(deployed.hosts)];
    expect(traces).to.deep.equal([
      "all-launched.service",
      "all-loaded.service",
      "launched.service",
      "loaded.service",
    ]);
    const since = (await h4().exec(["date", "+%s"])).trim();

    await deployed.cluster.part([4]);
    await eventually(() => expect(deployed.present).to.not.include("h4"), { within: 20_000 });
    expect(await tracesOn(h4())).to.deep.equal(traces);
    expect(await livesOn(h4())).to.have.length(2);
    await deployed.cluster.heal();
    await deployed.allPresent();
    await deployed.allActive(["launched.service", "all-launched.service"]);
    // Everything that was to be done after the return has been done once a new unit runs here.
    await deployed.write({ "after.service": service({ fleet: onH4 }) });
    await deployed.deisctl("start", "after.service");
    await deployed.deisctl("destroy", "after.service");
    expect(await livesOf(deployed.hosts)).to.deep.equal(lives);
    expect(await tracesOn(h4())).to.deep.equal(traces);
    const log = await h4().exec([
      "journalctl",
      "--since",
      `@${since}`,
      "-u",
      "launched",
      "-u",
      "all-launched",
      "-o",
      "cat",
    ]);
    expect(log).to.not.match(/Stopp(ing|ed)/);
  });

  it("and comes as another one, with a machine id of its own, costs exactly its own units a move", async () => {
    const { deployed } = the;
    await deployed.write({ "apart@.service": service({ fleet: "Conflicts=apart@*" }) });
    const units = [1, 2, 3, 4].map((at) => `apart@${at}.service`);
    await deployed.deisctl("start", ...units);
    const others = deployed.hosts.filter((host) => host !== h4());
    const lives = await livesOf(others);
    const id = deployed.machineOf(h4());
    try {
      await h4().stop();
      await h4().write("/etc/machine-id", `${"f".repeat(31)}0\n`);
      deployed.alsoKnown("f".repeat(31).concat("0"), h4());
      await h4().start();
      await eventually(async () => expect(await livesOn(h4())).to.have.length(1), {
        within: 30_000,
        every: 50,
      });
      await deployed.allActive(units);
      expect(await livesOf(others), "three stay where they are").to.deep.equal(lives);
      expect(await deployed.deisctl("list-machines", "--full", "--no-legend")).to.not.contain(id);
    } finally {
      await deployed.deisctl("destroy", "*");
      await h4().stop();
      await h4().write("/etc/machine-id", `${id}\n`);
      await h4().start();
      await eventually(() => expect(deployed.machineIds).to.include(id).and.have.length(4), {
        within: 30_000,
      });
    }
  });

  it("nobody takes the place of: a second machine with the same id is refused and touches nothing", async () => {
    const { deployed } = the;
    const h3 = deployed.cluster.host(3);
    const id = deployed.machineOf(h4());
    await deployed.write({ "job.service": service({ fleet: "MachineMetadata=host=h3" }) });
    await deployed.deisctl("start", "job.service");
    const before = await livesOn(h3);
    try {
      await h4().exec(["systemctl", "stop", "deis-agent", "deis-scheduler"]);
      await h4().exec(["rm", "-f", "/run/deis/agent-lease"]);
      await h4().write("/etc/machine-id", `${deployed.machineOf(h3)}\n`);
      await h4().exec(["systemctl", "start", "deis-agent"]);
      await eventually(
        async () => {
          const said = await h4().exec([
            "journalctl",
            "-m",
            "-u",
            "deis-agent",
            "-o",
            "cat",
            "-n",
            "20",
            "--no-pager",
          ]);
          expect(said).to.contain('"code":"machine-id-taken"');
          expect(said).to.contain("systemd-machine-id-setup");
        },
        { within: 15_000, every: 100 },
      );
      const health = await h4().exec([
        "curl",
        "-s",
        "--unix-socket",
        "/run/deis/agent.sock",
        "http://agent/healthz",
      ]);
      expect(JSON.parse(health)).to.include({ ok: false });
      expect(await tracesOn(h4())).to.deep.equal([]);
      expect(await livesOn(h3)).to.deep.equal(before);
      expect(deployed.activeOn("job.service")).to.deep.equal(["h3"]);
    } finally {
      await h4().exec(["systemctl", "stop", "deis-agent"]);
      await h4().write("/etc/machine-id", `${id}\n`);
      await h4().exec(["systemctl", "start", "deis-agent", "deis-scheduler"]);
    }
  });
});
