/** What Go 1.19 itself said to some hundred random templates (`go/answers.json`), against what ours makes of them. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { confdFunctions, type World } from "../../renderer/functions/index.ts";
import { bytesOf, GoTemplateError, parseTemplate } from "../../renderer/gotmpl/index.ts";
import { Reads } from "../../renderer/reads.ts";
import { StoreIndex } from "../../renderer/store-index.ts";
import { randomTemplate, type Temper } from "./go/random-template.ts";

interface Answer {
  readonly seed: number;
  readonly temper: Temper;
  /** Base64. */
  readonly out?: string;
  readonly error?: string;
}

const { go, cases } = JSON.parse(readFileSync(new URL("go/answers.json", import.meta.url), "utf8")) as {
  readonly go: string;
  readonly cases: readonly Answer[];
};

const world: World = {
  now: () => ({ date: new Date(0), zone: { name: "UTC", offsetMinutes: 0 } }),
  environment: () => undefined,
  fileExists: () => false,
  addresses: () => [],
  services: () => [],
};
const functions = confdFunctions(
  () => ({ index: new StoreIndex(), reads: new Reads(), missingKey: "error" }),
  world,
);

function ours(template: string): Pick<Answer, "out" | "error"> {
  try {
    const out = parseTemplate("t", bytesOf(template), functions).execute();
    return { out: Buffer.from(out, "latin1").toString("base64") };
  } catch (error) {
    if (error instanceof GoTemplateError) return { error: error.message };
    throw error;
  }
}

describe(`the template language beside ${go}`, () => {
  for (const temper of ["typed", "wild", "broken"] as const) {
    const answers = cases.filter((answer) => answer.temper === temper);
    it(`says what Go says to ${answers.length} ${temper} templates, output and error alike`, () => {
      expect(answers).to.have.length.above(200);
      for (const { seed, out, error } of answers) {
        const template = randomTemplate(seed, temper);
        expect(ours(template), `${temper} ${seed}: ${template}`).to.deep.equal(
          error === undefined ? { out } : { error },
        );
      }
    });
  }
});
