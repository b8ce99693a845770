/** The two kinds of failure: what a function says of its arguments, and what the engine says of a template. */

/**
 * An error as a template function returns it; execution wraps it as `error calling NAME: message`.
 * Throw it from a declared function. `message` is a byte string, as all strings inside the engine are.
 */
export class GoError extends Error {
  override readonly name = "GoError";
}

/** Whether a template was refused when read or failed when executed. */
export type GoTemplatePhase = "parse" | "execute";

/**
 * What is wrong with a template, in the words of Go's text/template: `template: NAME:LINE: …` when it was
 * parsed, `template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: …` when it was executed.
 */
export class GoTemplateError extends Error {
  override readonly name = "GoTemplateError";
  readonly phase: GoTemplatePhase;

  constructor(phase: GoTemplatePhase, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.phase = phase;
  }
}
