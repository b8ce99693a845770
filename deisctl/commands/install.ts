/** `deisctl install`: the platform, or single components of it, placed and loaded from their templates. */
import { type CommandDefinition, UsageError } from "../command.ts";
import { installComponents, installPlatform } from "../run-install.ts";
import { waitFlags } from "../unit-flags.ts";

const defaultMeshSize = 3;
const largestMesh = 255;

export const install: CommandDefinition = {
  name: "install",
  summary: "load components, or the whole platform, from their templates",
  arguments: "[component|platform...]",
  flags: [
    {
      flags: "--router-mesh-size <n>",
      description: `how many routers the platform gets (default ${defaultMeshSize})`,
    },
    ...waitFlags,
  ],
  examples: [
    "deisctl install platform",
    "deisctl install platform --router-mesh-size=1",
    "deisctl install router@4",
  ],
  notes: "Templates: $DEISCTL_UNITS, then ~/.deis/units, then this package's own.",
  async run(context, args, options) {
    const meshSize = meshSizeOf(options.text("routerMeshSize"));
    if (args.length === 0) throw new UsageError("No components given");
    if (!args.includes("platform")) return await installComponents(context, args, options);
    if (args.length > 1) throw new UsageError('"platform" stands alone: it already means every component');
    return await installPlatform(context, options, meshSize);
  },
};

function meshSizeOf(text: string | undefined): number {
  if (text === undefined) return defaultMeshSize;
  const size = /^\d+$/.test(text) ? Number(text) : 0;
  if (size >= 1 && size <= largestMesh) return size;
  throw new UsageError(
    "Error: argument --router-mesh-size: invalid value, make sure the value is an integer between 1 and 255.",
  );
}
