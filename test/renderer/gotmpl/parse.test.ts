import { expect } from "chai";
import fc from "fast-check";
import { nodeText } from "../../../renderer/gotmpl/ast.ts";
import type { GoFunction } from "../../../renderer/gotmpl/index.ts";
import { bytesOf, GoTemplateError, parseTemplate, textOf, types } from "../../../renderer/gotmpl/index.ts";
import { parse } from "../../../renderer/gotmpl/parse.ts";

const getv: GoFunction = {
  in: [types.string],
  variadic: true,
  out: types.string,
  call: (key: string) => key,
};

function fault(source: string): string {
  try {
    parseTemplate("t", bytesOf(source), { getv });
  } catch (error) {
    if (error instanceof GoTemplateError && error.phase === "parse") return error.message;
    throw error;
  }
  return "accepted";
}

function shown(source: string): string {
  const root = parse("t", bytesOf(source), (name) => name === "getv" || name === "printf").get("t");
  return root === undefined ? "" : textOf(nodeText(root));
}

describe("what a template is refused for", () => {
  const rows: readonly (readonly [source: string, fault: string])[] = [
    // Delimiters, comments, literals.
    ["{{", "template: t:1: unclosed action"],
    ["a\nb {{ .X", "template: t:2: unclosed action"],
    ["{{.X\n\n", "template: t:3: unclosed action started at t:1"],
    ["{{\n'a\n}}", "template: t:2: unterminated character constant in action started at t:1"],
    ['{{"abc}}', "template: t:1: unterminated quoted string"],
    ['{{"abc\n"}}', "template: t:1: unterminated quoted string"],
    ["{{`abc", "template: t:1: unterminated raw quoted string"],
    ["{{'a}}", "template: t:1: unterminated character constant"],
    ["{{/* a", "template: t:1: unclosed comment"],
    ["{{/* a */ }}", "template: t:1: comment ends before closing delimiter"],
    ["{{(1}}", "template: t:1: unclosed left paren"],
    ["{{1)}}", 'template: t:1: unexpected ")" in command'],
    ["{{.X )}}", 'template: t:1: unexpected ")" in command'],
    ["{{\u0001}}", "template: t:1: unrecognized character in action: U+0001"],
    ["{{☺}}", "template: t:1: unrecognized character in action: U+263A '☺'"],
    ["{{.x☺}}", "template: t:1: bad character U+263A '☺'"],
    ["{{$x=2}}", "template: t:1: bad character U+003D '='"],
    ["{{getv?}}", "template: t:1: bad character U+003F '?'"],
    ["{{.X/2}}", "template: t:1: bad character U+002F '/'"],
    ["{{1a}}", 'template: t:1: bad number syntax: "1a"'],
    ["{{3k}}", 'template: t:1: bad number syntax: "3k"'],
    ["{{1+2}}", 'template: t:1: bad number syntax: "1+2"'],
    ["{{0xg}}", 'template: t:1: bad number syntax: "0xg"'],
    ["{{08}}", 'template: t:1: integer overflow: "08"'],
    ["{{18446744073709551616}}", 'template: t:1: integer overflow: "18446744073709551616"'],
    ["{{1e400}}", 'template: t:1: illegal number syntax: "1e400"'],
    ["{{1_}}", 'template: t:1: illegal number syntax: "1_"'],
    ["{{-}}", 'template: t:1: illegal number syntax: "-"'],
    ["{{''}}", "template: t:1: invalid syntax"],
    ["{{'ab'}}", "template: t:1: malformed character constant: 'ab'"],
    ['{{"\\q"}}', "template: t:1: invalid syntax"],
    ["{{x:y}}", 'template: t:1: function "x" not defined'],
    ["{{getv :x}}", "template: t:1: expected :="],
    // Words.
    ["{{nope}}", 'template: t:1: function "nope" not defined'],
    ["\n\n{{ nope }}", 'template: t:3: function "nope" not defined'],
    ["{{$x}}", 'template: t:1: undefined variable "$x"'],
    ["{{if true}}{{$x := 1}}{{end}}{{$x}}", 'template: t:1: undefined variable "$x"'],
    ["{{range $i, $e := .}}{{end}}{{$e}}", 'template: t:1: undefined variable "$e"'],
    ["{{with $x := 1}}{{end}}{{$x}}", 'template: t:1: undefined variable "$x"'],
    ['{{$x := 1}}{{define "a"}}{{$x}}{{end}}', 'template: t:1: undefined variable "$x"'],
    ["{{$x.Foo}}", 'template: t:1: undefined variable "$x"'],
    // Pipelines.
    ["{{}}", "template: t:1: missing value for command"],
    ["{{ }}", "template: t:1: missing value for command"],
    ["{{if}}a{{end}}", "template: t:1: missing value for if"],
    ["{{range}}a{{end}}", "template: t:1: missing value for range"],
    ["{{with}}a{{end}}", "template: t:1: missing value for with"],
    ["{{()}}", "template: t:1: missing value for parenthesized pipeline"],
    ["{{$x := }}", "template: t:1: missing value for command"],
    ["{{|}}", 'template: t:1: unexpected "|" in command'],
    ["{{.X | | getv}}", 'template: t:1: unexpected "|" in command'],
    ["{{getv , 1}}", 'template: t:1: unexpected "," in operand'],
    ["{{getv 1,2}}", 'template: t:1: unexpected "," in operand'],
    ["{{getv `long enough text`,}}", 'template: t:1: unexpected "," in operand'],
    ["{{.X := 1}}", 'template: t:1: unexpected ":=" in operand'],
    ["{{$x := $y := 1}}", 'template: t:1: undefined variable "$y"'],
    ["{{$x, $y := 1}}", "template: t:1: too many declarations in command"],
    ["{{range $i, $e, $z := .}}{{end}}", "template: t:1: too many declarations in range"],
    ["{{range $i, .X}}{{end}}", "template: t:1: range can only initialize variables"],
    ["{{range $i, 3 := .}}{{end}}", "template: t:1: range can only initialize variables"],
    ["{{1 | 2}}", "template: t:1: non executable command in pipeline stage 2"],
    ["{{.X | getv | true}}", "template: t:1: non executable command in pipeline stage 3"],
    ["{{.X | .}}", "template: t:1: non executable command in pipeline stage 2"],
    ["{{3.X}}", 'template: t:1: bad number syntax: "3.X"'],
    ["{{true.X}}", 'template: t:1: unexpected . after term "true"'],
    ["{{nil.X}}", 'template: t:1: unexpected . after term "nil"'],
    ['{{"a".X}}', 'template: t:1: unexpected . after term "\\"a\\""'],
    ["{{..}}", "template: t:1: unexpected <.> in operand"],
    ["{{.X..Y}}", "template: t:1: unexpected <.> in operand"],
    ["{{.X end}}", "template: t:1: unexpected <end> in operand"],
    ["{{getv if}}", "template: t:1: unexpected <if> in operand"],
    ["{{.X(1)}}", 'template: t:1: unexpected "(" in operand'],
    ["{{getv}", "template: t:1: bad character U+007D '}'"],
    ["{{.X} text }}", "template: t:1: bad character U+007D '}'"],
    ["{{ .X } text }}", 'template: t:1: unexpected "}" in operand'],
    ['{{"a""b"}}', 'template: t:1: unexpected "\\"b\\"" in operand'],
    ['{{"a""b and much more"}}', 'template: t:1: unexpected "\\"b and muc"... in operand'],
    ["{{% 1}}", 'template: t:1: unexpected "%" in command'],
    // Structure.
    ["{{if true}}", "template: t:1: unexpected EOF"],
    ["{{if true}}\n\n", "template: t:3: unexpected EOF"],
    ["{{end}}", "template: t:1: unexpected {{end}}"],
    ["{{else}}", "template: t:1: unexpected {{else}}"],
    ["{{else if true}}", "template: t:1: unexpected {{else}}"],
    ["{{if true}}{{else}}{{else}}{{end}}", "template: t:1: expected end; found {{else}}"],
    ["{{range .}}{{else if true}}{{end}}", "template: t:1: unexpected <if> in input"],
    ["{{with .}}{{else with .}}{{end}}", "template: t:1: unexpected <with> in else"],
    ["{{if true}}{{end 1}}", 'template: t:1: unexpected "1" in end'],
    ["{{break}}", "template: t:1: {{break}} outside {{range}}"],
    ["{{continue}}", "template: t:1: {{continue}} outside {{range}}"],
    ["{{range .}}{{break 1}}{{end}}", 'template: t:1: unexpected "1" in {{break}}'],
    ["{{range .}}{{else}}{{break}}{{end}}", "template: t:1: {{break}} outside {{range}}"],
    ['{{range .}}{{block "b" .}}{{continue}}{{end}}{{end}}', "template: t:1: {{continue}} outside {{range}}"],
    ["{{template}}", 'template: t:1: unexpected "}}" in template clause'],
    ["{{template x}}", 'template: t:1: unexpected "x" in template clause'],
    ["{{template .X}}", 'template: t:1: unexpected ".X" in template clause'],
    ["{{define}}{{end}}", 'template: t:1: unexpected "}}" in define clause'],
    ["{{define .X}}{{end}}", 'template: t:1: unexpected ".X" in define clause'],
    ['{{define "x" 1}}{{end}}', 'template: t:1: unexpected "1" in define clause'],
    ['{{define "x"}}', "template: t:1: unexpected EOF"],
    ['{{define "x"}}{{else}}{{end}}', "template: t:1: unexpected {{else}} in define clause"],
    ['{{if true}}{{define "x"}}{{end}}{{end}}', "template: t:1: unexpected <define> in command"],
    ["{{block}}{{end}}", 'template: t:1: unexpected "}}" in block clause'],
    ['{{block "x"}}{{end}}', "template: t:1: missing value for block clause"],
    ['{{block "x" .}}{{else}}{{end}}', "template: t:1: unexpected {{else}} in block clause"],
    [
      '{{define "x"}}a{{end}}\n{{define "x"}}b{{end}}',
      'template: t:2: template: multiple definition of template "x"',
    ],
    ['{{define "t"}}a{{end}}b', 'template: t:1: template: multiple definition of template "t"'],
  ];
  for (const [source, expected] of rows) {
    it(`${JSON.stringify(source)}: ${expected}`, () => expect(fault(source)).to.equal(expected));
  }
});

describe("what a template is taken for", () => {
  const rows: readonly (readonly [source: string, shown: string])[] = [
    ["", ""],
    ["a{{/* c */}}b", "ab"],
    ["a {{- /* c */ -}} b", "ab"],
    ["{{ .X }}", "{{.X}}"],
    ["{{.X.Y.Z}}", "{{.X.Y.Z}}"],
    ["{{ $.X }} {{$}}", "{{$.X}} {{$}}"],
    ["{{(.X).Y}}", "{{(.X).Y}}"],
    ["{{ getv  `a`\t\"b\" 'c' 0x1F 1e3 nil true . }}", "{{getv `a` \"b\" 'c' 0x1F 1e3 nil true .}}"],
    ["{{.X|getv 1|getv}}", "{{.X | getv 1 | getv}}"],
    ["{{getv 1 |}}", "{{getv 1}}"],
    ["{{getv (getv 1) (getv 2).X}}", "{{getv (getv 1) (getv 2).X}}"],
    ["{{$x:=1}}{{$x}}", "{{$x := 1}}{{$x}}"],
    ["{{$x := 1}}{{$x = 2}}", "{{$x := 1}}{{$x := 2}}"],
    ["{{if .X}}a{{else if .Y}}b{{else}}c{{end}}", "{{if .X}}a{{else}}{{if .Y}}b{{else}}c{{end}}{{end}}"],
    [
      "{{range $i,$e:=.X}}{{break}}{{continue}}{{else}}z{{end}}",
      "{{range $i, $e := .X}}{{break}}{{continue}}{{else}}z{{end}}",
    ],
    ["{{with $x := .X}}{{end}}", "{{with $x := .X}}{{end}}"],
    ['{{template `x`}}{{template "y" .X}}', '{{template "x"}}{{template "y" .X}}'],
    ['{{block "x" .}}a{{end}}', '{{template "x" .}}'],
    ['{{define "x"}}a{{end}}b', "b"],
    ["{{1i}}{{1+2i}}{{-.5}}{{+3}}", "{{1i}}{{1+2i}}{{-.5}}{{+3}}"],
    ["{{\n.X\n}}", "{{.X}}"],
    ["x {{- 3 -}} y", "x{{3}}y"],
    ["x {{-3}} y", "x {{-3}} y"],
    ["x\n\t {{- .A}} {{.B -}} \n y", "x{{.A}} {{.B}}y"],
    ["{{getv}}}", "{{getv}}}"],
  ];
  for (const [source, expected] of rows) {
    it(`${JSON.stringify(source)} is ${JSON.stringify(expected)}`, () =>
      expect(shown(source)).to.equal(expected));
  }

  it("keeps the body of a definition over an empty one of the same name", () => {
    const trees = parse(
      "t",
      '{{define "x"}} {{end}}{{define "x"}}a{{end}}{{define "x"}}\n{{end}}',
      () => false,
    );
    const tree = trees.get("x");
    expect(tree === undefined ? "" : nodeText(tree)).to.equal("a");
  });
});

const word = fc.constantFrom(
  "{{",
  "}}",
  "{{-  ",
  " -}}",
  "if ",
  "else",
  "end",
  "range ",
  "with ",
  "define ",
  "block ",
  "template ",
  "break",
  "continue",
  ".",
  ".X",
  "$",
  "$x",
  ":=",
  "=",
  "|",
  ",",
  "(",
  ")",
  '"a"',
  "`b`",
  "'c'",
  "1",
  "0x",
  "1e9",
  "+",
  "nil",
  "true",
  "getv ",
  " ",
  "\n",
  "\u00e9",
  "text",
  "/*",
  "*/",
  "\\",
  '"',
  "'",
  "%",
);

describe("any text at all", () => {
  it("is parsed or refused with a GoTemplateError", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        const answer = fault(words.join(""));
        expect(answer).to.match(/^(accepted$|template: t:\d+: )/);
      }),
      { numRuns: 2000 },
    );
  });

  it("shown as text and parsed again shows the same text", () => {
    const leaf = fc.constantFrom(
      ".",
      ".X",
      "$",
      "$.Y",
      "1",
      "'c'",
      '"s"',
      "`r`",
      "true",
      "getv",
      "(getv 1)",
      "(getv 1).X",
      "-0x1p4",
    );
    const pipe = fc
      .array(fc.array(leaf, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
      .map((stages) => stages.map((args, i) => (i === 0 ? args : ["getv", ...args]).join(" ")).join(" | "));
    const { body } = fc.letrec<{ body: string; node: string }>((tie) => ({
      body: fc.array(tie("node"), { maxLength: 3 }).map((nodes) => nodes.join("")),
      node: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom("text", " \n", "}"),
        pipe.map((p) => `{{${p}}}`),
        pipe.map((p) => `{{$x := ${p}}}`),
        fc
          .tuple(fc.constantFrom("if", "with", "range"), pipe, tie("body"))
          .map(([k, p, b]) => `{{${k} ${p}}}${b}{{end}}`),
        fc
          .tuple(fc.constantFrom("if", "with", "range"), pipe, tie("body"), tie("body"))
          .map(([k, p, b, e]) => `{{${k} ${p}}}${b}{{else}}${e}{{end}}`),
        pipe.map((p) => `{{template "x" ${p}}}`),
      ),
    }));
    fc.assert(
      fc.property(body, (source) => {
        const once = shown(source);
        expect(shown(once)).to.equal(once);
      }),
    );
  });
});
