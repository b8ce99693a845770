/** Unified diffs, three lines of context, as `diff -u` prints them. Pure. */

type Edit = { readonly kind: " " | "-" | "+"; readonly line: string };

const context = 3;

/** The change from `before` to `after`; empty if there is none. A text without a newline at its end is marked as `diff` does. */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return "";
  const edits = editsOf(linesOf(before), linesOf(after));
  return [`--- ${path}`, `+++ ${path} (rendered)`, ...hunks(edits)].join("\n").concat("\n");
}

function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

/** A shortest edit where it is cheap to find: equal ends are cut off first; beyond a size, what remains is replaced as a whole. */
function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before.at(-1 - tail) === after.at(-1 - tail)
  ) {
    tail += 1;
  }
  const same = (line: string): Edit => ({ kind: " ", line });
  const old = before.slice(head, before.length - tail);
  const fresh = after.slice(head, after.length - tail);
  return [
    ...before.slice(0, head).map(same),
    ...middle(old, fresh),
    ...before.slice(before.length - tail).map(same),
  ];
}

const mostCells = 4_000_000;

function middle(old: readonly string[], fresh: readonly string[]): readonly Edit[] {
  const gone = (line: string): Edit => ({ kind: "-", line });
  const come = (line: string): Edit => ({ kind: "+", line });
  if (old.length * fresh.length > mostCells) return [...old.map(gone), ...fresh.map(come)];
  const width = fresh.length + 1;
  // Length of the longest common subsequence of what is left from each pair of positions on.
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        old[i] === fresh[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    const [one, other] = [old[i], fresh[j]];
    if (one !== undefined && one === other) {
      edits.push({ kind: " ", line: one });
      i += 1;
      j += 1;
    } else if (
      one !== undefined &&
      (other === undefined || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      edits.push(gone(one));
      i += 1;
    } else {
      edits.push(come(other ?? ""));
      j += 1;
    }
  }
  return edits;
}

function hunks(edits: readonly Edit[]): readonly string[] {
  const changed = edits.flatMap((edit, at) => (edit.kind === " " ? [] : [at]));
  const lines: string[] = [];
  let [oldLine, newLine, done] = [1, 1, 0];
  for (let at = 0; at < changed.length; ) {
    const start = Math.max(done, (changed[at] ?? 0) - context);
    let last = changed[at] ?? 0;
    while (at < changed.length && (changed[at] ?? 0) <= last + 2 * context) {
      last = changed[at] ?? last;
      at += 1;
    }
    const end = Math.min(edits.length, last + context + 1);
    oldLine += start - done;
    newLine += start - done;
    const part = edits.slice(start, end);
    const [oldCount, newCount] = [
      part.filter(({ kind }) => kind !== "+").length,
      part.filter(({ kind }) => kind !== "-").length,
    ];
    lines.push(`@@ -${span(oldLine, oldCount)} +${span(newLine, newCount)} @@`);
    lines.push(...part.map(({ kind, line }) => kind + line));
    oldLine += oldCount;
    newLine += newCount;
    done = end;
  }
  return lines;
}

function span(start: number, count: number): string {
  if (count === 0) return `${start - 1},0`;
  return count === 1 ? String(start) : `${start},${count}`;
}
