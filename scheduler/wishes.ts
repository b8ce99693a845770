/** Comparing and sharing wishes: a large cluster keeps one for all instances that want the same. Pure. */
import type { Held } from "../cluster/unit.ts";
import type { Wish } from "./nodes.ts";
import type { Template } from "./templates.ts";

/** True if both ask for the same. */
export function sameWish(a: Wish, b: Wish): boolean {
  return (
    a === b ||
    (a.hash === b.hash && a.target === b.target && a.generation === b.generation && a.run === b.run)
  );
}

/** True if both hold the same machines to the same. */
export function sameHolds(a: readonly Held[] | undefined, b: readonly Held[] | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

/** A wish of this content, of the template if it has that. */
export function sharedWish(template: Template | undefined, { hash, target, generation, run }: Wish): Wish {
  const wish = { hash, target, generation, ...(run === undefined ? {} : { run }) };
  if (!template) return wish;
  if (!template.wish || !sameWish(template.wish, wish)) template.wish = wish;
  return template.wish;
}
