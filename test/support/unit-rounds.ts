/** What fleet's tests did alike with submit, load and start: each is a row of a table here and a file of its own among the scenarios. */
import { expect } from "chai";
import type { DeployedCluster } from "./deployed-cluster.ts";
import { listed } from "./listed.ts";
import { service } from "./sleepers.ts";

export const threeUnits = ["a.service", "b.service", "c.service"];

/** Writes the files of `threeUnits`. */
export async function writeThreeUnits(deployed: DeployedCluster): Promise<void> {
  await deployed.write(Object.fromEntries(threeUnits.map((unit) => [unit, service()])));
}

export interface Round {
  readonly command: "submit" | "load" | "start";
  readonly undo: "destroy" | "unload" | "stop";
  /** What `list-unit-files` shows as wanted and as it is, after the command. */
  readonly state: "inactive" | "loaded" | "launched";
  /** Load and active state in `list-units` after the command. Absent: the units are not there. */
  readonly shown?: string;
  /** The state after `undo`. Absent: the units are gone, and undoing it again is an error. */
  readonly left?: "inactive" | "loaded";
}

/** Three units: the command, the lists, the command again, its undoing, that again, and the command once more. */
export async function commandRound(deployed: DeployedCluster, round: Round): Promise<void> {
  const { command, undo, state, shown, left } = round;
  await writeThreeUnits(deployed);
  const known = () => listed(deployed, "list-unit-files", "unit,dstate,state");
  const seen = () => listed(deployed, "list-units", "unit,load,active");
  const wanted = threeUnits.map((unit) => `${unit} ${state} ${state}`);
  const rows = shown === undefined ? [] : threeUnits.map((unit) => `${unit} ${shown}`);

  await deployed.deisctl(command, ...threeUnits);
  expect(await known()).to.deep.equal(wanted);
  expect(await seen()).to.deep.equal(rows);
  const again = await deployed.tryDeisctl(command, ...threeUnits);
  expect({ code: again.code, stderr: again.stderr }).to.deep.equal({ code: 0, stderr: "" });
  expect(await known()).to.deep.equal(wanted);

  await deployed.deisctl(undo, ...threeUnits);
  const remaining = left === undefined ? [] : threeUnits.map((unit) => `${unit} ${left} ${left}`);
  expect(await known()).to.deep.equal(remaining);
  const repeated = await deployed.tryDeisctl(undo, ...threeUnits);
  // A name that is unknown by now is an error here; fleetctl said so and ended with 0.
  expect(repeated.code).to.equal(left === undefined ? 1 : 0);

  await deployed.deisctl(command, ...threeUnits);
  expect(await known()).to.deep.equal(wanted);
  expect(await seen()).to.deep.equal(rows);
}

/** A unit whose file has changed beside the operator: the command keeps the old one and says so, with `--replace` it takes the new one. */
export async function replaceRound(deployed: DeployedCluster, command: Round["command"]): Promise<void> {
  const [first, second] = [service(), service({ service: "Environment=EDITION=2" })];
  await deployed.write({ "hello.service": first });
  await deployed.deisctl(command, "hello.service");
  await deployed.write({ "hello.service": second });
  const kept = await deployed.tryDeisctl(command, "hello.service");
  expect(kept.stderr).to.contain("differs from local unit file hello.service. Add --replace");
  expect(await deployed.deisctl("cat", "hello")).to.equal(first);
  await deployed.deisctl(command, "--replace", "hello.service");
  expect(await deployed.deisctl("cat", "hello")).to.equal(second);
  expect((await deployed.tryDeisctl(command, "--replace", "hello.service")).code).to.equal(0);
}
