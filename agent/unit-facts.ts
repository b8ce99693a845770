/** What the agent needs of a unit file, read once for all units that share it. */
import type { PlatformError } from "../cluster/errors.ts";
import { compileGlob, type Glob } from "../cluster/glob.ts";
import { parseRequirements } from "../cluster/requirements.ts";
import { runtimeOf } from "../cluster/unit.ts";
import { parseUnitFile } from "../cluster/unit-file.ts";
import type { UnitFacts } from "./desired.ts";
import { publicationReader } from "./publication-reader.ts";

/** Throws `unit-file-invalid`. A publication that cannot be read is told to `onInvalid`, and the unit runs without one. */
export function unitFacts(text: string, onInvalid: (unit: string, error: PlatformError) => void): UnitFacts {
  const file = parseUnitFile(text);
  const { fence, conflicts, moveAfterFailures, runOnce, onCalendar } = parseRequirements(file);
  const runs = onCalendar.length > 0 ? "each-tick" : runOnce ? "once" : undefined;
  const globs = conflicts.map(compileGlob);
  const hasSpecifiers = conflicts.some((glob) => glob.includes("%"));
  return {
    text,
    runtime: runtimeOf(file),
    fence,
    conflictsOf: (name): readonly Glob[] =>
      hasSpecifiers ? parseRequirements(file, name).conflicts.map(compileGlob) : globs,
    publicationOf: publicationReader(file, onInvalid),
    ...(runs === undefined ? {} : { runs }),
    ...(moveAfterFailures === undefined ? {} : { moveAfterFailures }),
  };
}
