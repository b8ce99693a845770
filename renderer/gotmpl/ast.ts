/**
 * The syntax tree of a template, and its text: what error messages show between `<` and `>`, which is the
 * source brought into one form (`{{ if  .A}}` becomes `{{if .A}}`). All strings are byte strings; `pos` is a
 * byte offset in the source.
 */

import { quote } from "./quote.ts";

interface At {
  readonly pos: number;
}

export interface ListNode extends At {
  readonly kind: "list";
  readonly nodes: Statement[];
}

export interface TextNode extends At {
  readonly kind: "text";
  readonly text: string;
}

export interface ActionNode extends At {
  readonly kind: "action";
  readonly pipe: PipeNode;
}

export interface BranchNode extends At {
  readonly kind: "if" | "range" | "with";
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly elseList: ListNode | undefined;
}

export interface TemplateNode extends At {
  readonly kind: "template";
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

export interface JumpNode extends At {
  readonly kind: "break" | "continue";
}

/** What a list is made of. */
export type Statement = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode;

export interface PipeNode extends At {
  readonly kind: "pipe";
  /** `=` rather than `:=`. */
  isAssign: boolean;
  readonly decl: VariableNode[];
  readonly cmds: CommandNode[];
}

export interface CommandNode extends At {
  readonly kind: "command";
  readonly args: Operand[];
}

export interface IdentifierNode extends At {
  readonly kind: "identifier";
  readonly name: string;
}

/** `$x.A.B`: the variable with its `$`, then fields. */
export interface VariableNode extends At {
  readonly kind: "variable";
  readonly idents: readonly string[];
}

export interface DotNode extends At {
  readonly kind: "dot";
}

export interface NilNode extends At {
  readonly kind: "nil";
}

export interface FieldNode extends At {
  readonly kind: "field";
  readonly idents: readonly string[];
}

/** `(pipeline).A.B`, or fields of a function's result. */
export interface ChainNode extends At {
  readonly kind: "chain";
  readonly node: Operand;
  readonly fields: string[];
}

export interface BoolNode extends At {
  readonly kind: "bool";
  readonly value: boolean;
}

/** A number as written, and what it is as each kind of number (undefined: it is none). */
export interface NumberNode extends At {
  readonly kind: "number";
  readonly text: string;
  readonly int: bigint | undefined;
  readonly uint: bigint | undefined;
  readonly float: number | undefined;
  readonly complex: { readonly real: number; readonly imaginary: number } | undefined;
}

export interface StringNode extends At {
  readonly kind: "string";
  /** As written, with its quotes. */
  readonly quoted: string;
  readonly text: string;
}

/** What a command is made of. */
export type Operand =
  | IdentifierNode
  | VariableNode
  | DotNode
  | NilNode
  | FieldNode
  | ChainNode
  | BoolNode
  | NumberNode
  | StringNode
  | PipeNode;

export type Node = Statement | ListNode | Operand | CommandNode;

/** The text of a node. Assignments read `:=`, as Go 1.19 prints them. */
export function nodeText(node: Node): string {
  switch (node.kind) {
    case "list":
      return node.nodes.map(nodeText).join("");
    case "text":
      return node.text;
    case "action":
      return `{{${nodeText(node.pipe)}}}`;
    case "if":
    case "range":
    case "with":
      return branchText(node);
    case "template": {
      const pipe = node.pipe === undefined ? "" : ` ${nodeText(node.pipe)}`;
      return `{{template ${quote(node.name)}${pipe}}}`;
    }
    case "break":
    case "continue":
      return `{{${node.kind}}}`;
    case "pipe": {
      const decl = node.decl.length > 0 ? `${node.decl.map(nodeText).join(", ")} := ` : "";
      return decl + node.cmds.map(nodeText).join(" | ");
    }
    case "command":
      return node.args.map(operandText).join(" ");
    default:
      return leafText(node);
  }
}

function branchText({ kind, pipe, list, elseList }: BranchNode): string {
  const otherwise = elseList === undefined ? "" : `{{else}}${nodeText(elseList)}`;
  return `{{${kind} ${nodeText(pipe)}}}${nodeText(list)}${otherwise}{{end}}`;
}

function operandText(node: Operand): string {
  return node.kind === "pipe" ? `(${nodeText(node)})` : nodeText(node);
}

function leafText(node: Exclude<Operand, PipeNode>): string {
  switch (node.kind) {
    case "identifier":
      return node.name;
    case "variable":
      return node.idents.join(".");
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "field":
      return node.idents.map((ident) => `.${ident}`).join("");
    case "chain":
      return operandText(node.node) + node.fields.map((field) => `.${field}`).join("");
    case "bool":
      return String(node.value);
    case "number":
      return node.text;
    case "string":
      return node.quoted;
  }
}

const SPACE_ONLY = /^[\t\n\v\f\r \x85\xa0]*$/;

/** Whether a template body is nothing but space and comments, so that it does not replace another of its name. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.kind === "text" && SPACE_ONLY.test(node.text));
}
