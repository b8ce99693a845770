/**
 * Every key of the store, in one place. `docs/keys.md` shows what stands under them.
 *
 * A name below a prefix never holds a slash, but for the tables of pairs, `<machine>/<unit>` and `<machine>/<key>`.
 */
import { PlatformError } from "../cluster/errors.ts";
import { type KeyRange, prefixRange } from "./protocol.ts";

const cluster = "/deis/cluster";

export const unitFilesPrefix = `${cluster}/unit-files/`;
export const unitsPrefix = `${cluster}/units/`;
export const machinesPrefix = `${cluster}/machines/`;
export const metadataPrefix = `${cluster}/metadata/`;
export const placementsPrefix = `${cluster}/placements/`;
export const statesPrefix = `${cluster}/states/`;
export const unplacedPrefix = `${cluster}/unplaced/`;
export const outcomesPrefix = `${cluster}/outcomes/`;
export const runsPrefix = `${cluster}/runs/`;
export const failuresPrefix = `${cluster}/failures/`;
export const appsPrefix = `${cluster}/apps/`;
export const cordonsPrefix = `${cluster}/cordons/`;
export const movesPrefix = `${cluster}/moves/`;
export const questionsPrefix = `${cluster}/questions/`;
export const answersPrefix = `${cluster}/answers/`;

/** The machine id of the scheduler's leader. Its create revision is the fence of every scheduler's write. */
export const leaderKey = `${cluster}/leader`;

export const unitFileKey = (hash: string) => unitFilesPrefix + segment(hash);
export const unitKey = (name: string) => unitsPrefix + segment(name);
export const machineKey = (id: string) => machinesPrefix + segment(id);
export const metadataKey = (machine: string, key: string) =>
  `${metadataPrefix}${segment(machine)}/${segment(key)}`;
export const placementKey = (machine: string, unit: string) => placementsOf(machine) + segment(unit);
export const stateKey = (machine: string, unit: string) => statesOf(machine) + segment(unit);
export const unplacedKey = (unit: string) => unplacedPrefix + segment(unit);
export const outcomeKey = (machine: string, unit: string) => outcomesOf(machine) + segment(unit);
export const runKey = (unit: string) => runsPrefix + segment(unit);
export const failuresKey = (unit: string) => failuresPrefix + segment(unit);
export const appKey = (app: string) => appsPrefix + segment(app);
export const cordonKey = (machine: string) => cordonsPrefix + segment(machine);
export const moveKey = (unit: string) => movesPrefix + segment(unit);
export const questionKey = (id: string) => questionsPrefix + segment(id);
export const answerKey = (id: string) => answersPrefix + segment(id);

/** The prefix that one agent watches. */
export const placementsOf = (machine: string) => `${placementsPrefix}${segment(machine)}/`;
/** The prefixes that one agent writes. */
export const statesOf = (machine: string) => `${statesPrefix}${segment(machine)}/`;
export const outcomesOf = (machine: string) => `${outcomesPrefix}${segment(machine)}/`;

export const routerHostsPrefix = "/deis/router/hosts/";
/** How far the router of a machine is, under that router's lease. */
export const routerHostKey = (machine: string) => routerHostsPrefix + segment(machine);

/** Below it `<service>/<name>`: where the units of an app answer. */
export const servicesPrefix = "/deis/services/";
export const endpointsOf = (service: string) => `${servicesPrefix}${segment(service)}/`;
export const endpointKey = (service: string, name: string) => endpointsOf(service) + segment(name);
/** The health settings of an app, which are part of its configuration. No other part of that is an agent's to read. */
export const healthSettingsOf = (app: string) => `/deis/config/${segment(app)}/healthcheck_`;

/** A setting, named as in Deis v1: `/deis/platform/domain`, `/deis/router/bodySize`. The key may have slashes inside. */
export function settingKey(target: string, key: string): string {
  if (key === "" || key.split("/").some((part) => part === "")) throw badKey("setting", key);
  return settingsPrefix(target) + key;
}

/** The prefix of a target's settings. Refuses `cluster`, which holds no settings but what runs. */
export function settingsPrefix(target: string): string {
  if (target === "cluster") {
    throw new PlatformError("setting-invalid", 'Cannot use "cluster" as the target of a setting', {
      hint: "Name a component (router, registry, …) or platform",
    });
  }
  return `/deis/${segment(target)}/`;
}

/** The range from the first to the last of `ranges`, and all between. */
export function coveringRange(ranges: readonly KeyRange[]): KeyRange {
  const ends = ranges.map((range) => range.end ?? `${range.key}\0`).sort();
  const starts = ranges.map((range) => range.key).sort();
  const [key, end] = [starts[0], ends.at(-1)];
  if (key === undefined || end === undefined) throw new Error("no range to cover");
  return ranges.length === 1 && ranges[0] ? ranges[0] : { key, end };
}

export const rangeOf = prefixRange;

function segment(text: string): string {
  if (text === "" || text.includes("/")) throw badKey("name", text);
  return text;
}

function badKey(what: string, text: string): PlatformError {
  return new PlatformError("key-invalid", `Cannot use ${JSON.stringify(text)} as a ${what} in the store`, {
    hint: "Give a text without empty parts and stray slashes",
  });
}
