/** Instances that the server makes itself. Pure. */
import { templateOf } from "../cluster/unit-name.ts";
import type { ApiTables } from "./cluster.ts";

/** The text of the template that this name is an instance of; undefined if it is none, or the cluster does not know the template. */
export function templateText(name: string, { units, unitFiles }: ApiTables): string | undefined {
  const template = templateOf(name);
  const hash = template === undefined ? undefined : units.get(template)?.hash;
  return hash === undefined ? undefined : unitFiles.get(hash);
}
