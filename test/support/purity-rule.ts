/**
 * What a pure file may not do: the rule behind `test/architecture.test.ts`. Pure is what gives the same answer for the same
 * arguments and does nothing else: no input or output, clock, randomness, environment, logger, and nothing to wait for.
 */
import ts from "typescript";

/** Files that are pure by decision, whether or not they say so. A name that ends in `/` means the whole folder. */
export const pureByDecision: readonly string[] = [
  "cluster/",
  "scheduler/filters/",
  "scheduler/model.ts",
  "scheduler/agenda.ts",
  "scheduler/copies.ts",
  "scheduler/machine-index.ts",
  "scheduler/occupancy.ts",
  "scheduler/peers.ts",
  "scheduler/unit-index.ts",
  "scheduler/wishes.ts",
  "scheduler/decide.ts",
  "scheduler/acts.ts",
  "scheduler/move-acts.ts",
  "scheduler/staying.ts",
  "scheduler/lost-machines.ts",
  "scheduler/global-units.ts",
  "scheduler/ending-units.ts",
  "scheduler/failing-units.ts",
  "scheduler/housing.ts",
  "scheduler/unplaced.ts",
  "scheduler/rank.ts",
  "scheduler/explain.ts",
  "agent/desired.ts",
  "agent/reconcile.ts",
  "agent/candidates.ts",
  "agent/publish.ts",
  "agent/health.ts",
  "agent/leftovers.ts",
  "agent/docker/translate.ts",
  "renderer/functions/",
  "renderer/store-index.ts",
  "renderer/reads.ts",
  "renderer/resource.ts",
  "renderer/settings.ts",
  "renderer/pace.ts",
  "deisctl/table.ts",
  "deisctl/wait.ts",
];

/** What of other modules only computes; `*` stands for all of it. */
const pureImports: Readonly<Record<string, readonly string[]>> = {
  "smol-toml": ["*"],
  yaml: ["*"],
  "node:crypto": ["createHash"],
  "node:os": ["constants"],
  "node:path": ["basename", "dirname", "extname", "isAbsolute", "join", "posix"],
};

const impureGlobals: ReadonlySet<string> = new Set([
  "process",
  "performance",
  "console",
  "crypto",
  "globalThis",
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
]);

/** True if the file is pure by decision, or claims it in the comment at its top (`Pure.`, `Pure: …`, `… . Pure; …`). */
export function isPure(path: string, text: string): boolean {
  return isListed(path) || claimsPurity(text);
}

export function isListed(path: string): boolean {
  return pureByDecision.some((entry) => (entry.endsWith("/") ? path.startsWith(entry) : path === entry));
}

function claimsPurity(text: string): boolean {
  const [header = ""] = /^\/\*\*.*?\*\//s.exec(text) ?? [];
  return /(?:^|[.;] |\* )Pure[.:;]/m.test(header);
}

/** A sentence for each impurity of a file. */
export function impurities(path: string, text: string): readonly string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const problem = impurityOf(node);
    if (problem !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${path}:${line + 1} is pure and ${problem}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function impurityOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node)) return importImpurity(node);
  if (node.kind === ts.SyntaxKind.AwaitExpression) return "awaits";
  if (ts.isForOfStatement(node) && node.awaitModifier) return "awaits";
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return "is async";
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return "imports on demand";
  if (ts.isNewExpression(node) && node.expression.getText() === "Date" && !node.arguments?.length) {
    return "reads the clock";
  }
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.getText();
    if (name === "Date.now") return "reads the clock";
    if (name === "Math.random") return "is random";
  }
  if (ts.isIdentifier(node) && impureGlobals.has(node.text) && isReference(node)) {
    return `uses ${node.text}`;
  }
  return undefined;
}

/** The project's own modules from which a file takes more than types. */
export function valueImports(path: string, text: string): readonly string[] {
  return ts
    .createSourceFile(path, text, ts.ScriptTarget.Latest)
    .statements.filter((node) => ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
    .filter((node) => !isTypeOnly(node))
    .map((node) => moduleOf(node))
    .filter((specifier) => specifier.startsWith("."));
}

function moduleOf(node: ts.ImportDeclaration | ts.ExportDeclaration): string {
  const specifier = node.moduleSpecifier;
  return specifier !== undefined && ts.isStringLiteral(specifier) ? specifier.text : "";
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const bindings = node.importClause?.namedBindings;
  if (node.importClause?.isTypeOnly) return true;
  if (node.importClause?.name || !bindings || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.every((element) => element.isTypeOnly);
}

function importImpurity(node: ts.ImportDeclaration): string | undefined {
  const module = moduleOf(node);
  if (module.startsWith(".") || isTypeOnly(node)) return undefined;
  const allowed = Object.hasOwn(pureImports, module) ? pureImports[module] : undefined;
  if (allowed === undefined) return `imports "${module}"`;
  if (allowed.includes("*")) return undefined;
  const bindings = node.importClause?.namedBindings;
  const names = bindings && ts.isNamedImports(bindings) ? bindings.elements : undefined;
  if (names?.every(({ name, propertyName }) => allowed.includes((propertyName ?? name).text)))
    return undefined;
  return `imports more than ${allowed.join(", ")} from "${module}"`;
}

/** False where the word only names a member, a parameter or a property. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isBindingElement(parent)) return parent.initializer === node;
  const declares =
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isParameter(parent) ||
    ts.isVariableDeclaration(parent) ||
    ts.isFunctionDeclaration(parent);
  return !(declares && parent.name === node);
}
