/** Writes `answers.json`: what Go 1.19 itself makes of the random templates. Needs Go (Debian: golang-1.19-go); `make go-answers` runs it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { randomTemplate, type Temper } from "./random-template.ts";

/** How many templates of each temper are kept. */
const counts: Readonly<Record<Temper, number>> = { typed: 500, wild: 400, broken: 300 };

const go = process.argv[2] ?? "go";
const version = execFileSync(go, ["version"], { encoding: "utf8" }).split(" ")[2] ?? "";
if (!version.startsWith("go1.19")) {
  throw new Error(`Cannot ask ${version}: the language is that of Go 1.19 (Debian: golang-1.19-go)`);
}
const asked = Object.entries(counts).flatMap(([temper, count]) =>
  Array.from({ length: count }, (_, seed) => ({ seed, temper: temper as Temper })),
);
const input = asked
  .map(({ seed, temper }) => JSON.stringify({ template: base64(randomTemplate(seed, temper)) }))
  .join("\n");
const output = execFileSync(go, ["run", "answer.go"], {
  cwd: import.meta.dirname,
  input,
  maxBuffer: 1 << 28,
});
const lines = output.toString("utf8").trim().split("\n");
const cases = asked.flatMap((question, at) => {
  const { out, error } = JSON.parse(lines[at] ?? "null") as { out: string | null; error: string | null };
  const message = Buffer.from(error ?? "", "base64").toString("utf8");
  // An address of memory is another one at every run.
  if (/0x[0-9a-f]{8,}/.test(message + Buffer.from(out ?? "", "base64").toString("latin1"))) return [];
  return [{ ...question, ...(error === null ? { out: out ?? "" } : { error: message }) }];
});
writeFileSync(
  new URL("answers.json", import.meta.url),
  `{"go":"${version}","cases":[\n${cases.map((one) => JSON.stringify(one)).join(",\n")}\n]}\n`,
);
process.stdout.write(`${cases.length} answers of ${version}\n`);

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
