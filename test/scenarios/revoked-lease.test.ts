import { expect } from "chai";
import type { ClusterTables, Mirror } from "../../cluster/ports.ts";
import { machineKey } from "../../etcd/keys.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOf } from "../support/living-units.ts";
import { measured } from "../support/measured.ts";
import { container, service } from "../support/sleepers.ts";

const units = ["web@1.service", "web@2.service", "web@3.service", "job@1.service", "job@2.service"];

describe("machines that live, but whose records leave the store", function () {
  this.timeout(90_000);
  const the = useDeployedCluster();
  let more = 0;

  before("spread units over the hosts", async () => {
    const { deployed } = the;
    await deployed.write({ "web@.service": container(), "job@.service": service() });
    await deployed.deisctl("start", ...units);
    await deployed.allActive(units);
  });

  /** The lease of a machine's record in hexadecimal, as etcdctl has it, or undefined if there is no record. */
  async function leaseOf(machine: string): Promise<string | undefined> {
    const answer = await the.deployed.etcdctl(["get", "-w", "json", machineKey(machine)]);
    // More digits than a number of JSON.parse keeps.
    const lease = /"lease":(\d+)/.exec(answer)?.[1];
    return lease && BigInt(lease).toString(16);
  }

  const harms: readonly [string, (machine: string) => Promise<unknown>][] = [
    // What a store does that hung as its own leader (etcd issue 15247).
    [
      "the lease is revoked",
      async (machine) => the.deployed.etcdctl(["lease", "revoke", (await leaseOf(machine)) ?? ""]),
    ],
    ["the record is deleted", (machine) => the.deployed.etcdctl(["del", machineKey(machine)])],
  ];
  for (const [harm, doHarm] of harms) {
    for (const [number, count] of [
      ["one machine, which leads the scheduler", 1],
      ["all machines", 3],
    ] as const) {
      it(`are back before anything moves when ${harm}: ${number}`, async function () {
        const { deployed } = the;
        await deployed.leadFrom(deployed.cluster.host(1));
        const victims = deployed.hosts.slice(0, count).map((host) => deployed.machineOf(host));
        const [lives, placements] = [await livesOf(deployed.hosts), deployed.placements];
        const absences = absencesOf(deployed.records, victims);
        await Promise.all(victims.map(doHarm));
        await eventually(() => absences.ended.length === count);
        absences.end();
        measured(this, "away at the longest", Math.max(...absences.ended));

        // What is placed now was placed after the scheduler knew of their return.
        more += 1;
        await deployed.deisctl("start", `job@more-${more}.service`);
        await deployed.allPresent();
        expect(deployed.placements).to.include.members([...placements]);
        expect(await livesOf(deployed.hosts)).to.include.members([...lives]);
      });
    }
  }
});

/** For how long each of these machines is missing among the records, in ms, once it is back. */
function absencesOf(records: Mirror<ClusterTables>, machines: readonly string[]) {
  const since = new Map<string, number>();
  const ended: number[] = [];
  const end = records.onChange(() => {
    for (const machine of machines) {
      const [began, isThere] = [since.get(machine), records.tables.machines.get(machine) !== undefined];
      if (!isThere && began === undefined) since.set(machine, performance.now());
      if (!isThere || began === undefined) continue;
      since.delete(machine);
      ended.push(performance.now() - began);
    }
  });
  return { ended, end };
}
