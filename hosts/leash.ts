/**
 * Ties a cluster to the process that made it. A small detached shell reads from a pipe that only this process holds: when the
 * process ends without letting go (Ctrl-C, a crash, SIGKILL), the pipe closes and the shell removes the cluster.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { projectRoot } from "./project.ts";

export interface Leash {
  /** Lets go: the cluster outlives this process, or is gone already. Repeatable. */
  release(): void;
}

/** Has the cluster of this name removed as soon as this process is gone. */
export function leash(cluster: string): Leash {
  const script = 'read -r word && exit 0; exec "$@"';
  const argv = ["-c", script, "leash", ...selfCommand(), "reap", "--name", cluster];
  // A session of its own: Ctrl-C and a closed terminal must not end it before it did its work.
  const keeper = spawn("sh", argv, {
    cwd: projectRoot(),
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  keeper.unref();
  keeper.on("error", () => undefined);
  const { stdin } = keeper;
  stdin.on("error", () => undefined);
  // Waiting for the keeper must not keep this process from ending.
  if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  return {
    release: () => {
      if (!stdin.writableEnded) stdin.end("released\n");
    },
  };
}

/** The command that runs this room's command line, from its sources or compiled, as this process is. */
export function selfCommand(): readonly string[] {
  const compiled = !import.meta.url.endsWith(".ts");
  const main = fileURLToPath(new URL(compiled ? "./main.js" : "./main.ts", import.meta.url));
  return [process.execPath, ...(compiled ? [] : ["--import", "tsx"]), main];
}
