/**
 * base64Encode and base64Decode: the standard alphabet with padding, as Go's `base64.StdEncoding`. Line breaks are ignored; anything else
 * that does not belong is an error with its offset, counted as Go counts it.
 *
 * Pure.
 */
import { GoError, types } from "../gotmpl/index.ts";
import { type Functions, ofStrings } from "./declare.ts";

export const base64Functions: Functions = {
  base64Encode: ofStrings(1, types.string, (text = "") => Buffer.from(text, "latin1").toString("base64")),
  base64Decode: ofStrings(1, types.string, (text = "") => decode(text)),
};

function decode(text: string): string {
  const problem = problemIn(text);
  if (problem !== undefined) throw new GoError(`illegal base64 data at input byte ${problem}`);
  return Buffer.from(text, "base64").toString("latin1");
}

/** The offset of the first fault, or undefined if there is none. */
function problemIn(text: string): number | undefined {
  let at = 0;
  for (;;) {
    // One quantum of four characters.
    for (let place = 0; place < 4; place += 1) {
      at = skipBreaks(text, at);
      const character = text[at];
      if (character === undefined) return place === 0 ? undefined : at - place;
      at += 1;
      if (/[A-Za-z0-9+/]/.test(character)) continue;
      if (character !== "=" || place < 2) return at - 1;
      return problemInPadding(text, at, place);
    }
  }
}

/** The faults behind the first `=`, which was found at `place` of its quantum. */
function problemInPadding(text: string, from: number, place: number): number | undefined {
  let at = from;
  if (place === 2) {
    at = skipBreaks(text, at);
    if (at === text.length) return at;
    if (text[at] !== "=") return at - 1;
    at += 1;
  }
  at = skipBreaks(text, at);
  return at < text.length ? at : undefined;
}

function skipBreaks(text: string, from: number): number {
  let at = from;
  while (text[at] === "\n" || text[at] === "\r") at += 1;
  return at;
}
