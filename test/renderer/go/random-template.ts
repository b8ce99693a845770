/**
 * Templates at random, from a seed: most are well formed and well typed, some ask for the impossible, some are broken in a place or two.
 * The same seed gives the same template, so that Go's answers to them can be kept (`answers.json`).
 */

/** How much goes wrong in a template: `typed` mostly runs, `wild` mixes any types, `broken` often does not parse. */
export type Temper = "typed" | "wild" | "broken";

/** The template of a seed, as text. */
export function randomTemplate(seed: number, temper: Temper): string {
  const source = new Source(seed);
  if (temper === "typed") return new Typed(source).template();
  const template = new Wild(source).template();
  return temper === "broken" ? damaged(template, source) : template;
}

/** Chance, from a seed: the generator `mulberry32`, which is small and the same everywhere. */
class Source {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  word(words: string): string {
    const all = words.split(" ");
    return all[this.below(all.length)] ?? "";
  }
}

type Make = (depth: number) => string;

const strings = [
  '"abc"',
  '"é日本"',
  '"a\\tb\\n"',
  '"\\xff\\x00"',
  '`raw "x"`',
  '""',
  '"a,b,c"',
  '"\\u2028<&>\'"',
  '"ŉİßΣσς"',
  '"x/y/../z/"',
  '"aGVsbG8="',
  '"42"',
  '"%s%%"',
  '"true"',
] as const;
const integers = [
  "0",
  "1",
  "-1",
  "3",
  "42",
  "255",
  "-42",
  "1000000",
  "0x1F",
  "0b101",
  "0o17",
  "1_000",
  "9223372036854775807",
  "'x'",
  "'日'",
] as const;
const floats = [
  "1.5",
  "1e21",
  "0.000001",
  "1e-7",
  "123456789.0",
  "1e6",
  "-0.0",
  "100000.0",
  "6.02e23",
  "0x1p-2",
] as const;
const collections = [
  '(split "a,b,,c" ",")',
  "(seq 1 4)",
  "(seq 3 1)",
  '(map "k" 1 "b" "two")',
  '(json `{"a":1,"b":[1,2.5,null,"x"],"c":{"d":true,"e":1000000},"n":null}`)',
  '(jsonArray `["x",1,{"k":"v"},[],1e21,-0,0.000001]`)',
] as const;
const widths = ["", "", "", "5", "-8", "08", "+", "+7", "#", " ", ".2", "10.3", ".0", "-10.4", "#8"] as const;

/** What both kinds of templates are made of: text and actions in lists. */
abstract class Maker {
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  abstract any(depth: number): string;

  template(): string {
    return `{{define "T"}}<{{.}}>{{end}}{{$x := ${this.any(1)}}}{{$i := ${this.any(0)}}}${this.list(3)}`;
  }

  list(depth: number): string {
    let text = "";
    for (let left = 1 + this.source.below(3); left > 0; left -= 1) {
      text += this.source.pick(["", " ", "\n", "x\n", "\t "]) + this.item(depth);
    }
    return text;
  }

  action(body: string): string {
    return `{{${this.source.pick(["", "", "- "])}${body}${this.source.pick(["", "", " -"])}}}`;
  }

  item(depth: number): string {
    const { source } = this;
    const kind = depth <= 0 ? 0 : source.next();
    if (kind < 0.4) return this.action(this.pipeline());
    if (kind < 0.52) return this.branch("if", this.any(1), depth);
    if (kind < 0.6) return this.branch("with", source.pick(["", "$x := "]) + this.any(1), depth);
    if (kind < 0.8) return this.loop(depth);
    if (kind < 0.88) return this.action(`$${source.word("x i")} ${source.word(":= =")} ${this.any(1)}`);
    if (kind < 0.93) return `{{template "T" ${this.any(1)}}}`;
    if (kind < 0.95) return `{{block "B" ${this.any(1)}}}${this.list(depth - 1)}{{end}}`;
    return source.pick([" text ", "{{/* c */ -}}\n ", "é\r\n", "{{- /* x */}}", '{{"}}"}}']);
  }

  branch(word: string, condition: string, depth: number): string {
    const { source } = this;
    const otherwise = source.chance(0.4) ? `${this.action("else")}${this.list(depth - 1)}` : "";
    const second =
      word === "if" && source.chance(0.3)
        ? `${this.action(`else if ${this.any(1)}`)}${this.list(depth - 1)}`
        : "";
    return `${this.action(`${word} ${condition}`)}${this.list(depth - 1)}${second}${otherwise}{{end}}`;
  }

  loop(depth: number): string {
    const { source } = this;
    const variables = source.pick(["", "$x := ", "$i, $x := ", "$i, $x = "]);
    const leap = source.chance(0.25)
      ? `{{if ${this.any(0)}}}{{${source.word("break continue")}}}{{end}}x`
      : "";
    const otherwise = source.chance(0.3) ? `{{else}}${this.list(depth - 1)}` : "";
    return `{{range ${variables}${this.over()}}}${this.list(depth - 1)}${leap}${otherwise}{{end}}`;
  }

  over(): string {
    return this.source.pick(collections);
  }

  pipeline(): string {
    const { source } = this;
    const first = source.chance(0.2) ? source.word(". $ $x $i") : this.any(2);
    return source.chance(0.35) ? `${first} | ${this.filter()}` : first;
  }

  filter(): string {
    return this.source.pick([
      'printf "%v"',
      "print",
      "html",
      "js",
      "len | print",
      'printf "%q"',
      "println 1",
      "not",
      "urlquery",
      'printf "%5v|"',
      'printf "%#v|%T" .',
    ]);
  }
}

/** Expressions whose types fit, nearly always. */
class Typed extends Maker {
  any(depth: number): string {
    return this.source.pick<Make>([
      this.text,
      this.text,
      this.integer,
      this.truth,
      this.listing,
      () => this.source.pick(collections),
      () => this.source.pick(floats),
      () => this.source.word(". $ 1i nil"),
    ])(depth);
  }

  text: Make = (depth) => {
    const { source } = this;
    if (depth <= 0) return source.pick(strings);
    const inner = () => this.text(depth - 1);
    return source.pick<() => string>([
      () => source.pick(strings),
      () => `(printf ${this.format()})`,
      () => `(print ${this.any(depth - 1)} ${this.any(depth - 1)})`,
      () => `(${source.word("toUpper toLower base dir base64Encode")} ${inner()})`,
      () => `(replace ${inner()} ${inner()} ${inner()} ${source.word("-1 1 0 2")})`,
      () => `(trimSuffix ${inner()} ${inner()})`,
      () => `(${source.word("html js urlquery")} ${this.any(depth - 1)})`,
      () => `(join ${this.listing(0)} ${source.pick(strings)})`,
      () => `(slice ${source.pick(strings)} 0 ${source.word("0 1")})`,
      () => `(index ${this.listing(0)} 0)`,
    ])();
  };

  integer: Make = (depth) => {
    const { source } = this;
    if (depth <= 0) return source.pick(integers);
    const inner = () => this.integer(depth - 1);
    return source.pick<() => string>([
      () => source.pick(integers),
      () => `(len ${source.pick(collections)})`,
      () => `(${source.word("add sub mul")} ${inner()} ${inner()})`,
      () => `(${source.word("div mod")} ${inner()} ${source.word("2 3 -7 10")})`,
      () => '(atoi "17")',
    ])();
  };

  truth: Make = (depth) => {
    const { source } = this;
    const compare = source.word("eq ne lt le gt ge");
    if (depth <= 0) return source.word("true false");
    return source.pick<() => string>([
      () => `(${compare} ${this.text(depth - 1)} ${this.text(depth - 1)})`,
      () => `(${compare} ${this.integer(depth - 1)} ${this.integer(depth - 1)})`,
      () => `(${compare} ${source.pick(floats)} ${source.pick(floats)})`,
      () => `(not ${this.any(depth - 1)})`,
      () => `(contains ${this.text(depth - 1)} ${this.text(depth - 1)})`,
      () => `(${source.word("and or")} ${this.any(depth - 1)} ${this.any(depth - 1)})`,
    ])();
  };

  listing: Make = (depth) =>
    this.source.chance(0.5)
      ? '(split "a,b,,c" ",")'
      : `(split ${this.text(Math.max(0, depth - 1))} ${this.source.pick(['""', '","', '"/"', '"a"'])})`;

  /** A format and operands for its verbs. */
  format(): string {
    const { source } = this;
    let format = "";
    let operands = "";
    for (let left = 1 + source.below(3); left > 0; left -= 1) {
      const verb = source.pick([..."ssdfvvqxtTcUeGgobX"] as unknown as readonly [string, ...string[]]);
      format += `${source.pick(["", "-", "é "])}%${source.pick(widths)}${verb}`;
      operands += ` ${this.operand(verb)}`;
    }
    return `"${format}"${operands}`;
  }

  operand(verb: string): string {
    if ("sq".includes(verb)) return this.source.pick(strings);
    if ("dcUob".includes(verb)) return this.source.pick(integers);
    if ("feGg".includes(verb)) return this.source.pick(floats);
    return verb === "t" ? this.truth(0) : this.any(0);
  }
}

const anyFunction =
  "print println len index slice eq ne lt le gt ge and or not html js urlquery call split join toUpper toLower contains replace trimSuffix base dir base64Encode base64Decode parseBool atoi add sub mul div mod seq json jsonArray map printf nope";

/** Expressions of any type in any place: most end in one of Go's errors. */
class Wild extends Maker {
  any(depth: number): string {
    const { source } = this;
    if (depth > 0 && source.chance(0.5)) return `(${this.call(depth - 1)})`;
    return source.pick([
      source.pick(strings),
      source.pick(integers),
      source.pick(floats),
      source.pick(collections),
      source.word(". $ $x $i nil true false .a $.A.B $x.a $nope 3i"),
      `${source.pick(collections)}.${source.word("a b k c.d Len")}`,
    ]);
  }

  override over(): string {
    return this.any(1);
  }

  call(depth: number): string {
    const { source } = this;
    if (source.chance(0.2)) return `printf ${this.format()}`;
    let call = source.word(anyFunction);
    for (let left = source.below(4); left > 0; left -= 1) call += ` ${this.any(depth)}`;
    return call;
  }

  /** A format full of flags, widths and mistakes, and operands that need not fit. */
  format(): string {
    const { source } = this;
    let format = "";
    for (let left = 1 + source.below(3); left > 0; left -= 1) {
      const flags = source.pick(["", "", "+", "-", "#", " ", "0", "+#", "-0", "# "]);
      const width = source.pick(["", "5", ".3", "8.2", "*", ".*", "[1]", "[2]", "[3]*.[2]*[1]", "."]);
      format += `${source.pick(["", "x", "é"])}%${flags}${width}${source.word("v d s q x X o b c U e E f F g G t T p % z é !")}`;
    }
    let call = `"${format}"`;
    for (let left = source.below(4); left > 0; left -= 1) call += ` ${this.any(0)}`;
    return call;
  }
}

const debris =
  "{{ }} | ( ) . \" ` ' $ := = , end else 0x 1.e é - /* @ nil .. {{end}} {{else}} {{break}} {{define";

function damaged(template: string, source: Source): string {
  let text = template;
  for (let left = 1 + source.below(2); left > 0; left -= 1) {
    const at = source.below(text.length);
    const kind = source.next();
    if (kind < 0.4) text = text.slice(0, at) + text.slice(at + 1 + source.below(3));
    else if (kind < 0.8) text = text.slice(0, at) + source.word(debris) + text.slice(at);
    else text = text.slice(0, at);
  }
  return text;
}
