/** A host is emptied, filled again and balanced, and nobody notices but the operator: with Docker and systemd. */
import { expect } from "chai";
import { isReady } from "../../cluster/unit-state.ts";
import { prefixRange, type WatchEvent } from "../../etcd/protocol.ts";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOn, runningOn } from "../support/living-units.ts";

const web = `[Container]
Image=busybox
Pull=never
Exec=sh -c "mkdir -p /www; exec httpd -f -p 80 -h /www"
StopSignal=SIGKILL
PublishPort=80
[X-Publish]
Service=shop
`;
const service = (fleet = "", more = "") =>
  `[Service]\nExecStart=/bin/sleep 100000\n${more}${fleet === "" ? "" : `[X-Fleet]\n${fleet}\n`}`;

describe("draining a host", function () {
  this.timeout(60_000);
  const the = useDeployedCluster({ hosts: 3, images: "foundation" });
  const units = ["web@1.service", "web@2.service", "plain.service", "fenced.service"];

  let drained: Host;
  let others: readonly Host[];

  before("choose a host, and have units on it alone", async () => {
    await the.deployed.write({
      "web@.service": web,
      "plain.service": service(),
      "fenced.service": service("Fence=true"),
      "everywhere.service": service("Global=true"),
      "slow.service": service("", 'ExecStartPre=/bin/sh -c "test ! -e /run/slow || sleep 60"\n'),
      "late.service": service(),
    });
    const [first, ...rest] = the.deployed.hosts;
    if (!first) throw new Error("there is no host");
    drained = first;
    others = rest;
    await the.deployed.deisctl("start", "everywhere");
  });

  const id = (host: Host) => the.deployed.machineOf(host);

  const isUp = (unit: string): boolean => the.deployed.reported(unit).some(({ state }) => isReady(state));

  /** What happens to the app's endpoints from now on: `put web@1 host:port`, `delete web@1`. */
  function endpointEvents(): { readonly told: readonly string[]; stop(): void } {
    const told: string[] = [];
    const ending = new AbortController();
    const range = prefixRange("/deis/services/shop/");
    const handler = {
      onCreated: () => undefined,
      onProgress: () => undefined,
      onEvents: (_header: unknown, events: readonly WatchEvent[]) => {
        for (const event of events) told.push(`${event.kind} ${event.key.slice(range.key.length)}`);
      },
    };
    const from = the.deployed.records.revision + 1n;
    const watching = the.deployed.etcd.watch(range, from, handler, ending.signal);
    watching.catch((error: unknown) => told.push(String(error)));
    return { told, stop: () => ending.abort() };
  }

  /** How many copies of a unit were reported active at once, at least and at most, from now on. */
  function count(unit: string): { readonly least: number; readonly most: number; stop(): void } {
    const now = (): number => the.deployed.activeOn(unit).length;
    const seen = { least: now(), most: now(), stop: () => undefined };
    const off = the.deployed.records.onChange(() => {
      seen.least = Math.min(seen.least, now());
      seen.most = Math.max(seen.most, now());
    });
    return Object.assign(seen, { stop: off });
  }

  it("a cordon keeps new units away", async () => {
    for (const host of others) await the.deployed.deisctl("cordon", id(host));
    await the.deployed.deisctl("start", ...units);
    await the.deployed.allActive(units);
    for (const unit of units) await eventually(() => isUp(unit), { within: 15_000 });
    for (const unit of units) expect(the.deployed.placedOn(unit)).to.deep.equal([drained.name]);
    expect(the.deployed.activeOn("everywhere.service")).to.have.length(3);
    const refused = await the.deployed.deisctl("why", "web@1");
    expect(refused).to.match(/is cordoned/);
    await the.deployed.deisctl("uncordon", ...others.map(id));
  });

  it("a drain moves everything without a moment of no copy, but never two of a fenced unit", async () => {
    const counts = new Map(units.map((unit) => [unit, count(unit)]));
    const endpoints = endpointEvents();
    const told = await the.deployed.deisctl("drain", id(drained), "--reason", "new kernel");
    expect(told).to.match(/drained/);
    await the.deployed.allActive(units);
    endpoints.stop();
    // Each goes over from the old copy to the new one, which answers by then, in one write.
    expect(endpoints.told.toSorted()).to.deep.equal(["put web@1", "put web@2"]);
    for (const [unit, seen] of counts) {
      seen.stop();
      expect(the.deployed.placedOn(unit)).to.not.include(drained.name);
      if (unit === "fenced.service") expect(seen, unit).to.include({ least: 0, most: 1 });
      else expect(seen, unit).to.include({ least: 1, most: 2 });
    }
    await eventually(async () => expect(await runningOn(drained)).to.deep.equal(["everywhere.service"]));
    expect(the.deployed.hostWith("web@1.service")).to.not.equal(the.deployed.hostWith("web@2.service"));
  });

  it("nothing new comes to a drained host, and an uncordon opens it again", async () => {
    await the.deployed.deisctl("start", "late");
    expect(the.deployed.hostWith("late.service")).to.not.equal(drained);
    await the.deployed.deisctl("destroy", "late");
    await the.deployed.deisctl("uncordon", id(drained));
    await the.deployed.deisctl("start", "late");
    expect(the.deployed.hostWith("late.service")).to.equal(drained);
  });

  it("rebalancing evens the load out once, and has nothing to do then", async () => {
    await the.deployed.deisctl("destroy", "late");
    await the.deployed.deisctl("rebalance", "--yes");
    const loads = the.deployed.hosts.map(
      (host) => the.deployed.placements.filter((each) => each.endsWith(` ${host.name}`)).length,
    );
    expect(Math.max(...loads) - Math.min(...loads)).to.be.at.most(1);
    const { moves } = JSON.parse(await the.deployed.deisctl("rebalance", "--dry-run", "--output", "json"));
    expect(moves).to.deep.equal([]);
  });

  it("an uncordon in the midst of a drain leaves the unit where it is, untouched", async () => {
    await the.deployed.deisctl("start", "slow");
    const home = the.deployed.hostWith("slow.service");
    for (const host of the.deployed.hosts.filter((each) => each !== home))
      await host.exec(["touch", "/run/slow"]);
    const life = async () => (await livesOn(home)).filter((each) => each.startsWith("slow.service"));
    const before = await life();
    await the.deployed.deisctl("drain", "--no-block", id(home));
    await eventually(() => the.deployed.placedOn("slow.service").length === 2);
    await the.deployed.deisctl("uncordon", id(home));
    await eventually(() => the.deployed.placedOn("slow.service").length === 1);
    expect(the.deployed.hostWith("slow.service")).to.equal(home);
    expect(await life()).to.deep.equal(before);
    await eventually(() => the.deployed.reported("slow.service").length === 1, { within: 15_000 });
  });
});
