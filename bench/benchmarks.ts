/** Every benchmark by name, in the order in which they run. Their modules are loaded only to be run: each has a process of its own. */
import type { Benchmark } from "./figure.ts";

export const benchmarks: Readonly<Record<string, () => Promise<{ readonly benchmark: Benchmark }>>> = {
  scheduler: () => import("./scheduler.ts"),
  "cluster-pipeline": () => import("./cluster-pipeline.ts"),
  "docker-start": () => import("./docker-start.ts"),
  "unit-start": () => import("./unit-start.ts"),
  fleet: () => import("./fleet.ts"),
  renderer: () => import("./renderer.ts"),
  router: () => import("./router.ts"),
  "machine-loss": () => import("./machine-loss.ts"),
};
