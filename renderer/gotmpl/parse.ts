/**
 * From items to syntax trees: one for the template itself and one for each `define` and `block`. A fault is a
 * `GoTemplateError` in Go's words: `template: NAME:LINE: …`, the line being that of the last item looked at.
 *
 * Each body has a parser of its own over the same items, with its own variables and its own look-ahead of up
 * to three items; which line an error names depends on that look-ahead, so it is kept as Go has it.
 */

import type {
  ActionNode,
  BranchNode,
  ChainNode,
  CommandNode,
  JumpNode,
  ListNode,
  Node,
  NumberNode,
  Operand,
  PipeNode,
  Statement,
  TemplateNode,
  VariableNode,
} from "./ast.ts";
import { isEmptyTree, nodeText } from "./ast.ts";
import { textOf } from "./bytes.ts";
import type { ConstantType } from "./constant.ts";
import { ConstantError, numberNode } from "./constant.ts";
import { GoTemplateError } from "./errors.ts";
import type { Item, ItemType } from "./lex.ts";
import { itemText, lex } from "./lex.ts";
import { quote, unquote } from "./quote.ts";

/** How deep parentheses, blocks and `else if` may nest; Go has no bound but its gigabyte of stack. */
export const MAX_NESTING = 500;

/** The bodies of a template by name, the template's own among them. */
export type Trees = ReadonlyMap<string, ListNode>;

/**
 * Parses a template. `name` and `source` are byte strings; `isFunction` says which functions exist.
 * Throws a `GoTemplateError` and nothing else.
 */
export function parse(name: string, source: string, isFunction: (name: string) => boolean): Trees {
  const shared: Shared = { file: name, items: lex(source), next: 0, depth: 0, trees: new Map(), isFunction };
  new Parser(shared, name).parseTemplate();
  return shared.trees;
}

/** What the parsers of one source have in common. */
interface Shared {
  readonly file: string;
  readonly items: readonly Item[];
  next: number;
  depth: number;
  readonly trees: Map<string, ListNode>;
  readonly isFunction: (name: string) => boolean;
}

/** `{{end}}` and `{{else}}`, which end a list and are no part of the tree. */
interface Closer {
  readonly kind: "end" | "else";
  readonly pos: number;
}

const NO_ITEM: Item = { type: "error", pos: 0, value: "", line: 0 };

const OPERAND_TYPES: ReadonlySet<ItemType> = new Set([
  "bool",
  "charConstant",
  "complex",
  "dot",
  "field",
  "identifier",
  "number",
  "nil",
  "rawString",
  "string",
  "variable",
  "leftParen",
]);

class Parser {
  readonly #shared: Shared;
  readonly #name: string;
  readonly #lookAhead: [Item, Item, Item] = [NO_ITEM, NO_ITEM, NO_ITEM];
  #peeked = 0;
  #variables = ["$"];
  #actionLine = 0;
  #rangeDepth = 0;

  constructor(shared: Shared, name: string) {
    this.#shared = shared;
    this.#name = name;
  }

  /** The whole source: text, actions and definitions up to the end. */
  parseTemplate(): void {
    const root: ListNode = { kind: "list", pos: this.#peek().pos, nodes: [] };
    while (this.#peek().type !== "eof") {
      if (this.#peek().type === "leftDelim") {
        const delim = this.#next();
        if (this.#nextNonSpace().type === "define") {
          new Parser(this.#shared, "definition").#definition();
          continue;
        }
        this.#backup2(delim);
      }
      const node = this.#textOrAction();
      if (isCloser(node)) this.#fail(`unexpected ${closerText(node)}`);
      root.nodes.push(node);
    }
    this.#add(this.#name, root);
  }

  // Items and look-ahead.

  #read(): Item {
    const { items } = this.#shared;
    return items[this.#shared.next++] ?? items[items.length - 1] ?? NO_ITEM;
  }

  #next(): Item {
    if (this.#peeked > 0) this.#peeked--;
    else this.#lookAhead[0] = this.#read();
    return this.#lookAhead[this.#peeked] ?? NO_ITEM;
  }

  #backup(): void {
    this.#peeked++;
  }

  #backup2(earlier: Item): void {
    this.#lookAhead[1] = earlier;
    this.#peeked = 2;
  }

  #backup3(earliest: Item, earlier: Item): void {
    this.#lookAhead[1] = earlier;
    this.#lookAhead[2] = earliest;
    this.#peeked = 3;
  }

  #peek(): Item {
    if (this.#peeked > 0) return this.#lookAhead[this.#peeked - 1] ?? NO_ITEM;
    this.#peeked = 1;
    this.#lookAhead[0] = this.#read();
    return this.#lookAhead[0];
  }

  #nextNonSpace(): Item {
    let item = this.#next();
    while (item.type === "space") item = this.#next();
    return item;
  }

  #peekNonSpace(): Item {
    const item = this.#nextNonSpace();
    this.#backup();
    return item;
  }

  // Faults.

  #fail(message: string): never {
    const where = `${this.#shared.file}:${this.#lookAhead[0].line}`;
    throw new GoTemplateError("parse", textOf(`template: ${where}: ${message}`));
  }

  #unexpected(item: Item, context: string): never {
    if (item.type !== "error") this.#fail(`unexpected ${itemText(item)} in ${context}`);
    let extra = "";
    if (this.#actionLine !== 0 && this.#actionLine !== item.line) {
      extra = ` in action started at ${this.#shared.file}:${this.#actionLine}`;
      if (item.value.endsWith(" action")) extra = extra.slice(" in action".length);
    }
    return this.#fail(itemText(item) + extra);
  }

  #expect(type: ItemType, context: string): Item {
    const item = this.#nextNonSpace();
    return item.type === type ? item : this.#unexpected(item, context);
  }

  /** Runs `body` one level deeper; the bound keeps hostile nesting off the JavaScript stack. */
  #deeper<T>(body: () => T): T {
    if (++this.#shared.depth > MAX_NESTING) this.#fail(`nested more than ${MAX_NESTING} levels deep`);
    const result = body();
    this.#shared.depth--;
    return result;
  }

  // Bodies.

  #add(name: string, root: ListNode): void {
    const { trees } = this.#shared;
    const known = trees.get(name);
    if (known === undefined || isEmptyTree(known)) trees.set(name, root);
    else if (!isEmptyTree(root)) this.#fail(`template: multiple definition of template ${quote(name)}`);
  }

  #definition(): void {
    const context = "define clause";
    const item = this.#nextNonSpace();
    if (item.type !== "string" && item.type !== "rawString") this.#unexpected(item, context);
    const name = this.#unquoted(item);
    this.#expect("rightDelim", context);
    this.#body(name, context, this);
  }

  /** Reads a body up to its `{{end}}`; `blamed` reports an `{{else}}` in its place. */
  #body(name: string, context: string, blamed: Parser): void {
    const [root, closer] = this.#itemList();
    if (closer.kind !== "end") blamed.#fail(`unexpected ${closerText(closer)} in ${context}`);
    this.#add(name, root);
  }

  #itemList(): [ListNode, Closer] {
    const { pos } = this.#peekNonSpace();
    return this.#deeper(() => {
      const list: ListNode = { kind: "list", pos, nodes: [] };
      while (this.#peekNonSpace().type !== "eof") {
        const node = this.#textOrAction();
        if (isCloser(node)) return [list, node];
        list.nodes.push(node);
      }
      return this.#fail("unexpected EOF");
    });
  }

  #textOrAction(): Statement | Closer {
    const item = this.#nextNonSpace();
    if (item.type === "text") return { kind: "text", pos: item.pos, text: item.value };
    if (item.type !== "leftDelim") return this.#unexpected(item, "input");
    this.#actionLine = item.line;
    const node = this.#action();
    this.#actionLine = 0;
    return node;
  }

  #action(): Statement | Closer {
    const item = this.#nextNonSpace();
    switch (item.type) {
      case "block":
        return this.#block();
      case "break":
      case "continue":
        return this.#jump(item.type, item.pos);
      case "else":
        return this.#else();
      case "end":
        return { kind: "end", pos: this.#expect("rightDelim", "end").pos };
      case "if":
      case "range":
      case "with":
        return this.#control(item.type);
      case "template":
        return this.#template();
      default:
        this.#backup();
        return this.#pipelineAction();
    }
  }

  #pipelineAction(): ActionNode {
    const { pos } = this.#peek();
    return { kind: "action", pos, pipe: this.#pipeline("command", "rightDelim") };
  }

  #jump(kind: "break" | "continue", pos: number): JumpNode {
    const item = this.#nextNonSpace();
    if (item.type !== "rightDelim") this.#unexpected(item, `{{${kind}}}`);
    if (this.#rangeDepth === 0) this.#fail(`{{${kind}}} outside {{range}}`);
    return { kind, pos };
  }

  #else(): Closer {
    const next = this.#peekNonSpace();
    if (next.type === "if") return { kind: "else", pos: next.pos };
    return { kind: "else", pos: this.#expect("rightDelim", "else").pos };
  }

  /** `if`, `range` and `with`. In `{{else if}}` the `if` is left unread and becomes a branch of the else list. */
  #control(kind: "if" | "range" | "with"): BranchNode {
    const visible = this.#variables.length;
    const pipe = this.#pipeline(kind, "rightDelim");
    if (kind === "range") this.#rangeDepth++;
    const [list, closer] = this.#itemList();
    if (kind === "range") this.#rangeDepth--;
    let elseList: ListNode | undefined;
    if (closer.kind === "else") {
      if (kind === "if" && this.#peek().type === "if") {
        this.#next();
        elseList = { kind: "list", pos: closer.pos, nodes: [this.#deeper(() => this.#control("if"))] };
      } else {
        const [otherwise, last] = this.#itemList();
        if (last.kind !== "end") this.#fail(`expected end; found ${closerText(last)}`);
        elseList = otherwise;
      }
    }
    this.#variables.length = visible;
    return { kind, pos: pipe.pos, pipe, list, elseList };
  }

  #block(): TemplateNode {
    const context = "block clause";
    const item = this.#nextNonSpace();
    const name = this.#templateName(item, context);
    const pipe = this.#pipeline(context, "rightDelim");
    new Parser(this.#shared, name).#body(name, context, this);
    return { kind: "template", pos: item.pos, name, pipe };
  }

  #template(): TemplateNode {
    const context = "template clause";
    const item = this.#nextNonSpace();
    const name = this.#templateName(item, context);
    let pipe: PipeNode | undefined;
    if (this.#nextNonSpace().type !== "rightDelim") {
      this.#backup();
      pipe = this.#pipeline(context, "rightDelim");
    }
    return { kind: "template", pos: item.pos, name, pipe };
  }

  #templateName(item: Item, context: string): string {
    if (item.type === "string" || item.type === "rawString") return this.#unquoted(item);
    return this.#unexpected(item, context);
  }

  #unquoted(item: Item): string {
    return unquote(item.value) ?? this.#fail("invalid syntax");
  }

  // Pipelines.

  #pipeline(context: string, end: "rightDelim" | "rightParen"): PipeNode {
    const pipe: PipeNode = {
      kind: "pipe",
      pos: this.#peekNonSpace().pos,
      isAssign: false,
      decl: [],
      cmds: [],
    };
    while (this.#declares(pipe, context));
    for (;;) {
      const item = this.#nextNonSpace();
      if (item.type === end) break;
      if (!OPERAND_TYPES.has(item.type)) this.#unexpected(item, context);
      this.#backup();
      pipe.cmds.push(this.#command());
    }
    this.#check(pipe, context);
    return pipe;
  }

  /** Reads a declared variable, if there is one; true when another may follow (`range $i, $v := …`). */
  #declares(pipe: PipeNode, context: string): boolean {
    const variable = this.#peekNonSpace();
    if (variable.type !== "variable") return false;
    this.#next();
    const adjacent = this.#peek();
    const next = this.#peekNonSpace();
    if (next.type === "assign" || next.type === "declare") {
      pipe.isAssign = next.type === "assign";
      this.#nextNonSpace();
      this.#declare(pipe, variable);
    } else if (next.type === "char" && next.value === ",") {
      this.#nextNonSpace();
      this.#declare(pipe, variable);
      if (context === "range" && pipe.decl.length < 2) {
        const { type } = this.#peekNonSpace();
        if (type === "variable" || type === "rightDelim" || type === "rightParen") return true;
        this.#fail("range can only initialize variables");
      }
      this.#fail(`too many declarations in ${context}`);
    } else if (adjacent.type === "space") {
      this.#backup3(variable, adjacent);
    } else {
      this.#backup2(variable);
    }
    return false;
  }

  #declare(pipe: PipeNode, variable: Item): void {
    pipe.decl.push({ kind: "variable", pos: variable.pos, idents: variable.value.split(".") });
    this.#variables.push(variable.value);
  }

  #check(pipe: PipeNode, context: string): void {
    if (pipe.cmds.length === 0) this.#fail(`missing value for ${context}`);
    for (const [i, command] of pipe.cmds.entries()) {
      if (i > 0 && isLiteral(command.args[0])) {
        this.#fail(`non executable command in pipeline stage ${i + 1}`);
      }
    }
  }

  #command(): CommandNode {
    const command: CommandNode = { kind: "command", pos: this.#peekNonSpace().pos, args: [] };
    for (;;) {
      this.#peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) command.args.push(operand);
      const item = this.#next();
      if (item.type === "space") continue;
      if (item.type === "rightDelim" || item.type === "rightParen") this.#backup();
      else if (item.type !== "pipe") this.#unexpected(item, "operand");
      break;
    }
    if (command.args.length === 0) this.#fail("empty command");
    return command;
  }

  #operand(): Operand | undefined {
    const node = this.#term();
    if (node === undefined || this.#peek().type !== "field") return node;
    const chain: ChainNode = { kind: "chain", pos: this.#peek().pos, node, fields: [] };
    while (this.#peek().type === "field") chain.fields.push(this.#next().value.slice(1));
    if (node.kind === "field" || node.kind === "variable") {
      return { kind: node.kind, pos: chain.pos, idents: [...node.idents, ...chain.fields] };
    }
    if (isLiteral(node)) this.#fail(`unexpected . after term ${quote(nodeText(node))}`);
    return chain;
  }

  #term(): Operand | undefined {
    const item = this.#nextNonSpace();
    const { pos, value } = item;
    switch (item.type) {
      case "identifier":
        if (!this.#shared.isFunction(value)) this.#fail(`function ${quote(value)} not defined`);
        return { kind: "identifier", pos, name: value };
      case "dot":
      case "nil":
        return { kind: item.type, pos };
      case "variable":
        return this.#variable(item);
      case "field":
        return { kind: "field", pos, idents: value.slice(1).split(".") };
      case "bool":
        return { kind: "bool", pos, value: value === "true" };
      case "charConstant":
      case "complex":
      case "number":
        return this.#number(item, item.type);
      case "leftParen":
        return this.#deeper(() => this.#pipeline("parenthesized pipeline", "rightParen"));
      case "string":
      case "rawString":
        return { kind: "string", pos, quoted: value, text: this.#unquoted(item) };
      default:
        this.#backup();
        return undefined;
    }
  }

  #variable({ pos, value }: Item): VariableNode {
    const idents = value.split(".");
    if (!this.#variables.includes(idents[0] ?? ""))
      this.#fail(`undefined variable ${quote(idents[0] ?? "")}`);
    return { kind: "variable", pos, idents };
  }

  #number({ pos, value }: Item, type: ConstantType): NumberNode {
    try {
      return numberNode(pos, value, type);
    } catch (error) {
      if (error instanceof ConstantError) return this.#fail(error.message);
      throw error;
    }
  }
}

function isCloser(node: Statement | Closer): node is Closer {
  return node.kind === "end" || node.kind === "else";
}

function closerText(closer: Closer): string {
  return `{{${closer.kind}}}`;
}

function isLiteral(node: Node | undefined): boolean {
  return node !== undefined && ["bool", "dot", "nil", "number", "string"].includes(node.kind);
}
