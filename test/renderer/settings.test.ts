import { expect } from "chai";
import { parseMode } from "../../renderer/file-mode.ts";
import { parseResource } from "../../renderer/resource.ts";
import { mergeSettings, readFlags } from "../../renderer/settings.ts";

const settings = (words: readonly string[], file?: string, environment: Record<string, string> = {}) =>
  mergeSettings(readFlags(words), file, environment);
const messageOf = (act: () => unknown): string => {
  try {
    act();
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describe("the command line of deis-confd", () => {
  it("takes Go's forms of flags", () => {
    const found = settings([
      "-onetime",
      "--node=a:1",
      "-node",
      "b:2",
      "-interval=5",
      "-sync-only=true",
      "-noop=false",
    ]);
    expect(found.mode).to.equal("once");
    expect(found.nodes).to.deep.equal(["a:1", "b:2"]);
    expect([found.intervalSeconds, found.syncOnly, found.noop]).to.deep.equal([5, true, false]);
  });

  it("takes Go's forms of whole numbers", () => {
    for (const [word, value] of [
      ["0x10", 16],
      ["1_000", 1_000],
      ["010", 8],
      ["+5", 5],
    ] as const) {
      expect(settings(["-interval", word]).intervalSeconds).to.equal(value);
    }
  });

  it("ends at the first word that is no flag", () => {
    expect(settings(["-watch", "etcd", "-onetime"]).mode).to.equal("watch");
    expect(settings(["--", "-onetime"]).mode).to.equal("interval");
  });

  it("lets -onetime win over -watch", () => {
    expect(settings(["-watch", "-onetime"]).mode).to.equal("once");
  });

  for (const [words, message] of [
    [["-nope"], "flag provided but not defined: -nope"],
    [["-node"], "flag needs an argument: -node"],
    [["-interval", "x"], 'invalid value "x" for flag -interval: parse error'],
    [["-watch=maybe"], 'invalid boolean value "maybe" for -watch: parse error'],
    [["---x"], "bad flag syntax: ---x"],
    [["-backend", "consul"], 'Invalid backend "consul"'],
    [["-table", "t"], "-table is not supported"],
    [["-client-insecure"], "-client-insecure is not supported"],
  ] as const) {
    it(`refuses ${words.join(" ")}`, () => {
      expect(messageOf(() => settings(words))).to.equal(message);
    });
  }

  it("wins over the file, and the file over environment and defaults", () => {
    const file =
      'prefix = "/file"\nnodes = ["f:1"]\nlog-level = "debug"\nclient_cert = "file.pem"\nINTERVAL = 7\nwatch = true';
    const environment = { CONFD_CLIENT_CERT: "env.pem", CONFD_CLIENT_KEY: "env.key" };
    const found = settings(["-prefix", "/flag", "-log-level", "warning"], file, environment);
    expect([found.prefix, found.nodes, found.level, found.mode]).to.deep.equal([
      "/flag",
      ["f:1"],
      "warn",
      "watch",
    ]);
    expect([found.clientCert, found.clientKey, found.intervalSeconds]).to.deep.equal([
      "file.pem",
      "env.key",
      7,
    ]);
    expect(settings(["-watch=false"], file).mode).to.equal("interval");
  });

  it("says which line of the file, or which key, is wrong", () => {
    expect(messageOf(() => settings([], "nodes = ["))).to.contain('Cannot parse "/etc/confd/confd.toml"');
    expect(messageOf(() => settings([], 'interval = "x"'))).to.contain(
      'Setting interval in "/etc/confd/confd.toml" is "x"',
    );
  });

  it("makes the name of the SRV record from the domain", () => {
    expect(settings(["-srv-domain", "example.org", "-backend", "etcdv3"]).srvRecord).to.equal(
      "_etcdv3._tcp.example.org.",
    );
  });
});

describe("a template resource", () => {
  const defaults = { templateDirectory: "/c/templates", prefix: "", missingKey: "error" } as const;
  const read = (body: string, more: Partial<{ prefix: string }> = {}) =>
    parseResource(`[template]\n${body}`, "r.toml", { ...defaults, ...more });

  it("takes its fields in any case and ignores those it does not know", () => {
    const found = read('SRC = "sub/../a.tmpl"\nDest = "out"\nKeys = ["/a"]\nMODE = "0600"\nnonsense = [1]');
    expect([found.src, found.dest, found.mode]).to.deep.equal(["/c/templates/a.tmpl", "out", "0600"]);
    expect(found.selection.keys).to.deep.equal(["/a"]);
  });

  it("has confd's defaults", () => {
    const found = read('src = "a"');
    expect([found.mode, found.owner, found.group, found.checkCmd, found.missingKey]).to.deep.equal([
      "",
      undefined,
      undefined,
      "",
      "error",
    ]);
    expect([found.checkTimeoutMs, found.reloadTimeoutMs, found.reloadTemplate]).to.deep.equal([
      30_000,
      60_000,
      false,
    ]);
  });

  it("prefers names of owners to numbers, and takes -1 for none", () => {
    expect(read('src = "a"\nuid = 5\ngid = -1\nowner = "daemon"').owner).to.equal("daemon");
    expect(read('src = "a"\nuid = 5\ngid = -1').group).to.equal(undefined);
    expect(read('src = "a"\nowner = 12\ngroup = "34"').owner).to.equal(12);
  });

  it("has its prefix replaced by a global one", () => {
    expect(read('src = "a"\nprefix = "own"\nkeys = ["k"]').selection).to.deep.equal({
      prefix: "/own",
      keys: ["/own/k"],
    });
    expect(read('src = "a"\nprefix = "own"\nkeys = ["k"]', { prefix: "all" }).selection.keys).to.deep.equal([
      "/all/k",
    ]);
  });

  it("takes times as numbers of seconds or as spans", () => {
    expect(
      read('src = "a"\ncheck_cmd_timeout = 5\nreload_cmd_timeout = "1m30s"\nmin_reload_interval = "50ms"'),
    ).to.include({
      checkTimeoutMs: 5_000,
      reloadTimeoutMs: 90_000,
      reloadIntervalMs: 50,
    });
  });

  for (const [body, message] of [
    ["", "r.toml: empty src template"],
    ["src = 1", "r.toml: src is 1"],
    ['src = "a"\nkeys = "x"', 'r.toml: keys is "x"'],
    ['src = "a"\nmissing_key = "zero"', 'r.toml: missing_key is "zero"'],
  ] as const) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      expect(messageOf(() => read(body))).to.equal(message);
    });
  }

  it("refuses several tables in one file", () => {
    expect(messageOf(() => parseResource('[[template]]\nsrc = "a"', "r.toml", defaults))).to.contain(
      "not a table",
    );
  });
});

describe("a mode", () => {
  for (const [text, mode] of [
    ["0644", 0o644],
    ["0o755", 0o755],
    ["0x1ff", 0o777],
    ["0b110100000", 0o640],
    ["644", 0o204],
    ["04755", 0o755],
    ["0_644", 0o644],
    ["0", 0],
  ] as const) {
    it(`of "${text}" is 0${mode.toString(8)}`, () => {
      expect(parseMode(text)).to.equal(mode);
    });
  }
  for (const text of ["abc", "0o9", "-1", "", "6_44_", "0x"]) {
    it(`cannot be "${text}"`, () => {
      expect(messageOf(() => parseMode(text))).to.equal(
        `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
      );
    });
  }
});
