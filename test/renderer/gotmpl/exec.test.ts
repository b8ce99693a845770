import { expect } from "chai";
import type { GoFunction, GoItem, MissingKey } from "../../../renderer/gotmpl/index.ts";
import {
  arrayOf,
  bytesOf,
  Complex,
  GoError,
  GoFunc,
  GoMap,
  GoPointer,
  GoScalar,
  GoSlice,
  GoStruct,
  GoTemplateError,
  mapOf,
  named,
  parseTemplate,
  pointerTo,
  sliceOf,
  stringSlice,
  structOf,
  textOf,
  types,
} from "../../../renderer/gotmpl/index.ts";
import { bytes, list, map, pair, pairType, server, serverType, strings, typed } from "./values.ts";

const { any, int, string } = types;

const pairs = named("memkv.KVPairs", sliceOf(pairType));
const clock = structOf("time.Time", [{ name: "wall", type: types.uint64 }], {
  Year: { in: [], out: int, call: () => 2024n },
  Format: { in: [string], out: string, call: (_: GoStruct, layout: string) => `at ${layout}` },
  String: { in: [], out: string, call: () => "noon" },
  Add: {
    in: [int],
    variadic: true,
    out: int,
    call: (_: GoStruct, ...n: bigint[]) => n.reduce((a, b) => a + b, 0n),
  },
});

const functions: Readonly<Record<string, GoFunction>> = {
  getv: {
    in: [string, string],
    variadic: true,
    out: string,
    call: (key: string, fallback?: string) => {
      if (key.startsWith("/missing") && fallback === undefined)
        throw new GoError(`key does not exist: ${key}`);
      return fallback ?? `v:${key}`;
    },
  },
  add: { in: [int, int], out: int, call: (a: bigint, b: bigint) => BigInt.asIntN(64, a + b) },
  div: {
    in: [int, int],
    out: int,
    call: (a: bigint, b: bigint) => {
      if (b === 0n) throw new GoError("runtime error: integer divide by zero");
      return a / b;
    },
  },
  half: { in: [types.float64], out: types.float64, call: (x: number) => x / 2 },
  wide: { in: [types.uint16], out: types.uint16, call: (x: GoScalar) => x },
  flag: { in: [types.bool], out: types.bool, call: (x: boolean) => x },
  same: { in: [any], out: any, call: (x: GoItem) => x },
  raw: { in: [types.complex128], out: types.complex128, call: (x: GoScalar) => x },
  join: { in: [stringSlice, string], out: string, call: (l: GoSlice, sep: string) => l.toArray().join(sep) },
  first: { in: [sliceOf(pairType)], out: pairType, call: (l: GoSlice) => l.at(0) ?? undefined },
  ls: { in: [string], out: stringSlice, call: () => strings("a", "b", "c") },
  gets: {
    in: [string],
    out: pairs,
    call: () => new GoSlice(pairs, [pair("/k/a", "1"), pair("/k/b", "2")]),
  },
  now: { in: [], out: clock, call: () => new GoStruct(clock, [typed("uint64", 0n)]) },
  srv: {
    in: [],
    out: sliceOf(pointerTo(serverType)),
    call: () => new GoSlice(sliceOf(pointerTo(serverType)), [server("h1", 80), server("h2", 81)]),
  },
  nothing: { in: [], out: any, call: () => null },
  nilMap: { in: [], out: mapOf(string, int), call: () => new GoMap(mapOf(string, int), null) },
  nilServer: { in: [], out: pointerTo(serverType), call: () => new GoPointer(pointerTo(serverType), null) },
};

const adder = new GoFunc(
  { kind: "func", name: "func(int, int) int", underlying: "func(int, int) int" },
  functions.add ?? null,
);

const data = map({
  one: 1n,
  name: bytesOf("héllo"),
  pi: 3.25,
  yes: true,
  null: null,
  list: list(1n, "two", 3.5, null, list()),
  words: strings("x", "y"),
  empty: list(),
  map: map({ b: 2n, a: "A", deep: map({ null: null, s: "s" }) }),
  ints: new GoMap(
    mapOf(int, string),
    new Map([
      [10n, "ten"],
      [9n, "nine"],
    ]),
  ),
  pair: pair("/a", "b"),
  server: server("h", 80),
  bytes: bytes("ab"),
  add: adder,
  u8: typed("uint8", 7n),
  i64: typed("int64", 7n),
  complex: new GoScalar(types.complex128, new Complex(1, 2)),
});

function run(source: string, given: GoItem = data, missingKey: MissingKey = "default"): string {
  try {
    return textOf(parseTemplate("t", bytesOf(source), functions, { missingKey }).execute(given));
  } catch (error) {
    if (error instanceof GoTemplateError && error.phase === "execute") return `! ${error.message}`;
    throw error;
  }
}

type Row = readonly [source: string, expected: string];

function table(title: string, rows: readonly Row[], given: GoItem = data): void {
  describe(title, () => {
    for (const [source, expected] of rows) {
      it(`${JSON.stringify(source)} gives ${JSON.stringify(expected)}`, () => {
        expect(run(source, given)).to.equal(expected);
      });
    }
  });
}

/** A failure in a one-line template called "t". */
function at(column: number, node: string, message: string): string {
  return `! template: t:1:${column}: executing "t" at <${node}>: ${message}`;
}

table("printing", [
  ["", ""],
  ["plain é text", "plain é text"],
  ["{{.one}} {{.name}} {{.pi}} {{.yes}}", "1 héllo 3.25 true"],
  ["{{.null}} {{.absent}} {{.absent.more.still}}", "<no value> <no value> <no value>"],
  [
    "{{.list}} {{.map}} {{.ints}}",
    "[1 two 3.5 <nil> []] map[a:A b:2 deep:map[null:<nil> s:s]] map[9:nine 10:ten]",
  ],
  ["{{.pair}} {{.server}} {{srv | len}} {{now}}", "{/a b} {h 80 0} 2 noon"],
  ["{{nilServer}} {{nilMap}} {{nothing}}", "<nil> map[] <no value>"],
  ["{{.add}}", at(2, "{{.add}}", "can't print {{.add}} of type func(int, int) int")],
  ["{{print .absent}} {{printf `%v|%d` .absent .null}} {{println 1 `a`}}", "<nil> <nil>|%!d(<nil>) 1 a\n"],
  ["{{.bytes}} {{printf `%s` .bytes}} {{.u8}}", "[97 98] ab 7"],
]);

table("constants", [
  ["{{1}} {{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{-3}} {{+3}}", "1 31 3 15 15 1000 -3 3"],
  [
    "{{1.5}} {{1e3}} {{.5}} {{1.}} {{0x1p4}} {{1e-7}} {{100000.0}} {{1000000.0}}",
    "1.5 1000 0.5 1 16 1e-07 100000 1e+06",
  ],
  ["{{'a'}} {{'\\n'}} {{'☺'}} {{'.'}} {{'e'}}", "97 10 9786 46 101"],
  ["{{1i}} {{1+2i}} {{0i}} {{-1.5e1-0x1p1i}}", "(0+1i) (1+2i) (0+0i) (-15-2i)"],
  ["{{0xef}} {{0xE}} {{0x1e}}", "239 14 30"],
  ["{{9223372036854775807}} {{-9223372036854775808}}", "9223372036854775807 -9223372036854775808"],
  ["{{9223372036854775808}}", at(2, "9223372036854775808", "9223372036854775808 overflows int")],
  ['{{"a\\tb\\u00e9\\xff" | len}} {{`a\\t`}} {{true}} {{false}}', "6 a\\t true false"],
  ["{{nil}}", at(2, "nil", "nil is not a command")],
  ["{{printf `%T %T %T %T %T` 1 1.0 'a' 1i true}}", "int float64 int complex128 bool"],
]);

table("if, with and truth", [
  ["{{if .one}}T{{else}}F{{end}}", "T"],
  [
    "{{if 0}}a{{else if 0.0}}b{{else if ``}}c{{else if .empty}}d{{else if false}}e{{else if 0i}}f{{else}}F{{end}}",
    "F",
  ],
  ["{{if .absent}}T{{else}}F{{end}}{{if .null}}T{{else}}F{{end}}{{if nilMap}}T{{else}}F{{end}}", "FFF"],
  ["{{if .pair}}T{{end}}{{if .server}}T{{end}}{{if nilServer}}T{{else}}F{{end}}{{if now}}T{{end}}", "TTFT"],
  ["{{with .map}}{{.a}}{{else}}none{{end}} {{with .absent}}x{{else}}{{.one}}{{end}}", "A 1"],
  ["{{with $x := .map.a}}{{$x}}{{.}}{{$.one}}{{end}}", "AA1"],
  ["{{if $x := .one}}{{$x}}{{end}}{{with $y := 0}}{{else}}{{$y}}{{end}}", "10"],
  ["{{if true}}{{$x := 1}}{{end}}ok", "ok"],
  ["{{not 0}} {{not .list}} {{and 1 0 .x.y}} {{and 1 2}} {{or 0 `` 3 4}} {{or 0 ``}}|", "true false 0 2 3 |"],
  ["{{and false (div 1 0)}} {{or true (div 1 0)}}", "false true"],
  ["{{and true (div 1 0)}}", at(12, "div 1 0", "error calling div: runtime error: integer divide by zero")],
  ["{{1 | and 2}} {{0 | or 5}} {{0 | or 0}} {{or .absent `d`}} {{or .null `d`}}", "1 5 0 d d"],
  ["{{and}}", at(2, "and", "wrong number of args for and: want at least 1 got 0")],
]);

table("range, break and continue", [
  ["{{range .list}}[{{.}}]{{end}}", "[1][two][3.5][<no value>][[]]"],
  ["{{range $e := .words}}{{$e}}{{.}}{{end}}", "xxyy"],
  ["{{range $i, $e := .words}}{{$i}}{{$e}} {{end}}", "0x 1y "],
  ["{{range $k, $v := .map}}{{$k}}={{$v}} {{end}}", "a=A b=2 deep=map[null:<nil> s:s] "],
  [
    "{{range .ints}}{{.}} {{end}}{{range $k, $v := .ints}}{{printf `%T` $k}}{{$k}} {{end}}",
    "nine ten int9 int10 ",
  ],
  [
    "{{range .empty}}x{{else}}none{{end}}{{range .absent}}x{{else}}none{{end}}{{range nilMap}}{{else}}none{{end}}",
    "nonenonenone",
  ],
  ["{{range nothing}}x{{else}}none{{end}}{{range .null}}{{else}}none{{end}}", "nonenone"],
  ["{{range .list}}{{break}}{{end}}{{range .words}}{{if eq . `x`}}{{continue}}{{end}}{{.}}{{end}}", "y"],
  ["{{range .words}}{{range ls `/`}}{{if eq . `b`}}{{break}}{{end}}{{.}}{{end}}{{.}}{{end}}", "axay"],
  ["{{range $i, $x := .words}}{{$y := $x}}{{if $i}}{{break}}{{end}}{{$y}}{{end}}{{.one}}", "x1"],
  ["{{$s := 0}}{{range $i, $_ := .list}}{{$s = add $s $i}}{{end}}{{$s}}", "10"],
  ["{{range gets `/k/*`}}{{.Key}}={{.Value}};{{end}}", "/k/a=1;/k/b=2;"],
  ["{{range srv}}{{.Target}}:{{.Port}} {{end}}", "h1:80 h2:81 "],
  ["{{$x := 1}}{{range $x = .words}}{{$x}}{{end}}{{$x}}", "xyy"],
  ["{{range 3}}{{end}}", at(8, "3", "range can't iterate over 3")],
  ["{{range .name}}{{end}}", at(8, ".name", "range can't iterate over héllo")],
  ["{{range .pair}}{{end}}", at(8, ".pair", "range can't iterate over {/a b}")],
  ["{{range len `abc`}}{{end}}", at(12, "`abc`", "range can't iterate over 3")],
  ["{{range .list}}{{.X}}{{end}}", at(17, ".X", "can't evaluate field X in type interface {}")],
  ["{{range .words}}{{.X}}{{end}}", at(18, ".X", "can't evaluate field X in type string")],
]);

table("variables", [
  ["{{$x := 1}}{{$y := add $x 1}}{{$x}}{{$y}}", "12"],
  ["{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32"],
  ["{{$}}", run("{{.}}")],
  ["{{$x = 1}}", '! template: t:1:7: executing "t" at <1>: undefined variable: $x'],
  ["{{$x := .map}}{{$x.a}} {{$x.deep.s}}", "A s"],
  ["{{$x := 1}}{{$x 2}}", at(13, "$x", "can't give argument to non-function $x")],
  ["{{$x := 1}}{{2 | $x}}", at(17, "$x", "can't give argument to non-function $x")],
  ["{{$x := 1}}{{$x.y}}", at(15, "$x.y", "can't evaluate field y in type int")],
]);

table("fields, methods and chains", [
  ["{{.map.deep.s}} {{.map.deep.absent.more}}", "s <no value>"],
  ["{{(.map).a}} {{(index .map `deep`).s}}", "A s"],
  ["{{.pair.Key}} {{.server.Target}} {{(first (gets `x`)).Value}}", "/a h 1"],
  [
    "{{now.Year}} {{(now).Format `x`}} {{`y` | now.Format}} {{now.Add}} {{now.Add 1 2}}",
    "2024 at x at y 0 3",
  ],
  ["{{.map.deep.null.x}}", at(6, ".map.deep.null.x", "nil pointer evaluating interface {}.x")],
  ["{{nothing.x}}", at(2, "nothing", "nil pointer evaluating interface {}.x")],
  ["{{.null.x}}", at(7, ".null.x", "nil pointer evaluating interface {}.x")],
  ["{{.name.x}}", at(7, ".name.x", "can't evaluate field x in type interface {}")],
  ["{{(getv `a`).x}}", at(8, "`a`", "can't evaluate field x in type string")],
  ["{{.pair.Nope}}", at(7, ".pair.Nope", "can't evaluate field Nope in type interface {}")],
  ["{{range srv}}{{.Nope}}{{end}}", at(15, ".Nope", "can't evaluate field Nope in type *net.SRV")],
  [
    "{{range srv}}{{.hidden}}{{end}}",
    at(15, ".hidden", "hidden is an unexported field of struct type *net.SRV"),
  ],
  ["{{nilServer.Target}}", at(2, "nilServer", "nil pointer evaluating *net.SRV.Target")],
  ["{{nilServer.Nope}}", at(2, "nilServer", "can't evaluate field Nope in type *net.SRV")],
  ["{{.ints.x}}", at(7, ".ints.x", "can't evaluate field x in type interface {}")],
  ["{{.one.x}}", at(6, ".one.x", "can't evaluate field x in type interface {}")],
  ["{{.map.a 1}}", at(6, ".map.a", "a is not a method but has arguments")],
  ["{{1 | .map.a}}", at(10, ".map.a", "a is not a method but has arguments")],
  ["{{.pair.Key 1}}", at(7, ".pair.Key", "Key has arguments but cannot be invoked as function")],
  ["{{now.Year 1}}", at(2, "now", "wrong number of args for Year: want 0 got 1")],
  ["{{now.Nope}}", at(2, "now", "can't evaluate field Nope in type time.Time")],
  ["{{(nil)}}", at(3, "nil", "nil is not a command")],
]);

table("calling functions", [
  ["{{getv `/a`}} {{`/a` | getv}} {{getv `/missing` `d`}} {{`d` | getv `/missing`}}", "v:/a v:/a d d"],
  [
    "{{add 1 2}} {{2 | add 1}} {{add (add 1 2) 3}} {{add 9223372036854775807 1}}",
    "3 3 6 -9223372036854775808",
  ],
  ["{{half 3}} {{half 1e1}} {{half .pi}} {{wide 7}} {{wide 65537}} {{flag true}}", "1.5 5 1.625 7 1 true"],
  ["{{raw 1i}} {{raw .complex}}", "(0+1i) (1+2i)"],
  ["{{same nil}} {{same .absent}} {{same 1.0}} {{same nothing}}", "<no value> <no value> 1 <no value>"],
  ["{{join (ls `/`) `,`}} {{first (gets `x`)}}", "a,b,c {/k/a 1}"],
  ["{{getv}}", at(2, "getv", "wrong number of args for getv: want at least 1 got 0")],
  ["{{add 1}}", at(2, "add", "wrong number of args for add: want 2 got 1")],
  ["{{1 | add 1 2}}", at(6, "add", "wrong number of args for add: want 2 got 3")],
  ["{{getv `/missing/x`}}", at(2, "getv `/missing/x`", "error calling getv: key does not exist: /missing/x")],
  [
    "{{if getv `/missing/x`}}{{end}}",
    at(5, "getv `/missing/x`", "error calling getv: key does not exist: /missing/x"),
  ],
  ["{{div 1 0}}", at(2, "div 1 0", "error calling div: runtime error: integer divide by zero")],
  ["{{getv 1}}", at(7, "1", "expected string; found 1")],
  ["{{getv true}}", at(7, "true", "expected string; found true")],
  ["{{add `1` 2}}", at(6, "`1`", "expected integer; found `1`")],
  ["{{add 1.5 2}}", at(6, "1.5", "expected integer; found 1.5")],
  ["{{add 1.0 2}}", "3"],
  ["{{wide -1}}", at(7, "-1", "expected unsigned integer; found -1")],
  ["{{half `x`}}", at(7, "`x`", "expected float; found `x`")],
  ["{{flag 1}}", at(7, "1", "expected bool; found 1")],
  ["{{raw 1}}", at(6, "1", "expected complex; found 1")],
  ["{{join `a` `b`}}", at(7, "`a`", "can't handle `a` for arg of type []string")],
  ["{{getv nil}}", at(7, "nil", "cannot assign nil to string")],
  ["{{join nil `,`}}", ""],
  ["{{getv .absent}}", at(7, ".absent", "invalid value; expected string")],
  ["{{getv .null}}", at(7, ".null", "wrong type for value; expected string; got interface {}")],
  ["{{getv .one}}", at(7, ".one", "wrong type for value; expected string; got int")],
  ["{{add .pi 1}}", at(6, ".pi", "wrong type for value; expected int; got float64")],
  ["{{add .i64 1}}", at(6, ".i64", "wrong type for value; expected int; got int64")],
  ["{{join .list `,`}}", at(7, ".list", "wrong type for value; expected []string; got []interface {}")],
  ["{{join (gets `x`) `,`}}", at(13, "`x`", "wrong type for value; expected []string; got memkv.KVPairs")],
  ["{{ls `/` | getv}}", at(11, "getv", "wrong type for value; expected string; got []string")],
  ["{{1 2}}", at(2, "1", "can't give argument to non-function 1")],
  ["{{(1) 2}}", at(2, "(1) 2", "can't give argument to non-function 1")],
  ["{{. 1}}", at(2, ".", "can't give argument to non-function .")],
  ["{{call .add 1 2}} {{call .add 1 .u8}}", "3 8"],
  ["{{call .add 1}}", at(2, "call .add 1", "error calling call: wrong number of args: got 1 want 2")],
  [
    "{{call .add 1 `x`}}",
    at(2, "call .add 1 `x`", "error calling call: arg 1: value has type string; should be int"),
  ],
  [
    "{{call .add 1 nil}}",
    at(2, "call .add 1 nil", "error calling call: arg 1: value is nil; should be of type int"),
  ],
  ["{{call .one}}", at(2, "call .one", "error calling call: non-function of type int")],
  ["{{call nil}}", at(2, "call nil", "error calling call: call of nil")],
]);

table("len, index and slice", [
  [
    "{{len .name}} {{len .list}} {{len .map}} {{len `日本`}} {{len .empty}} {{len nilMap}} {{len .bytes}}",
    "6 5 3 6 0 0 2",
  ],
  ["{{len 3}}", at(2, "len 3", "error calling len: len of type int")],
  ["{{len .pair}}", at(2, "len .pair", "error calling len: len of type memkv.KVPair")],
  ["{{len nil}}", at(2, "len nil", "error calling len: reflect: call of reflect.Value.Type on zero Value")],
  ["{{len .null}}", at(2, "len .null", "error calling len: len of nil pointer")],
  [
    "{{index .list 1}} {{index .list 3}} {{index .map `deep` `s`}} {{index .ints 9}} {{index `abc` 1}}",
    "two <no value> s nine 98",
  ],
  [
    "{{index .map `zz`}} {{index .ints 99}}| {{index nilMap `x`}} {{index .list .u8}}".replace(
      " {{index .list .u8}}",
      "",
    ),
    "<no value> | 0",
  ],
  ["{{index .ints .u8}}|{{index .list}}", "|[1 two 3.5 <nil> []]"],
  ["{{index .list 5}}", at(2, "index .list 5", "error calling index: reflect: slice index out of range")],
  ["{{index .list 6}}", at(2, "index .list 6", "error calling index: index out of range: 6")],
  ["{{index .list -1}}", at(2, "index .list -1", "error calling index: index out of range: -1")],
  ["{{index `abc` 3}}", at(2, "index `abc` 3", "error calling index: reflect: string index out of range")],
  [
    "{{index .list `a`}}",
    at(2, "index .list `a`", "error calling index: cannot index slice/array with type string"),
  ],
  ["{{index .list nil}}", at(2, "index .list nil", "error calling index: cannot index slice/array with nil")],
  ["{{index .map 1}}", at(2, "index .map 1", "error calling index: value has type int; should be string")],
  [
    "{{index .map nil}}",
    at(2, "index .map nil", "error calling index: value is nil; should be of type string"),
  ],
  ["{{index 3 1}}", at(2, "index 3 1", "error calling index: can't index item of type int")],
  ["{{index nil 1}}", at(2, "index nil 1", "error calling index: index of untyped nil")],
  ["{{index .null 1}}", at(2, "index .null 1", "error calling index: index of untyped nil")],
  ["{{index .list 3 1}}", at(2, "index .list 3 1", "error calling index: index of nil pointer")],
  [
    "{{slice `abcdef` 1 3}} {{slice `abc` 1}} {{slice `abc`}} {{slice .list 1 2}} {{slice (ls `/`) 1 2 3}}",
    "bc bc abc [two] [b]",
  ],
  ["{{slice (slice (ls `/`) 0 1) 0 3}}", "[a b c]"],
  ["{{slice `abc` 2 1}}", at(2, "slice `abc` 2 1", "error calling slice: invalid slice index: 2 > 1")],
  ["{{slice `abc` 1 4}}", at(2, "slice `abc` 1 4", "error calling slice: index out of range: 4")],
  ["{{slice `abc` 1 2 3}}", at(2, "slice `abc` 1 2 3", "error calling slice: cannot 3-index slice a string")],
  ["{{slice .list 1 2 3 4}}", at(2, "slice .list 1 2 3 4", "error calling slice: too many slice indexes: 4")],
  ["{{slice 3}}", at(2, "slice 3", "error calling slice: can't slice item of type int")],
  ["{{slice nil}}", at(2, "slice nil", "error calling slice: slice of untyped nil")],
]);

table("comparing", [
  [
    "{{eq 1 1}} {{eq 1 2}} {{eq 1 2 3 1}} {{eq `a` `a`}} {{eq 1.5 1.5}} {{eq true true}} {{eq 1i 1i}}",
    "true false true true true true true",
  ],
  ["{{eq .u8 7}} {{eq 7 .u8}} {{eq .i64 7}} {{ne 1 2}} {{ne `a` `a`}}", "true true true true false"],
  [
    "{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}} {{lt `a` `b`}} {{lt 1.5 2.5}} {{lt .u8 8}} {{gt 8 .u8}}",
    "true true false true true true true true",
  ],
  [
    "{{eq .null nil}} {{eq .absent nil}} {{eq .absent .null}} {{eq .null 1}} {{eq 1 nil}} {{ne .absent `x`}}",
    "true true true false false true",
  ],
  ["{{eq .pair .pair}} {{eq (index (gets `x`) 0) (index (gets `x`) 1)}} {{eq now now}}", "true false true"],
  ["{{eq .server .server}}", "true"],
  ["{{eq 1}}", at(2, "eq 1", "error calling eq: missing argument for comparison")],
  ["{{eq}}", at(2, "eq", "wrong number of args for eq: want at least 1 got 0")],
  ["{{eq 1 1.0}}", at(2, "eq 1 1.0", "error calling eq: incompatible types for comparison")],
  ["{{eq 1 `1`}}", at(2, "eq 1 `1`", "error calling eq: incompatible types for comparison")],
  ["{{eq `a` 1 `a`}}", at(2, "eq `a` 1 `a`", "error calling eq: incompatible types for comparison")],
  ["{{eq .list 1}}", at(2, "eq .list 1", "error calling eq: incompatible types for comparison")],
  [
    "{{eq .words .words}}",
    at(2, "eq .words .words", "error calling eq: non-comparable type [x y]: []string"),
  ],
  [
    "{{eq .map .map}}",
    at(
      2,
      "eq .map .map",
      "error calling eq: non-comparable type map[a:A b:%!s(int=2) deep:map[null:<nil> s:s]]: map[string]interface {}",
    ),
  ],
  [
    "{{eq .words .map}}",
    at(
      2,
      "eq .words .map",
      "error calling eq: non-comparable types [x y]: []string, map[string]interface {}: map[a:A b:2 deep:map[null:<nil> s:s]]",
    ),
  ],
  [
    "{{eq .list nil}} {{ne .map nil}} {{eq nilMap nil}} {{eq nil nilMap}} {{eq nilServer nil}} {{eq nilMap .map}}",
    "false true true true true false",
  ],
  ["{{lt 1 1.0}}", at(2, "lt 1 1.0", "error calling lt: incompatible types for comparison")],
  ["{{lt true false}}", at(2, "lt true false", "error calling lt: invalid type for comparison")],
  ["{{lt nil 1}}", at(2, "lt nil 1", "error calling lt: invalid type for comparison")],
  ["{{gt .list 1}}", at(2, "gt .list 1", "error calling gt: invalid type for comparison")],
  ["{{ne 1}}", at(2, "ne", "wrong number of args for ne: want 2 got 1")],
]);

table("escaping", [
  ["{{html `<a href=\"x\" b='y'>&`}}", "&lt;a href=&#34;x&#34; b=&#39;y&#39;&gt;&amp;"],
  [
    '{{html .absent}} {{html 1 2}} {{html .null `x`}} {{html "a\\x00b"}}',
    "&lt;no value&gt; 1 2 &lt;no value&gt;x a\ufffdb",
  ],
  [
    '{{js `\'a"<>&=\\` "\\n\\u00e9\\u2028\\U0001f600"}}',
    "\\'a\\\"\\u003C\\u003E\\u0026\\u003D\\\\\\u000Aé\\u2028😀",
  ],
  ["{{urlquery `a b/c?d=é&~._-`}}", "a+b%2Fc%3Fd%3D%C3%A9%26~._-"],
  ["{{`<` | html | printf `%q`}}", '"&lt;"'],
]);

table("templates, definitions and blocks", [
  [
    '{{define "x"}}[{{.}}{{$}}]{{end}}{{template "x" 1}}{{template "x"}}{{template `x` .map.a}}',
    "[11][<no value><no value>][AA]",
  ],
  ['{{block "b" .map}}{{.a}}{{end}}', "A"],
  ['{{define "b"}}other{{end}}{{block "c" 1}}{{.}}{{end}}{{template "b"}}', "1other"],
  ['{{define "x"}}{{if .}}{{.}}{{template "x" (slice . 1)}}{{end}}{{end}}{{template "x" "abc"}}', "abcbcc"],
  ['{{$x := 1}}{{template "x" $x}}{{$x}}{{define "x"}}{{$x := 5}}{{.}}{{$x}}{{end}}', "151"],
  ['{{template "no"}}', at(11, '{{template "no"}}', 'template "no" not defined')],
  [
    '{{define "x"}}\n {{.a.b}}{{end}}{{template "x" .map}}',
    '! template: t:2:5: executing "x" at <.a.b>: can\'t evaluate field b in type interface {}',
  ],
  ['{{define "t"}}own{{end}}', "own"],
  [
    '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}',
    '! template: t:1:25: executing "x" at <{{template "x"}}>: exceeded maximum template depth (100000)',
  ],
]);

table(
  "no data",
  [
    ["{{.}} {{.Foo}} {{.A.B}} {{$}} {{$.A.B}}", "<no value> <no value> <no value> <no value> <no value>"],
    ["{{if .}}T{{else}}F{{end}}{{range .}}{{else}}none{{end}}{{with .x}}{{else}}none{{end}}", "Fnonenone"],
    ["{{len .}}", at(2, "len .", "error calling len: reflect: call of reflect.Value.Type on zero Value")],
    ["{{getv .}}", at(7, ".", "invalid value; expected string")],
  ],
  null,
);

describe("missing keys", () => {
  it("are zero values when asked for, of which an interface's still prints no value", () => {
    expect(run("{{.x}} {{with .ints}}{{.}}{{end}}", data, "zero")).to.equal("<no value> map[9:nine 10:ten]");
    expect(run("{{.x}}", new GoMap(mapOf(string, int), new Map()), "zero")).to.equal("0");
  });

  it("are the zero values of every type", () => {
    const elements = [
      types.bool,
      types.float64,
      types.complex128,
      types.uint8,
      stringSlice,
      arrayOf(2, int),
      pairType,
    ];
    const zeros = [...elements, mapOf(string, int), pointerTo(pairType)].map((type) =>
      run("{{printf `%#v` .x}}", new GoMap(mapOf(string, type), new Map()), "zero"),
    );
    expect(zeros).to.deep.equal([
      "false",
      "0",
      "(0+0i)",
      "0x0",
      "[]string(nil)",
      "[2]int{0, 0}",
      'memkv.KVPair{Key:"", Value:""}',
      "map[string]int(nil)",
      "(*memkv.KVPair)(nil)",
    ]);
  });

  it("are errors when asked for", () => {
    expect(run("{{.x}}", data, "error")).to.equal(at(2, ".x", 'map has no entry for key "x"'));
    expect(run("{{.x}}", null, "error")).to.equal(at(2, ".x", 'nil data; no entry for key "x"'));
  });
});

describe("where an error is", () => {
  it("is told by line and byte column", () => {
    expect(run("é\né {{.one.x}}")).to.equal(
      '! template: t:2:9: executing "t" at <.one.x>: can\'t evaluate field x in type interface {}',
    );
  });

  it("shows the whole node, however long", () => {
    const source = "{{getv (printf `/missing/%s/and/so/on` .name)}}";
    expect(run(source)).to.equal(
      at(
        2,
        "getv (printf `/missing/%s/and/so/on` .name)",
        "error calling getv: key does not exist: /missing/héllo/and/so/on",
      ),
    );
  });
});

describe("a template", () => {
  it("gives the bytes it was given, UTF-8 or not", () => {
    expect(parseTemplate("t", "\xff{{.}}\xfe").execute("\x80")).to.equal("\xff\x80\xfe");
  });

  it("may be executed again with other data", () => {
    const template = parseTemplate("t", "{{$x := .}}{{$x}}");
    expect([template.execute(1n), template.execute("a"), template.execute()]).to.deep.equal([
      "1",
      "a",
      "<no value>",
    ]);
  });

  it("may be given functions in place of builtins, which then take all their arguments", () => {
    const own = {
      or: { in: [any], variadic: true, out: string, call: (...args: GoItem[]) => `${args.length}` },
    };
    expect(parseTemplate("t", "{{or 1 2 3}}", own).execute()).to.equal("3");
  });
});
