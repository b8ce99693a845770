/** A number on a command line. */
import { InvalidArgumentError } from "commander";

/** Throws what commander shows as wrong usage unless the text is a positive whole number. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("it is not a positive whole number.");
}
