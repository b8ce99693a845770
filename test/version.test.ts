import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { version as platformVersion } from "../cluster/version.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

describe("the version", function () {
  this.timeout(30_000);

  it("in the code is the package's", () => {
    expect(platformVersion).to.equal(version);
  });

  for (const entry of [
    "agent/main.ts",
    "scheduler/main.ts",
    "deisctl/main.ts",
    "renderer/main.ts",
    "router/main.ts",
    "api/main.ts",
  ]) {
    it(`that ${entry} tells is the package's`, () => {
      const told = execFileSync(process.execPath, ["--import", "tsx", entry, "--version"], {
        encoding: "utf8",
        timeout: 20_000,
      });
      expect(told).to.match(new RegExp(`(^|\\s)v?${version.replaceAll(".", "\\.")}(\\s|$)`));
    });
  }
});
