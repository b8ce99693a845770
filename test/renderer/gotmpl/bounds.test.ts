import { expect } from "chai";
import type { GoItem } from "../../../renderer/gotmpl/index.ts";
import { anySlice, GoSlice, GoTemplateError, parseTemplate } from "../../../renderer/gotmpl/index.ts";
import { MAX_NESTING } from "../../../renderer/gotmpl/parse.ts";
import { list, map } from "./values.ts";

function answer(source: string, data: GoItem = null): string {
  try {
    return parseTemplate("t", source).execute(data);
  } catch (error) {
    if (error instanceof GoTemplateError) return error.message;
    throw error;
  }
}

const shapes: Readonly<Record<string, (depth: number) => string>> = {
  parentheses: (n) => `{{print ${"(print ".repeat(n)}1${")".repeat(n)}}}`,
  "nested ifs": (n) => "{{if 1}}".repeat(n) + "{{end}}".repeat(n),
  "nested ranges": (n) => "{{range .}}".repeat(n) + "{{end}}".repeat(n),
  "else if": (n) => `{{if 0}}${"{{else if 0}}".repeat(n)}{{end}}`,
  blocks: (n) => Array.from({ length: n }, (_, i) => `{{block "b${i}" .}}`).join("") + "{{end}}".repeat(n),
};

describe("a hostile template", () => {
  for (const [name, shape] of Object.entries(shapes)) {
    it(`may nest ${name} to the bound, and is refused beyond it`, () => {
      expect(answer(shape(MAX_NESTING - 2))).to.match(/^1?$/);
      for (const depth of [MAX_NESTING + 1, 100_000]) {
        expect(answer(shape(depth))).to.equal(`template: t:1: nested more than ${MAX_NESTING} levels deep`);
      }
    });
  }

  it("shows a deeply nested node in an error", () => {
    const source = `{{template "x" ${"(print ".repeat(400)}1${")".repeat(400)}}}`;
    expect(answer(source)).to.contain('template "x" not defined');
  });

  it("that calls itself without end is stopped at Go's depth", () => {
    const source =
      '{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{range .}}{{template "a" $}}{{end}}{{end}}{{template "a" .}}';
    expect(answer(source, list(1n))).to.contain("exceeded maximum template depth (100000)");
  });

  it("that doubles a string without end is stopped at the longest text", () => {
    const source = '{{$x := "0123456789"}}{{range .}}{{$x = print $x $x}}{{end}}{{$x}}';
    expect(answer(source, new GoSlice(anySlice, Array(64).fill(1n)))).to.contain(
      "text is longer than 268435456 bytes",
    );
  });

  it("that prints without end is stopped at the longest text", () => {
    const source = '{{range .}}{{printf "%1000000d" 1}}{{end}}';
    expect(answer(source, new GoSlice(anySlice, Array(300).fill(1n)))).to.contain(
      "text is longer than 268435456 bytes",
    );
  });

  it("cannot ask printf for a width beyond Go's", () => {
    expect(answer('{{printf "%99999999d" 1}}')).to.equal("%!(NOVERB)%!(EXTRA int=1)");
    expect(answer('{{printf "%*d" 1000001 1}}')).to.equal("%!(BADWIDTH)1");
  });

  it("may be given data nested deeper than the stack, which ends in an error", () => {
    let deep: GoItem = list();
    for (let i = 0; i < 200_000; i++) deep = list(deep);
    expect(answer("{{.deep}}", map({ deep }))).to.match(
      /^template: t:1:2: executing "t" at <\{\{\.deep\}\}>: /,
    );
  });

  it("with a hundred thousand actions is read and run", () => {
    expect(answer("{{1}}".repeat(100_000))).to.equal("1".repeat(100_000));
  });
});
