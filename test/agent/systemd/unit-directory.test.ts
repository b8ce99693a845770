import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { notStarted } from "../../../agent/runtime.ts";
import { UnitDirectory } from "../../../agent/systemd/unit-directory.ts";

const text = "[Service]\nExecStart=/bin/sleep 100\n";

describe("the directory of unit files", () => {
  let root: string;
  let directory: UnitDirectory;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "deis-units-"));
    directory = new UnitDirectory("/run/deis/units", root);
    await directory.prepare();
  });

  afterEach(() => rm(root, { recursive: true }));

  it("knows name, hash and generation from disk alone", async () => {
    await directory.writeGeneration("web@1.service", 3);
    await directory.write("web@1.service", text);
    const [found] = await new UnitDirectory("/run/deis/units", root).list();
    expect(found).to.include({
      name: "web@1.service",
      hash: "1c6fb6f3684bafb0c173d8b8b957ceff031180c1",
      generation: 3,
    });
  });

  it("takes a unit without a record for one that was not started", async () => {
    await directory.write("web.service", text);
    expect((await directory.find("web.service"))?.generation).to.equal(notStarted);
  });

  it("lists what someone else put there, if its name is a unit's, and nothing else", async () => {
    await writeFile(join(root, "run/deis/units/odd.service"), "[Service");
    await writeFile(join(root, "run/deis/units/README"), "hello");
    expect((await directory.list()).map(({ name, hash }) => [name, hash])).to.deep.equal([
      ["odd.service", ""],
    ]);
  });

  it("removes every trace of a unit, twice too, but no link of others", async () => {
    const links = join(root, "run/systemd/system");
    await mkdir(links, { recursive: true });
    await symlink("/run/deis/units/web.service", join(links, "web.service"));
    await symlink("/etc/other.service", join(links, "other.service"));
    await directory.write("web.service", text);
    await directory.remove("web.service");
    await directory.remove("web.service");
    await directory.remove("other.service");

    expect(await directory.list()).to.deep.equal([]);
    expect(
      await readlink(join(links, "web.service")).catch((error: NodeJS.ErrnoException) => error.code),
    ).to.equal("ENOENT");
    expect(await readlink(join(links, "other.service"))).to.equal("/etc/other.service");
  });
});
