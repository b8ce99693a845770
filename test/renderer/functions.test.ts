/** confd's functions by tables: each row is a template, what it gives, and why that is worth a row. */
import { expect } from "chai";
import type { World } from "../../renderer/functions/index.ts";
import { confdFunctions } from "../../renderer/functions/index.ts";
import { bytesOf, parseTemplate, textOf } from "../../renderer/gotmpl/index.ts";
import { Reads } from "../../renderer/reads.ts";
import type { MissingKey } from "../../renderer/resource.ts";
import { StoreIndex } from "../../renderer/store-index.ts";

const world: World = {
  now: () => ({
    date: new Date(Date.UTC(2026, 10, 5, 7, 8, 9, 120)),
    zone: { name: "CET", offsetMinutes: 60 },
  }),
  environment: (name) => ({ HOME: "/root", EMPTY: "" })[name],
  fileExists: (path) => path === "/etc/passwd",
  addresses: (host) => (host === "db" ? ["10.0.0.1", "::1"] : []),
  services: (name) =>
    name === "_etcd._tcp.example.org"
      ? [
          { target: "b.", port: 2, priority: 1, weight: 1 },
          { target: "a.", port: 10, priority: 0, weight: 5 },
        ]
      : [],
};

function render(
  template: string,
  keys: Readonly<Record<string, string>> = {},
  missingKey: MissingKey = "error",
): string {
  const index = new StoreIndex();
  for (const [key, value] of Object.entries(keys)) index.set(bytesOf(key), bytesOf(value));
  const functions = confdFunctions(() => ({ index, reads: new Reads(), missingKey }), world);
  return textOf(parseTemplate("t", bytesOf(template), functions).execute());
}

function errorOf(template: string, keys: Readonly<Record<string, string>> = {}): string {
  try {
    return `no error but ${render(template, keys)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const deis = {
  "/deis/domains/a": "1",
  "/deis/services/app/v1": "10.0.0.1:80",
  "/deis/services/app/v2": "10.0.0.2:80",
  "/deis/services/zoo": "",
  "/deis/services-old/x": "x",
  "/top": "t",
};

describe("the store's functions", () => {
  for (const [template, wanted] of [
    ['{{getv "/top"}}', "t"],
    ['{{with get "/top"}}{{.Key}}={{.Value}}{{end}}', "/top=t"],
    ['{{printf "%v %T" (get "/top") (get "/top")}}', "{/top t} memkv.KVPair"],
    ['{{getv "/none" "d"}}', "d"],
    ['{{getv "/none" ""}}|', "|"],
    ['{{getv "/deis/services/zoo" "default"}}|', "|"],
    ['{{getv "/none" "first" "second"}}', "first"],
    ['{{"piped" | getv "/none"}}', "piped"],
    ['{{exists "/top"}} {{exists "/deis"}} {{exists "/none"}}', "true false false"],
    ['{{range gets "/deis/services/app/*"}}{{.Key}} {{end}}', "/deis/services/app/v1 /deis/services/app/v2 "],
    [
      '{{range gets "/deis/*/*"}}{{.Key}} {{end}}',
      "/deis/domains/a /deis/services-old/x /deis/services/zoo ",
    ],
    ['{{len (gets "$deis/domains/a")}} {{len (gets "deis/*")}} {{len (gets "[/]top")}}', "0 0 1"],
    ['{{range gets "/deis/serv?ces/zo[a-z]"}}{{.Key}} {{end}}', "/deis/services/zoo "],
    ['{{range gets "/deis[/]domains/[^b]"}}{{.Key}} {{end}}', "/deis/domains/a "],
    ['{{range gets "/none/*"}}x{{else}}none{{end}} {{len (gets "/none/*")}}', "none 0"],
    ['{{gets "/t*"}} {{printf "%T" (gets "/none")}}', "[{/top t}] memkv.KVPairs"],
    ['{{getvs "/deis/services/*/*"}}', "[10.0.0.1:80 10.0.0.2:80]"],
    ['{{ls "/deis"}}', "[domains services services-old]"],
    ['{{ls "/deis/services"}} {{ls "/deis/services/"}}', "[app zoo] [app zoo]"],
    ['{{ls "/deis/serv"}} {{ls "/deis/services/zoo"}} {{ls "deis"}} {{ls ""}}', "[] [zoo] [] []"],
    ['{{ls "/"}} {{lsdir "/"}}', "[top] []"],
    [
      '{{lsdir "/deis"}} {{lsdir "/deis/services"}} {{lsdir "/deis/services/"}}',
      "[domains services services-old] [app] [app]",
    ],
    ['{{lsdir "/deis/serv"}} {{lsdir "/deis//services"}}', "[] []"],
    ['{{ls "/deis//services"}}', "[deis]"],
  ] as const) {
    it(`renders ${template} as ${JSON.stringify(wanted)}`, () => {
      expect(render(template, deis)).to.equal(wanted);
    });
  }

  it("takes a key that is also a folder for both", () => {
    const keys = { "/a/b": "1", "/a/b/c": "2" };
    expect(
      render('{{ls "/a"}} {{lsdir "/a"}} {{ls "/a/b"}} {{range gets "/a/*"}}{{.Key}}{{end}}', keys),
    ).to.equal("[b] [b] [b c] /a/b");
  });

  it("sorts values by bytes and so loses the order of their keys", () => {
    expect(render('{{getvs "/*"}}', { "/a": "z", "/b": "Z", "/c": "é" })).to.equal("[Z z é]");
  });

  for (const [template, wanted] of [
    [
      '{{getv "/none"}}',
      'template: t:1:2: executing "t" at <getv "/none">: error calling getv: key does not exist: /none',
    ],
    [
      '{{get "/nöne"}}',
      'template: t:1:2: executing "t" at <get "/nöne">: error calling get: key does not exist: /nöne',
    ],
    [
      '{{gets "[" }}',
      'template: t:1:2: executing "t" at <gets "[">: error calling gets: syntax error in pattern',
    ],
  ] as const) {
    it(`fails on ${template} in Go's words`, () => {
      expect(errorOf(template, deis)).to.equal(wanted);
    });
  }

  it("finds nothing wrong with a bad pattern while the store is empty", () => {
    expect(render('{{gets "["}}{{getvs "["}}')).to.equal("[][]");
  });

  it("reads a missing key as empty where a resource asks for that", () => {
    expect(render('{{or (getv "/none") "1m"}} {{(get "/none").Value}}|', {}, "empty")).to.equal("1m |");
    expect(render('{{getv "/none" "d"}}', {}, "empty")).to.equal("d");
  });
});

describe("a template in the manner of Deis v1's router", () => {
  const template = `{{ $hsts := or (getv "/deis/router/hsts") "false" }}{{ $https := or (getv "/deis/router/https") $hsts "false" -}}
body {{ or (getv "/deis/router/bodySize") "1m" }}{{ $listed := exists "/deis/router/whitelist" }}
{{ if or (eq $https "true") $listed }}closed{{ else }}open{{ end }}
{{- if $listed }}{{ range $entry := split (getv "/deis/router/whitelist") "," }}{{ $part := split $entry ":" }}
allow {{ index $part 0 }};{{ if eq (len $part) 2 }} # {{ index $part 1 }}{{ end }}{{ end }}{{ end }}
{{- $domains := ls "/deis/domains" }}{{ range $app := lsdir "/deis/services" }}{{ $from := printf "/deis/services/%s/*" $app }}
{{ $app }} {{ len (gets $from) }}:{{ range gets $from }} {{ .Value }}{{ end }}
{{- range $domain := $domains }}{{ if eq $app (getv (printf "/deis/domains/%s" $domain)) }} {{ $domain }}{{ end }}{{ end }}{{ end }}
{{ if gt (len (lsdir "/deis/certs")) 0 }}{{ range $cert := ls "/deis/certs" }}{{ getv (printf "/deis/certs/%s/cert" $cert) }}{{ end }}{{ else }}no certificates{{ end }}
`;

  it("renders with an empty store where a missing key is empty", () => {
    expect(render(template, {}, "empty")).to.equal("body 1m\nopen\nno certificates\n");
  });

  it("fails where it is an error, as with confd", () => {
    expect(errorOf(template)).to.contain("error calling getv: key does not exist: /deis/router/hsts");
  });

  it("renders apps, domains, certificates and addresses", () => {
    const keys = {
      "/deis/router/https": "true",
      "/deis/router/whitelist": "10.0.0.0/8:office,1.2.3.4",
      "/deis/services/blog/v1.1": "10.0.0.1:80",
      "/deis/services/blog/v1.2": "10.0.0.2:80",
      "/deis/services/shop/v2.1": "10.0.0.3:80",
      "/deis/domains/blog.example.org": "blog",
      "/deis/certs/blog.example.org/cert": "PEM",
    };
    expect(render(template, keys, "empty")).to.equal(
      "body 1m\nclosed\nallow 10.0.0.0/8; # office\nallow 1.2.3.4;\n" +
        "blog 2: 10.0.0.1:80 10.0.0.2:80 blog.example.org\nshop 1: 10.0.0.3:80\nPEM\n",
    );
  });
});

describe("confd's other functions", () => {
  for (const [template, wanted] of [
    ['{{base ""}} {{base "/"}} {{base "/a/b/"}} {{base "a"}}', ". / b a"],
    ['{{dir ""}} {{dir "/a"}} {{dir "/a/../b/c"}} {{dir "a"}} {{dir "//x"}}', ". / /b . /"],
    [
      '{{split "a,b" ","}} {{len (split "" ",")}} {{len (split "" "")}} {{split "héé" ""}}',
      "[a b] 1 0 [h é é]",
    ],
    ['{{join (split "a b c" " ") "-"}}', "a-b-c"],
    ['{{toUpper "straße ŉ ᾳ é"}} {{toLower "ΣΑΣ İ É"}}', "STRAßE ŉ ᾼ É σασ i é"],
    ['{{contains "seafood" "foo"}} {{contains "" ""}} {{contains "a" "b"}}', "true true false"],
    ['{{replace "oink oink oink" "k" "ky" 2}} {{replace "oink" "oink" "$&" -1}}', "oinky oinky oink $&"],
    ['{{replace "éa" "" "-" -1}} {{replace "abc" "" "-" 2}} {{replace "a" "a" "b" 0}}', "-é-a- -a-bc a"],
    ['{{trimSuffix "a.conf" ".conf"}} {{trimSuffix "a" "b"}} {{trimSuffix "a" ""}}', "a a a"],
    ['{{base64Encode "hi"}} {{base64Decode "aGk="}} {{base64Decode "aG\\nk="}}', "aGk= hi hi"],
    ['{{parseBool "T"}} {{parseBool "0"}}', "true false"],
    ['{{atoi "-12"}} {{atoi "+7"}} {{atoi "007"}}', "-12 7 7"],
    ["{{add 1 2}} {{sub 1 2}} {{mul 3 4}} {{div 7 -2}} {{mod -7 2}}", "3 -1 12 -3 -1"],
    ["{{add 9223372036854775807 1}} {{mul -9223372036854775807 2}}", "-9223372036854775808 2"],
    ['{{seq 1 3}} {{seq 3 1}} {{printf "%T" (seq 1 2)}}', "[1 2 3] [] []int"],
    [
      '{{json "{\\"b\\":[1,2.5,1000000,123456789,65536],\\"a\\":null}"}}',
      "map[a:<nil> b:[1 2.5 1e+06 1.23456789e+08 65536]]",
    ],
    [
      '{{(json "{\\"a\\":1,\\"a\\":2}").a}} {{json "null"}} {{printf "%T" (json "{}")}}',
      "2 map[] map[string]interface {}",
    ],
    ['{{jsonArray "[\\"x\\", true, {}]"}} {{printf "%T" (jsonArray "[]")}}', "[x true map[]] []interface {}"],
    ['{{index (jsonArray "[\\"\\\\u00e9\\\\ud83d\\\\ude00\\\\ud800x\\"]") 0}}', "é😀�x"],
    ['{{map "a" 1 "b" (map "c" nil)}}', "map[a:1 b:map[c:<nil>]]"],
    ['{{getenv "HOME"}} {{getenv "NONE"}}|{{getenv "NONE" "d"}} {{getenv "EMPTY" "e"}}', "/root |d e"],
    ['{{fileExists "/etc/passwd"}} {{fileExists "/none"}}', "true false"],
    [
      '{{lookupIP "db"}} {{lookupIPV4 "db"}} {{lookupIPV6 "db"}} {{lookupIP "none"}}',
      "[10.0.0.1 ::1] [10.0.0.1] [::1] []",
    ],
    [
      '{{range lookupSRV "etcd" "tcp" "example.org"}}{{.Target}}:{{.Port}} {{.Priority}} {{.Weight}};{{end}}',
      "a.:10 0 5;b.:2 1 1;",
    ],
    ['{{reverse (split "a b c" " ")}} {{reverse 5}}', "[c b a] 5"],
    ['{{sortByLength (split "ccc a bb d" " ")}}', "[a d bb ccc]"],
    [
      "{{datetime.Year}} {{datetime.Month}} {{datetime.Unix}} {{datetime.Weekday}} {{datetime.YearDay}}",
      "2026 November 1793862489 Thursday 309",
    ],
    [
      '{{datetime.Format "Mon Jan _2 15:04:05.000 MST 2006 -0700 Z07:00 pm 02 002"}}',
      "Thu Nov  5 08:08:09.120 CET 2026 +0100 +01:00 am 05 309",
    ],
    [
      '{{datetime.UTC.Format "2006-01-02T15:04:05Z07:00"}} {{datetime.UTC}}',
      "2026-11-05T07:08:09Z 2026-11-05 07:08:09.12 +0000 UTC",
    ],
    ['{{printf "%T %T %s" datetime datetime.Month datetime.Month}}', "time.Time time.Month November"],
    ['{{printf "%#v" datetime.UTC}}', "time.Date(2026, time.November, 5, 7, 8, 9, 120000000, time.UTC)"],
    ['{{(datetime.AddDate 0 1 -5).Format "2006-01-02"}}', "2026-11-30"],
  ] as const) {
    it(`renders ${template} as ${JSON.stringify(wanted)}`, () => {
      expect(render(template)).to.equal(wanted);
    });
  }

  it("reverses lists in place, but not what gets gives", () => {
    const keys = { "/a": "1", "/bb": "2" };
    expect(render('{{$l := split "a b" " "}}{{$_ := reverse $l}}{{$l}}')).to.equal("[b a]");
    expect(render('{{reverse (gets "/*")}}', keys)).to.equal("[{/a 1} {/bb 2}]");
    expect(render('{{reverse (sortKVByLength (gets "/*"))}}', keys)).to.equal("[{/bb 2} {/a 1}]");
  });

  for (const [template, words] of [
    ['{{atoi "x"}}', 'error calling atoi: strconv.Atoi: parsing "x": invalid syntax'],
    [
      '{{atoi "9223372036854775808"}}',
      'error calling atoi: strconv.Atoi: parsing "9223372036854775808": value out of range',
    ],
    ['{{parseBool "yes"}}', 'error calling parseBool: strconv.ParseBool: parsing "yes": invalid syntax'],
    ["{{div 1 0}}", "error calling div: runtime error: integer divide by zero"],
    ["{{mod 1 0}}", "error calling mod: runtime error: integer divide by zero"],
    ["{{datetime.Zone}}", `can't call method/function "Zone" with 2 results`],
    ['{{map "a"}}', "error calling map: invalid map call"],
    ["{{map 1 2}}", "error calling map: map keys must be strings"],
    ['{{base64Decode "a"}}', "error calling base64Decode: illegal base64 data at input byte 0"],
    ['{{base64Decode "aGk"}}', "error calling base64Decode: illegal base64 data at input byte 0"],
    ['{{base64Decode "aGk=x"}}', "error calling base64Decode: illegal base64 data at input byte 4"],
    ['{{base64Decode "a*k="}}', "error calling base64Decode: illegal base64 data at input byte 1"],
    ['{{json ""}}', "error calling json: unexpected end of JSON input"],
    [
      '{{json "{a:1}"}}',
      "error calling json: invalid character 'a' looking for beginning of object key string",
    ],
    ['{{json "{\\"a\\" 1}"}}', "error calling json: invalid character '1' after object key"],
    [
      '{{json "{\\"a\\":1 \\"b\\"}"}}',
      "error calling json: invalid character '\"' after object key:value pair",
    ],
    ['{{json "{\\"a\\":tru}"}}', "error calling json: invalid character '}' in literal true (expecting 'e')"],
    ['{{json "{\\"a\\":01}"}}', "error calling json: invalid character '1' after object key:value pair"],
    // Go names the space that it ends every text with, where a word, a number or an escape is cut off.
    ['{{json "tr"}}', "error calling json: invalid character ' ' in literal true (expecting 'u')"],
    ['{{jsonArray "[-"}}', "error calling jsonArray: invalid character ' ' in numeric literal"],
    ['{{jsonArray "[1."}}', "invalid character ' ' after decimal point in numeric literal"],
    ['{{jsonArray "[1e"}}', "invalid character ' ' in exponent of numeric literal"],
    ['{{jsonArray "[\\"\\\\"}}', "error calling jsonArray: invalid character ' ' in string escape code"],
    ['{{jsonArray "[\\"\\\\u00"}}', "invalid character ' ' in \\u hexadecimal character escape"],
    ['{{jsonArray "[\\"a"}}', "error calling jsonArray: unexpected end of JSON input"],
    ['{{jsonArray "[1"}}', "error calling jsonArray: unexpected end of JSON input"],
    ['{{json "{} x"}}', "error calling json: invalid character 'x' after top-level value"],
    [
      '{{json "[1]"}}',
      "error calling json: json: cannot unmarshal array into Go value of type map[string]interface {}",
    ],
    [
      '{{jsonArray "{}"}}',
      "error calling jsonArray: json: cannot unmarshal object into Go value of type []interface {}",
    ],
    [
      '{{jsonArray "[1e999]"}}',
      "error calling jsonArray: json: cannot unmarshal number 1e999 into Go value of type float64",
    ],
    ['{{jsonArray "[1 2]"}}', "error calling jsonArray: invalid character '2' after array element"],
    ["{{jsonArray `'`}}", "error calling jsonArray: invalid character '\\'' looking for beginning of value"],
    ['{{cget "/a"}}', 'template: t:1: function "cget" not defined'],
  ] as const) {
    it(`fails on ${template} in Go's words`, () => {
      const text = errorOf(template);
      expect(text.endsWith(words), text).to.equal(true);
    });
  }

  it("refuses a sequence that would take all memory", () => {
    expect(errorOf("{{seq 1 9000000000}}")).to.contain(
      "error calling seq: 9000000000 numbers are more than 10000000",
    );
  });
});
