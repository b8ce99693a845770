import { expect } from "chai";
import fc from "fast-check";
import {
  canonicalText,
  parseUnitFile,
  type UnitFile,
  unitFileFromOptions,
  unitHash,
} from "../../cluster/unit-file.ts";
import { failure } from "../support/failure.ts";

const triples = (file: UnitFile) =>
  file.options().map(({ section, name, value }) => [section, name, value] as const);

/** Text that looks enough like unit files to reach every branch of the grammar. */
const unitText = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom("[Unit]\n", "[Service]\n", "A=1\n", "B = two words \n", "=x\n"),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom("# note\n", ";x\\\n", "\n", "  \n", "\\\n", "C=d \\\n", "\r\n", "\\ "),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom("[", "]", "=", "\\", "\n", " ", "#", "\t", "\u0085", "é", "D="),
      },
      { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 4 }) },
    ),
    { maxLength: 24 },
  )
  .map((pieces) => pieces.join(""));

function parsed(text: string): UnitFile | undefined {
  try {
    return parseUnitFile(text);
  } catch (error) {
    expect(error).to.include({ name: "PlatformError", code: "unit-file-invalid" });
    return undefined;
  }
}

describe("a unit file", () => {
  for (const [behaviour, text, options] of [
    ["may be empty", "", []],
    [
      "keeps assignments and repeated names in order",
      "[Unit]\nDescription=Foo\nDescription=Bar\nAfter=baz.service\n",
      [
        ["Unit", "Description", "Foo"],
        ["Unit", "Description", "Bar"],
        ["Unit", "After", "baz.service"],
      ],
    ],
    [
      "skips what comes before the first section, and comments",
      '\nThis=Ignored\n[Unit]\n;not me\nDescription = Foo\n\n[Service]\nExecStop=echo "pong"\n  # nor me\nExecStop=echo post\n',
      [
        ["Unit", "Description", "Foo"],
        ["Service", "ExecStop", 'echo "pong"'],
        ["Service", "ExecStop", "echo post"],
      ],
    ],
    ["finds its first section behind a byte order mark", "\uFEFF[Unit]\nA=1", [["Unit", "A", "1"]]],
    [
      "does not find a section in a comment before the first",
      "x # [No]\n; [No]\\\n[No]\n[Unit]\nA=1",
      [["Unit", "A", "1"]],
    ],
    [
      "takes any line with an equals sign",
      ">>>>>>>\n[Service]\nExecStart=jim\n<<<<<<<=bar\nSome Thing = x\n=nameless\n",
      [
        ["Service", "ExecStart", "jim"],
        ["Service", "<<<<<<<", "bar"],
        ["Service", "Some Thing", "x"],
        ["Service", "", "nameless"],
      ],
    ],
    [
      "keeps backslash and newline of continued lines",
      '[Service]\nExecStart=echo \\\n  "pi\\\n  ng"\nExecStop=\\\necho "po\\\nng"\n',
      [
        ["Service", "ExecStart", 'echo \\\n  "pi\\\n  ng"'],
        ["Service", "ExecStop", '\\\necho "po\\\nng"'],
      ],
    ],
    [
      "takes what looks like a comment for part of a continued value",
      "[Service]\nA=echo\\\n#pang\nB=echo\\\n#peng\\\npung\n",
      [
        ["Service", "A", "echo\\\n#pang"],
        ["Service", "B", "echo\\\n#peng\\\npung"],
      ],
    ],
    [
      "ends a continued value at a blank line",
      "[Unit]\nA=b \\\n  \nC=d\n",
      [
        ["Unit", "A", "b \\\n"],
        ["Unit", "C", "d"],
      ],
    ],
    ["ends a continued value at the end of the file", "[Unit]\nA=b \\", [["Unit", "A", "b \\"]]],
    [
      "does not continue a line whose backslash has a space behind it",
      "[Unit]\nA=b \\ \nC=d\n",
      [
        ["Unit", "A", "b \\"],
        ["Unit", "C", "d"],
      ],
    ],
    [
      "continues comments, even with one space behind the backslash",
      "[Unit]\n# a \\\nB=1\n; c \\ \nD=1\nE=1",
      [["Unit", "E", "1"]],
    ],
    [
      "may have the line ends of other systems, but not in continued lines",
      "[Unit]\r\nA=1\r\n\r\nB=2 \\\r\nC=3\r\n",
      [
        ["Unit", "A", "1"],
        ["Unit", "B", "2 \\"],
        ["Unit", "C", "3"],
      ],
    ],
    ["keeps an empty value, which resets a list", "[Service]\nExecStart=\n", [["Service", "ExecStart", ""]]],
    [
      "keeps quotes as they are",
      '[Service]\nEnvironment= "A=B" "C=D"\n',
      [["Service", "Environment", '"A=B" "C=D"']],
    ],
    ["keeps every script", "[©]\nµ☃=ÇôrèÕ$", [["©", "µ☃", "ÇôrèÕ$"]]],
    ["takes a section without a newline", "[X-Fleet]", []],
  ] as const) {
    it(behaviour, () => {
      expect(triples(parseUnitFile(text))).to.deep.equal(options);
    });
  }

  for (const [text, place, words] of [
    ["[Unit]\nnonsense upon stilts\n", "2:1", "unexpected newline encountered while parsing option name"],
    ["[Unit]\n\n[Service]\n  <<<<<<<<\n", "4:3", "unexpected newline encountered while parsing option name"],
    ["[Unit]\nA\r=b\n", "2:1", "unexpected newline encountered while parsing option name"],
    ["[Unit]\nDescription", "2:1", "unexpected EOF encountered while parsing option name"],
    ["x\n[Unit\nDescription=Foo\n", "2:1", "unable to find end of section"],
    ["[Unit\nExecStart=test ]\n", "1:1", "unable to find end of section"],
    ["[Unit]\nA=b\n [Service] pants\nC=d\n", "3:11", 'found garbage after section name "Service"'],
  ] as const) {
    it(`is refused at ${place} for ${JSON.stringify(text)}`, () => {
      const error = failure(() => parseUnitFile(text));
      expect(error.code).to.equal("unit-file-invalid");
      expect(error.message).to.contain(`at ${place}: ${words}`);
      expect(error.hint).to.contain(`line ${place.split(":")[0]}`);
    });
  }

  it("knows the line of every assignment, also behind comments and continued values", () => {
    const file = parseUnitFile("junk\n# a\\\nb\n[U]\nA=1\\\n2\n\n;x\nB=3\n[S]\nC=4\n");
    expect(file.options().map(({ name, line }) => [name, line])).to.deep.equal([
      ["A", 5],
      ["B", 9],
      ["C", 11],
    ]);
    expect(file.sections.map(({ name, line }) => [name, line])).to.deep.equal([
      ["U", 4],
      ["S", 10],
    ]);
  });

  it("answers by section and name across repeated sections", () => {
    const file = parseUnitFile("[A]\nx=1\n[B]\nx=2\n[A]\nx=3\n[C]\n");
    expect(file.values("A", "x")).to.deep.equal(["1", "3"]);
    expect(file.values("A", "y")).to.deep.equal([]);
    expect([file.has("C"), file.has("D")]).to.deep.equal([true, false]);
  });

  it("is printed byte for byte as it was written, whatever was parsed", () => {
    fc.assert(
      fc.property(unitText, (text) => {
        const file = parsed(text);
        if (file !== undefined) expect(file.print()).to.equal(text);
      }),
      { numRuns: 2000 },
    );
  });

  it("is parsed in time linear in its length", () => {
    const started = performance.now();
    parseUnitFile(
      `[S]\nA=${"x ".repeat(1 << 20)}\nB=${"\\\n".repeat(1 << 18)}\n${"# c\\\n".repeat(1 << 18)}`,
    );
    parsed(`[S]\n${"a".repeat(1 << 20)}`);
    parseUnitFile(`${"x".repeat(1 << 20)}[S]`);
    expect(performance.now() - started).to.be.lessThan(2000);
  });
});

describe("the canonical form", () => {
  it("merges sections in the order first seen and drops comments, blanks and spaces", () => {
    const file = parseUnitFile("# top\n[Unit]\nA = 1\n\n\n[Empty]\n[Service]\nB=\n;x\n[Unit]\nA=2\n");
    expect(canonicalText(file)).to.equal("[Unit]\nA=1\nA=2\n\n[Service]\nB=\n");
  });

  it("of a file without assignments is empty", () => {
    expect(canonicalText(parseUnitFile("junk\n[Unit]\n"))).to.equal("");
  });

  it("reads back as the same assignments and prints as itself", () => {
    fc.assert(
      fc.property(unitText, (text) => {
        const file = parsed(text);
        if (file === undefined) return;
        const again = parseUnitFile(canonicalText(file));
        expect(canonicalText(again)).to.equal(canonicalText(file));
        const sections = new Set(file.options().map(({ section }) => section));
        expect(triples(again)).to.deep.equal(
          [...sections].flatMap((section) => triples(file).filter(([name]) => name === section)),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the hash of a unit file", () => {
  it("is fleet's", () => {
    expect(unitHash(parseUnitFile("[Service]\nExecStart=/bin/sleep 100\n"))).to.equal(
      "1c6fb6f3684bafb0c173d8b8b957ceff031180c1",
    );
  });

  it("does not depend on comments, blank lines, spaces and line ends", () => {
    const clean = "[Unit]\nA=1\n\n[Service]\nB=2\nC=3\n";
    const lines = clean.split("\n");
    const noise = fc.array(fc.constantFrom("", "  ", "# x", "; y=z", "\t"), {
      minLength: lines.length,
      maxLength: lines.length,
    });
    fc.assert(
      fc.property(noise, fc.constantFrom("\n", "\r\n"), fc.constantFrom("", " ", "\t"), (extra, end, pad) => {
        const noisy = lines
          .flatMap((line, at) => [extra[at], pad + line.replace("=", `${pad}=${pad}`) + pad])
          .join(end);
        expect(unitHash(parseUnitFile(noisy))).to.equal(unitHash(parseUnitFile(clean)));
      }),
    );
  });

  it("tells a continued line from one that only ends in a backslash", () => {
    const continued = parseUnitFile("[S]\nA=b\\\nC=d\n");
    const ended = parseUnitFile("[S]\nA=b\\ \nC=d\n");
    expect(unitHash(continued)).to.not.equal(unitHash(ended));
  });
});

describe("a unit file made from assignments", () => {
  it("has them grouped by section and trimmed", () => {
    const file = unitFileFromOptions([
      { section: "Unit", name: "Description", value: " Foo " },
      { section: "Service", name: "ExecStart", value: "a \\\n b" },
      { section: "Unit", name: "After", value: "" },
    ]);
    expect(file.print()).to.equal("[Unit]\nDescription=Foo\nAfter=\n\n[Service]\nExecStart=a \\\n b\n");
  });

  it("is the one that was parsed", () => {
    fc.assert(
      fc.property(unitText, (text) => {
        const file = parsed(text);
        if (file === undefined) return;
        expect(unitHash(unitFileFromOptions(file.options()))).to.equal(unitHash(file));
      }),
      { numRuns: 1000 },
    );
  });

  for (const [what, option] of [
    ["a bare newline in a value", { section: "S", name: "A", value: "b\nC=d" }],
    ["a bracket in a section's name", { section: "S]", name: "A", value: "b" }],
    ["a comment for a name", { section: "S", name: "#A", value: "b" }],
    ["an equals sign in a name", { section: "S", name: "A=B", value: "c" }],
    ["a section for a name", { section: "S", name: "[A]", value: "c" }],
    ["a blank line in a value", { section: "S", name: "A", value: "b \\\n\nc=d" }],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(failure(() => unitFileFromOptions([option])).code).to.equal("unit-file-invalid");
    });
  }
});
