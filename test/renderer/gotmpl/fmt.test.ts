import { expect } from "chai";
import type { GoItem } from "../../../renderer/gotmpl/index.ts";
import {
  bytesOf,
  Complex,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  mapOf,
  named,
  pointerTo,
  scalar,
  sprint,
  sprintf,
  sprintln,
  stringSlice,
  structOf,
  textOf,
  types,
} from "../../../renderer/gotmpl/index.ts";
import { bytes, list, map, pair, server, strings, typed } from "./values.ts";

type Row = readonly [format: string, args: readonly GoItem[], expected: string];

function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const [format, args, expected] of rows) {
      it(`${JSON.stringify(format)} with ${args.length} operands gives ${JSON.stringify(expected)}`, () => {
        const given = args.map((arg) => (typeof arg === "string" ? bytesOf(arg) : arg));
        expect(textOf(sprintf(bytesOf(format), given))).to.equal(expected);
      });
    }
  });
}

const complex = (real: number, imaginary: number): GoItem =>
  new GoScalar(types.complex128, new Complex(real, imaginary));

table("printf of integers", [
  ["%d", [12345n], "12345"],
  ["%v", [-12345n], "-12345"],
  ["%t", [true], "true"],
  ["%5t", [false], "false"],
  ["%7t|%-7t|", [true, true], "   true|true   |"],
  ["%+d", [7n], "+7"],
  ["% d", [7n], " 7"],
  ["% d", [-7n], "-7"],
  ["%+ d", [7n], "+7"],
  ["%6d|%-6d|%06d", [-42n, -42n, -42n], "   -42|-42   |-00042"],
  ["%-06d|", [42n], "42    |"],
  ["%+06d", [42n], "+00042"],
  ["%.3d", [7n], "007"],
  ["%8.3d|%-8.3d|", [-7n, -7n], "    -007|-007    |"],
  ["%08.3d", [7n], "     007"],
  ["%.0d|%.d|", [0n, 0n], "||"],
  ["%6.0d|", [0n], "      |"],
  ["%06.0d|", [0n], "      |"],
  ["%b %o %O %x %X", [5n, 8n, 8n, 255n, 255n], "101 10 0o10 ff FF"],
  ["%#b %#o %#x %#X", [5n, 8n, 255n, 255n], "0b101 010 0xff 0XFF"],
  ["%#o", [0n], "0"],
  ["%x", [-1n], "-1"],
  ["%#x", [-255n], "-0xff"],
  ["%#08x|%#-8x|", [255n, 255n], "0x000000ff|0xff    |"],
  ["%x", [-(2n ** 63n)], "-8000000000000000"],
  ["%d", [typed("uint64", 2n ** 64n - 1n)], "18446744073709551615"],
  ["%v %d", [typed("uint8", 200n), typed("int8", -3n)], "200 -3"],
  ["%#v %#v", [typed("uint8", 200n), typed("int8", -3n)], "0xc8 -3"],
  ["%20b|", [5n], "                 101|"],
]);

table("printf of characters", [
  ["%c%c", [65n, 0x2318n], "A⌘"],
  ["%c", [-1n], "\ufffd"],
  ["%c", [0x110000n], "\ufffd"],
  ["%3c|%-3c|%03c|", [0x2318n, 0x2318n, 0x2318n], "  ⌘|⌘  |00⌘|"],
  ["%q %q %q", [65n, 39n, 10n], "'A' '\\'' '\\n'"],
  ["%q %+q", [0x2318n, 0x2318n], "'⌘' '\\u2318'"],
  ["%q", [0x110000n], "'\ufffd'"],
  ["%5q|%-5q|", [65n, 65n], "  'A'|'A'  |"],
  ["%U %U %U", [0n, 65n, 0x1f600n], "U+0000 U+0041 U+1F600"],
  ["%#U %#U", [0x2318n, 10n], "U+2318 '⌘' U+000A"],
  ["%.6U|%10U|%-10U|%010U", [65n, 65n, 65n, 65n], "U+000041|    U+0041|U+0041    |    U+0041"],
  ["%#.6U", [65n], "U+000041 'A'"],
  ["%U", [-1n], "U+FFFFFFFFFFFFFFFF"],
]);

table("printf of strings", [
  ["%s|%v", ["abc", "abc"], "abc|abc"],
  ["%5s|%-5s|%05s", ["abc", "abc", "abc"], "  abc|abc  |00abc"],
  ["%.2s|%.5s|%.0s|", ["日本語", "abc", "abc"], "日本|abc||"],
  ["%5s|", ["日本"], "   日本|"],
  ["%8.2s|", ["abc"], "      ab|"],
  [
    "%x %X % x %#x %# x",
    ["abc", "\n\xff", "abc", "abc", "abc"],
    "616263 0AC3BF 61 62 63 0x616263 0x61 0x62 0x63",
  ],
  ["%# X", ["abc"], "0X61 0X62 0X63"],
  ["%.2x", ["abc"], "6162"],
  ["%8x|%-8x|%08x", ["abc", "abc", "abc"], "  616263|616263  |00616263"],
  ["%3x|%-3x|", ["", ""], "   |   |"],
  ["%q", ['a"b\\\n\t\x07☺'], '"a\\"b\\\\\\n\\t\\a☺"'],
  ["%+q", ["a☺\u{1f600}"], '"a\\u263a\\U0001f600"'],
  ["%#q %#q", ["a\\b", "a`b"], '`a\\b` "a`b"'],
  ["%#+q", ["☺`"], '"\\u263a`"'],
  ["%q", ["\u200b\u00a0\u007f\u0001"], '"\\u200b\\u00a0\\x7f\\x01"'],
  ["%10q|%-10q|%010q|", ["⌘", "⌘", "⌘"], '       "⌘"|"⌘"       |0000000"⌘"|'],
  ["%.1q", ["日本"], '"日"'],
  ["%#v", ["a\nb"], '"a\\nb"'],
]);

table("printf of floats", [
  ["%v %v %v", [1, 1.5, -0], "1 1.5 -0"],
  ["%v %v %v %v", [1e6, 1e20, 1e21, 123456789], "1e+06 1e+20 1e+21 1.23456789e+08"],
  ["%v %v %v", [100000, 0.0001, 0.00001], "100000 0.0001 1e-05"],
  ["%e %E", [1, 0.00012345678], "1.000000e+00 1.234568E-04"],
  ["%f %F", [1.5, -2.25], "1.500000 -2.250000"],
  ["%.3g %.3G", [1234567, 0.0000012345], "1.23e+06 1.23E-06"],
  ["%.0f %.0f %.0f %.0f", [0.5, 1.5, 2.5, 3.5], "0 2 2 4"],
  ["%.1f %.2f", [0.25, 1.005], "0.2 1.00"],
  ["%.f", [2.5], "2"],
  ["%8.2f|%-8.2f|%08.2f", [1.23456, 1.23456, -1.23456], "    1.23|1.23    |-0001.23"],
  ["%+.2f % .2f", [1.23456, 1.23456], "+1.23  1.23"],
  ["%+08.2f", [1.23456], "+0001.23"],
  ["%g", [100], "100"],
  ["%#g %#g %#.3g", [1, 1e6, 1], "1.00000 1.00000e+06 1.00"],
  ["%#.0f %#.0e", [123, 123], "123. 1.e+02"],
  ["%b", [1], "4503599627370496p-52"],
  ["%x %X", [1.5, -1.5], "0x1.8p+00 -0X1.8P+00"],
  ["%.3x %.0x", [1, 1.5], "0x1.000p+00 0x1p+01"],
  ["%v %f %5.1f|", [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN], "+Inf -Inf   NaN|"],
  [
    "%+f % f %08f|%-8f|",
    [Number.NaN, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN],
    "+NaN  Inf     +Inf|NaN     |",
  ],
  ["%v", [typed("float32", 0.1)], "0.1"],
  ["%.10f", [typed("float32", 0.1)], "0.1000000015"],
  [
    "%v %.2f %+.1e",
    [complex(1, -2), complex(1, -2), complex(1, -2)],
    "(1-2i) (1.00-2.00i) (+1.0e+00-2.0e+00i)",
  ],
]);

table("printf of lists, maps, structs and pointers", [
  ["%v", [list(1n, "a", 2.5, null, true)], "[1 a 2.5 <nil> true]"],
  ["%#v", [list(1n, "a", null)], '[]interface {}{1, "a", interface {}(nil)}'],
  ["%d", [list(1n, "a")], "[1 %!d(string=a)]"],
  ["%s", [list("a", 1n, null)], "[a %!s(int=1) <nil>]"],
  ["%q", [strings("a", "b c")], '["a" "b c"]'],
  ["%x", [strings("ab", "c")], "[6162 63]"],
  ["%5s|%-3d|", [strings("a", "b"), list(1n, 2n)], "[    a     b]|[1   2  ]|"],
  ["%#v", [strings("a")], '[]string{"a"}'],
  ["%v %#v", [new GoSlice(stringSlice, null), new GoSlice(stringSlice, null)], "[] []string(nil)"],
  ["%v", [map({ b: 2n, a: list(), c: map({}) })], "map[a:[] b:2 c:map[]]"],
  ["%#v", [map({ b: 2n, a: "x" })], 'map[string]interface {}{"a":"x", "b":2}'],
  [
    "%v %#v",
    [new GoMap(mapOf(types.string, types.int), null), new GoMap(mapOf(types.string, types.int), null)],
    "map[] map[string]int(nil)",
  ],
  [
    "%v",
    [
      new GoMap(
        mapOf(types.int, types.bool),
        new Map([
          [10n, true],
          [9n, false],
        ]),
      ),
    ],
    "map[9:false 10:true]",
  ],
  ["%v %+v", [pair("/a", "1"), pair("/a", "1")], "{/a 1} {Key:/a Value:1}"],
  ["%#v", [pair("/a", "1")], 'memkv.KVPair{Key:"/a", Value:"1"}'],
  ["%v %+v", [server("h", 80), server("h", 80)], "&{h 80 0} &{Target:h Port:80 hidden:0}"],
  ["%#v", [server("h", 80)], '&net.SRV{Target:"h", Port:0x50, hidden:0}'],
  ["%v", [new GoPointer(pointerTo(types.int), null)], "<nil>"],
  ["%#v", [new GoPointer(pointerTo(types.int), null)], "(*int)(nil)"],
  [
    "%v %d %s %x %q",
    [bytes("ab"), bytes("ab"), bytes("ab"), bytes("ab"), bytes("ab")],
    '[97 98] [97 98] ab 6162 "ab"',
  ],
  ["%#v", [bytes("ab")], "[]byte{0x61, 0x62}"],
  ["%T %T %T %T %T", [1n, "a", 2.5, true, list()], "int string float64 bool []interface {}"],
  [
    "%T %T %T %10T|",
    [map({}), server("h", 1), bytes(""), 1n],
    "map[string]interface {} *net.SRV []uint8        int|",
  ],
  ["%v %T %d", [null, null, null], "<nil> <nil> %!d(<nil>)"],
  ["%6v|%-6v|", [null, null], " <nil>|<nil> |"],
]);

table("printf complaining", [
  ["%d", ["x"], "%!d(string=x)"],
  ["%z", [1n], "%!z(int=1)"],
  ["%5z", [1n], "%!z(int=    1)"],
  ["%☠", [1n], "%!☠(int=1)"],
  ["%s", [1n], "%!s(int=1)"],
  ["%t", [1n], "%!t(int=1)"],
  ["%d", [1.5], "%!d(float64=1.5)"],
  ["%d", [true], "%!d(bool=true)"],
  ["%w", ["x"], "%!w(string=x)"],
  ["%p", [1n], "%!p(int=1)"],
  ["%d", [pair("a", "b")], "{%!d(string=a) %!d(string=b)}"],
  ["%d %d", [1n], "1 %!d(MISSING)"],
  ["%d", [1n, 2n, "a", null], "1%!(EXTRA int=2, string=a, <nil>)"],
  ["", [1n], "%!(EXTRA int=1)"],
  ["%", [], "%!(NOVERB)"],
  ["%", [1n], "%!(NOVERB)%!(EXTRA int=1)"],
  ["100%", [], "100%!(NOVERB)"],
  ["%-", [], "%!(NOVERB)"],
  ["%!", [1n], "%!!(int=1)"],
  ["%!s(<nil>)", [], "%!!(MISSING)s(<nil>)"],
  ["%%|%5%|%-5%", [], "%|%|%"],
  ["% d%", [1n], " 1%!(NOVERB)"],
  ["%s %s", [], "%!s(MISSING) %!s(MISSING)"],
]);

table("printf with indices and stars", [
  ["%[2]d %[1]d", [1n, 2n], "2 1"],
  ["%[1]d %d %[1]d", [1n, 2n], "1 2 1"],
  ["%[2]*[1]d", [1n, 5n], "    1"],
  ["%[3]*.[2]*[1]f|", [12, 2n, 6n], " 12.00|"],
  ["%6.2f", [12], " 12.00"],
  ["%*d|%-*d|", [5n, 1n, 5n, 1n], "    1|1    |"],
  ["%*d|", [-5n, 1n], "1    |"],
  ["%.*d|", [3n, 1n], "001|"],
  ["%.*d", [-1n, 42n], "%!(BADPREC)42"],
  ["%*d", ["x", 42n], "%!(BADWIDTH)42"],
  ["%*d", [10000001n, 42n], "%!(BADWIDTH)42"],
  ["%*d", [-10000001n, 42n], "%!(BADWIDTH)42"],
  ["%.*d", [10000001n, 42n], "%!(BADPREC)42"],
  ["%*", [4n], "%!(NOVERB)"],
  ["%*d", [typed("uint8", 4n), 1n], "   1"],
  ["%[3]d", [1n, 2n], "%!d(BADINDEX)"],
  ["%[0]d", [1n], "%!d(BADINDEX)"],
  ["%[x]d", [1n], "%!d(BADINDEX)"],
  ["%[]d", [1n], "%!d(BADINDEX)"],
  ["%[d", [1n], "%!d(BADINDEX)"],
  ["%[-1]d", [1n], "%!d(BADINDEX)"],
  ["%[2]2d", [1n, 2n], "%!d(BADINDEX)"],
  ["%[2].2d", [1n, 2n], "%!d(BADINDEX)"],
  ["%[1]d", [1n, 2n], "1"],
  ["%d %d %#[1]x %#x", [16n, 17n], "16 17 0x10 0x11"],
  ["%10000010d", [1n], "%!(NOVERB)%!(EXTRA int=1)"],
]);

describe("values with methods", () => {
  const named64 = named("time.Month", types.int, {
    String: { in: [], out: types.string, call: () => "March" },
  });
  const fault = structOf("errors.fault", [], { Error: { in: [], out: types.string, call: () => "boom" } });

  it("speak through String where the verb takes a string", () => {
    const month = new GoScalar(named64, 3n);
    expect(sprintf("%v %s %d %q %x %T %#v", Array(7).fill(month))).to.equal(
      'March March 3 "March" 4d61726368 time.Month 3',
    );
  });

  it("speak through Error first, inside lists too", () => {
    expect(sprint([list(new GoStruct(fault, []))])).to.equal("[boom]");
  });
});

describe("print and println", () => {
  it("put spaces only between operands of which neither is a string", () => {
    expect(sprint(["a", "b", 1n, 2n, true, "c", 3.5])).to.equal("ab1 2 truec3.5");
  });

  it("put spaces between all operands and end the line", () => {
    expect(sprintln(["a", "b", 1n, null])).to.equal("a b 1 <nil>\n");
  });

  it("show int64 and other widths as plain numbers", () => {
    expect(sprint([scalar(types.int64, -5n), scalar(types.uint16, 70000n)])).to.equal("-5 4464");
  });
});
