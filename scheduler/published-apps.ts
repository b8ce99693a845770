/**
 * The app that a unit publishes, by name and file. Most files say the same whatever their unit is called and are read once for
 * all their instances. Pure.
 */
import { PlatformError } from "../cluster/errors.ts";
import { publicationOf, publishSection } from "../cluster/publication.ts";
import { parseUnitFile, type UnitFile } from "../cluster/unit-file.ts";
import { isTemplate } from "../cluster/unit-name.ts";

interface Known {
  /** Kept only if what the file says depends on the unit's name. */
  readonly file: UnitFile | undefined;
  readonly app: string | undefined;
}

export class PublishedApps {
  readonly #byHash = new Map<string, Known>();

  /** Undefined if the unit publishes nothing: a template never runs, and what cannot be understood is published nowhere. */
  of(name: string, hash: string, text: string): string | undefined {
    if (isTemplate(name)) return undefined;
    let known = this.#byHash.get(hash);
    if (!known) {
      const file = parseUnitFile(text);
      const dependsOnName = text.includes("%") || file.has(publishSection);
      known = { file: dependsOnName ? file : undefined, app: appOf(file, plainName) };
      this.#byHash.set(hash, known);
    }
    if (known.file) return appOf(known.file, name);
    // The one thing that a name alone says: `shop_v2.web.1`.
    return name.includes("_v") ? appOf(parseUnitFile(text), name) : known.app;
  }

  /** The file is not in the store any more. */
  forget(hash: string): void {
    this.#byHash.delete(hash);
  }
}

/** A name that says nothing by itself. */
const plainName = "unit.service";

function appOf(file: UnitFile, name: string): string | undefined {
  try {
    return publicationOf(file, name)?.service;
  } catch (error) {
    if (error instanceof PlatformError) return undefined;
    throw error;
  }
}
