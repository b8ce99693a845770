/** Checking everything that can be checked without keys: settings, resources, templates, owners, and where files are to be written. */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { groupNumber, userNumber } from "./accounts.ts";
import { expandCommand } from "./command-template.ts";
import { SelectedKeys } from "./key-selection.ts";
import { MachineWorld } from "./machine-world.ts";
import { ManagedResource } from "./managed-resource.ts";
import { modeOf, type Resource } from "./resource.ts";
import { findResources } from "./resource-files.ts";
import type { RendererSettings } from "./settings.ts";

/** All problems, in the order of the resources. */
export async function validate(settings: RendererSettings): Promise<readonly unknown[]> {
  const found = await findResources(settings.confdir, settings);
  const problems: unknown[] = found.problems.map(({ error }) => error);
  if (found.warning) problems.push(new PlatformError("confdir-unreadable", found.warning));
  for (const resource of found.resources) {
    for (const look of [compile, commands, permissions, owners, destination]) {
      try {
        await look(resource);
      } catch (error) {
        problems.push(
          new PlatformError("resource-invalid", `${resource.file} is not valid`, { cause: error }),
        );
      }
    }
  }
  return problems;
}

async function compile(resource: Resource): Promise<void> {
  const managed = new ManagedResource(resource, new SelectedKeys(resource.selection), new MachineWorld());
  await managed.compile();
}

async function commands({ checkCmd, reloadCmd, reloadTemplate }: Resource): Promise<void> {
  expandCommand("checkcmd", checkCmd, { src: "staged" });
  if (reloadTemplate) expandCommand("reloadcmd", reloadCmd, { src: "staged", dest: "dest" });
}

async function permissions(resource: Resource): Promise<void> {
  modeOf(resource);
}

async function owners({ owner, group }: Resource): Promise<void> {
  if (owner !== undefined) await userNumber(owner);
  if (group !== undefined) await groupNumber(group);
}

async function destination({ dest, file }: Resource): Promise<void> {
  if (dest === "") throw new PlatformError("resource-invalid", `${file}: dest is not set`);
  const found = await stat(dirname(dest)).catch((error: unknown) => {
    throw new PlatformError("dest-unusable", `Cannot write "${dest}"`, { cause: error });
  });
  if (!found.isDirectory()) throw new PlatformError("dest-unusable", `"${dirname(dest)}" is no directory`);
}
