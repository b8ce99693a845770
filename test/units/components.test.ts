import { expect } from "chai";
import { checkUnitFile } from "../../cluster/unit.ts";
import { version as platformVersion } from "../../cluster/version.ts";
import { expandMesh, parseComponent, platformSections } from "../../units/components.ts";
import { componentsIn, loadDecorator, loadTemplate, templateDirectories } from "../../units/index.ts";
import { instantiate } from "../../units/instantiate.ts";

const all = (verb: Parameters<typeof platformSections>[0]): string =>
  platformSections(verb, () => true)
    .map(({ components }) => components.join(" "))
    .join("; ");

describe("the platform's order of work", () => {
  it("is Deis's from the ground up", () => {
    expect(all("install")).to.equal(
      "store-daemon store-monitor store-metadata store-volume store-gateway@1; logger logspout; database registry@1 controller builder; publisher; router@*",
    );
    expect(all("start")).to.contain("registry@* controller builder; publisher; router@*");
  });

  it("is Deis's from the edge down", () => {
    expect(all("stop")).to.equal(
      "router@*; publisher; controller builder database registry@*; logger logspout; store-volume store-gateway@* store-metadata store-daemon store-monitor",
    );
    expect(all("uninstall")).to.equal(all("stop"));
  });

  it("leaves out components that do not exist, and headings without any", () => {
    const sections = platformSections("install", (component) => ["router", "registry"].includes(component));
    expect(sections).to.deep.equal([
      { heading: "Control plane...", components: ["registry@1"] },
      { heading: "Router mesh...", components: ["router@*"] },
    ]);
    expect(expandMesh("router@*", 3)).to.deep.equal(["router@1", "router@2", "router@3"]);
    expect(expandMesh("registry@1", 3)).to.deep.equal(["registry@1"]);
  });

  for (const [word, unit] of [
    ["router", "deis-router.service"],
    ["router@3", "deis-router@3.service"],
    ["router@3.service", "deis-router@3.service"],
    ["deis-store-gateway@1.service", "deis-store-gateway@1.service"],
    ["Router", undefined],
    ["router@x", undefined],
    ["router@1@2", undefined],
  ] as const) {
    it(`reads "${word}" as ${unit ?? "no component"}`, () => {
      expect(parseComponent(word)?.unit).to.equal(unit);
    });
  }
});

describe("the unit templates", () => {
  const directories = templateDirectories({});

  it("are valid unit files, with and without their decorators", async () => {
    const components = await componentsIn(directories);
    expect([...components].sort()).to.deep.equal(["registry", "router"]);
    for (const component of components) {
      const template = await loadTemplate(component, directories);
      const known = { component, image: undefined, version: platformVersion };
      const plain = instantiate(template, { ...known, decorator: undefined });
      expect(checkUnitFile(`deis-${component}@1.service`, plain).warnings, component).to.deep.equal([]);
      const decorator = await loadDecorator(component, directories);
      checkUnitFile(`deis-${component}@1.service`, instantiate(template, { ...known, decorator }));
      expect(plain).to.contain(`Image=deis/${component}:${platformVersion}\n`);
    }
  });

  it("are looked for in the operator's directories first", () => {
    expect(templateDirectories({ DEISCTL_UNITS: "/u", HOME: "/home/op" }).slice(0, 2)).to.deep.equal([
      "/u",
      "/home/op/.deis/units",
    ]);
  });

  it("that are missing are told with the places looked at", async () => {
    const failure = await loadTemplate("nope", ["/nowhere"]).catch((error: unknown) => error);
    expect(failure).to.include({
      code: "template-not-found",
      message: "Could not find unit template for nope",
    });
  });

  it("keep a text that chooses its image by itself", () => {
    const text =
      '[Service]\nExecStart=/bin/sh -c "IMAGE=`/run/deis/bin/get_image /deis/router` && docker run $IMAGE"\n';
    expect(
      instantiate(text, { component: "router", image: "x", version: "1", decorator: undefined }),
    ).to.equal(text);
  });
});
