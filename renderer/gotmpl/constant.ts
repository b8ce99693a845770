/** Number constants of templates: one literal may serve as int, uint, float and complex, whichever is asked for. */

import type { NumberNode } from "./ast.ts";
import { parseFloat64, parseInt64, parseUint } from "./number.ts";
import { quote, unquoteChar } from "./quote.ts";

/** Why a constant was refused, in Go's words. */
export class ConstantError extends Error {}

/** The kinds of number literals that the lexer tells apart. */
export type ConstantType = "charConstant" | "complex" | "number";

/** The node for a literal; throws a {@link ConstantError} for one that is malformed or too large. */
export function numberNode(pos: number, text: string, type: ConstantType): NumberNode {
  const none = { kind: "number", pos, text, int: undefined, uint: undefined, float: undefined } as const;
  if (type === "charConstant") {
    const rune = BigInt(runeOf(text));
    return { ...none, int: rune, uint: rune, float: Number(rune), complex: undefined };
  }
  if (type === "complex") return { ...none, ...simplified(complexOf(text)) };
  if (text.endsWith("i")) {
    const imaginary = parseFloat64(text.slice(0, -1));
    if (imaginary.ok) return { ...none, ...simplified({ real: 0, imaginary: imaginary.value }) };
  }
  return { ...none, ...realOf(text), complex: undefined };
}

function runeOf(text: string): number {
  const char = unquoteChar(text, 1, "'");
  if (char === undefined) throw new ConstantError("invalid syntax");
  if (text.slice(char.next) !== "'") throw new ConstantError(`malformed character constant: ${text}`);
  return char.rune;
}

type Faces = Pick<NumberNode, "int" | "uint" | "float">;

/** A float that is whole is an int too, so far as the type can hold it. */
function facesOf(float: number): Faces {
  const whole = Number.isInteger(float);
  return {
    float,
    int: whole && float >= -(2 ** 63) && float < 2 ** 63 ? BigInt(float) : undefined,
    uint: whole && float >= 0 && float < 2 ** 64 ? BigInt(float) : undefined,
  };
}

function realOf(text: string): Faces {
  const unsigned = parseUint(text, 0);
  const signed = parseInt64(text, 0);
  if (signed.ok) {
    const uint = unsigned.ok ? unsigned.value : signed.value === 0n ? 0n : undefined;
    return { int: signed.value, uint, float: Number(signed.value) };
  }
  if (unsigned.ok) return { int: undefined, uint: unsigned.value, float: Number(unsigned.value) };
  const float = parseFloat64(text);
  if (!float.ok) throw new ConstantError(`illegal number syntax: ${quote(text)}`);
  if (!/[.eEpP]/.test(text)) throw new ConstantError(`integer overflow: ${quote(text)}`);
  return facesOf(float.value);
}

function simplified(complex: { real: number; imaginary: number }): Faces & Pick<NumberNode, "complex"> {
  const none = { int: undefined, uint: undefined, float: undefined };
  return { ...(complex.imaginary === 0 ? facesOf(complex.real) : none), complex };
}

const COMPLEX =
  /^([+-]?(?:0[xX][0-9a-fA-F_.]*(?:[pP][+-]?[0-9_]+)?|[0-9_.]*(?:[eE][+-]?[0-9_]+)?))([+-].*)i$/;

function complexOf(text: string): { real: number; imaginary: number } {
  const [, real = "", imaginary = ""] = COMPLEX.exec(text) ?? [];
  const parts = [parseFloat64(real), parseFloat64(imaginary)] as const;
  if (!parts[0].ok || !parts[1].ok) throw new ConstantError("syntax error scanning complex number");
  return { real: parts[0].value, imaginary: parts[1].value };
}
