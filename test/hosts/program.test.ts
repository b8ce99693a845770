import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { packagesStage } from "../../hosts/images.ts";
import { programParts, writeProgram } from "../../hosts/program.ts";
import { run } from "../../hosts/run.ts";

describe("the program of an image", function () {
  this.timeout(30_000);

  it("has the modules that its entry needs, those of other rooms too, and no others", async () => {
    const { modules } = await programParts("router/main.ts");
    expect(modules).to.include.members([
      "router/main.ts",
      "router/router.ts",
      "etcd/mirror.ts",
      "renderer/gotmpl/exec.ts",
    ]);
    expect(modules.filter((module) => /^(agent|scheduler|deisctl|test|hosts)\//.test(module))).to.deep.equal(
      [],
    );
  });

  it("leaves out what only types need", async () => {
    const { modules } = await programParts("router/main.ts");
    expect(modules).not.to.include("router/events.ts");
  });

  it("has the packages that its modules need, and theirs", async () => {
    const { packages } = await programParts("router/main.ts");
    expect([...packages.keys()]).to.include.members([
      "node_modules/etcd3",
      "node_modules/protobufjs",
      "node_modules/pino",
    ]);
    expect([...packages.keys()]).not.to.include("node_modules/dockerode");
    expect(packages.get("node_modules/etcd3")).to.equal("1.1.2");
  });

  it("runs on its own", async () => {
    const directory = await mkdtemp(join(tmpdir(), "deis-program-"));
    try {
      await writeProgram("router/main.ts", directory);
      // As in an image, where both lie in one directory.
      await run(["ln", "-s", join(directory, "node_modules"), join(directory, "program/node_modules")]);
      const help = await run([process.execPath, join(directory, "program/router/main.js"), "--help"]);
      expect(help).to.contain("Usage: deis-router");
      expect((await stat(join(directory, "program/package.json"))).isFile()).to.equal(true);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("the stage of an image that comes from elsewhere", () => {
  it("is the first one of each Dockerfile", async () => {
    for (const image of ["router", "registry"]) {
      const stage = packagesStage(await readFile(`${image}/Dockerfile`, "utf8"));
      expect(stage).to.match(/^FROM debian:bookworm-slim AS packages\n/);
      expect(stage.match(/^FROM /gm)).to.have.length(1);
    }
  });

  it("is refused by another name, or without a second stage", () => {
    expect(() => packagesStage("FROM a AS b\nRUN c\nFROM b\n")).to.throw('must be "packages"');
    expect(() => packagesStage("FROM a AS packages\nRUN c\n")).to.throw('must be "packages"');
  });
});
