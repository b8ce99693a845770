/**
 * How an app wants its health checked: `HealthPath=` of the unit, or Deis v1's settings `HEALTHCHECK_URL`, `HEALTHCHECK_TIMEOUT` and
 * `HEALTHCHECK_INITIAL_DELAY`, which stand at `/deis/config/<app>/healthcheck_…`.
 *
 * The unit's own word wins over the app's. A value that is no number of seconds counts as not set.
 *
 * Pure.
 */

export interface HealthCheck {
  /** Absent: an open port is enough. */
  readonly path?: string;
  readonly timeoutMs: number;
  /** After the start of the process, before the first probe. */
  readonly initialDelayMs: number;
}

/** Deis v1's default for its URL. */
const urlTimeoutMs = 1_000;
const ownTimeoutMs = 5_000;

/** `settings`: by what stands behind `healthcheck_`. */
export function healthCheck(
  healthPath: string | undefined,
  settings: (name: "url" | "timeout" | "initial_delay") => string | undefined,
): HealthCheck {
  const url = settings("url")?.trim();
  const path = healthPath ?? (url ? (url.startsWith("/") ? url : `/${url}`) : undefined);
  const fallbackMs = healthPath === undefined && url ? urlTimeoutMs : ownTimeoutMs;
  return {
    ...(path === undefined ? {} : { path }),
    timeoutMs: milliseconds(settings("timeout"), 1) ?? fallbackMs,
    initialDelayMs: milliseconds(settings("initial_delay"), 0) ?? 0,
  };
}

/** Whole seconds from `least` up to an hour. */
function milliseconds(value: string | undefined, least: number): number | undefined {
  const seconds = /^\s*[0-9]{1,4}\s*$/.test(value ?? "") ? Number(value) : undefined;
  return seconds === undefined || seconds < least || seconds > 3_600 ? undefined : seconds * 1_000;
}
