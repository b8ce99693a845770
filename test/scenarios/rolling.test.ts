/** Rolling changes on real hosts: how many are down at once is read from the cluster's own events. */
import { expect } from "chai";
import type { DeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf } from "../support/living-units.ts";
import { useSharedCluster } from "../support/shared-cluster.ts";
import { service } from "../support/sleepers.ts";

/** A unit that takes a moment to come up, so that two at once would be seen. */
const slow = service({ service: "ExecStartPre=/bin/sleep 0.3" });
const broken = "[Service]\nExecStart=/bin/false\nType=oneshot\nRemainAfterExit=yes\n";
const webs = ["web@1.service", "web@2.service", "web@3.service", "web@4.service"];

interface Told {
  readonly revision: string;
  readonly kind: string;
  readonly unit?: string;
  readonly machine?: string;
  readonly active?: string;
}

describe("a rolling change", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("restarts instances one after the other: never more than one is down", async () => {
    const { deployed } = the;
    await deployed.write({ "web@.service": slow });
    await deployed.deisctl("start", "web@1", "web@2", "web@3", "web@4");
    const before = await livesOf(deployed.hosts);
    const revision = await lastRevision(deployed);
    const { stdout, stderr, code } = await deployed.tryDeisctl("restart", "--rolling", "web@*");
    expect(code, stderr).to.equal(0);
    expect(stdout.match(/launched on/g)).to.have.length(4);
    const after = await livesOf(deployed.hosts);
    expect(after).to.have.length(4);
    expect(after.filter((life) => before.includes(life))).to.deep.equal([]);
    expect(await mostDown(deployed, revision)).to.equal(1);
  });

  it("takes as many at once as may be unavailable", async () => {
    const { deployed } = the;
    await deployed.write({ "web@.service": slow });
    await deployed.deisctl("start", "web@1", "web@2", "web@3", "web@4");
    const revision = await lastRevision(deployed);
    await deployed.deisctl("restart", "--rolling", "web@*", "--max-unavailable", "50%");
    expect(await mostDown(deployed, revision)).to.equal(2);
  });

  it("restarts a global unit machine by machine", async () => {
    const { deployed } = the;
    await deployed.write({
      "all.service": service({ fleet: "Global=true", service: "ExecStartPre=/bin/sleep 0.3" }),
    });
    await deployed.deisctl("start", "all.service");
    const before = await livesOf(deployed.hosts);
    const revision = await lastRevision(deployed);
    await deployed.deisctl("restart", "--rolling", "all");
    const after = await livesOf(deployed.hosts);
    expect(after).to.have.length(4);
    expect(after.filter((life) => before.includes(life))).to.deep.equal([]);
    expect(await mostDown(deployed, revision)).to.equal(1);
  });

  it("stops at the first instance that a new file breaks, leaves the others running, and undoes when told", async () => {
    const { deployed } = the;
    await deployed.write({ "web@.service": slow });
    await deployed.deisctl("start", "web@1", "web@2", "web@3", "web@4");
    const before = await livesOf(deployed.hosts);
    await deployed.write({ "web@.service": broken });
    const stopped = await deployed.tryDeisctl("start", "--replace", "--rolling", "web@.service");
    expect(stopped.code).to.equal(1);
    expect(stopped.stderr).to.match(/^Unit web@1\.service failed on .*/);
    expect(stopped.stderr).to.contain(`Not touched: ${webs.slice(1).join(", ")}.`);
    const rest = (lives: readonly string[]): readonly string[] =>
      lives.filter((life) => !life.includes("web@1"));
    expect(rest(await livesOf(deployed.hosts))).to.deep.equal(rest(before));
    await deployed.write({ "web@.service": slow });
    await deployed.deisctl("start", "--replace", "--rolling", "web@.service");
    expect(rest(await livesOf(deployed.hosts)), "they had that file").to.deep.equal(rest(before));
    await deployed.write({ "web@.service": broken });
    const undone = await deployed.tryDeisctl(
      "start",
      "--replace",
      "--rolling",
      "--undo-on-failure",
      "web@.service",
    );
    expect(undone.code).to.equal(1);
    expect(undone.stderr).to.contain("Successfully restored units [web@1.service].");
    await eventually(async () => expect(await livesOf(deployed.hosts)).to.have.length(4));
    expect(await deployed.deisctl("cat", "web@1")).to.equal(slow);
  });

  it("is told by `events` and `journal` of all instances at once", async () => {
    const { deployed } = the;
    await deployed.write({
      "web@.service": '[Service]\nExecStart=/bin/sh -c "echo here is %i; exec sleep infinity"\n',
    });
    await deployed.deisctl("start", "web@1", "web@2");
    await eventually(async () => {
      const said = await deployed.deisctl("journal", "--output", "cat", "--since", "1min", "web@*");
      expect(said)
        .to.match(/^\S+ web@1\.service: here is 1$/m)
        .and.match(/^\S+ web@2\.service: here is 2$/m);
    });
    const events = await deployed.deisctl("events", "web@2", "--since", "2min");
    expect(events).to.match(/^\S+ web@2\.service: submitted, target launched/m);
    expect(events).to.match(/^\S+Z web@2\.service on \S+: active \(running\)$/m);
  });
});

/** The revision of the last thing that happened. */
async function lastRevision(deployed: DeployedCluster): Promise<number> {
  const events = await toldSince(deployed, 0);
  return Number(events.at(-1)?.revision ?? 0);
}

/**
 * How many copies were down at once, at the worst: between the placement that asks a copy for its restart and the report of its agent
 * that it has carried it out.
 */
async function mostDown(deployed: DeployedCluster, revision: number): Promise<number> {
  const down = new Set<string>();
  let most = 0;
  for (const { kind, unit, machine, active } of await toldSince(deployed, revision)) {
    const copy = `${unit} ${machine}`;
    if (kind === "unit-renewed") down.add(copy);
    if (kind === "unit-state" && active === "active") down.delete(copy);
    most = Math.max(most, down.size);
  }
  expect([...down], "down in the end").to.deep.equal([]);
  return most;
}

async function toldSince(deployed: DeployedCluster, revision: number): Promise<readonly Told[]> {
  const text = await deployed.deisctl("events", "--output", "json", "--lines", "10000");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line): Told => JSON.parse(line))
    .filter((event) => Number(event.revision) > revision);
}
