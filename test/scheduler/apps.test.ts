import { expect } from "chai";
import { Apps } from "../../scheduler/apps.ts";
import { PublishedApps } from "../../scheduler/published-apps.ts";
import { line } from "./builders.ts";

/** What the store says of apps. */
function told(...apps: string[]) {
  const table = new Map(apps.map((app) => [app, {}]));
  return {
    size: table.size,
    get: (app: string) => table.get(app),
    revisionOf: () => 1n,
    entries: () => table.entries(),
    unreadable: new Map(),
  };
}

describe("the apps that a cluster knows", () => {
  it("come with their first unit and go with their last", () => {
    const apps = new Apps();
    apps.setUnit("web@1.service", "shop");
    apps.setUnit("web@2.service", "shop");
    expect(apps.decide(told(), true).map(line)).to.deep.equal(["announce-app shop"]);
    apps.setUnit("web@1.service", undefined);
    expect(apps.decide(told("shop"), true).map(line)).to.deep.equal([]);
    apps.setUnit("web@2.service", undefined);
    expect(apps.decide(told("shop"), true).map(line)).to.deep.equal(["retire-app shop"]);
    expect(apps.decide(told("shop"), true).map(line)).to.deep.equal([]);
  });

  it("follow a unit to another app", () => {
    const apps = new Apps();
    apps.setUnit("web.service", "shop");
    apps.decide(told(), true);
    apps.setUnit("web.service", "blog");
    expect(apps.decide(told("shop"), true).map(line)).to.deep.equal(["announce-app blog", "retire-app shop"]);
  });

  it("are put right after a former leader", () => {
    const apps = new Apps();
    apps.setUnit("web.service", "shop");
    for (const app of ["old", "shop"]) apps.doubt(app);
    expect(apps.decide(told("old", "shop"), true).map(line)).to.deep.equal(["retire-app old"]);
  });

  it("are announced again when their record was deleted", () => {
    const apps = new Apps();
    apps.setUnit("web.service", "shop");
    apps.decide(told(), true);
    apps.doubt("shop");
    expect(apps.decide(told(), true).map(line)).to.deep.equal(["announce-app shop"]);
  });

  it("are not retired while a unit that cannot be read may publish them", () => {
    const apps = new Apps();
    apps.doubt("old");
    expect(apps.decide(told("old"), false)).to.deep.equal([]);
    expect(apps.decide(told("old"), true).map(line)).to.deep.equal(["retire-app old"]);
  });
});

describe("the app that a unit publishes", () => {
  const publish = "[Service]\nExecStart=/bin/web\n[X-Publish]\nPort=80\n";

  for (const [name, text, app] of [
    ["web.service", "[Service]\nExecStart=/bin/web\n", undefined],
    ["web.service", `${publish}Service=shop\n`, "shop"],
    ["web@1.service", publish, "web"],
    ["other@1.service", publish, "other"],
    ["web@1.service", `${publish}Service=%i\n`, "1"],
    ["web@.service", `${publish}Service=shop\n`, undefined],
    ["shop_v2.web.1.service", "[Container]\nImage=web\n", "shop"],
    ["x.service", '[Service]\nExecStart=/bin/sh -c "docker run --name shop_v2.web.1 x"\n', "shop"],
    ["web.service", "[X-Publish]\nPort=none\n", undefined],
  ] as const) {
    it(`${name} of ${JSON.stringify(text)} is ${app}`, () => {
      const apps = new PublishedApps();
      apps.of("warm@9.service", text, text);
      expect(apps.of(name, text, text)).to.equal(app);
    });
  }
});
