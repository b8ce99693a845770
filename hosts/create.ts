/** The usual way to a cluster: with the base and the images of this checkout, built first if this machine has none. */
import { ensureBase } from "./base.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { ensureImages } from "./images.ts";
import { silent } from "./progress.ts";

export interface CreateOptions extends Omit<ClusterOptions, "base" | "images"> {
  /** Which images each host has from the start. Default `platform`: the foundation and the platform's own. */
  readonly images?: "platform" | "foundation" | "none";
}

/** Makes a cluster as `Cluster.create` does. */
export async function createCluster(options: CreateOptions): Promise<Cluster> {
  const { images = "platform", progress = silent, signal = new AbortController().signal, ...rest } = options;
  const base = await ensureBase(progress, signal);
  const wanted = rest.docker === false ? "none" : images;
  const seed = wanted === "none" ? {} : { images: await ensureImages(wanted, progress, signal) };
  return await Cluster.create({ ...rest, ...seed, base, progress, signal });
}
