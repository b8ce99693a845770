/** What the units of one file ask to be published, read once for each of them: a pass asks for every unit. */
import { PlatformError } from "../cluster/errors.ts";
import { type Publication, publicationOf } from "../cluster/publication.ts";
import type { UnitFile } from "../cluster/unit-file.ts";

/**
 * A unit whose `[X-Publish]` cannot be read runs all the same and is not published: `onInvalid` is told once for each. (A submitter refuses
 * such a file; one that was stored by other means is no reason to stop a unit.)
 */
export function publicationReader(
  file: UnitFile,
  onInvalid: (unit: string, error: PlatformError) => void,
): (unit: string) => Publication | undefined {
  const known = new Map<string, Publication | undefined>();
  return (unit) => {
    if (!known.has(unit)) known.set(unit, read(file, unit, onInvalid));
    return known.get(unit);
  };
}

function read(
  file: UnitFile,
  unit: string,
  onInvalid: (unit: string, error: PlatformError) => void,
): Publication | undefined {
  try {
    return publicationOf(file, unit);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    onInvalid(unit, error);
    return undefined;
  }
}
