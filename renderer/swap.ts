/**
 * Putting a rendered file in the place of another so that nobody ever reads half of it, and no power cut leaves half of it: it is written
 * beside its destination, synced, and renamed over it; then the directory is synced.
 *
 * A destination that is a mount of its own (a file bind-mounted into a container) cannot be renamed over; it is overwritten, as confd does.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";

/** What a file should be, or was. */
export interface FileImage {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The file at `path`, links followed, or undefined if there is none. Rejects with `dest-unreadable`. */
export async function readImage(path: string): Promise<FileImage | undefined> {
  try {
    const { mode, uid, gid } = await stat(path);
    return { bytes: await readFile(path), mode: mode & 0o7777, uid, gid };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new PlatformError("dest-unreadable", `Cannot read the present "${path}"`, {
      cause: error,
      hint: "It must be a file that this user may read: what stands there is kept until the new one is known to work",
    });
  }
}

/** How the two differ, in confd's words; empty if they do not. */
export function differences(
  path: string,
  found: FileImage | undefined,
  wanted: FileImage,
): readonly string[] {
  if (found === undefined) return [`${path} does not exist`];
  const sentences: string[] = [];
  if (found.uid !== wanted.uid) sentences.push(`${path} has UID ${found.uid} should be ${wanted.uid}`);
  if (found.gid !== wanted.gid) sentences.push(`${path} has GID ${found.gid} should be ${wanted.gid}`);
  if (found.mode !== wanted.mode) {
    sentences.push(`${path} has mode ${octal(found.mode)} should be ${octal(wanted.mode)}`);
  }
  if (!found.bytes.equals(wanted.bytes)) sentences.push(`${path} has other content`);
  return sentences;
}

/** Where the file really is to be written: behind the link at `dest` if that is to be kept. */
export async function resolveDest(dest: string, keepSymlink: boolean): Promise<string> {
  if (!keepSymlink) return dest;
  try {
    return await realpath(dest);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return dest;
    throw error;
  }
}

/** Writes and syncs `image` into a new file beside `dest`, named `.<name><random>`, and resolves to its path. */
export async function stage(dest: string, image: FileImage): Promise<string> {
  const path = join(dirname(dest), `.${basename(dest)}${randomBytes(5).readUIntBE(0, 5)}`);
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(image.bytes);
      await dress(file, image);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw new PlatformError("stage-failed", `Cannot write a file beside "${dest}"`, {
      cause: error,
      hint: `Check that ${dirname(dest)} exists and may be written`,
    });
  }
  return path;
}

/** Puts the staged file in the place of `dest`. Resolves to true if that was atomic. */
export async function replace(staged: string, dest: string, image: FileImage): Promise<boolean> {
  try {
    await rename(staged, dest);
  } catch (error) {
    if (codeOf(error) !== "EBUSY") {
      throw new PlatformError("rename-failed", `Cannot put the new file in the place of "${dest}"`, {
        cause: error,
      });
    }
    await overwrite(dest, image);
    await rm(staged, { force: true });
    return false;
  }
  await syncDirectory(dirname(dest));
  return true;
}

/** Makes the file at `dest` what it was. */
export async function restore(dest: string, image: FileImage): Promise<void> {
  await replace(await stage(dest, image), dest, image);
}

async function overwrite(dest: string, image: FileImage): Promise<void> {
  const file = await open(dest, "r+");
  try {
    await file.truncate(0);
    await file.write(image.bytes, 0, image.bytes.length, 0);
    await dress(file, image);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Owner before mode, because a change of owner clears the set-id bits. Who may not change them leaves them, as confd does. */
async function dress(file: FileHandle, { mode, uid, gid }: FileImage): Promise<void> {
  await file.chown(uid, gid).catch(ignoreRefusal);
  await file.chmod(mode).catch(ignoreRefusal);
}

function ignoreRefusal(error: unknown): void {
  if (codeOf(error) !== "EPERM") throw error;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
