import { execFileSync } from "node:child_process";
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runCommand } from "../../renderer/command.ts";
import { unifiedDiff } from "../../renderer/diff.ts";
import { differences, readImage, replace, resolveDest, stage } from "../../renderer/swap.ts";

/** Owners and mounts need root: where it must not be missing, a test without it fails. */
function requireRoot(context: Mocha.Context): void {
  if (process.geteuid?.() === 0) return;
  if (process.env.CI === "true") throw new Error("root is needed: run the tests as root");
  context.skip();
}
const never = new AbortController().signal;

describe("a file put in the place of another", () => {
  let directory: string;
  let dest: string;
  const image = (text: string, mode = 0o640) => ({
    bytes: Buffer.from(text),
    mode,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
  });
  const swap = async (text: string, mode?: number) =>
    replace(await stage(dest, image(text, mode)), dest, image(text, mode));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-swap-"));
    dest = join(directory, "a.conf");
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("has its content and mode, and leaves nothing beside it", async () => {
    await swap("new");
    expect(await readFile(dest, "utf8")).to.equal("new");
    expect((await stat(dest)).mode & 0o7777).to.equal(0o640);
    expect(await readdir(directory)).to.deep.equal(["a.conf"]);
  });

  it("is staged under a hidden name with its own", async () => {
    const staged = await stage(dest, image("x"));
    expect(staged).to.match(/\/\.a\.conf\d+$/);
  });

  it("replaces a link, unless the link is to be kept", async () => {
    const target = join(directory, "target");
    await writeFile(target, "old");
    await symlink(target, dest);
    expect(await resolveDest(dest, true)).to.equal(target);
    expect(await resolveDest(dest, false)).to.equal(dest);
    await swap("new");
    expect((await lstat(dest)).isSymbolicLink()).to.equal(false);
    expect(await readFile(target, "utf8")).to.equal("old");
  });

  it("is other than before if content, mode or owner differ", async () => {
    await writeFile(dest, "a");
    await chmod(dest, 0o600);
    const found = await readImage(dest);
    expect(differences(dest, found, image("a", 0o600))).to.deep.equal([]);
    expect(differences(dest, found, image("a", 0o644))).to.deep.equal([
      `${dest} has mode 0600 should be 0644`,
    ]);
    expect(differences(dest, found, image("b", 0o600))).to.deep.equal([`${dest} has other content`]);
    expect(differences(dest, found, { ...image("a", 0o600), uid: 77 })[0]).to.contain("should be 77");
    expect(differences(dest, undefined, image("a"))).to.deep.equal([`${dest} does not exist`]);
  });

  it("belongs to whom it should", async function () {
    requireRoot(this);
    const wanted = { ...image("x", 0o4750), uid: 1, gid: 2 };
    await replace(await stage(dest, wanted), dest, wanted);
    const found = await stat(dest);
    expect([found.uid, found.gid, found.mode & 0o7777]).to.deep.equal([1, 2, 0o4750]);
  });

  it("is written into a mount that cannot be renamed over", async function () {
    requireRoot(this);
    const inner = join(directory, "inner");
    await writeFile(inner, "a much longer content than the new one");
    await writeFile(dest, "");
    execFileSync("mount", ["--bind", inner, dest]);
    try {
      expect(await swap("new")).to.equal(false);
      expect(await readFile(inner, "utf8")).to.equal("new");
      expect((await readdir(directory)).sort()).to.deep.equal(["a.conf", "inner"]);
    } finally {
      execFileSync("umount", [dest]);
    }
  });

  it("cannot be staged in a directory that is missing, and says so", async () => {
    const failure = await stage(join(directory, "none", "a"), image("x")).catch((error: unknown) => error);
    expect(String(failure)).to.contain("Cannot write a file beside");
  });

  it("is refused, and says so, where a directory stands", async () => {
    const failure = await readImage(directory).catch((error: unknown) => error);
    expect(String(failure)).to.contain(`Cannot read the present "${directory}"`);
  });
});

describe("a command", () => {
  it("gives its output and how it ended", async () => {
    const { output, failure } = await runCommand("echo out; echo err >&2; exit 3", 5_000, never);
    expect(output).to.equal("out\nerr\n");
    expect(failure?.message).to.equal("exit status 3");
    expect((await runCommand("true", 5_000, never)).failure).to.equal(undefined);
    expect((await runCommand("kill -9 $$", 5_000, never)).failure?.message).to.equal("signal: killed");
  });

  it("is ended with its children when its time is up", async () => {
    const began = performance.now();
    const { failure } = await runCommand("sleep 60 | sleep 60", 100, never);
    expect(failure?.message).to.equal("it took longer than 0.1 s");
    expect(performance.now() - began).to.be.below(5_000);
  });

  it("does not wait for what it leaves in the background", async () => {
    const { output, failure } = await runCommand("sleep 5 & echo $!", 10_000, never);
    expect(failure).to.equal(undefined);
    process.kill(Number(output));
  });
});

describe("a unified diff", () => {
  it("shows changes with three lines around them, and what lacks its last newline", () => {
    const before = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"].join("\n");
    const after = before.replace("2\n", "two\n").concat("\n");
    expect(unifiedDiff("f", before, after)).to.equal(
      [
        "--- f",
        "+++ f (rendered)",
        "@@ -1,5 +1,5 @@",
        " 1",
        "-2",
        "+two",
        " 3",
        " 4",
        " 5",
        "@@ -9,4 +9,4 @@",
        " 9",
        " 10",
        " 11",
        "-12",
        "\\ No newline at end of file",
        "+12",
        "",
      ].join("\n"),
    );
    expect(unifiedDiff("f", "", "a\n")).to.contain("@@ -0,0 +1 @@\n+a\n");
    expect(unifiedDiff("f", "a", "a")).to.equal("");
  });
});
