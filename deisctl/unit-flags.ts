/** Flags that several unit commands share. */
import type { Flag } from "./command.ts";

/** How long to wait: see `patience.ts`. */
export const waitFlags: readonly Flag[] = [
  { flags: "--no-block", description: "do not wait" },
  {
    flags: "--timeout <seconds>",
    description: "wait at most so long (default 100, or the unit's own timeout)",
  },
  { flags: "--block-attempts <n>", description: "wait at most N times 2 seconds (0: the default)" },
];

/** `--sign` never did anything in fleet 1.0; scripts still carry it. */
export const replaceFlags: readonly Flag[] = [
  { flags: "--replace", description: "take your file where the cluster has another" },
  { flags: "--sign", description: "accepted and ignored", hidden: true },
];
