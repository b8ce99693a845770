/** The `PlatformError` that a synchronous call throws, for a test to look at. */
import { PlatformError } from "../../cluster/errors.ts";

/** Fails the test if `call` throws nothing, or anything but a `PlatformError`. */
export function failure(call: () => unknown): PlatformError {
  let outcome: unknown;
  try {
    outcome = call();
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error(`Expected a PlatformError, got ${JSON.stringify(outcome)}`);
}
