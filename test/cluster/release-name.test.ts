import { expect } from "chai";
import { newestVersion, parseReleaseName } from "../../cluster/release-name.ts";

describe("a Deis v1 container name", () => {
  for (const [name, parsed] of [
    ["go_v2.web.1", { app: "go", version: 2, type: "web", number: 1 }],
    ["my-app-9_v10.cmd.12", { app: "my-app-9", version: 10, type: "cmd", number: 12 }],
    ["1_v1.web.10", { app: "1", version: 1, type: "web", number: 10 }],
  ] as const) {
    it(`${name} is read`, () => {
      expect(parseReleaseName(name)).to.deep.equal(parsed);
    });
  }

  for (const name of [
    "go_v2",
    "go_v2.worker.1",
    "go_v2.run.1",
    "go_v0.web.1",
    "go_v02.web.1",
    "go_v2.web.0",
    "go_v2.web.",
    "go_v2.web",
    "go_v2xwebx1",
    "go_v2.web.1x",
    "x/go_v2.web.1",
    "Go_v2.web.1",
    "_v2.web.1",
    "go_v2.web.1.service",
    "go_v99999999999999999999.web.1",
  ]) {
    it(`${name} is none that is routed to`, () => {
      expect(parseReleaseName(name)).to.equal(undefined);
    });
  }
});

describe("the newest version published", () => {
  for (const [names, newest] of [
    [[], 0],
    [["go_v1.web.1"], 1],
    [["go_v1.web.1", "go_v10.cmd.1", "go_v9.web.3"], 10],
    [["gone_v3.web.1", "go_v3.worker.1", "canary@1"], 0],
  ] as const) {
    it(`among ${names.join(", ") || "nothing"} is ${newest}`, () => {
      expect(newestVersion("go", names)).to.equal(newest);
    });
  }
});
