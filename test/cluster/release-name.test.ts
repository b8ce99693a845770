import { expect } from "chai";
import { isNewestRelease, parseReleaseName } from "../../cluster/release-name.ts";

const release = (name: string) => {
  const parsed = parseReleaseName(name);
  if (parsed === undefined) throw new Error(`${name} is no release's name`);
  return parsed;
};

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

describe("a release among those published", () => {
  for (const [name, published, newest] of [
    ["go_v2.web.1", [], true],
    ["go_v2.web.1", ["go_v2.web.1", "go_v2.web.2"], true],
    ["go_v2.web.1", ["go_v1.web.1"], true],
    ["go_v2.web.1", ["go_v3.web.7"], false],
    ["go_v2.web.1", ["go_v1.web.1", "go_v10.cmd.1"], false],
    ["go_v2.web.1", ["gone_v3.web.1", "go_v3.worker.1", "canary@1"], true],
  ] as const) {
    it(`${name} is ${newest ? "" : "not "}routed to beside ${published.join(", ") || "nothing"}`, () => {
      expect(isNewestRelease(release(name), published)).to.equal(newest);
    });
  }
});
