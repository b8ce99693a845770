/**
 * A lock between processes of this machine, held by a child that waits on `flock(1)`: however the holder ends, the kernel
 * closes the pipe, the child ends, and the lock is free. So there is no stale lock to recognise.
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { PlatformError } from "../cluster/errors.ts";

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for another holder. Default 30 minutes, the longest build. */
  readonly deadlineMs?: number;
}

/** Runs `work` while this process alone holds the lock file `path`. Rejects with `lock-timed-out`, or as `work` does. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const { deadlineMs = 30 * 60_000, signal } = options;
  await mkdir(dirname(path), { recursive: true });
  const seconds = Math.ceil(deadlineMs / 1000);
  const holder = spawn(
    "flock",
    ["--exclusive", "--wait", String(seconds), path, "sh", "-c", "echo held; read -r _"],
    { stdio: ["pipe", "pipe", "ignore"], detached: true },
  );
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const release = async () => {
    holder.stdin.destroy();
    await ended;
  };
  const abandon = () => {
    if (holder.pid !== undefined) holder.kill("SIGKILL");
  };
  signal?.addEventListener("abort", abandon, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      holder.once("error", reject);
      holder.stdout.once("data", () => resolve());
      holder.once("close", () => {
        reject(signal?.aborted ? signal.reason : timedOut(path, seconds));
      });
    });
  } finally {
    signal?.removeEventListener("abort", abandon);
  }
  try {
    return await work();
  } finally {
    await release();
  }
}

function timedOut(path: string, seconds: number): PlatformError {
  return new PlatformError("lock-timed-out", `Another process holds "${path}" for more than ${seconds} s`, {
    hint: `\`fuser -v ${path}\` names it`,
    retryable: true,
  });
}
