/**
 * One cluster for many test files: four hosts with everything installed but Docker, for units that systemd runs. It is made for the
 * first file of a mocha run that asks for it and removed after the last one, so that a scenario costs what it does and not what a
 * cluster costs. In return every test begins with all hosts well and without a unit: what a test leaves is put right after it.
 */
import type { Suite } from "mocha";
import type { Host } from "../../hosts/host.ts";
import { sweep } from "../../hosts/sweep.ts";
import { DeployedCluster, lastWords, type TestDeployment } from "./deployed-cluster.ts";
import { eventually } from "./eventually.ts";
import { tracesOn } from "./living-units.ts";

let shared: Promise<DeployedCluster> | undefined;
/** How many blocks of this run have not ended yet. */
let users = 0;

/** For `[X-Fleet]`: on h4, the host that is no member of etcd and may suffer without harm to the others. */
export const onH4 = "MachineMetadata=host=h4";

/** Gives the tests of the enclosing `describe` the shared cluster. h1 to h3 are etcd's members, h4 is none. */
export function useSharedCluster(): TestDeployment {
  let deployed: DeployedCluster | undefined;
  users += 1;

  before("have the shared cluster", async function () {
    // The first time on a machine builds the base and the release.
    this.timeout(20 * 60_000);
    const suite = this.test?.parent;
    if (suite === undefined) return;
    if (shared === undefined) rootOf(suite).afterAll("remove the shared cluster", remove);
    shared ??= sweep().then(() => DeployedCluster.create({ hosts: 4, docker: false }));
    deployed = await shared;
    // Now, so that they run after the block's own.
    suite.afterEach("tell what the daemons said, and put everything right", async function () {
      this.timeout(60_000);
      if (deployed !== undefined) await putRight(deployed, this.currentTest?.state === "failed");
    });
    suite.afterAll("remove the real hosts after the last block", async function () {
      this.timeout(120_000);
      await deployed?.clearFiles();
      deployed = undefined;
      users -= 1;
      // Where some of the blocks are left out (`--grep`) the end of the run is the end of the last of them.
      if (users === 0) await remove();
    });
  });

  return {
    get deployed() {
      if (deployed === undefined) throw new Error("the shared cluster exists only while tests run");
      return deployed;
    },
  };
}

/** Resolves once every host is up and joined, all daemons run, and every agent is a machine. */
export async function mended(deployed: DeployedCluster): Promise<void> {
  await Promise.all(
    deployed.hosts.map(async (host) => {
      if (host.state === "frozen") host.thaw();
      if (host.state === "stopped") await host.start();
    }),
  );
  await deployed.cluster.heal();
  await Promise.all(deployed.hosts.map((host) => host.exec(["systemctl", "start", ...daemonsOf(host)])));
  await deployed.allPresent(30_000);
}

async function putRight(deployed: DeployedCluster, hasFailed: boolean): Promise<void> {
  if (hasFailed) {
    for (const host of deployed.hosts.filter(({ state }) => state === "running"))
      process.stderr.write(`--- ${host.name}\n${await lastWords(host)}\n`);
  }
  await mended(deployed);
  if (deployed.records.tables.units.size > 0) await deployed.deisctl("destroy", "*");
  await Promise.all(deployed.hosts.map(leavesNothing));
}

/** Only the first three hosts are members of etcd. */
function daemonsOf(host: Host): readonly string[] {
  return [...(host.number <= 3 ? ["etcd"] : []), "deis-agent", "deis-scheduler"];
}

async function leavesNothing(host: Host): Promise<void> {
  await eventually(
    async () => {
      const left = await tracesOn(host);
      if (left.length > 0) throw new Error(`${host.name} still has ${left.join(", ")}`);
    },
    { within: 20_000, every: 50 },
  );
}

function rootOf(suite: Suite): Suite {
  return suite.parent === undefined ? suite : rootOf(suite.parent);
}

async function remove(): Promise<void> {
  const cluster = shared;
  shared = undefined;
  await (await cluster?.catch(() => undefined))?.down();
}
