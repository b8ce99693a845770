/**
 * The id of the host's lease, kept under `/run` so that an agent that restarts takes the lease up again: its machine, and what hangs
 * on it, never goes away. A reboot clears it, and a new lease is right then.
 */
import { readFile, rename, writeFile } from "node:fs/promises";

export const leaseFile = "/run/deis/agent-lease";

/** The id of the lease that an agent of this host held last, or undefined if none is known. */
export async function readLease(path = leaseFile): Promise<string | undefined> {
  // Unreadable or spoilt is as good as absent: the agent takes a new lease.
  const text = await readFile(path, "utf8").catch(() => "");
  return /^[1-9][0-9]*\n?$/.test(text) ? text.trim() : undefined;
}

/** Replaces the file as a whole, so that a crash leaves the old id or the new one. */
export async function writeLease(id: string, path = leaseFile): Promise<void> {
  const draft = `${path}.new`;
  await writeFile(draft, `${id}\n`, { mode: 0o600 });
  await rename(draft, path);
}
