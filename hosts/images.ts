/**
 * The Docker images that every host has from the start. They are built once in a throw-away host and kept as a stopped
 * Docker's directories; a new host gets them by hard links, in a fraction of a second, since layers never change.
 *
 * Three steps, so that a change is paid for once and where it was made: the foundation (busybox and Debian, pulled where a hub can be
 * reached and made by debootstrap where not); on it what the platform's images take from Debian, the stage `packages` of each
 * Dockerfile of this repository; on that the images themselves, which takes seconds and needs no network.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { version } from "../cluster/version.ts";
import { baseRecipe, ensureBase, slim } from "./base.ts";
import { entryPath, fromCache, type Recipe, removeTree } from "./cache.ts";
import { Cluster } from "./cluster.ts";
import { debootstrap, suite } from "./debian.ts";
import type { Host } from "./host.ts";
import { programDigest, writeProgram } from "./program.ts";
import { type Progress, silent } from "./progress.ts";
import { projectRoot } from "./project.ts";
import { run } from "./run.ts";

/** Directories of this repository with a Dockerfile, each of which becomes the image `deis/<directory>:<version>`. */
export const platformImages = ["router", "registry"] as const;
export type PlatformImage = (typeof platformImages)[number];

/** The images with a program of this repository in them, by the module that it starts with. */
const programs: Readonly<Partial<Record<PlatformImage, string>>> = { router: "router/main.ts" };

/** The tag of a platform image in this version of the project. */
export function imageTag(image: PlatformImage): string {
  return `deis/${image}:${version}`;
}

const debianImage = `debian:${suite}-slim`;

/** The directory of the images, built if this machine has none yet. Never write to it. */
export async function ensureImages(
  which: "foundation" | "platform",
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const foundation = await fromCache(foundationRecipe(), progress, signal);
  if (which === "foundation") return foundation;
  const packages = await fromCache(await packagesRecipe(foundation), progress, signal);
  return await fromCache(await platformRecipe(packages), progress, signal);
}

function foundationRecipe(): Recipe {
  return {
    kind: "foundation",
    title: `base images (busybox, ${debianImage}; once per machine)`,
    inputs: [entryPath(baseRecipe), debianImage, "recipe 1"],
    async build(directory, signal) {
      await inBuilder(undefined, directory, signal, async (host) => {
        await importBusybox(host, directory, signal);
        if (!(await pull(host, debianImage, signal))) await importDebian(host, directory, signal);
      });
    },
  };
}

/** The stages `packages`: what comes from Debian, and this machine's Node.js. */
async function packagesRecipe(foundation: string): Promise<Recipe> {
  const inputs = [foundation, process.version, "recipe 1"];
  for (const image of platformImages) inputs.push(packagesStage(await dockerfile(image)));
  return {
    kind: "packages",
    title: `Debian packages of the platform images (${platformImages.join(", ")})`,
    inputs,
    async build(directory, signal) {
      await inBuilder(foundation, directory, signal, async (host) => {
        for (const image of platformImages) await buildImage(host, image, signal, ["--target", "packages"]);
      });
    },
  };
}

/** A Dockerfile up to where its second stage begins: the first stage must be `packages`. */
export function packagesStage(text: string): string {
  const [first = "", ...later] = text.split(/^(?=FROM )/m).filter((stage) => stage.startsWith("FROM "));
  if (/^FROM \S+ AS packages$/m.test(first) && later.length > 0) return first;
  throw new PlatformError(
    "image-not-built",
    'The first of several stages of a Dockerfile must be "packages"',
  );
}

function dockerfile(image: PlatformImage): Promise<string> {
  return readFile(join(projectRoot(), image, "Dockerfile"), "utf8");
}

/** The images themselves. A layer that the packages have already is not built again, as Docker finds it in what it starts with. */
async function platformRecipe(packages: string): Promise<Recipe> {
  const inputs = [packages, "recipe 2"];
  for (const image of platformImages) {
    inputs.push(imageTag(image), await contentHash(join(projectRoot(), image)));
    const entry = programs[image];
    if (entry !== undefined) inputs.push(await programDigest(entry));
  }
  return {
    kind: "images",
    title: `platform images (${platformImages.map(imageTag).join(", ")})`,
    inputs,
    async build(directory, signal) {
      await inBuilder(packages, directory, signal, async (host) => {
        for (const image of platformImages) await buildImage(host, image, signal);
      });
    },
  };
}

/** Runs `fill` in a host of its own that starts with `seed`, and keeps the images that its Docker has afterwards. */
async function inBuilder(
  seed: string | undefined,
  directory: string,
  signal: AbortSignal,
  fill: (host: Host) => Promise<void>,
): Promise<void> {
  const cluster = await Cluster.create({
    name: `images-${process.pid}`,
    hosts: 1,
    etcd: false,
    base: await ensureBase(silent, signal),
    ...(seed === undefined ? {} : { images: seed }),
    signal,
  });
  try {
    await cluster.openUplink();
    const host = cluster.host(1);
    await fill(host);
    // Containers and build caches are left behind: only images may be shared.
    await host.stop();
    for (const name of ["overlay2", "image"]) {
      await rename(join(cluster.directory, host.name, "docker", name), join(directory, name));
    }
  } finally {
    await cluster.down();
  }
}

/** Imports a busybox made from this machine's static one. */
async function importBusybox(host: Host, scratch: string, signal: AbortSignal): Promise<void> {
  const tree = join(scratch, "busybox");
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp"])
    await mkdir(join(tree, name), { recursive: true });
  await copyFile("/bin/busybox", join(tree, "bin/busybox"));
  const applets = (await run(["busybox", "--list"])).trim().split("\n");
  for (const applet of applets) if (applet !== "busybox") await symlink("busybox", join(tree, "bin", applet));
  await writeFile(join(tree, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  await writeFile(join(tree, "etc/group"), "root:x:0:\n");
  await importTree(host, tree, "busybox:latest", ['CMD ["sh"]', "ENV PATH=/bin"], signal);
}

/** Imports a minimal Debian made by debootstrap. */
async function importDebian(host: Host, scratch: string, signal: AbortSignal): Promise<void> {
  const tree = join(scratch, "debian");
  await debootstrap(tree, [], signal);
  await slim(tree);
  await removeTree(join(tree, "etc/resolv.conf"));
  const path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  await importTree(host, tree, debianImage, ['CMD ["bash"]', path], signal);
}

async function importTree(
  host: Host,
  tree: string,
  tag: string,
  changes: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const archive = `${tree}.tar`;
  await run(["tar", "--numeric-owner", "-C", tree, "-cf", archive, "."], { deadlineMs: 120_000, signal });
  await host.copyIn(archive, "/root/image.tar");
  const flags = changes.flatMap((change) => ["--change", change]);
  await host.exec(["docker", "import", ...flags, "/root/image.tar", tag], { deadlineMs: 120_000, signal });
  await host.exec(["rm", "/root/image.tar"]);
  await removeTree(archive);
  await removeTree(tree);
}

/** Pulls an image if a hub can be reached; false where not. */
async function pull(host: Host, tag: string, signal: AbortSignal): Promise<boolean> {
  await trustThisMachinesAuthorities(host);
  const { code } = await host.attempt(["timeout", "120", "docker", "pull", "--quiet", tag], {
    deadlineMs: 130_000,
    signal,
  });
  return code === 0;
}

/** A machine behind an intercepting proxy trusts an authority of its own; so must what runs on it. */
async function trustThisMachinesAuthorities(host: Host): Promise<void> {
  const bundle = "/etc/ssl/certs/ca-certificates.crt";
  if (existsSync(bundle)) await host.write(bundle, await readFile(bundle));
}

/** Fills `directory` with all that `docker build` needs for an image, which needs nothing else of this machine then. */
export async function writeContext(image: PlatformImage, directory: string): Promise<void> {
  await cp(join(projectRoot(), image), directory, {
    recursive: true,
    filter: (path) => !path.endsWith(".ts"),
  });
  const entry = programs[image];
  if (entry === undefined) return;
  await writeProgram(entry, directory);
  await copyFile(process.execPath, join(directory, "node"));
}

async function buildImage(
  host: Host,
  image: PlatformImage,
  signal: AbortSignal,
  flags: readonly string[] = [],
): Promise<void> {
  const context = `/root/${image}`;
  const scratch = await mkdtemp(join(tmpdir(), "deis-image-"));
  try {
    await writeContext(image, scratch);
    await host.copyIn(scratch, context);
  } finally {
    await removeTree(scratch);
  }
  const build = ["docker", "build", "--quiet", "--tag", imageTag(image), ...flags, context];
  const { code, stderr } = await host.attempt(build, { deadlineMs: 10 * 60_000, signal });
  if (code !== 0) {
    throw new PlatformError("image-not-built", `Cannot build "${imageTag(image)}": ${stderr.trim()}`, {
      hint: `see ${image}/Dockerfile; the build needs the Debian mirror that this machine uses`,
      retryable: true,
    });
  }
}

async function contentHash(directory: string): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  // Of programs only what is in an image counts: see programDigest.
  const kept = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(".ts"));
  const files = kept.map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(file.slice(directory.length)).update(await readFile(file));
  return hash.digest("hex");
}

/** The cache entries that this checkout's clusters are made from. */
export async function currentEntries(): Promise<readonly string[]> {
  const foundation = entryPath(foundationRecipe());
  const packages = entryPath(await packagesRecipe(foundation));
  return [entryPath(baseRecipe), foundation, packages, entryPath(await platformRecipe(packages))];
}

/** The kinds of entries that this room keeps in the cache. */
export const entryKinds = ["base", "foundation", "packages", "images"] as const;
