/** Every command of deisctl. Adding one: its file in `commands/`, a place here, and a line in `one-command.ts`. */
import { cat } from "./commands/cat.ts";
import { config } from "./commands/config.ts";
import { cordon } from "./commands/cordon.ts";
import { destroy } from "./commands/destroy.ts";
import { dock } from "./commands/dock.ts";
import { drain } from "./commands/drain.ts";
import { events } from "./commands/events.ts";
import { importCommand } from "./commands/import.ts";
import { install } from "./commands/install.ts";
import { journal } from "./commands/journal.ts";
import { listMachines } from "./commands/list-machines.ts";
import { listUnitFiles } from "./commands/list-unit-files.ts";
import { listUnits } from "./commands/list-units.ts";
import { load } from "./commands/load.ts";
import { move } from "./commands/move.ts";
import { rebalance } from "./commands/rebalance.ts";
import { restart } from "./commands/restart.ts";
import { rollingRestart } from "./commands/rolling-restart.ts";
import { router } from "./commands/router.ts";
import { scale } from "./commands/scale.ts";
import { ssh } from "./commands/ssh.ts";
import { start } from "./commands/start.ts";
import { status } from "./commands/status.ts";
import { stop } from "./commands/stop.ts";
import { submit } from "./commands/submit.ts";
import { uncordon } from "./commands/uncordon.ts";
import { uninstall } from "./commands/uninstall.ts";
import { unload } from "./commands/unload.ts";
import { verify } from "./commands/verify.ts";
import { version } from "./commands/version.ts";
import { why } from "./commands/why.ts";
import type { CommandGroups } from "./program.ts";

/** The commands by the headings of `deisctl --help`. */
export const allCommands: CommandGroups = {
  "Platform:": [install, uninstall, scale, config, router],
  "Units:": [start, stop, restart, rollingRestart, submit, load, unload, destroy],
  "Looking:": [listUnits, listUnitFiles, listMachines, status, journal, why, events, cat, ssh, dock],
  "Machines:": [drain, cordon, uncordon, move, rebalance],
  "Other:": [importCommand, verify, version],
};
