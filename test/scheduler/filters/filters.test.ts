import { expect } from "chai";
import type { Machine } from "../../../cluster/machine.ts";
import { explainUnplaced } from "../../../scheduler/explain.ts";
import { Rules } from "../../../scheduler/rules.ts";
import { Cluster, machine, placement, type UnitShape, unit } from "../builders.ts";

interface Case {
  readonly name: string;
  readonly on?: Machine;
  readonly here?: Readonly<Record<string, UnitShape>>;
  readonly asks: UnitShape;
  /** Undefined: the machine takes it. */
  readonly why: string | undefined;
}

/** What one machine, with some units on it, says about `u@1.service`. */
function verdict({ on = machine("m1"), here = {}, asks }: Case): string | undefined {
  const cluster = new Cluster().join(on);
  for (const [name, shape] of Object.entries(here)) {
    cluster.submit(unit(name, shape));
    cluster.model.setPlacement(on.id, name, placement(on.id, name));
  }
  cluster.submit(unit("u@1.service", asks));
  const node = cluster.model.units.get("u@1.service");
  const host = cluster.model.machines.get(on.id);
  if (!node || !host) throw new Error("the case is not set up");
  const rules = new Rules(cluster.model.units);
  if (rules.admits(node, host)) return undefined;
  return explainUnplaced(node, cluster.model, rules).replace("1 machine rejected it: 1 ", "");
}

function table(rule: string, cases: readonly Case[]): void {
  describe(rule, () => {
    for (const each of cases) it(each.name, () => expect(verdict(each)).to.equal(each.why));
  });
}

table("the rule machine-id", [
  { name: "takes any machine without it", asks: {}, why: undefined },
  { name: "takes the machine of that id", asks: { machineId: "m1" }, why: undefined },
  {
    name: "names the machine that is not there",
    asks: { machineId: "m9" },
    why: 'the machine "m9" that MachineID asks for is not in the cluster',
  },
  {
    name: "does not take the short form of an id",
    on: machine("abcdef0123456789abcdef0123456789"),
    asks: { machineId: "abcdef01" },
    why: 'the machine "abcdef01" that MachineID asks for is not in the cluster',
  },
]);

const ssd = machine("m1", { metadata: { disk: "ssd", region: "eu" } });
table("the rule metadata", [
  { name: "takes the value asked for", on: ssd, asks: { metadata: { disk: ["ssd"] } }, why: undefined },
  {
    name: "takes one of several values",
    on: ssd,
    asks: { metadata: { disk: ["hdd", "ssd"] } },
    why: undefined,
  },
  {
    name: "asks for every key",
    on: ssd,
    asks: { metadata: { disk: ["ssd"], region: ["us"] } },
    why: 'lacks metadata "region=us"',
  },
  { name: "takes what is not ruled out", on: ssd, asks: { metadataNot: { disk: ["hdd"] } }, why: undefined },
  {
    name: "takes a machine without the key",
    on: ssd,
    asks: { metadataNot: { gpu: ["no"] } },
    why: undefined,
  },
  {
    name: "rejects a value that is ruled out",
    on: ssd,
    asks: { metadata: { disk: ["ssd"] }, metadataNot: { region: ["us", "eu"] } },
    why: 'has metadata "region=eu" which is ruled out',
  },
  {
    name: "says all values that would do",
    asks: { metadata: { disk: ["a", "b"] } },
    why: 'lacks metadata "disk=a" or "disk=b"',
  },
]);

table("the rule runtime", [
  { name: "takes a runtime that is offered", asks: { runtime: "docker" }, why: undefined },
  {
    name: "rejects one that is not",
    on: machine("m1", { runtimes: ["systemd"] }),
    asks: { runtime: "docker" },
    why: 'does not offer the runtime "docker"',
  },
]);

const small = machine("m1", { memoryBytes: 1024, cpuMillis: 1_000 });
table("the rule resources", [
  {
    name: "takes what fits exactly",
    on: small,
    asks: { memoryBytes: 1024, cpuMillis: 1_000 },
    why: undefined,
  },
  {
    name: "counts what others reserve",
    on: small,
    here: { "a.service": { memoryBytes: 1000 } },
    asks: { memoryBytes: 100 },
    why: "has less than the reserved 100 bytes of memory free",
  },
  {
    name: "rejects too much of a processor",
    on: small,
    asks: { cpuMillis: 1_500 },
    why: "has less than the reserved 150 % of a processor free",
  },
  {
    name: "takes a unit that reserves nothing on a full machine",
    on: small,
    here: { "a.service": { memoryBytes: 1024 } },
    asks: {},
    why: undefined,
  },
]);

table("the rule conflicts", [
  {
    name: "takes a machine with strangers",
    here: { "a.service": {} },
    asks: { conflicts: ["b.service"] },
    why: undefined,
  },
  {
    name: "binds by the unit's own glob",
    here: { "u@2.service": {} },
    asks: { conflicts: ["u@*.service"] },
    why: 'runs "u@2.service" which it conflicts with',
  },
  {
    name: "binds by the neighbour's glob",
    here: { "a.service": { conflicts: ["u@*"] } },
    asks: {},
    why: 'runs "a.service" which conflicts with it',
  },
  {
    name: "binds by an exact name",
    here: { "a.service": { conflicts: ["u@1.service"] } },
    asks: {},
    why: 'runs "a.service" which conflicts with it',
  },
  {
    name: "lets other instances be",
    here: { "a.service": { conflicts: ["u@2.service"] } },
    asks: {},
    why: undefined,
  },
  {
    name: "takes classes and question marks as globs",
    here: { "db3.service": {} },
    asks: { conflicts: ["db[0-9].servic?"] },
    why: 'runs "db3.service" which it conflicts with',
  },
  {
    name: "finds a glob that begins with a star",
    here: { "a.timer": {} },
    asks: { conflicts: ["*.timer"] },
    why: 'runs "a.timer" which it conflicts with',
  },
  { name: "never binds a unit to itself", asks: { conflicts: ["u@*"] }, why: undefined },
  { name: "ignores a glob that is none", here: { "[": {} }, asks: { conflicts: ["["] }, why: undefined },
]);

table("the rule max-per-machine", [
  {
    name: "takes a machine with room",
    here: { "u@2.service": {} },
    asks: { maxPerMachine: 2 },
    why: undefined,
  },
  {
    name: "counts no other template",
    here: { "v@2.service": {} },
    asks: { maxPerMachine: 1 },
    why: undefined,
  },
  {
    name: "counts every instance of the template",
    here: { "u@2.service": {} },
    asks: { maxPerMachine: 1 },
    why: 'runs an instance of "u@.service", and MaxPerMachine allows no more',
  },
  {
    name: "counts by the limit of those that are there too",
    here: { "u@2.service": { maxPerMachine: 2 }, "u@3.service": {} },
    asks: { maxPerMachine: 5 },
    why: 'runs 2 instances of "u@.service", and MaxPerMachine allows no more',
  },
]);

table("a glob in the rule machine-of", [
  {
    name: "takes the machine of a unit that matches",
    here: { "db@1.service": {} },
    asks: { machineOf: ["db@*"] },
    why: undefined,
  },
  {
    name: "asks for one at least",
    here: { "x.service": {} },
    asks: { machineOf: ["db@*"] },
    why: 'does not run a unit that matches "db@*", which MachineOf asks for: none is started',
  },
  {
    name: "takes any machine for the first of those that ask for each other",
    asks: { machineOf: ["u@*"] },
    why: undefined,
  },
]);

table("the rule machine-of", [
  {
    name: "takes the machine of the peer",
    here: { "a.service": {} },
    asks: { machineOf: ["a.service"] },
    why: undefined,
  },
  {
    name: "asks for every peer",
    here: { "a.service": {} },
    asks: { machineOf: ["a.service", "b.service"] },
    why: 'does not run "b.service" which MachineOf asks for and which does not exist',
  },
  {
    name: "says that the peer is not started",
    here: { "a.service": { target: "inactive" } },
    asks: { machineOf: ["b.service"] },
    why: 'does not run "b.service" which MachineOf asks for and which does not exist',
  },
]);

table("the rule replaces", [
  {
    name: "does not reject the one that replaces",
    here: { "a.service": {} },
    asks: { replaces: ["a.service"] },
    why: undefined,
  },
  {
    name: "rejects the one that is replaced",
    here: { "a.service": { replaces: ["u@*"] } },
    asks: {},
    why: 'runs "a.service" which replaces it',
  },
  {
    name: "is void between instances of one template",
    here: { "u@2.service": { replaces: ["u@*"] } },
    asks: { replaces: ["u@*"] },
    why: undefined,
  },
  {
    name: "lets only one of two that replace each other be placed",
    here: { "a.service": { replaces: ["u@*"] } },
    asks: { replaces: ["a.service"] },
    why: 'cannot take it while "a.service" is placed: the two replace each other',
  },
]);
