/**
 * Running a template over data. Statements run on a stack of our own, so that 100,000 nested template calls need no
 * JavaScript stack; their expressions are evaluated in evaluate.ts.
 */

import type { BranchNode, ListNode, Node, Statement, TemplateNode } from "./ast.ts";
import { nodeText } from "./ast.ts";
import { printable, throughPointers } from "./builtins.ts";
import { isTrue } from "./compare.ts";
import { GoTemplateError } from "./errors.ts";
import type { Program } from "./evaluate.ts";
import { Evaluator, messageOf } from "./evaluate.ts";
import { sprint } from "./fmt.ts";
import { MAX_TEXT, tooLong } from "./fmt-layout.ts";
import { quote } from "./quote.ts";
import type { GoKey, GoValue } from "./value.ts";
import { GoFunc, GoMap, GoSlice, keyItem, seenAs, throughInterface } from "./value.ts";

/** How many template calls may be under way at once, as in Go. */
const MAX_TEMPLATE_DEPTH = 100_000;

/** How many statements and iterations one execution may take; a bound on templates that would run for hours. */
export const MAX_STEPS = 200_000_000;

/** Executes a program; the output is a byte string. Throws a `GoTemplateError`. */
export function execute(program: Program, data: GoValue): string {
  return new Execution(program, data).run();
}

/** A list of statements under way. `mark`: how many variables remain when it ends. */
interface ListFrame {
  readonly kind: "list";
  readonly nodes: readonly Statement[];
  next: number;
  readonly dot: GoValue;
  readonly mark: number;
}

/** A loop under way. Its variables are those up to `inner`; those up to `outer` remain when it ends. */
interface RangeFrame {
  readonly kind: "range";
  readonly node: BranchNode;
  readonly keys: readonly GoKey[] | undefined;
  readonly over: GoSlice | GoMap;
  readonly count: number;
  next: number;
  readonly outer: number;
  readonly inner: number;
}

/** A template call under way: what the caller goes on with. */
interface CallFrame {
  readonly kind: "call";
  readonly name: string;
  readonly names: string[];
  readonly values: GoValue[];
}

type Frame = ListFrame | RangeFrame | CallFrame;

class Execution {
  readonly #program: Program;
  readonly #frames: Frame[] = [];
  readonly #evaluator: Evaluator;
  #out = "";
  #depth = 0;
  #steps = 0;

  constructor(program: Program, data: GoValue) {
    this.#program = program;
    this.#evaluator = new Evaluator(program, data);
  }

  run(): string {
    const { name, trees } = this.#program;
    const root = trees.get(name);
    if (root === undefined) this.#evaluator.fail(`${quote(name)} is an incomplete or empty template`);
    this.#push(root, this.#evaluator.values[0], 1);
    try {
      for (let frame = this.#top(); frame !== undefined; frame = this.#top()) this.#advance(frame);
    } catch (error) {
      if (error instanceof GoTemplateError) throw error;
      this.#evaluator.fail(messageOf(error), error);
    }
    return this.#out;
  }

  #top(): Frame | undefined {
    return this.#frames[this.#frames.length - 1];
  }

  #push(list: ListNode, dot: GoValue, mark: number): void {
    this.#frames.push({ kind: "list", nodes: list.nodes, next: 0, dot, mark });
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) this.#evaluator.fail(`template takes more than ${MAX_STEPS} steps`);
  }

  #write(text: string): void {
    if (this.#out.length + text.length > MAX_TEXT) throw tooLong();
    this.#out += text;
  }

  #advance(frame: Frame): void {
    switch (frame.kind) {
      case "list":
        this.#runList(frame);
        return;
      case "range":
        this.#iterate(frame);
        return;
      case "call":
        this.#frames.pop();
        this.#evaluator.name = frame.name;
        this.#evaluator.names = frame.names;
        this.#evaluator.values = frame.values;
        this.#depth--;
    }
  }

  /** Runs statements until one opens a frame of its own, or the list ends. */
  #runList(frame: ListFrame): void {
    const { nodes, dot } = frame;
    const depth = this.#frames.length;
    while (frame.next < nodes.length) {
      const node = nodes[frame.next++];
      if (node === undefined) break;
      this.#step();
      this.#evaluator.node = node;
      switch (node.kind) {
        case "text":
          this.#write(node.text);
          break;
        case "action": {
          const value = this.#evaluator.pipeline(dot, node.pipe);
          if (node.pipe.decl.length === 0) this.#print(node, value);
          break;
        }
        case "if":
        case "with":
          this.#branch(node, dot);
          break;
        case "range":
          this.#range(node, dot);
          break;
        case "template":
          this.#call(node, dot);
          break;
        default:
          this.#jump(node.kind);
          return;
      }
      if (this.#frames.length !== depth) return;
    }
    this.#frames.pop();
    this.#evaluator.forget(frame.mark);
  }

  #print(node: Node, value: GoValue): void {
    this.#evaluator.node = node;
    if (typeof value === "string") {
      this.#write(value);
      return;
    }
    const item = printable(throughInterface(value) ?? null);
    if (item instanceof GoFunc)
      this.#evaluator.fail(`can't print ${nodeText(node)} of type ${item.type.name}`);
    this.#write(sprint([item]));
  }

  #branch(node: BranchNode, dot: GoValue): void {
    const mark = this.#evaluator.names.length;
    const value = this.#evaluator.pipeline(dot, node.pipe);
    if (isTrue(value)) this.#push(node.list, node.kind === "with" ? value : dot, mark);
    else if (node.elseList !== undefined) this.#push(node.elseList, dot, mark);
    else this.#evaluator.forget(mark);
  }

  #range(node: BranchNode, dot: GoValue): void {
    const outer = this.#evaluator.names.length;
    const over = throughPointers(throughInterface(this.#evaluator.pipeline(dot, node.pipe)));
    const inner = this.#evaluator.names.length;
    let count = 0;
    if (over instanceof GoSlice) count = over.length;
    else if (over instanceof GoMap) count = over.entries?.size ?? 0;
    else if (over !== undefined) this.#evaluator.fail(`range can't iterate over ${sprint([over])}`);
    if (count > 0 && (over instanceof GoSlice || over instanceof GoMap)) {
      const keys = over instanceof GoMap ? over.sortedKeys() : undefined;
      this.#frames.push({ kind: "range", node, keys, over, count, next: 0, outer, inner });
    } else if (node.elseList !== undefined) {
      this.#push(node.elseList, dot, outer);
    } else {
      this.#evaluator.forget(outer);
    }
  }

  #iterate(frame: RangeFrame): void {
    const { over, node, inner } = frame;
    if (frame.next >= frame.count) {
      this.#frames.pop();
      this.#evaluator.forget(frame.outer);
      return;
    }
    this.#step();
    const i = frame.next++;
    const key = frame.keys?.[i];
    const item = over instanceof GoMap ? over.entries?.get(key ?? "") : over.at(i);
    const element = seenAs(over.type.elem, item ?? null);
    // `range $x = …` sets the variable on top of the stack, whichever that is: Go 1.19 does.
    const { length } = node.pipe.decl;
    if (length > 0) this.#evaluator.values[this.#evaluator.values.length - 1] = element;
    if (length > 1) {
      const index = over instanceof GoMap ? keyValue(over, key ?? "") : BigInt(i);
      this.#evaluator.values[this.#evaluator.values.length - 2] = index;
    }
    this.#push(node.list, element, inner);
  }

  #jump(kind: "break" | "continue"): void {
    for (let frame = this.#frames.pop(); frame !== undefined; frame = this.#frames.pop()) {
      if (frame.kind !== "range") continue;
      this.#evaluator.forget(kind === "break" ? frame.outer : frame.inner);
      if (kind === "continue") this.#frames.push(frame);
      return;
    }
  }

  #call(node: TemplateNode, dot: GoValue): void {
    const list = this.#program.trees.get(node.name);
    if (list === undefined) this.#evaluator.fail(`template ${quote(node.name)} not defined`);
    if (this.#depth === MAX_TEMPLATE_DEPTH) {
      this.#evaluator.fail(`exceeded maximum template depth (${MAX_TEMPLATE_DEPTH})`);
    }
    const argument = node.pipe === undefined ? undefined : this.#evaluator.pipeline(dot, node.pipe);
    this.#frames.push({
      kind: "call",
      name: this.#evaluator.name,
      names: this.#evaluator.names,
      values: this.#evaluator.values,
    });
    this.#depth++;
    this.#evaluator.name = node.name;
    this.#evaluator.names = ["$"];
    this.#evaluator.values = [argument];
    this.#push(list, argument, 1);
  }
}

function keyValue(map: GoMap, key: GoKey): GoValue {
  return seenAs(map.type.key, keyItem(map, key));
}
