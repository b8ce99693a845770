/**
 * The value of an expression: pipelines, commands, chains of fields and methods, calls with typed arguments, and the
 * variables they see. Expressions recurse, as deep as the parser lets them nest.
 *
 * `node` is what an error names. When it moves is part of what Go's messages promise, so it is set exactly where Go
 * sets it.
 */

import type {
  ChainNode,
  CommandNode,
  FieldNode,
  IdentifierNode,
  Node,
  NumberNode,
  Operand,
  PipeNode,
  VariableNode,
} from "./ast.ts";
import { nodeText } from "./ast.ts";
import { and, or, resultOf, throughPointers } from "./builtins.ts";
import { bytesOf, textOf } from "./bytes.ts";
import { isTrue } from "./compare.ts";
import { GoError, GoTemplateError } from "./errors.ts";
import { MAX_TEXT, tooLong } from "./fmt-layout.ts";
import type { Trees } from "./parse.ts";
import { quote } from "./quote.ts";
import type { GoType } from "./types.ts";
import { canBeNil, isAssignable, isSigned, isUnsigned, types } from "./types.ts";
import type { GoFunction, GoItem, GoPlain, GoValue } from "./value.ts";
import {
  Complex,
  GoInterface,
  GoMap,
  GoPointer,
  GoStruct,
  retyped,
  scalar,
  seenAs,
  staticType,
  throughInterface,
  typeOf,
  zeroOf,
} from "./value.ts";

/** What a map lookup by a missing name gives: nothing, the zero value, or an error. */
export type MissingKey = "default" | "zero" | "error";

/** A parsed template as execution needs it; strings are byte strings. */
export interface Program {
  readonly name: string;
  readonly source: string;
  readonly trees: Trees;
  readonly functions: ReadonlyMap<string, GoFunction>;
  readonly missingKey: MissingKey;
}

const ABSENT = Symbol("no value comes from the pipeline");

/** What the previous command of a pipeline hands on. */
type Final = GoValue | typeof ABSENT;

/** Evaluates the expressions of one execution, one template body at a time. */
export class Evaluator {
  /** The body under way, by its name. */
  name: string;
  /** Its variables, `$` first, innermost last. */
  names: string[];
  values: GoValue[];
  /** The node that an error names. */
  node: Node | undefined;
  readonly #program: Program;

  constructor(program: Program, data: GoValue) {
    this.#program = program;
    this.name = program.name;
    this.names = ["$"];
    this.values = [data];
  }

  /** Gives up with an error at the current node. */
  fail(message: string, cause?: unknown): never {
    const name = this.name;
    let prefix = `template: ${name}: `;
    if (this.node !== undefined) {
      const before = this.#program.source.slice(0, this.node.pos);
      const line = before.split("\n").length;
      const column = before.length - (before.lastIndexOf("\n") + 1);
      const where = `${this.#program.name}:${line}:${column}`;
      prefix = `template: ${where}: executing ${quote(name)} at <${nodeText(this.node)}>: `;
    }
    throw new GoTemplateError("execute", textOf(prefix + message), cause);
  }

  /** Drops the variables beyond the first `mark`. */
  forget(mark: number): void {
    if (this.names.length === mark) return;
    this.names.length = mark;
    this.values.length = mark;
  }

  // Pipelines and commands.

  /** The value of a pipeline, which is also given to the variables it declares. */
  pipeline(dot: GoValue, pipe: PipeNode): GoValue {
    this.node = pipe;
    let value: Final = ABSENT;
    for (const command of pipe.cmds) {
      value = this.#command(dot, command, value);
      if (value instanceof GoInterface) value = value.item ?? undefined;
    }
    const result = value === ABSENT ? undefined : value;
    for (const variable of pipe.decl) {
      const name = variable.idents[0] ?? "";
      if (pipe.isAssign) {
        this.values[this.#variable(name)] = result;
      } else {
        this.names.push(name);
        this.values.push(result);
      }
    }
    return result;
  }

  #variable(name: string): number {
    const at = this.names.lastIndexOf(name);
    if (at < 0) this.fail(`undefined variable: ${name}`);
    return at;
  }

  #command(dot: GoValue, command: CommandNode, final: Final): GoValue {
    const { args } = command;
    const first = args[0];
    switch (first?.kind) {
      case "field":
        return this.#field(dot, first, args, final);
      case "chain":
        return this.#chain(dot, first, args, final);
      case "identifier":
        return this.#function(dot, first, command, args, final);
      case "pipe":
        this.#notAFunction(args, final);
        return this.pipeline(dot, first);
      case "variable":
        return this.#variableFields(dot, first, args, final);
    }
    this.node = first;
    this.#notAFunction(args, final);
    switch (first?.kind) {
      case "bool":
        return first.value;
      case "dot":
        return dot;
      case "number":
        return this.#constant(first);
      case "string":
        return first.text;
      default:
        return this.fail("nil is not a command");
    }
  }

  #notAFunction(args: readonly Operand[], final: Final): void {
    const first = args[0];
    if (first !== undefined && (args.length > 1 || final !== ABSENT)) {
      this.fail(`can't give argument to non-function ${nodeText(first)}`);
    }
  }

  /** A number that no type is asked of: complex if written so, float if written with a point or exponent, else int. */
  #constant(node: NumberNode): GoValue {
    this.node = node;
    const { text } = node;
    if (node.complex !== undefined) {
      return scalar(types.complex128, new Complex(node.complex.real, node.complex.imaginary));
    }
    const isHexInt = /^0[xX]./.test(text) && !/[pP]/.test(text);
    if (node.float !== undefined && !isHexInt && !text.startsWith("'") && /[.eEpP]/.test(text)) {
      return node.float;
    }
    if (node.int !== undefined) return node.int;
    if (node.uint !== undefined) this.fail(`${text} overflows int`);
    return undefined;
  }

  #variableFields(dot: GoValue, node: VariableNode, args: readonly Operand[], final: Final): GoValue {
    this.node = node;
    const value = this.values[this.#variable(node.idents[0] ?? "")];
    if (node.idents.length === 1) {
      this.#notAFunction(args, final);
      return value;
    }
    return this.#fields(dot, value, node, node.idents, 1, args, final);
  }

  #field(dot: GoValue, node: FieldNode, args: readonly Operand[], final: Final): GoValue {
    this.node = node;
    return this.#fields(dot, dot, node, node.idents, 0, args, final);
  }

  #chain(dot: GoValue, node: ChainNode, args: readonly Operand[], final: Final): GoValue {
    this.node = node;
    const inner = node.node;
    if (inner.kind === "nil") this.fail(`indirection through explicit nil in ${nodeText(node)}`);
    this.node = inner;
    const value =
      inner.kind === "identifier"
        ? this.#function(dot, inner, inner, [inner], ABSENT)
        : this.#operand(dot, inner);
    return this.#fields(dot, value, node, node.fields, 0, args, final);
  }

  /** The value of an operand that is no literal. */
  #operand(dot: GoValue, node: Operand): GoValue {
    switch (node.kind) {
      case "dot":
        return dot;
      case "field":
        return this.#field(dot, node, [node], ABSENT);
      case "variable":
        return this.#variableFields(dot, node, [node], ABSENT);
      case "pipe":
        return this.pipeline(dot, node);
      case "identifier":
        return this.#function(dot, node, node, [node], ABSENT);
      case "chain":
        return this.#chain(dot, node, [node], ABSENT);
      default:
        return this.fail(`can't evaluate command ${quote(nodeText(node))}`);
    }
  }

  #fields(
    dot: GoValue,
    receiver: GoValue,
    node: Node,
    idents: readonly string[],
    from: number,
    args: readonly Operand[],
    final: Final,
  ): GoValue {
    let value = receiver;
    const last = idents.length - 1;
    for (let i = from; i < last; i++) {
      value = this.#member(dot, value, idents[i] ?? "", node, NO_ARGS, ABSENT);
    }
    return this.#member(dot, value, idents[last] ?? "", node, args, final);
  }

  /** One step of a chain: a method's result, a struct's field or a map's element. */
  #member(
    dot: GoValue,
    receiver: GoValue,
    name: string,
    node: Node,
    args: readonly Operand[],
    final: Final,
  ): GoValue {
    const type = staticType(receiver);
    if (receiver === undefined || type === undefined) {
      if (this.#program.missingKey === "error") this.fail(`nil data; no entry for key ${quote(name)}`);
      return undefined;
    }
    const item = throughPointers(throughInterface(receiver));
    if (item === undefined) this.fail(`nil pointer evaluating ${type.name}.${name}`);
    const method = typeOf(item).methods?.get(name);
    if (method !== undefined) return this.#invoke(dot, method, item, node, name, args, final);
    const hasArgs = args.length > 1 || final !== ABSENT;
    if (item instanceof GoStruct) {
      const fields = item.type.fields ?? [];
      const at = fields.findIndex((field) => field.name === name);
      if (at >= 0) {
        if (!isExported(name)) {
          this.fail(`${name} is an unexported field of struct type ${type.name}`);
        }
        if (hasArgs) this.fail(`${name} has arguments but cannot be invoked as function`);
        return seenAs(fields[at]?.type, item.fields[at] ?? null);
      }
    } else if (item instanceof GoMap) {
      if (isAssignable(types.string, item.type.key ?? types.any)) {
        if (hasArgs) this.fail(`${name} is not a method but has arguments`);
        return this.#mapElement(item, name);
      }
    } else if (item instanceof GoPointer) {
      const fields = item.type.elem?.kind === "struct" ? (item.type.elem.fields ?? []) : undefined;
      if (fields === undefined || fields.some((field) => field.name === name)) {
        this.fail(`nil pointer evaluating ${type.name}.${name}`);
      }
    }
    return this.fail(`can't evaluate field ${name} in type ${type.name}`);
  }

  #mapElement(map: GoMap, name: string): GoValue {
    const elem = map.type.elem ?? types.any;
    const found = map.entries?.get(name);
    if (found !== undefined) return seenAs(elem, found);
    if (this.#program.missingKey === "zero") return seenAs(elem, zeroOf(elem));
    if (this.#program.missingKey === "error") this.fail(`map has no entry for key ${quote(name)}`);
    return undefined;
  }

  // Calls.

  #function(
    dot: GoValue,
    node: IdentifierNode,
    command: Node,
    args: readonly Operand[],
    final: Final,
  ): GoValue {
    this.node = node;
    const run = this.#program.functions.get(node.name);
    if (run === undefined) this.fail(`${quote(node.name)} is not a defined function`);
    return this.#invoke(dot, run, undefined, command, node.name, args, final);
  }

  /** Calls a function or, with a receiver, a method. `args` begins with the word that named it. */
  #invoke(
    dot: GoValue,
    run: GoFunction,
    receiver: GoPlain | undefined,
    node: Node,
    name: string,
    words: readonly Operand[],
    final: Final,
  ): GoValue {
    const given = Math.max(words.length - 1, 0);
    const count = given + (final === ABSENT ? 0 : 1);
    const fixed = run.variadic ? run.in.length - 1 : run.in.length;
    if (run.variadic) {
      if (count < fixed) {
        this.fail(`wrong number of args for ${name}: want at least ${fixed} got ${given}`);
      }
    } else if (count !== fixed) {
      this.fail(`wrong number of args for ${name}: want ${fixed} got ${count}`);
    }
    if (run.results !== undefined) {
      this.fail(`can't call method/function ${quote(name)} with ${run.results} results`);
    }
    if (run === and || run === or) return this.#decide(dot, words, final, run === or);
    const args: (GoValue | null)[] = receiver === undefined ? [] : [receiver];
    for (let i = 0; i < given; i++) {
      const word = words[i + 1];
      if (word === undefined) break;
      const type = run.in[i < fixed ? i : run.in.length - 1] ?? types.any;
      args.push(this.#argument(dot, type, word));
    }
    if (final !== ABSENT) {
      const type = run.in[Math.min(count, run.in.length) - 1] ?? types.any;
      args.push(this.#fit(final, type));
    }
    let result: GoValue | null;
    try {
      result = run.call(...args);
    } catch (error) {
      this.node = node;
      this.fail(`error calling ${name}: ${messageOf(error)}`, error);
    }
    if (typeof result === "string") {
      if (result.length > MAX_TEXT) throw tooLong();
      return run.out.kind === "interface" ? seenAs(run.out, result) : result;
    }
    return resultOf(run, result);
  }

  #decide(dot: GoValue, words: readonly Operand[], final: Final, decisive: boolean): GoValue {
    let value: GoValue;
    for (const word of words.slice(1)) {
      value = this.#argument(dot, types.reflectValue, word) ?? undefined;
      if (isTrue(value) === decisive) return value;
    }
    return final === ABSENT ? value : final;
  }

  /** An argument converted to the parameter's type. */
  #argument(dot: GoValue, type: GoType, node: Operand): GoValue | null {
    this.node = node;
    switch (node.kind) {
      case "nil":
        if (canBeNil(type)) return nilOf(type);
        return this.fail(`cannot assign nil to ${type.name}`);
      case "bool":
      case "number":
      case "string":
        return this.#literal(type, node);
      default:
        return this.#fit(this.#operand(dot, node), type);
    }
  }

  #literal(type: GoType, node: Extract<Operand, { kind: "bool" | "number" | "string" }>): GoValue | null {
    if (type === types.reflectValue || (type.kind === "interface" && (type.asks ?? []).length === 0)) {
      if (node.kind === "string") return node.text;
      return node.kind === "bool" ? node.value : this.#constant(node);
    }
    const { kind } = type;
    if (kind === "string") {
      return node.kind === "string" ? scalar(type, node.text) : this.#wrongLiteral("string", node);
    }
    if (kind === "bool") {
      return node.kind === "bool" ? scalar(type, node.value) : this.#wrongLiteral("bool", node);
    }
    const number = node.kind === "number" ? node : undefined;
    if (isSigned(kind)) {
      return number?.int === undefined ? this.#wrongLiteral("integer", node) : scalar(type, number.int);
    }
    if (isUnsigned(kind)) {
      return number?.uint === undefined
        ? this.#wrongLiteral("unsigned integer", node)
        : scalar(type, number.uint);
    }
    if (kind === "float32" || kind === "float64") {
      return number?.float === undefined ? this.#wrongLiteral("float", node) : scalar(type, number.float);
    }
    if (kind === "complex64" || kind === "complex128") {
      const complex = number?.complex;
      return complex === undefined
        ? this.#wrongLiteral("complex", node)
        : scalar(type, new Complex(complex.real, complex.imaginary));
    }
    return this.fail(`can't handle ${nodeText(node)} for arg of type ${type.name}`);
  }

  #wrongLiteral(expected: string, node: Node): never {
    return this.fail(`expected ${expected}; found ${nodeText(node)}`);
  }

  /** A value as an argument of the given type, if it may be passed as one. */
  #fit(value: GoValue, type: GoType): GoValue | null {
    if (value === undefined) {
      if (canBeNil(type)) return nilOf(type);
      return this.fail(`invalid value; expected ${type.name}`);
    }
    if (type === types.reflectValue) return value;
    const item: GoItem = value instanceof GoInterface ? value.item : value;
    if (item === null) {
      if (type.kind === "interface") return null;
      return this.fail(`wrong type for value; expected ${type.name}; got ${typeNameOf(value)}`);
    }
    const own = typeOf(item);
    if (isAssignable(own, type)) return retyped(item, type);
    if (item instanceof GoPointer && own.elem !== undefined && isAssignable(own.elem, type)) {
      return item.target ?? this.fail(`dereference of nil pointer of type ${type.name}`);
    }
    return this.fail(`wrong type for value; expected ${type.name}; got ${own.name}`);
  }
}

const NO_ARGS: readonly Operand[] = [];

function typeNameOf(value: GoValue): string {
  return staticType(value)?.name ?? "";
}

function isExported(name: string): boolean {
  const first = name.charCodeAt(0);
  return first < 0x80 ? first >= 0x41 && first <= 0x5a : /^\p{Lu}/u.test(textOf(name));
}

/** The nil of a type as a function gets it. */
function nilOf(type: GoType): GoValue | null {
  if (type === types.reflectValue) return undefined;
  return zeroOf(type);
}

/** What went wrong inside a function; JavaScript's own errors are text, ours are byte strings. */
export function messageOf(error: unknown): string {
  if (error instanceof GoError) return error.message;
  return bytesOf(error instanceof Error ? error.message : String(error));
}
