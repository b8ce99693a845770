/**
 * The unit files of this host as they are on disk: what a restarted agent knows of its units.
 *
 * A unit is one file, whose hash is that of what the file really holds, and beside it `.generations/<name>` with its restart
 * generation. The directory is below `/run`: a reboot ends all units and forgets them together, so nothing stale starts at boot.
 * Files appear whole or not at all (written aside, then renamed).
 */
import { mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseUnitFile, unitHash } from "../../cluster/unit-file.js";
import { isUnitName } from "../../cluster/unit-name.js";
import { notStarted } from "../runtime.js";
const generationsName = ".generations";
export class UnitDirectory {
    #path;
    #onHost;
    #links;
    #writes = 0;
    /**
     * `onHost`: the directory as the host's systemd sees it. `root`: where that host's root directory is for this process, empty when it
     * is our own host's.
     */
    constructor(onHost, root = "") {
        this.#onHost = onHost;
        this.#path = join("/", root, onHost);
        this.#links = join("/", root, "run/systemd/system");
    }
    /** Where systemd finds the file of this unit. */
    pathOnHost(name) {
        return join(this.#onHost, name);
    }
    /** Makes the directory if it is missing. */
    async prepare() {
        await mkdir(join(this.#path, generationsName), { recursive: true, mode: 0o755 });
    }
    /** Every unit here, by name in order. A file that is not a readable unit file is listed with an empty hash: it still is a unit. */
    async list() {
        const names = (await readdir(this.#path)).filter(isUnitName).sort();
        const units = await Promise.all(names.map((name) => this.find(name)));
        return units.filter((unit) => unit !== undefined);
    }
    /** The unit as it is on disk, undefined if it has no file. */
    async find(name) {
        const text = await this.read(name);
        if (text === undefined)
            return undefined;
        const { mtimeMs } = await stat(join(this.#path, name));
        return {
            name,
            hash: hashOf(text),
            generation: await this.#generation(name),
            writtenAt: Math.floor(mtimeMs),
        };
    }
    /** The text of a unit's file, undefined if there is none. */
    async read(name) {
        return orUndefined(readFile(join(this.#path, name), "utf8"));
    }
    /** Writes a unit's file. A crash leaves the file of before or this one. */
    async write(name, text) {
        await this.#replace(join(this.#path, name), text);
    }
    /** Records the restart generation of a unit. */
    async writeGeneration(name, generation) {
        await this.#replace(join(this.#path, generationsName, name), `${generation}\n`);
    }
    /** Removes the unit's files, and systemd's link to it if that is still there. Nothing happens when they are gone. */
    async remove(name) {
        const link = join(this.#links, name);
        if ((await orUndefined(readlink(link))) === this.pathOnHost(name))
            await rm(link, { force: true });
        await rm(join(this.#path, name), { force: true });
        await rm(join(this.#path, generationsName, name), { force: true });
    }
    /** A unit without a record was never started by an agent that lived to say so. */
    async #generation(name) {
        const text = await orUndefined(readFile(join(this.#path, generationsName, name), "utf8"));
        const generation = Number(text ?? Number.NaN);
        return Number.isSafeInteger(generation) ? generation : notStarted;
    }
    async #replace(path, text) {
        // Not named for the unit: its name may already be as long as a file's may be.
        this.#writes += 1;
        const aside = join(this.#path, generationsName, `.${process.pid}.${this.#writes}`);
        await writeFile(aside, text, { mode: 0o644 });
        await rename(aside, path);
    }
}
function hashOf(text) {
    try {
        return unitHash(parseUnitFile(text));
    }
    catch {
        // Someone else wrote it: no placement has this hash, so the agent will replace or remove the unit.
        return "";
    }
}
/** A file that is not there is an answer, not an error; nor is one that is no link. */
async function orUndefined(reading) {
    try {
        return await reading;
    }
    catch (error) {
        if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EINVAL")) {
            return undefined;
        }
        throw error;
    }
}
//# sourceMappingURL=unit-directory.js.map