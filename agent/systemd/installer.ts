/**
 * Makes unit files known to systemd and forgets them, many at once.
 *
 * A reload costs systemd 70 ms and more whatever has changed, so requests are gathered: those that come while a batch is under
 * way are the next batch, and a batch reloads once, and only if systemd says that it works from what it read before: a file that it
 * has not read, or has forgotten because the unit does not run, needs none. What fails for one unit fails that unit alone.
 */
import { isRetryable, PlatformError } from "../../cluster/errors.ts";
import type { SystemdBus } from "./bus.ts";
import type { UnitDirectory } from "./unit-directory.ts";

/** A unit file to be made known. */
export interface Installation {
  readonly name: string;
  readonly text: string;
  readonly generation: number;
  /** The file has an `[Install]` section. */
  readonly enable: boolean;
}

/** LoadState, ActiveState and SubState, as systemd lists them. */
export interface UnitRow {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

type UnitRows = ReadonlyMap<string, UnitRow>;

/** Told after each reload: how many units shared it, and how many ms it took. */
export type OnReload = (units: number, durationMs: number) => void;

interface Request {
  readonly name: string;
  /** Undefined: remove it. */
  readonly install: Installation | undefined;
  readonly done: (row: UnitRow) => void;
  readonly failed: (error: unknown) => void;
}

const unitInterface = "org.freedesktop.systemd1.Unit";

export class Installer {
  readonly #bus: SystemdBus;
  readonly #directory: UnitDirectory;
  readonly #onReload: OnReload | undefined;
  #queue: Request[] = [];
  #working = false;

  constructor(bus: SystemdBus, directory: UnitDirectory, onReload?: OnReload) {
    this.#bus = bus;
    this.#directory = directory;
    this.#onReload = onReload;
  }

  /** Writes, links and, if asked to, enables the unit. Resolves to how systemd sees it afterwards. */
  install(installation: Installation): Promise<UnitRow> {
    return this.#request(installation.name, installation);
  }

  /** Takes links, file and records of a stopped unit away and makes systemd forget it. Nothing happens when there is none. */
  async remove(name: string): Promise<void> {
    await this.#request(name, undefined);
  }

  #request(name: string, install: Installation | undefined): Promise<UnitRow> {
    return new Promise((done, failed) => {
      this.#queue.push({ name, install, done, failed });
      if (!this.#working) {
        this.#working = true;
        // After this turn of the event loop, so that what is asked for together is done together.
        setImmediate(() => void this.#work());
      }
    });
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        await new Batch(this.#bus, this.#directory, this.#onReload, batch).run();
      } catch (error) {
        for (const request of batch) request.failed(error);
      }
    }
    this.#working = false;
  }

  /** All that waits, but of two requests for one unit only the first: the second follows in the next batch. */
  #take(): Request[] {
    const names = new Set<string>();
    const later: Request[] = [];
    const batch = this.#queue.filter((request) => {
      if (names.has(request.name)) {
        later.push(request);
        return false;
      }
      names.add(request.name);
      return true;
    });
    this.#queue = later;
    return batch;
  }
}

/** One batch, from files to what systemd says about them. A request that has failed takes no part in later steps. */
class Batch {
  readonly #bus: SystemdBus;
  readonly #directory: UnitDirectory;
  readonly #onReload: OnReload | undefined;
  #requests: readonly Request[];
  #reload = false;

  constructor(
    bus: SystemdBus,
    directory: UnitDirectory,
    onReload: OnReload | undefined,
    requests: readonly Request[],
  ) {
    this.#bus = bus;
    this.#directory = directory;
    this.#onReload = onReload;
    this.#requests = requests;
  }

  async run(): Promise<void> {
    await this.#files();
    await this.#link();
    await this.#enable();
    await this.#disable();
    const removed = this.#requests.filter(({ install }) => !install);
    await Promise.all(removed.map(({ name }) => this.#resetFailed(name)));
    const rows = (await this.#upToDate()) ?? (await this.#reloaded());
    for (const { name, done } of this.#requests) done(rows.get(name) ?? notFound);
  }

  async #files(): Promise<void> {
    await this.#each(this.#requests, async ({ install }) => {
      if (!install) return;
      const before = await this.#directory.read(install.name);
      await this.#directory.writeGeneration(install.name, install.generation);
      if (before !== install.text) await this.#directory.write(install.name, install.text);
      if (before !== undefined && before !== install.text) this.#reload = true;
    });
  }

  async #link(): Promise<void> {
    const installs = this.#requests.filter(({ install }) => install);
    await this.#together(installs, async (requests) => {
      const paths = requests.map(({ name }) => this.#directory.pathOnHost(name));
      await this.#bus.manager("LinkUnitFiles", "asbb", [paths, true, true]);
    });
  }

  async #enable(): Promise<void> {
    const enabled = this.#requests.filter(({ install }) => install?.enable);
    await this.#together(enabled, async (requests) => {
      await this.#bus.manager("EnableUnitFiles", "asbb", [requests.map(({ name }) => name), true, true]);
    });
    // Units that want or require these do so only after a reload.
    if (enabled.length > 0) this.#reload = true;
  }

  async #disable(): Promise<void> {
    const removed = this.#requests.filter(({ install }) => !install);
    if (removed.length === 0) return;
    // Takes away every link to the file, the one that LinkUnitFiles made too.
    const disable = (names: readonly string[]) =>
      this.#bus.manager("DisableUnitFiles", "asb", [[...names], true]);
    try {
      await disable(removed.map(({ name }) => name));
    } catch (error) {
      if (isRetryable(error)) throw error;
      // One of them is not as it should be (its file is gone, say). That must keep none of them here: what links are left then,
      // systemd ignores without their file.
      await Promise.allSettled(removed.map(({ name }) => disable([name])));
    }
    await this.#each(removed, ({ name }) => this.#directory.remove(name));
  }

  /**
   * How systemd sees the units; undefined if it still works from what it read before: it holds an older file of one of these names
   * (another unit may refer to it, so that it is kept though it does not run), does not see the new one, or still sees one that is gone.
   */
  async #upToDate(): Promise<UnitRows | undefined> {
    if (this.#reload) return undefined;
    const rows = await this.#rows();
    const stale = await Promise.all(
      this.#requests.map(async ({ name, install }) => {
        const isFound = rows.get(name)?.load !== "not-found";
        if (!install || !isFound) return isFound === !install;
        return (await this.#bus.property(name, unitInterface, "NeedDaemonReload")) === true;
      }),
    );
    return stale.includes(true) ? undefined : rows;
  }

  async #reloaded(): Promise<UnitRows> {
    const started = performance.now();
    await this.#bus.manager("Reload");
    this.#onReload?.(this.#requests.length, performance.now() - started);
    return this.#rows();
  }

  #rows(): Promise<UnitRows> {
    const names = this.#requests.map(({ name }) => name);
    return listUnits(this.#bus, names);
  }

  /** systemd keeps a failed unit, though without a file, until told to forget the failure. */
  async #resetFailed(name: string): Promise<void> {
    try {
      await this.#bus.manager("ResetFailedUnit", "s", [name]);
    } catch {
      // It knows of no such unit any more, as it should be; and if it still did, the row that is read next would say so.
    }
  }

  /** Does it for all in one call and, if that fails, one by one to see whose fault it is. */
  async #together(
    requests: readonly Request[],
    act: (requests: readonly Request[]) => Promise<void>,
  ): Promise<void> {
    const left = requests.filter((request) => this.#requests.includes(request));
    if (left.length === 0) return;
    try {
      await act(left);
    } catch (error) {
      if (left.length === 1 && left[0]) this.#fail(left[0], error);
      else await this.#each(left, (request) => act([request]));
    }
  }

  async #each(requests: readonly Request[], act: (request: Request) => Promise<void>): Promise<void> {
    await Promise.all(
      requests.map(async (request) => {
        try {
          await act(request);
        } catch (error) {
          this.#fail(request, error);
        }
      }),
    );
  }

  #fail(request: Request, error: unknown): void {
    this.#requests = this.#requests.filter((other) => other !== request);
    request.failed(error);
  }
}

const notFound: UnitRow = { load: "not-found", active: "inactive", sub: "dead" };

/** How systemd sees these units, by name; one that it does not know is there as `not-found`. */
export async function listUnits(
  bus: SystemdBus,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<UnitRows> {
  if (names.length === 0) return new Map();
  const [rows] = await bus.manager("ListUnitsByNames", "as", [[...names]], signal);
  if (!Array.isArray(rows))
    throw new PlatformError("systemd-call-failed", "ListUnitsByNames returned no list");
  return new Map(
    rows.map((row: readonly unknown[]) => [
      String(row[0]),
      { load: String(row[2]), active: String(row[3]), sub: String(row[4]) },
    ]),
  );
}
