#!/usr/bin/env node
/** deisctl: the operator's command line. This file only joins the process to the program. */
import type { Io } from "./command.ts";
import { openContext } from "./context.ts";
import { localFiles } from "./local-files.ts";
import { oneCommand } from "./one-command.ts";
import { runDeisctl } from "./program.ts";

const interrupted = new AbortController();
process.on("SIGINT", () => {
  // A second Ctrl-C is from somebody who does not want to wait for our goodbye.
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort(new Error("Interrupted"));
});
for (const stream of [process.stdout, process.stderr]) {
  // The reader went away (`deisctl list-units | head -1`): nobody is left to tell.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

const outIsTerminal = process.stdout.isTTY === true;
const io: Io = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  outIsTerminal,
  errIsTerminal: process.stderr.isTTY === true,
  color: outIsTerminal,
};
const words = process.argv.slice(2);
const one = await oneCommand(words);
const commands = one ? { "": [one] } : (await import("./all-commands.ts")).allCommands;
const code = await runDeisctl(words, {
  io,
  commands,
  columns: process.stdout.columns ?? 100,
  open: (flags) => openContext(flags, { io, files: localFiles(process.env), signal: interrupted.signal }),
});
// A pipe takes 64 KiB at once, the rest as its reader reads.
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
// Not left to the event loop: a connection that is being made to a frozen etcd would keep the process for a minute and more.
process.exit(code);
