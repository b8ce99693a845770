/**
 * Commands may be typed short, as with fleetctl: `list-mach` is `list-machines` while no other command begins so. Its long
 * one-letter forms (`--l`, `--f`, `--A`) are taken too.
 *
 * Pure: words in, words out.
 */
import { UsageError } from "./command.ts";

export interface Vocabulary {
  /** Each command's name and aliases, the name first. */
  readonly commands: readonly (readonly string[])[];
  /** Global flags that take the next word as their value: `--endpoint`. */
  readonly valued: ReadonlySet<string>;
}

const longLetters: Readonly<Record<string, string>> = { "--l": "-l", "--f": "-f", "--A": "-A" };

/**
 * Replaces the command word by the full name. Leaves an exact name, and a word that begins no command, as they are.
 * Throws `UsageError` if several commands begin with the word.
 */
export function expandAbbreviations(words: readonly string[], vocabulary: Vocabulary): string[] {
  const at = commandIndex(words, vocabulary.valued);
  const end = words.indexOf("--");
  return words.map((word, index) => {
    if (index === at) return expandCommand(word, vocabulary.commands);
    return end !== -1 && index > end ? word : (longLetters[word] ?? word);
  });
}

/** Where the command word is, or -1. */
export function commandIndex(words: readonly string[], valued: ReadonlySet<string>): number {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) return index;
    if (valued.has(word)) index += 1;
  }
  return -1;
}

function expandCommand(word: string, commands: Vocabulary["commands"]): string {
  if (commands.some((names) => names.includes(word))) return word;
  const matching = commands.filter((names) => names.some((name) => name.startsWith(word)));
  const [only, ...others] = matching.map((names) => names[0] ?? word);
  if (only === undefined) return word;
  if (others.length === 0) return only;
  throw new UsageError(`"${word}" could be ${[only, ...others].sort().join(", ")}`);
}
