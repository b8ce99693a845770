/**
 * The one error type of the project.
 *
 * A message says what was attempted, in sentence case, quotes the value and carries no full stop; the hint says what to
 * do next. A cause's text is never repeated in the message of the error that wraps it: `describeError` walks the chain.
 */

export interface PlatformErrorOptions {
  /** What the reader does next: a sentence or a command. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** True when the same call may succeed later without anyone changing its input. Default false. */
  readonly retryable?: boolean;
}

/** A failure of the world (never of our own logic), with a stable kebab-case `code` that scripts may rely on. */
export class PlatformError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: PlatformErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "PlatformError";
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}

/** True if `error` is a `PlatformError` with this code. */
export function hasCode(error: unknown, code: string): error is PlatformError {
  return error instanceof PlatformError && error.code === code;
}

/** True if retrying may help: said by the error itself or by anything in its chain of causes. */
export function isRetryable(error: unknown): boolean {
  return causes(error).some((link) => link instanceof PlatformError && link.retryable);
}

/** The messages of an error and of its causes joined by ": ", outermost first, without repetitions. */
export function describeError(error: unknown): string {
  const messages = causes(error).map((link) => (link instanceof Error ? link.message : String(link)));
  return messages.filter((text, at) => text !== "" && text !== messages[at - 1]).join(": ");
}

/** The first hint found in the chain of causes, outermost first. */
export function hintOf(error: unknown): string | undefined {
  for (const link of causes(error)) if (link instanceof PlatformError && link.hint) return link.hint;
  return undefined;
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  let link = error;
  while (link !== undefined && link !== null && !chain.includes(link)) {
    chain.push(link);
    link = link instanceof Error ? link.cause : undefined;
  }
  return chain;
}
