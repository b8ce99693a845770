import { expect } from "chai";
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

  const recordOf = (machine: string) => `/deis/cluster/machines/${machine}`;

  /** The lease of a machine's record in hexadecimal, as etcdctl has it, or undefined if there is no record. */
  async function leaseOf(machine: string): Promise<string | undefined> {
    const answer = await the.deployed.etcdctl(["get", "-w", "json", recordOf(machine)]);
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
    ["the record is deleted", (machine) => the.deployed.etcdctl(["del", recordOf(machine)])],
  ];
  const numbers: readonly [string, () => readonly string[]][] = [
    ["one machine, which leads the scheduler", () => the.deployed.machineIds.slice(0, 1)],
    ["all machines", () => the.deployed.machineIds],
  ];
  for (const [harm, doHarm] of harms) {
    for (const [number, victims] of numbers) {
      it(`are back before anything moves when ${harm}: ${number}`, async function () {
        const { deployed } = the;
        const [first] = deployed.hosts;
        if (first !== undefined) await deployed.leadFrom(first);
        const [lives, placements] = [await livesOf(deployed.hosts), deployed.placements];
        const begun = performance.now();
        await Promise.all(victims().map(doHarm));
        await eventually(async () => (await Promise.all(victims().map(leaseOf))).every(Boolean));
        measured(this, "until they are back", performance.now() - begun);

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
