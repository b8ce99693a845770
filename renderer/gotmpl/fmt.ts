/**
 * Package fmt: `Sprint`, `Sprintln` and `Sprintf` of Go values, with every verb and every complaint that a wrong
 * directive leaves in the text (`%!d(string=x)`). Results and formats are byte strings; nothing is thrown but a
 * `GoError` for a text beyond `MAX_TEXT`.
 *
 * Addresses (`%p`) are no addresses: a pure engine has none, so all that is not nil prints the same one.
 */

import { parseDirective } from "./fmt-directive.ts";
import { Layout, MAX_TEXT } from "./fmt-layout.ts";
import { quote } from "./quote.ts";
import type { GoType } from "./types.ts";
import { bitsOf, isSigned, types } from "./types.ts";
import type { GoFunction, GoItem, GoPlain } from "./value.ts";
import {
  bytesIn,
  type Complex,
  GoFunc,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  isByteSlice,
  keyItem,
  typeOf,
} from "./value.ts";

/** `fmt.Sprint`: operands in their default form, with spaces where neither neighbour is a string. */
export function sprint(args: readonly GoItem[]): string {
  const first = args[0];
  if (args.length === 1 && typeof first === "string") return first;
  const printer = new Printer();
  let afterString = false;
  for (const [i, arg] of args.entries()) {
    const isString = arg !== null && typeOf(arg).kind === "string";
    if (i > 0 && !isString && !afterString) printer.layout.write(" ");
    printer.arg(arg, "v");
    afterString = isString;
  }
  return printer.layout.out;
}

/** `fmt.Sprintln`: operands in their default form with spaces between, and a newline. */
export function sprintln(args: readonly GoItem[]): string {
  const printer = new Printer();
  for (const [i, arg] of args.entries()) {
    if (i > 0) printer.layout.write(" ");
    printer.arg(arg, "v");
  }
  printer.layout.write("\n");
  return printer.layout.out;
}

/** `fmt.Sprintf`. */
export function sprintf(format: string, args: readonly GoItem[]): string {
  return sprintfPlain(format, args) ?? sprintfAny(format, args);
}

/**
 * The same for a format of bare `%s`, `%v`, `%q` and `%d` with just the strings and ints they are for; undefined for any other. That is
 * nearly every call of a real template, in a fraction of the time.
 */
function sprintfPlain(format: string, args: readonly GoItem[]): string | undefined {
  let out = "";
  let next = 0;
  let from = 0;
  for (let at = format.indexOf("%"); at >= 0; at = format.indexOf("%", from)) {
    const text = plain(format.charCodeAt(at + 1), args[next++]);
    if (text === undefined) return undefined;
    out += format.slice(from, at) + text;
    from = at + 2;
  }
  if (next !== args.length) return undefined;
  out += format.slice(from);
  return out.length > MAX_TEXT ? undefined : out;
}

/** An operand under a verb without flags; undefined unless it is a string or an int under a verb for it. */
function plain(verb: number, arg: GoItem | undefined): string | undefined {
  if (typeof arg === "string") {
    if (verb === 0x73 || verb === 0x76) return arg;
    return verb === 0x71 ? quote(arg) : undefined;
  }
  return typeof arg === "bigint" && (verb === 0x64 || verb === 0x76) ? String(arg) : undefined;
}

function sprintfAny(format: string, args: readonly GoItem[]): string {
  const printer = new Printer();
  const { layout } = printer;
  let next = 0;
  let reordered = false;
  for (let i = 0; i < format.length; ) {
    const percent = format.indexOf("%", i);
    if (percent !== i) layout.write(format.slice(i, percent < 0 ? format.length : percent));
    if (percent < 0) break;
    const directive = parseDirective(layout, format, percent + 1, args, next);
    next = directive.nextArg;
    i = directive.end;
    reordered ||= directive.reordered;
    const { verb } = directive;
    if (verb === undefined) layout.write("%!(NOVERB)");
    else if (verb === "%") layout.write("%");
    else if (directive.badIndex) layout.write(`%!${verb}(BADINDEX)`);
    else if (next >= args.length) layout.write(`%!${verb}(MISSING)`);
    else printer.directive(args[next++] ?? null, verb);
  }
  if (!reordered && next < args.length) printer.extra(args.slice(next));
  return layout.out;
}

const ADDRESS = 0xc000010000n;

class Printer {
  readonly layout = new Layout();
  /** The operand that a complaint names. */
  #arg: GoItem = null;
  #complaining = false;

  /** An operand under a verb that was given with flags. */
  directive(arg: GoItem, verb: string): void {
    if (verb === "v") {
      this.layout.sharpV = this.layout.sharp;
      this.layout.sharp = false;
      this.layout.plusV = this.layout.plus;
      this.layout.plus = false;
    }
    this.arg(arg, verb);
  }

  /** Operands that no directive asked for. */
  extra(args: readonly GoItem[]): void {
    const { layout } = this;
    layout.clear();
    layout.write("%!(EXTRA ");
    for (const [i, arg] of args.entries()) {
      if (i > 0) layout.write(", ");
      if (arg === null) {
        layout.write("<nil>");
      } else {
        layout.write(`${typeOf(arg).name}=`);
        this.arg(arg, "v");
      }
    }
    layout.write(")");
  }

  arg(arg: GoItem, verb: string): void {
    this.#arg = arg;
    if (arg === null) {
      if (verb === "T" || verb === "v") this.layout.pad("<nil>");
      else this.#complain(verb);
    } else if (verb === "T") {
      this.layout.string(typeOf(arg).name);
    } else if (verb === "p") {
      this.#pointer(arg, "p");
    } else if (isByteSlice(arg) && arg.type.name === "[]uint8") {
      this.#bytes(arg, verb, "[]byte");
    } else if (isUndeclared(arg) || !this.#byMethod(verb)) {
      this.#value(arg, verb, 0);
    }
  }

  #complain(verb: string): void {
    const { layout } = this;
    this.#complaining = true;
    layout.write(`%!${verb}(`);
    if (this.#arg === null) {
      layout.write("<nil>");
    } else {
      layout.write(`${typeOf(this.#arg).name}=`);
      this.arg(this.#arg, "v");
    }
    layout.write(")");
    this.#complaining = false;
  }

  /** Lets a value with an Error, String or GoString method speak for itself, where the verb takes a string. */
  #byMethod(verb: string): boolean {
    const arg = this.#arg;
    if (this.#complaining || arg === null) return false;
    if (verb === "w") {
      this.#complain(verb);
      return true;
    }
    if (this.layout.sharpV) {
      const goString = methodOf(arg, "GoString");
      if (goString === undefined) return false;
      this.layout.string(said(goString, arg));
      return true;
    }
    if (!"vsxXq".includes(verb)) return false;
    const speak = methodOf(arg, "Error") ?? methodOf(arg, "String");
    if (speak === undefined) return false;
    this.#string(said(speak, arg), verb);
    return true;
  }

  #nested(item: GoItem, type: GoType | undefined, verb: string, depth: number): void {
    this.#arg = item;
    if (this.#byMethod(verb)) return;
    if (item !== null) {
      this.#value(item, verb, depth);
    } else {
      this.layout.write(this.layout.sharpV ? `${(type ?? types.any).name}(nil)` : "<nil>");
    }
  }

  #value(item: GoPlain, verb: string, depth: number): void {
    switch (typeof item) {
      case "string":
        this.#string(item, verb);
        return;
      case "bigint":
        this.#integer(item, verb, true);
        return;
      case "number":
        this.#float(item, 64, verb);
        return;
      case "boolean":
        this.#bool(item, verb);
        return;
    }
    if (item instanceof GoScalar) this.#scalar(item, verb);
    else if (item instanceof GoMap) this.#map(item, verb, depth);
    else if (item instanceof GoStruct) this.#struct(item, verb, depth);
    else if (item instanceof GoSlice) this.#slice(item, verb, depth);
    else if (item instanceof GoPointer && depth === 0 && isComposite(item.target)) {
      this.layout.write("&");
      this.#nested(item.target, item.type.elem, verb, depth + 1);
    } else this.#pointer(item, verb);
  }

  #scalar({ type, value }: GoScalar, verb: string): void {
    if (typeof value === "string") this.#string(value, verb);
    else if (typeof value === "boolean") this.#bool(value, verb);
    else if (typeof value === "bigint") this.#integer(value, verb, isSigned(type.kind));
    else if (typeof value === "number") this.#float(value, bitsOf(type.kind) === 32 ? 32 : 64, verb);
    else this.#complex(value, type.kind === "complex64" ? 32 : 64, verb);
  }

  #bool(value: boolean, verb: string): void {
    if (verb === "t" || verb === "v") this.layout.pad(String(value));
    else this.#complain(verb);
  }

  #string(value: string, verb: string): void {
    const { layout } = this;
    if (verb === "v" && layout.sharpV) layout.quoted(value);
    else if (verb === "v" || verb === "s") layout.string(value);
    else if (verb === "x" || verb === "X") layout.hexBytes(value, verb === "X");
    else if (verb === "q") layout.quoted(value);
    else this.#complain(verb);
  }

  #integer(value: bigint, verb: string, signed: boolean): void {
    const { layout } = this;
    switch (verb) {
      case "v":
        if (layout.sharpV && !signed) layout.hexInteger(value, true);
        else layout.integer(value, 10);
        return;
      case "d":
        layout.integer(value, 10);
        return;
      case "b":
        layout.integer(value, 2);
        return;
      case "o":
      case "O":
        layout.integer(value, 8, "lower", verb === "O");
        return;
      case "x":
        layout.integer(value, 16);
        return;
      case "X":
        layout.integer(value, 16, "upper");
        return;
      case "c":
        layout.rune(value);
        return;
      case "q":
        layout.quotedRune(value);
        return;
      case "U":
        layout.codePoint(value);
        return;
      default:
        this.#complain(verb);
    }
  }

  #float(value: number, bits: 32 | 64, verb: string): void {
    switch (verb) {
      case "v":
        this.layout.float(value, bits, "g", -1);
        return;
      case "b":
      case "g":
      case "G":
      case "x":
      case "X":
        this.layout.float(value, bits, verb, -1);
        return;
      case "f":
      case "F":
        this.layout.float(value, bits, "f", 6);
        return;
      case "e":
      case "E":
        this.layout.float(value, bits, verb, 6);
        return;
      default:
        this.#complain(verb);
    }
  }

  #complex({ real, imaginary }: Complex, bits: 32 | 64, verb: string): void {
    if (!"vbgGxXfFeE".includes(verb)) {
      this.#complain(verb);
      return;
    }
    const { plus } = this.layout;
    this.layout.write("(");
    this.#float(real, bits, verb);
    this.layout.plus = true;
    this.#float(imaginary, bits, verb);
    this.layout.write("i)");
    this.layout.plus = plus;
  }

  #map(map: GoMap, verb: string, depth: number): void {
    const { layout } = this;
    if (layout.sharpV && map.entries === null) {
      layout.write(`${map.type.name}(nil)`);
      return;
    }
    layout.write(layout.sharpV ? `${map.type.name}{` : "map[");
    for (const [i, key] of map.sortedKeys().entries()) {
      if (i > 0) layout.write(layout.sharpV ? ", " : " ");
      this.#nested(keyItem(map, key), map.type.key, verb, depth + 1);
      layout.write(":");
      this.#nested(map.entries?.get(key) ?? null, map.type.elem, verb, depth + 1);
    }
    layout.write(layout.sharpV ? "}" : "]");
  }

  #struct({ type, fields }: GoStruct, verb: string, depth: number): void {
    const { layout } = this;
    layout.write(layout.sharpV ? `${type.name}{` : "{");
    for (const [i, field] of (type.fields ?? []).entries()) {
      if (i > 0) layout.write(layout.sharpV ? ", " : " ");
      if (layout.plusV || layout.sharpV) layout.write(`${field.name}:`);
      this.#nested(fields[i] ?? null, field.type, verb, depth + 1);
    }
    layout.write("}");
  }

  #slice(slice: GoSlice, verb: string, depth: number): void {
    const { layout } = this;
    if (isByteSlice(slice) && "sqxX".includes(verb)) {
      this.#bytes(slice, verb, slice.type.name);
      return;
    }
    if (layout.sharpV && slice.items === null) {
      layout.write(`${slice.type.name}(nil)`);
      return;
    }
    layout.write(layout.sharpV ? `${slice.type.name}{` : "[");
    for (let i = 0; i < slice.length; i++) {
      if (i > 0) layout.write(layout.sharpV ? ", " : " ");
      this.#nested(slice.at(i), slice.type.elem, verb, depth + 1);
    }
    layout.write(layout.sharpV ? "}" : "]");
  }

  #bytes(slice: GoSlice, verb: string, typeName: string): void {
    const { layout } = this;
    if (verb === "s") {
      layout.string(bytesIn(slice));
      return;
    }
    if (verb === "q") {
      layout.quoted(bytesIn(slice));
      return;
    }
    if (verb === "x" || verb === "X") {
      layout.hexBytes(bytesIn(slice), verb === "X");
      return;
    }
    if (verb !== "v" && verb !== "d") {
      this.#value(slice, verb, 0);
      return;
    }
    if (layout.sharpV && slice.items === null) {
      layout.write(`${typeName}(nil)`);
      return;
    }
    layout.write(layout.sharpV ? `${typeName}{` : "[");
    const bytes = bytesIn(slice);
    for (let i = 0; i < bytes.length; i++) {
      if (i > 0) layout.write(layout.sharpV ? ", " : " ");
      const byte = BigInt(bytes.charCodeAt(i));
      if (layout.sharpV) layout.hexInteger(byte, true);
      else layout.integer(byte, 10);
    }
    layout.write(layout.sharpV ? "}" : "]");
  }

  #pointer(item: GoPlain, verb: string): void {
    const { layout } = this;
    const isNil = nilness(item);
    if (isNil === undefined) {
      this.#complain(verb);
      return;
    }
    const address = isNil ? 0n : ADDRESS;
    switch (verb) {
      case "v":
        if (layout.sharpV) {
          layout.write(`(${typeOf(item).name})(`);
          if (isNil) layout.write("nil");
          else layout.hexInteger(address, true);
          layout.write(")");
        } else if (isNil) {
          layout.pad("<nil>");
        } else {
          layout.hexInteger(address, !layout.sharp);
        }
        return;
      case "p":
        layout.hexInteger(address, !layout.sharp);
        return;
      case "b":
      case "o":
      case "d":
      case "x":
      case "X":
        this.#integer(address, verb, false);
        return;
      default:
        this.#complain(verb);
    }
  }
}

/** Whether an operand is of a plain predeclared type, which cannot have methods. */
function isUndeclared(item: GoPlain): boolean {
  return typeof item !== "object" || (item instanceof GoScalar && item.type.name === item.type.kind);
}

/** Whether something that can be nil is; undefined for what cannot. */
function nilness(item: GoPlain): boolean | undefined {
  if (item instanceof GoPointer) return item.target === null;
  if (item instanceof GoMap) return item.entries === null;
  if (item instanceof GoSlice) return item.type.kind === "slice" ? item.items === null : undefined;
  return item instanceof GoFunc ? item.run === null : undefined;
}

function isComposite(item: GoItem): boolean {
  return item instanceof GoSlice || item instanceof GoStruct || item instanceof GoMap;
}

function methodOf(item: GoPlain, name: string): GoFunction | undefined {
  const type = typeOf(item);
  const method = (type.kind === "ptr" ? type.elem : type)?.methods?.get(name);
  return method?.out.kind === "string" ? method : undefined;
}

function said(method: GoFunction, item: GoPlain): string {
  if (item instanceof GoPointer && item.target === null) return "<nil>";
  return String(method.call(item instanceof GoPointer ? item.target : item));
}
