/**
 * The platform's components as data: which there are, in which order they come up and go down, and how they are named.
 *
 * Pure. The order is Deis v1's. A component that has no template yet is left out by `platformSections`, and joins in its place once
 * its template is there.
 */

/** A heading of the platform and the components under it. Sections wait for each other; the components of one do not. */
export interface Section {
  readonly heading: string;
  /** `router`, or `registry@1` for the first of a component that can have several. `router@*`: as many as the mesh has. */
  readonly components: readonly string[];
}

/** From the ground up. */
const installOrder: readonly Section[] = [
  {
    heading: "Storage subsystem...",
    components: ["store-daemon", "store-monitor", "store-metadata", "store-volume", "store-gateway@1"],
  },
  { heading: "Logging subsystem...", components: ["logger", "logspout"] },
  { heading: "Control plane...", components: ["database", "registry@1", "controller", "builder"] },
  { heading: "Data plane...", components: ["publisher"] },
  { heading: "Router mesh...", components: ["router@*"] },
];

/** From the edge down, so that nothing is taken away from under what still serves. */
const removalOrder: readonly Section[] = [
  { heading: "Router mesh...", components: ["router@*"] },
  { heading: "Data plane...", components: ["publisher"] },
  { heading: "Control plane...", components: ["controller", "builder", "database", "registry@*"] },
  { heading: "Logging subsystem...", components: ["logger", "logspout"] },
  {
    heading: "Storage subsystem...",
    components: ["store-volume", "store-gateway@*", "store-metadata", "store-daemon", "store-monitor"],
  },
];

const startOrder: readonly Section[] = installOrder.map(({ heading, components }) => ({
  heading,
  components: components.map((component) => component.replace(/@\d+$/, "@*")),
}));

const orders = {
  install: installOrder,
  start: startOrder,
  restart: startOrder,
  stop: removalOrder,
  uninstall: removalOrder,
} as const;

export type PlatformVerb = keyof typeof orders;

/** The sections of one command, with only those components that `exists` names, and only sections that have any. */
export function platformSections(
  verb: PlatformVerb,
  exists: (component: string) => boolean,
): readonly Section[] {
  return orders[verb]
    .map(({ heading, components }) => ({
      heading,
      components: components.filter((component) => exists(component.replace(/@.*$/, ""))),
    }))
    .filter(({ components }) => components.length > 0);
}

/** `router@*` in a mesh of three is `router@1`, `router@2`, `router@3`; anything else is itself. */
export function expandMesh(component: string, size: number): readonly string[] {
  if (!component.endsWith("@*")) return [component];
  const base = component.slice(0, -1);
  return Array.from({ length: size }, (_, index) => `${base}${index + 1}`);
}

export interface ComponentTarget {
  /** `router` */
  readonly component: string;
  /** `deis-router@1.service` */
  readonly unit: string;
}

/** Reads `router`, `router@1` or `deis-router@1.service`; undefined if the word cannot be a component. */
export function parseComponent(word: string): ComponentTarget | undefined {
  const match = /^(?:deis-)?([a-z-]+)(@\d+)?(?:\.service)?$/.exec(word);
  const component = match?.[1];
  if (component === undefined) return undefined;
  return { component, unit: `deis-${component}${match?.[2] ?? ""}.service` };
}
