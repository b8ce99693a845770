/** A renderer as the settings want it, on this machine. */
import { systemClock } from "../loop/clock.ts";
import { runCommand } from "./command.ts";
import type { Tell } from "./events.ts";
import { MachineWorld } from "./machine-world.ts";
import { Renderer, type RendererOptions } from "./renderer.ts";
import type { RendererSettings } from "./settings.ts";

/** What a program that has a renderer within it may want to know and to do itself. */
export type RendererHooks = Pick<RendererOptions, "onSettled" | "reload">;

/** `ring` is called when the renderer wants another pass. */
export function newRenderer(
  settings: RendererSettings,
  tell: Tell,
  ring: () => void,
  hooks: RendererHooks = {},
): Renderer {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  return new Renderer({
    ...hooks,
    world: new MachineWorld(),
    run: runCommand,
    clock: systemClock,
    tell,
    noop: settings.noop,
    syncOnly: settings.syncOnly,
    keepStageFile: settings.keepStageFile,
    once: settings.mode === "once" || settings.mode === "diff",
    ring,
    identity: { uid, gid, mayGiveAway: uid === 0 },
  });
}
