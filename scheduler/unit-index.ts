/**
 * Units by name, instances by template, and which globs match whom. A unit that fits nowhere is looked at again when the
 * globs that match it have changed. Pure.
 */
import { templateOf } from "../cluster/unit-name.ts";
import type { Agenda } from "./agenda.ts";
import { allCopiesOf, type UnitNode } from "./nodes.ts";
import { headOf, noPatterns, type Pattern, type PatternIndex } from "./patterns.ts";
import { SortedNames } from "./sorted-names.ts";
import { Template } from "./templates.ts";
import type { Waiting } from "./waiting.ts";

export class UnitIndex {
  readonly units = new Map<string, UnitNode>();
  readonly #patterns: PatternIndex;
  readonly #waiting: Waiting;
  readonly #agenda: Agenda;
  readonly #templates = new Map<string, Template>();
  /** Names of templates with instances, and of units that are none. */
  readonly #names = new SortedNames();

  constructor(patterns: PatternIndex, waiting: Waiting, agenda: Agenda) {
    this.#patterns = patterns;
    this.#waiting = waiting;
    this.#agenda = agenda;
  }

  /** The unit's node, made if it is new. */
  node(name: string): UnitNode {
    const found = this.units.get(name);
    if (found) return found;
    const template = this.#template(templateOf(name));
    const node: UnitNode = {
      name,
      template,
      templateAt: template?.units.length ?? 0,
      wish: undefined,
      held: undefined,
      demand: undefined,
      matchedBy: noPatterns,
      copy: undefined,
      arrival: undefined,
      parked: undefined,
      troubles: undefined,
      course: undefined,
      evicted: false,
      queued: false,
    };
    this.units.set(name, node);
    if (template) template.units.push(node);
    else this.#names.add(name);
    node.matchedBy = this.#matchedBy(node);
    return node;
  }

  /** Drops a node that nothing refers to any more. */
  forget(unit: UnitNode): void {
    this.units.delete(unit.name);
    const { template } = unit;
    if (!template) {
      this.#names.delete(unit.name);
      return;
    }
    const last = template.units.pop();
    if (last && last !== unit) {
      last.templateAt = unit.templateAt;
      template.units[unit.templateAt] = last;
    }
    if (template.units.length > 0) return;
    this.#templates.delete(template.name);
    this.#names.delete(template.name);
  }

  /** A glob has come: the names it matches learn of it, and it learns where they run. */
  enlist(pattern: Pattern): void {
    for (const node of this.mayMatch(pattern)) {
      if (!pattern.glob.matches(node.name)) continue;
      const waited = this.#waiting.remove(node);
      node.matchedBy = this.#matchedBy(node);
      for (const copy of allCopiesOf(node)) pattern.runsOn.up(copy.machine);
      if (waited) this.#agenda.mark(node);
    }
  }

  /** The last user of a glob is gone. */
  delist(pattern: Pattern): void {
    for (const node of this.mayMatch(pattern)) {
      if (!node.matchedBy.includes(pattern)) continue;
      const waited = this.#waiting.remove(node);
      node.matchedBy = this.#matchedBy(node);
      if (waited) this.#agenda.mark(node);
    }
  }

  /** A few units more than the glob matches: whoever asks still has to ask the glob. */
  *mayMatch(pattern: Pattern): IterableIterator<UnitNode> {
    const { exact, literalPrefix } = pattern.glob;
    if (exact) {
      const node = this.units.get(literalPrefix);
      if (node) yield node;
      return;
    }
    for (const name of this.#names.startingWith(headOf(literalPrefix))) {
      const template = this.#templates.get(name);
      if (template) yield* template.units;
      const node = this.units.get(name);
      if (node && !node.template) yield node;
    }
  }

  #matchedBy(node: UnitNode): readonly Pattern[] {
    const { template } = node;
    if (!template) return this.#patterns.matching(node.name, this.#patterns.candidates(headOf(node.name)));
    if (template.candidatesVersion !== this.#patterns.version) {
      template.candidates = this.#patterns.candidates(headOf(node.name));
      template.candidatesVersion = this.#patterns.version;
    }
    return template.candidates.length === 0
      ? noPatterns
      : this.#patterns.matching(node.name, template.candidates);
  }

  #template(name: string | undefined): Template | undefined {
    if (name === undefined) return undefined;
    let template = this.#templates.get(name);
    if (!template) {
      template = new Template(name);
      this.#templates.set(name, template);
      this.#names.add(name);
    }
    return template;
  }
}
