/** What the API needs to know of unit files, read once per file: a thousand instances share one. */
import { parseRequirements } from "../cluster/requirements.ts";
import { parseResources, type Resources } from "../cluster/resources.ts";
import { canonicalText, parseUnitFile, type UnitOption } from "../cluster/unit-file.ts";

export interface UnitFileFacts {
  /** Every assignment, sections together, as fleet stored them. */
  readonly options: readonly Pick<UnitOption, "section" | "name" | "value">[];
  readonly description: string | undefined;
  readonly global: boolean;
  readonly resources: Resources;
}

/** How many files are remembered before all are forgotten. */
const most = 10_000;

export class UnitFiles {
  readonly #known = new Map<string, UnitFileFacts | undefined>();

  /** Undefined for a file that cannot be read: whoever lists units leaves out what it would say. */
  facts(hash: string, text: string | undefined): UnitFileFacts | undefined {
    if (text === undefined) return undefined;
    if (!this.#known.has(hash)) {
      if (this.#known.size >= most) this.#known.clear();
      this.#known.set(hash, factsOf(text));
    }
    return this.#known.get(hash);
  }
}

function factsOf(text: string): UnitFileFacts | undefined {
  try {
    const file = parseUnitFile(text);
    const options = parseUnitFile(canonicalText(file)).options();
    return {
      options: options.map(({ section, name, value }) => ({ section, name, value })),
      description: file.values("Unit", "Description")[0],
      global: parseRequirements(file).global,
      resources: parseResources(file),
    };
  } catch {
    // It was written past all checks; its unit is told by the agent and the scheduler, who have to run it.
    return undefined;
  }
}
