import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import { parseSettings } from "../../cluster/settings.ts";

const refusal = (text: string): PlatformError => {
  try {
    parseSettings(text, "agent.toml");
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error("the settings were accepted");
};

describe("settings", () => {
  it("have a default for everything", () => {
    const settings = parseSettings("", "agent.toml");
    expect(settings.agent.ttlSeconds).to.equal(5);
    expect(settings.etcd).to.deep.equal({ endpoints: ["http://127.0.0.1:2379"] });
    expect(settings.machine.metadata).to.deep.equal({});
  });

  it("are read from the tables of the file", () => {
    const settings = parseSettings(
      [
        "[machine]",
        'address = "10.0.0.1"',
        'metadata = { region = "lab", disk = "ssd" }',
        "[etcd]",
        'endpoints = ["https://10.0.0.1:2379"]',
        'cafile = "/ca"',
        'certfile = "/cert"',
        'keyfile = "/key"',
        "[agent]",
        'listen = "10.0.0.1:7002"',
      ].join("\n"),
      "agent.toml",
    );
    expect(settings.machine).to.include({ address: "10.0.0.1" });
    expect(settings.machine.metadata).to.deep.equal({ region: "lab", disk: "ssd" });
    expect(settings.etcd).to.deep.equal({
      endpoints: ["https://10.0.0.1:2379"],
      cafile: "/ca",
      certfile: "/cert",
      keyfile: "/key",
    });
    expect(settings.agent.listen).to.equal("10.0.0.1:7002");
  });

  const bad: readonly [name: string, text: string, message: RegExp, hint: RegExp][] = [
    ["a misspelt key", "[agent]\nttl = 5", /Unknown setting agent\.ttl/, /ttl_seconds/],
    ["an unknown table", "[fleet]\nx = 1", /Unknown setting \[fleet\]/, /machine, etcd/],
    ["a TTL that no lease can hold", "[agent]\nttl_seconds = 1", /agent\.ttl_seconds is 1/, /2 to 3600/],
    ["metadata that is not text", "[machine]\nmetadata = { a = 1 }", /machine\.metadata\.a is 1/, /a string/],
    ["an endpoint that is no URL", '[etcd]\nendpoints = ["10.0.0.1"]', /etcd\.endpoints/, /https:/],
    ["half of the TLS files", '[etcd]\ncafile = "/ca"', /Only some of/, /all three/],
    ["broken TOML", "[agent\n", /Cannot parse "agent.toml"/, /line 1/],
    ["an unknown log level", '[log]\nlevel = "loud"', /log\.level is "loud"/, /debug/],
  ];
  for (const [name, text, message, hint] of bad) {
    it(`refuse ${name} and say what is allowed`, () => {
      const error = refusal(text);
      expect(error.code).to.equal("settings-invalid");
      expect(error.message).to.match(message);
      expect(error.hint).to.match(hint);
    });
  }
});
