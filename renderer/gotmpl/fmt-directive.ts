/** The head of a printf directive: flags, `[n]` indices, width and precision, up to its verb. */

import { decodeRune, widthIn } from "./bytes.ts";
import type { Layout } from "./fmt-layout.ts";
import type { GoItem } from "./value.ts";
import { payloadOf } from "./value.ts";

/** A directive that was read; its flags, width and precision are in the layout. */
export interface Directive {
  /** The bytes of the verb's rune; undefined when the format ends before it. */
  readonly verb: string | undefined;
  /** Where the format goes on. */
  readonly end: number;
  /** The operand it applies to. */
  readonly nextArg: number;
  /** An explicit index was wrong or in the wrong place. */
  readonly badIndex: boolean;
  /** The directive an explicit index, after which unused operands are not reported. */
  readonly reordered: boolean;
}

const TOO_LARGE = 1_000_000;

/** Reads a directive from behind its `%`, writing complaints about width and precision. */
export function parseDirective(
  layout: Layout,
  format: string,
  start: number,
  args: readonly GoItem[],
  nextArg: number,
): Directive {
  layout.clear();
  const reader = new Reader(layout, format, start, args, nextArg);
  return reader.read();
}

/** Digits that were read, or none, and where they end. */
interface Digits {
  readonly value: number;
  readonly found: boolean;
  readonly end: number;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Decimal digits between two offsets. One that grows too large is none, and ends the format. */
function decimal(text: string, start: number, end: number): Digits {
  let value = 0;
  let at = start;
  for (; at < end && isDigit(text.charCodeAt(at)); at++) {
    if (value > TOO_LARGE) return { value: 0, found: false, end };
    value = value * 10 + text.charCodeAt(at) - 0x30;
  }
  return { value, found: at > start, end: at };
}

/** An operand as a width or precision; undefined when it is no integer or too large. */
function intArgument(arg: GoItem | undefined): number | undefined {
  const payload = arg === null || arg === undefined ? undefined : payloadOf(arg);
  if (typeof payload !== "bigint") return undefined;
  const value = Number(payload);
  return value > TOO_LARGE || value < -TOO_LARGE ? undefined : value;
}

class Reader {
  readonly #layout: Layout;
  readonly #format: string;
  readonly #args: readonly GoItem[];
  #at: number;
  #arg: number;
  #badIndex = false;
  #afterIndex = false;
  #reordered = false;

  constructor(layout: Layout, format: string, start: number, args: readonly GoItem[], nextArg: number) {
    this.#layout = layout;
    this.#format = format;
    this.#at = start;
    this.#args = args;
    this.#arg = nextArg;
  }

  read(): Directive {
    if (!this.#flags()) {
      this.#index();
      this.#width();
      this.#precision();
      if (!this.#afterIndex) this.#index();
    }
    const width = widthIn(decodeRune(this.#format, this.#at));
    const end = this.#at + width;
    return {
      verb: width === 0 ? undefined : this.#format.slice(this.#at, end),
      end,
      nextArg: this.#arg,
      badIndex: this.#badIndex,
      reordered: this.#reordered,
    };
  }

  /** Reads flags; true when a verb follows them at once. */
  #flags(): boolean {
    const layout = this.#layout;
    for (; this.#at < this.#format.length; this.#at++) {
      switch (this.#format.charAt(this.#at)) {
        case "#":
          layout.sharp = true;
          break;
        case "0":
          layout.zero = !layout.minus;
          break;
        case "+":
          layout.plus = true;
          break;
        case "-":
          layout.minus = true;
          layout.zero = false;
          break;
        case " ":
          layout.space = true;
          break;
        default: {
          const code = this.#format.charCodeAt(this.#at);
          return code >= 0x61 && code <= 0x7a;
        }
      }
    }
    return false;
  }

  #index(): void {
    this.#afterIndex = false;
    if (this.#format.charAt(this.#at) !== "[") return;
    this.#reordered = true;
    const close = this.#format.indexOf("]", this.#at + 1);
    if (close < 0 || this.#format.length - this.#at < 3) {
      this.#badIndex = true;
      this.#at++;
      return;
    }
    const number = decimal(this.#format, this.#at + 1, close);
    const isNumber = number.found && number.end === close;
    this.#at = close + 1;
    if (isNumber && number.value >= 1 && number.value <= this.#args.length) {
      this.#arg = number.value - 1;
      this.#afterIndex = true;
      return;
    }
    this.#badIndex = true;
    this.#afterIndex = isNumber;
  }

  #width(): void {
    const layout = this.#layout;
    if (this.#format.charAt(this.#at) === "*") {
      this.#at++;
      const width = this.#fromArgument();
      layout.hasWidth = width !== undefined;
      if (width === undefined) layout.write("%!(BADWIDTH)");
      layout.width = Math.abs(width ?? 0);
      if (width !== undefined && width < 0) {
        layout.minus = true;
        layout.zero = false;
      }
      this.#afterIndex = false;
      return;
    }
    const number = decimal(this.#format, this.#at, this.#format.length);
    layout.width = number.value;
    layout.hasWidth = number.found;
    this.#at = number.end;
    if (this.#afterIndex && number.found) this.#badIndex = true;
  }

  #precision(): void {
    const layout = this.#layout;
    if (this.#format.charAt(this.#at) !== ".") return;
    this.#at++;
    if (this.#afterIndex) this.#badIndex = true;
    this.#index();
    if (this.#format.charAt(this.#at) === "*") {
      this.#at++;
      const precision = this.#fromArgument();
      layout.hasPrecision = precision !== undefined && precision >= 0;
      layout.precision = layout.hasPrecision ? (precision ?? 0) : 0;
      if (!layout.hasPrecision) layout.write("%!(BADPREC)");
      this.#afterIndex = false;
      return;
    }
    const number = decimal(this.#format, this.#at, this.#format.length);
    layout.precision = number.value;
    layout.hasPrecision = true;
    this.#at = number.end;
  }

  #fromArgument(): number | undefined {
    if (this.#arg >= this.#args.length) return undefined;
    return intArgument(this.#args[this.#arg++]);
  }
}
