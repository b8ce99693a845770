import { expect } from "chai";
import fc from "fast-check";
import { formatTable } from "../../deisctl/table.ts";

describe("formatTable", () => {
  for (const [name, fields, rows, text] of [
    [
      "only a legend",
      ["unit", "hash", "dstate", "state", "target"],
      [],
      "UNIT\tHASH\tDSTATE\tSTATE\tTARGET\n",
    ],
    [
      "machines",
      ["machine", "ip", "metadata"],
      [["f1ee0001...", "127.0.0.1", "host=h1,region=lab"]],
      "MACHINE\t\tIP\t\tMETADATA\nf1ee0001...\t127.0.0.1\thost=h1,region=lab\n",
    ],
    [
      "units of several lengths",
      ["unit", "machine", "active", "sub"],
      [
        ["glob.service", "f1ee0001.../127.0.0.1", "active", "running"],
        ["hello.service", "f1ee0001.../127.0.0.1", "inactive", "dead"],
      ],
      "UNIT\t\tMACHINE\t\t\tACTIVE\t\tSUB\nglob.service\tf1ee0001.../127.0.0.1\tactive\t\trunning\nhello.service\tf1ee0001.../127.0.0.1\tinactive\tdead\n",
    ],
    [
      "a cell of seven and one of eight",
      ["a", "b"],
      [
        ["1234567", "x"],
        ["12345678", "y"],
      ],
      "A\t\tB\n1234567\t\tx\n12345678\ty\n",
    ],
    ["empty cells and line breaks", ["a", "b"], [["", "x\ny\tz"]], "A\tB\n-\tx y z\n"],
  ] as const) {
    it(`lays out ${name} as fleetctl did`, () => {
      expect(formatTable(fields, rows, { legend: true, padding: "tabs" })).to.equal(text);
    });
  }

  it("pads with spaces for terminals and leaves the legend out when asked", () => {
    expect(
      formatTable(["unit", "sub"], [["a.service", "dead"]], { legend: false, padding: "spaces" }),
    ).to.equal("a.service  dead\n");
    expect(
      formatTable(["unit", "sub"], [["a.service", "dead"]], { legend: true, padding: "spaces" }),
    ).to.equal("UNIT       SUB\na.service  dead\n");
  });

  it("starts every column at one tab stop, whatever the cells hold", () => {
    const cell = fc.stringMatching(/^[a-z.]{0,30}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 }), (rows) => {
        const lines = formatTable(["a", "b", "c"], rows, { legend: true, padding: "tabs" })
          .trimEnd()
          .split("\n");
        const starts = lines.map((line) => {
          const columns: number[] = [];
          let at = 0;
          let wasTab = false;
          for (const character of line) {
            if (character !== "\t" && wasTab) columns.push(at);
            wasTab = character === "\t";
            at = wasTab ? (Math.floor(at / 8) + 1) * 8 : at + 1;
          }
          return columns.join(",");
        });
        expect(new Set(starts).size).to.equal(1);
      }),
    );
  });
});
