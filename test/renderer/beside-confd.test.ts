/** deis-confd as a process, on keys from files and the environment: what confd 0.16 itself did with the same files. */
import { existsSync } from "node:fs";
import { readdir, symlink } from "node:fs/promises";
import { expect } from "chai";
import { ConfdBed } from "../support/confd-bed.ts";

describe("deis-confd beside confd", function () {
  this.timeout(60_000);
  let bed: ConfdBed;
  beforeEach(async () => {
    bed = await ConfdBed.open();
  });
  afterEach(() => bed.close());

  const list =
    '{{range gets "/*"}}{{.Key}}={{.Value}} {{end}}{{range gets "/*/*"}}{{.Key}}={{.Value}} {{end}}';
  const fromFile = (...more: string[]) =>
    bed.run(["-onetime", "-backend", "file", "-file", bed.path("keys.yml"), ...more]);

  it("ends with Go's sentence for what is wrong with a template, said once", async () => {
    await bed.write("keys.yml", "a: 1\n");
    await bed.resource("t", 'x\n{{getv "/none"}}');
    const { code, log } = await fromFile();
    expect(code).to.equal(1);
    const sentence =
      'template: t.tmpl:2:2: executing "t.tmpl" at <getv "/none">: error calling getv: key does not exist: /none';
    expect(log.match(/FATAL (.*)\n/)?.[1]).to.equal(sentence);
    expect(log).to.contain(`ERROR ${bed.path("t")}: ${sentence}\n`);
    expect(await bed.read("t")).to.equal(undefined);
  });

  it("renders the others though the mode of one resource is none", async () => {
    await bed.write("keys.yml", "a: 1\n");
    await bed.resource("a", "x", 'mode = "rw-r--r--"');
    await bed.resource("b", "y", 'mode = "0600"');
    const { code, log } = await fromFile();
    expect(code).to.equal(1);
    expect(log).to.match(
      /FATAL .*a\.toml: mode cannot be read: strconv\.ParseUint: parsing "rw-r--r--": invalid syntax/,
    );
    expect([await bed.read("a"), await bed.read("b")]).to.deep.equal([undefined, "y"]);
    const checked = await fromFile("-validate");
    expect([checked.code, checked.log.includes("mode cannot be read")]).to.deep.equal([1, true]);
  });

  it("shows of a file every key whose text begins with a selected one", async () => {
    await bed.write("keys.yml", "app:\n  name: web\napple: fruit\nb: 1\n");
    await bed.resource("whole", list, 'keys = ["/app"]');
    await bed.resource("part", list, 'keys = ["/app/na"]');
    await bed.resource("cut", list, 'prefix = "/app"\nkeys = ["/"]');
    expect((await fromFile()).code).to.equal(0);
    expect(await bed.read("whole")).to.equal("/apple=fruit /app/name=web ");
    expect(await bed.read("part")).to.equal("/app/name=web ");
    expect(await bed.read("cut")).to.equal("/le=fruit /name=web ");
  });

  it("reads the files of a directory in the order of their names, folders among them, links to files too", async () => {
    await bed.write("mounted/..data/b.yml", "link: followed\n");
    await bed.write("keys/a/z.yml", "x: from a/z\nlast: a/z\n");
    await bed.write("keys/a.yml", "x: from a.yml\n");
    await bed.write("keys/notes.txt", "x: not read\n");
    await symlink("../mounted/..data/b.yml", bed.path("keys/b.yml"));
    await symlink("../mounted", bed.path("keys/c.yml"));
    await bed.resource("t", list);
    const flags = ["-onetime", "-backend", "file", "-file", bed.path("keys"), "-filter"];
    expect((await bed.run([...flags, "*.yml"])).code).to.equal(0);
    expect(await bed.read("t")).to.equal("/last=a/z /link=followed /x=from a.yml ");
    expect((await bed.run([...flags, "["])).code).to.equal(1);
  });

  it("takes addresses for names, in Go's forms, and old ways to write them for names that there are not", async () => {
    await bed.write("keys.yml", "a: 1\n");
    const ask = (name: string) => `{{lookupIP "${name}"}}{{lookupIPV4 "${name}"}}{{lookupIPV6 "${name}"}} `;
    const names = ["127.0.0.1", "::1", "FE80::0001%lo", "::ffff:1.2.3.4", "127.1", "010.0.0.1", "", "[::1]"];
    await bed.resource("t", names.map(ask).join(""));
    expect((await fromFile()).code).to.equal(0);
    expect(await bed.read("t")).to.equal(
      [
        "[127.0.0.1][127.0.0.1][] [::1][][::1] [fe80::1][][fe80::1] [1.2.3.4][1.2.3.4][] ",
        "[][][] [][][] [][][] [][][] ",
      ].join(""),
    );
  });

  it("calls a time zone by its own name", async () => {
    await bed.write("keys.yml", "a: 1\n");
    await bed.resource("t", '{{datetime.Format "MST -0700"}}');
    expect((await fromFile()).code).to.equal(0);
    // Without a zone database there is only what JavaScript calls it.
    const known = existsSync("/usr/share/zoneinfo/Asia/Tokyo");
    for (const [zone, wanted] of [
      ["Asia/Tokyo", known ? "JST +0900" : "GMT+9 +0900"],
      [":America/Sao_Paulo", known ? "-03 -0300" : "GMT-3 -0300"],
      ["", "UTC +0000"],
      ["No/Where", "UTC +0000"],
    ] as const) {
      const run = ["-onetime", "-backend", "file", "-file", bed.path("keys.yml")];
      expect((await bed.run(run, { TZ: zone })).code).to.equal(0);
      expect(await bed.read("t"), zone).to.equal(wanted);
    }
  });

  it("finds the variables of a key in any case, with underscores for slashes", async () => {
    await bed.resource("one", list, 'keys = ["/app"]');
    await bed.resource("two", list, 'keys = ["app_na"]');
    await bed.resource("three", list, 'prefix = "/APP"\nkeys = ["up"]');
    const environment = { APP_NAME: "web", APP_UP: "x", APPLE: "fruit", app_lower: "not taken" };
    expect((await bed.run(["-onetime", "-backend", "env"], environment)).code).to.equal(0);
    expect(await bed.read("one")).to.equal("/apple=fruit /app/name=web /app/up=x ");
    expect(await bed.read("two")).to.equal("/app/name=web ");
    expect(await bed.read("three")).to.equal("/app/up=x ");
  });

  it("renders though owner and group are names that the machine does not know", async () => {
    await bed.write("keys.yml", "a: 1\n");
    await bed.resource("t", "x", 'owner = "no-such-user"\ngroup = "no-such-group"');
    const { code, log } = await fromFile();
    expect(code, log).to.equal(0);
    expect(log).to.match(/WARNING .*There is no user "no-such-user".*it is left out, as confd does/);
    expect(await bed.read("t")).to.equal("x");
  });

  it("keeps the staged file on request, also where nothing is to be changed", async () => {
    await bed.write("keys.yml", "a: 1\n");
    await bed.resource("t", "x");
    expect((await fromFile()).code).to.equal(0);
    const { log } = await fromFile("-keep-stage-file");
    expect(log).to.contain("INFO Keeping staged file: ");
    const staged = (await readdir(bed.directory)).filter((name) => /^\.t\d+$/.test(name));
    expect(staged).to.have.lengthOf(1);
    expect(await bed.read(staged[0] ?? "")).to.equal("x");
  });

  it("takes no notice of an interval that a single run does not need", async () => {
    await bed.write("keys.yml", "a: 1\n");
    await bed.resource("t", "x");
    expect((await fromFile("-interval", "0")).code).to.equal(0);
    expect((await bed.run(["-backend", "env", "-interval", "0"])).code).to.equal(1);
  });
});
