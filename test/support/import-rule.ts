/**
 * Who may import whom: the table behind `test/architecture.test.ts`. Types count like values, dynamic imports like static ones.
 * A new room, or a new edge between rooms, is a decision and is entered here.
 */
import { posix } from "node:path";
import ts from "typescript";

/** The rooms that each room may import beside itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  cluster: [],
  loop: [],
  etcd: ["cluster", "loop"],
  scheduler: ["cluster", "loop"],
  agent: ["cluster", "loop"],
  api: ["cluster", "loop"],
  renderer: ["cluster", "loop"],
  router: ["cluster", "loop", "renderer"],
  units: ["cluster"],
  deisctl: ["cluster", "loop", "units"],
  hosts: ["cluster", "loop"],
  vagrant: ["cluster"],
};

/** Rooms about the project rather than of it: they may import any room, but nobody them. */
const observers: ReadonlySet<string> = new Set(["test", "bench"]);

/** What single files may import beyond their room: each daemon is put together in one place. */
const compositionRoots: Readonly<Record<string, readonly string[]>> = {
  "scheduler/main.ts": ["etcd"],
  "agent/main.ts": ["etcd", "api"],
  "api/main.ts": ["etcd"],
  "renderer/etcd-source.ts": ["etcd"],
  "router/main.ts": ["etcd"],
  "deisctl/context.ts": ["etcd", "api"],
};

/** Interfaces that a room declares for another to implement; the implementing room may see just that file. */
const portsFor: Readonly<Record<string, readonly string[]>> = {
  agent: ["api/ports.ts"],
};

/** The one place of each client library. */
const homes: Readonly<Record<string, string>> = {
  etcd3: "etcd/",
  dockerode: "agent/docker/",
  "dbus-next": "agent/systemd/",
};

export const rooms: readonly string[] = [...Object.keys(mayImport), ...observers];

/** Every module a source file names: import, export from, import(), import type. */
function importsOf(text: string): readonly string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

/** A sentence for each import of the file at `path` (from the project's root) that it may not have. */
export function importViolations(path: string, text: string): readonly string[] {
  return importsOf(text).flatMap((specifier) => {
    const problem = specifier.startsWith(".")
      ? ownProblem(path, posix.join(posix.dirname(path), specifier))
      : foreignProblem(path, specifier);
    return problem === undefined ? [] : [`${path} imports "${specifier}": ${problem}`];
  });
}

function ownProblem(path: string, target: string): string | undefined {
  const [from = ""] = path.split("/");
  const [to = ""] = target.split("/");
  if (from === to) return gotmplProblem(path, target);
  if (!Object.hasOwn(mayImport, to)) {
    return observers.has(to) ? `nothing imports ${to}/` : `${to} is no room`;
  }
  if (observers.has(from)) return undefined;
  if (mayImport[from]?.includes(to) || compositionRoots[path]?.includes(to)) return undefined;
  if (portsFor[from]?.includes(target)) return undefined;
  const root = Object.entries(compositionRoots).find(([file, more]) => {
    return file.startsWith(`${from}/`) && more.includes(to);
  })?.[0];
  return root === undefined ? `${from}/ may not know ${to}/` : `only ${root} may know ${to}/`;
}

/** The template language stands alone, even inside its room. */
function gotmplProblem(path: string, target: string): string | undefined {
  const home = "renderer/gotmpl/";
  return path.startsWith(home) && !target.startsWith(home) ? `${home} depends on nothing` : undefined;
}

function foreignProblem(path: string, specifier: string): string | undefined {
  const name = specifier.split("/")[0] ?? specifier;
  const home = Object.hasOwn(homes, name) ? homes[name] : undefined;
  const [room = ""] = path.split("/");
  if (home === undefined || path.startsWith(home) || observers.has(room)) return undefined;
  return `${name} belongs to ${home} alone`;
}
