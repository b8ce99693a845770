import { expect } from "chai";
import fc from "fast-check";
import { type FloatFormat, formatFloat } from "../../../renderer/gotmpl/float.ts";
import { bytesOf, textOf } from "../../../renderer/gotmpl/index.ts";
import { parseFloat64, parseInt64, parseUint, roundToFloat } from "../../../renderer/gotmpl/number.ts";
import { canBackquote, quote, quoteRune, unquote } from "../../../renderer/gotmpl/quote.ts";

describe("formatFloat", () => {
  const rows: readonly (readonly [number, FloatFormat, number, string, (32 | 64)?])[] = [
    [1, "e", 5, "1.00000e+00"],
    [1, "f", 5, "1.00000"],
    [1, "g", 5, "1"],
    [1, "g", -1, "1"],
    [1, "x", -1, "0x1p+00"],
    [1, "x", 5, "0x1.00000p+00"],
    [20, "g", -1, "20"],
    [20, "x", -1, "0x1.4p+04"],
    [1234567.8, "g", -1, "1.2345678e+06"],
    [1234567.8, "x", -1, "0x1.2d687cccccccdp+20"],
    [200000, "g", -1, "200000"],
    [200000, "X", -1, "0X1.86AP+17"],
    [2000000, "g", -1, "2e+06"],
    [1e10, "g", -1, "1e+10"],
    [400, "g", 2, "4e+02"],
    [40, "g", 2, "40"],
    [4, "g", 2, "4"],
    [0.4, "g", 2, "0.4"],
    [0.00004, "g", 2, "4e-05"],
    [0, "e", 5, "0.00000e+00"],
    [0, "f", 5, "0.00000"],
    [0, "g", 5, "0"],
    [0, "g", -1, "0"],
    [0, "x", 5, "0x0.00000p+00"],
    [-1, "e", 5, "-1.00000e+00"],
    [-0, "g", -1, "-0"],
    [12, "f", 5, "12.00000"],
    [123456700, "e", 5, "1.23457e+08"],
    [123456700, "g", 5, "1.2346e+08"],
    [1.2345e6, "f", 5, "1234500.00000"],
    [1e23, "e", 17, "9.99999999999999916e+22"],
    [1e23, "f", 17, "99999999999999991611392.00000000000000000"],
    [1e23, "g", 17, "9.9999999999999992e+22"],
    [1e23, "e", -1, "1e+23"],
    [1e23, "f", -1, "100000000000000000000000"],
    [5e-304 / 1e20, "g", -1, "5e-324"],
    [5e-324, "b", -1, "1p-1074"],
    [5e-324, "x", -1, "0x1p-1074"],
    [32, "b", -1, "4503599627370496p-47"],
    [1, "b", -1, "8388608p-23", 32],
    [0.1, "g", -1, "0.1"],
    [Math.fround(0.1), "g", -1, "0.1", 32],
    [Math.fround(16777216), "g", -1, "1.6777216e+07", 32],
    [2.2250738585072014e-308, "g", -1, "2.2250738585072014e-308"],
    [1.7976931348623157e308, "e", -1, "1.7976931348623157e+308"],
    [498484681984085570, "f", -1, "498484681984085570"],
    [0.5, "f", 0, "0"],
    [1.5, "f", 0, "2"],
    [0.45, "f", 1, "0.5"],
    [9.995, "f", 2, "9.99"],
    [99.99, "f", 1, "100.0"],
    [0.0006, "f", 3, "0.001"],
    [0.0004, "f", 3, "0.000"],
    [123.45, "g", 0, "1e+02"],
    [Number.NaN, "g", 3, "NaN"],
    [Number.NEGATIVE_INFINITY, "f", 3, "-Inf"],
  ];
  for (const [value, format, precision, expected, bits] of rows) {
    it(`writes ${value} as %${format} with precision ${precision}: ${expected}`, () => {
      expect(formatFloat(value, format, precision, bits)).to.equal(expected);
    });
  }

  it("writes the shortest text that reads back as the same value", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        for (const format of ["e", "f", "g", "x"] as const) {
          const parsed = parseFloat64(formatFloat(value, format, -1));
          expect(parsed.ok && Object.is(parsed.value, value)).to.equal(true);
        }
      }),
    );
  });

  it("agrees with exact arithmetic on any precision that keeps every digit", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(formatFloat(value, "e", 17))).to.equal(value === 0 ? 0 * value : value);
      }),
    );
  });
});

describe("reading integers", () => {
  const good: readonly (readonly [string, 0 | 10, bigint])[] = [
    ["0", 0, 0n],
    ["0x1F", 0, 31n],
    ["0X_1f", 0, 31n],
    ["0b101", 0, 5n],
    ["0o17", 0, 15n],
    ["017", 0, 15n],
    ["1_000", 0, 1000n],
    ["0_7", 0, 7n],
    ["-0x10", 0, -16n],
    ["+5", 10, 5n],
    ["007", 10, 7n],
    ["9223372036854775807", 10, 9223372036854775807n],
    ["-9223372036854775808", 10, -9223372036854775808n],
  ];
  for (const [text, base, value] of good) {
    it(`reads ${text} in base ${base}`, () => {
      expect(parseInt64(text, base)).to.deep.equal({ ok: true, value });
    });
  }

  for (const text of ["", "-", "1_", "_1", "1__0", "0x", "08", "0b2", "1e3", " 1", "0_x1", "0x1_"]) {
    it(`refuses ${JSON.stringify(text)} as malformed`, () => {
      expect(parseInt64(text, 0)).to.deep.equal({ ok: false, fault: "syntax" });
    });
  }

  it("tells a number that is too large from a malformed one", () => {
    expect(parseInt64("9223372036854775808")).to.deep.equal({ ok: false, fault: "range" });
    expect(parseUint("18446744073709551615")).to.deep.equal({ ok: true, value: 2n ** 64n - 1n });
    expect(parseUint("18446744073709551616")).to.deep.equal({ ok: false, fault: "range" });
    expect(parseUint("-1")).to.deep.equal({ ok: false, fault: "syntax" });
  });
});

describe("reading floats", () => {
  const good: readonly (readonly [string, number])[] = [
    ["1e23", 1e23],
    [".5", 0.5],
    ["5.", 5],
    ["1_23.50_0_0e+1_2", 1.235e14],
    ["0x1p-2", 0.25],
    ["0x1.8p1", 3],
    ["-0x.8p0", -0.5],
    ["0x1p-1074", 5e-324],
    ["0x1.fffffffffffff8p0", 2],
    ["0x1.00000000000008p0", 1],
    ["0x1.00000000000018p0", 1.0000000000000004],
    ["inf", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
  ];
  for (const [text, value] of good) {
    it(`reads ${text}`, () => expect(parseFloat64(text)).to.deep.equal({ ok: true, value }));
  }

  for (const text of ["", ".", "e3", "1e", "0x1", "0xp1", "1__0.5", "1_.5", "0x", "+nan", "1 "]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseFloat64(text)).to.deep.equal({ ok: false, fault: "syntax" });
    });
  }

  it("calls a number beyond the largest out of range, and one below the smallest zero", () => {
    expect(parseFloat64("1e400")).to.deep.equal({ ok: false, fault: "range" });
    expect(parseFloat64("0x1p1024")).to.deep.equal({ ok: false, fault: "range" });
    expect(parseFloat64("1e-400")).to.deep.equal({ ok: true, value: 0 });
    expect(parseFloat64("0x1p-1076")).to.deep.equal({ ok: true, value: 0 });
  });

  it("rounds binary fractions to the nearest, ties to even", () => {
    expect(roundToFloat(2n ** 53n + 1n, 0)).to.equal(2 ** 53);
    expect(roundToFloat(2n ** 53n + 3n, 0)).to.equal(2 ** 53 + 4);
  });
});

describe("quoting", () => {
  it("escapes what is not printable in Unicode 13, whatever Node knows", () => {
    expect(quote(bytesOf("\u{1fabf}"))).to.equal('"\\U0001fabf"');
    expect(textOf(quote(bytesOf("\u{1f600}é")))).to.equal('"\u{1f600}é"');
  });

  it("shows bytes that are no UTF-8 one by one", () => {
    expect(quote("a\xff\xe2\x98")).to.equal('"a\\xff\\xe2\\x98"');
  });

  it("quotes runes, taking what is none as U+FFFD", () => {
    expect(textOf(quoteRune(0xd800))).to.equal("'\ufffd'");
    expect(quoteRune(0x27)).to.equal("'\\''");
    expect(quoteRune(0xe9, true)).to.equal("'\\u00e9'");
  });

  it("can backquote what has no backquote, control or malformed byte", () => {
    const answers = ["a\\b\tc", "`", "a\nb", "\x7f", "\xff", bytesOf("\ufeff"), bytesOf("é")].map(
      canBackquote,
    );
    expect(answers).to.deep.equal([true, false, false, false, false, false, true]);
  });

  it("reads back any bytes it quoted", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.boolean(), (array, ascii) => {
        const bytes = Buffer.from(array).toString("latin1");
        expect(unquote(quote(bytes, ascii))).to.equal(bytes);
      }),
    );
  });

  it("reads back any text it quoted", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const bytes = bytesOf(text);
        expect(unquote(quote(bytes))).to.equal(bytes);
      }),
    );
  });

  const literals: readonly (readonly [string, string | undefined])[] = [
    ['"a\\tb"', "a\tb"],
    ['"\\x41\\101\\u0041\\U00000041"', "AAAA"],
    ['"\\xe9"', "\xe9"],
    ['"\\u00e9"', bytesOf("é")],
    ["`a\\n\rb`", "a\\nb"],
    ['"\\\'"', undefined],
    ['"\\ud800"', undefined],
    ['"\\400"', undefined],
    ['"\\x4"', undefined],
    ['"\\q"', undefined],
    ['"a', undefined],
    ['"\xff"', bytesOf("\ufffd")],
  ];
  for (const [literal, expected] of literals) {
    it(`${expected === undefined ? "refuses" : "reads"} ${JSON.stringify(literal)}`, () => {
      expect(unquote(literal)).to.equal(expected);
    });
  }
});
