/**
 * The functions that ask the world outside the store: datetime, getenv, fileExists and the look-ups of names. A render is synchronous and
 * look-ups are not, so a look-up that has no answer yet is noted and answered with nothing; the renderer then finds the answers and
 * renders again.
 */
import {
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  type GoType,
  pointerTo,
  sliceOf,
  structOf,
  types,
} from "../gotmpl/index.ts";
import { type Functions, ofStrings, strings, stringsOf } from "./declare.ts";
import { timeOf, timeType, type Zone } from "./time.ts";

export interface Service {
  readonly target: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Whatever lies outside the store. Texts are byte strings. */
export interface World {
  now(): { readonly date: Date; readonly zone: Zone };
  environment(name: string): string | undefined;
  fileExists(path: string): boolean;
  /** The sorted answer, empty for none. Undefined if it is not known yet: it is then looked up, and the render is done again. */
  addresses(host: string): readonly string[] | undefined;
  /** The same for SRV records. */
  services(name: string): readonly Service[] | undefined;
}

const service: GoType = structOf("net.SRV", [
  { name: "Target", type: types.string },
  { name: "Port", type: types.uint16 },
  { name: "Priority", type: types.uint16 },
  { name: "Weight", type: types.uint16 },
]);
const servicePointer = pointerTo(service);
const services = sliceOf(servicePointer);

/** `asked` is told of every question, so that the render that asked counts as one that depends on the world. */
export function worldFunctions(world: World, asked: () => void): Functions {
  /** confd tells IPv4 from IPv6 by what stands in an address. */
  const lookup = (mark: string) =>
    ofStrings(1, strings, (host = "") => {
      asked();
      const found = (world.addresses(host) ?? []).filter((address) => address.includes(mark));
      return found.length === 0 ? new GoSlice(strings, null) : stringsOf(found);
    });
  return {
    datetime: {
      in: [],
      out: timeType,
      call: () => {
        asked();
        const { date, zone } = world.now();
        return timeOf(date, zone);
      },
    },
    getenv: {
      in: [types.string, types.string],
      variadic: true,
      out: types.string,
      call: (name: string, ...defaults: string[]) => world.environment(name) || (defaults[0] ?? ""),
    },
    fileExists: ofStrings(1, types.bool, (path = "") => {
      asked();
      return world.fileExists(path);
    }),
    lookupIP: lookup(""),
    lookupIPV4: lookup("."),
    lookupIPV6: lookup(":"),
    lookupSRV: ofStrings(3, services, (name = "", protocol = "", domain = "") => {
      asked();
      const full = name === "" && protocol === "" ? domain : `_${name}._${protocol}.${domain}`;
      const found = world.services(full) ?? [];
      const sorted = [...found].sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
      return new GoSlice(services, sorted.map(pointerOf));
    }),
  };
}

/** confd sorts services by their fields written one after the other. */
function sortKey({ target, port, priority, weight }: Service): string {
  return `${target}${port}${priority}${weight}`;
}

function pointerOf({ target, port, priority, weight }: Service): GoPointer {
  const small = (value: number) => new GoScalar(types.uint16, BigInt(value));
  return new GoPointer(
    servicePointer,
    new GoStruct(service, [target, small(port), small(priority), small(weight)]),
  );
}
