/** The shell scripts of this project, as far as they can be judged without a host. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../hosts/project.ts";
import { attempt, run } from "../../hosts/run.ts";

const script = (name: string) => join(projectRoot(), "vagrant", name);

describe("the shell scripts", function () {
  this.timeout(20_000);
  this.slow(5_000);

  it("pass shellcheck", async () => {
    const scripts = await shellScripts();
    expect(scripts).to.include(script("install.sh"));
    expect(await attempt(["shellcheck", ...scripts])).to.include({ code: 0, stdout: "" });
  });

  it("can be executed", async () => {
    for (const path of await shellScripts()) expect((await stat(path)).mode & 0o111, path).to.equal(0o111);
  });
});

async function shellScripts(): Promise<readonly string[]> {
  const candidates = await Promise.all(
    ["vagrant", "bin", ".ci"].map(async (name) => {
      const directory = join(projectRoot(), name);
      const entries = await readdir(directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(directory, entry.name));
    }),
  );
  const scripts: string[] = [];
  for (const path of candidates.flat()) {
    if (/^#!\/bin\/(ba)?sh\b/.test(await readFile(path, "utf8"))) scripts.push(path);
  }
  return scripts;
}

describe("certificates.sh", function () {
  this.timeout(20_000);
  let directory = "";

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-certificates-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });
  const certificates = (...args: readonly string[]) =>
    attempt([script("certificates.sh"), directory, ...args]);

  it("makes a reader's pair, which the API knows by its organisational unit", async () => {
    expect(await certificates("reader", "dashboard")).to.include({ code: 0, stderr: "" });
    const path = join(directory, "dashboard.crt");
    const subject = await run(["openssl", "x509", "-in", path, "-noout", "-subject"]);
    expect(subject).to.match(/OU ?= ?reader, CN ?= ?dashboard/);
  });

  it("makes an authority and pairs that it issued, readable by their owner alone", async () => {
    expect(await certificates("host", "core-1", "10.0.0.1", "fd00::1")).to.include({ code: 0, stderr: "" });
    expect(await certificates("client", "operator")).to.include({ code: 0, stderr: "" });

    const ca = ["-CAfile", join(directory, "ca.crt")];
    for (const name of ["core-1", "operator"]) {
      await run(["openssl", "verify", "-x509_strict", ...ca, join(directory, `${name}.crt`)]);
      expect((await stat(join(directory, `${name}.key`))).mode & 0o777).to.equal(0o600);
    }
    const purpose = (name: string, use: string) =>
      attempt(["openssl", "verify", "-purpose", use, ...ca, join(directory, `${name}.crt`)]);
    expect(await purpose("core-1", "sslserver")).to.include({ code: 0 });
    expect(await purpose("core-1", "sslclient")).to.include({ code: 0 });
    expect(await purpose("operator", "sslclient")).to.include({ code: 0 });
    expect((await purpose("operator", "sslserver")).code).not.to.equal(0);
    const names = await run([
      "openssl",
      "x509",
      "-in",
      join(directory, "core-1.crt"),
      "-noout",
      "-ext",
      "subjectAltName",
    ]);
    expect(names).to.include("IP Address:10.0.0.1").and.to.include("IP Address:FD00:0:0:0:0:0:0:1");
  });

  it("keeps what exists, and does not take it for another address", async () => {
    await certificates("host", "core-1", "10.0.0.1");
    const before = await readFile(join(directory, "core-1.crt"), "utf8");

    expect(await certificates("host", "core-1", "10.0.0.1")).to.include({ code: 0, stderr: "" });
    const refused = await certificates("host", "core-1", "10.0.0.2");

    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.match(/core-1\.crt" is there and is not for 10\.0\.0\.2; remove it/);
    expect(await readFile(join(directory, "core-1.crt"), "utf8")).to.equal(before);
  });

  it("refuses names and addresses that are none, and makes no certificate", async () => {
    const wrong = [
      ["host", "core-1"],
      ["host", "ca", "10.0.0.1"],
      ["client", "../me"],
      ["server", "x", "10.0.0.1"],
    ];
    for (const args of wrong) expect((await certificates(...args)).code, args.join(" ")).to.equal(2);
    const refused = await certificates("host", "core-1", "10.0.0");
    expect(refused).to.include({ code: 1 });
    expect(refused.stderr).to.include("IP:10.0.0");
    expect((await readdir(directory)).filter((name) => name.startsWith("core-1.crt"))).to.deep.equal([]);
  });

  it("makes one authority when several hosts' certificates are asked for at once", async () => {
    const names = ["core-1", "core-2", "core-3"];
    await Promise.all(names.map((name) => certificates("host", name, "10.0.0.1")));
    for (const name of names)
      await run(["openssl", "verify", "-CAfile", join(directory, "ca.crt"), join(directory, `${name}.crt`)]);
  });

  it("says that the authority's key is needed for one more host", async () => {
    await certificates("host", "core-1", "10.0.0.1");
    await rm(join(directory, "ca.key"));
    expect((await certificates("host", "core-2", "10.0.0.2")).stderr).to.match(
      /ca\.key" is needed to make a certificate/,
    );
  });
});

describe("payload.sh", () => {
  it("says that there is no release, and how to make one", async () => {
    const env = { ...process.env, RELEASE: "/none" };
    expect(await attempt([script("payload.sh"), "core-1", "10.0.0.1"], { env })).to.include({
      code: 1,
      stderr: 'payload.sh: there is no release at "/none"\nHint: make release\n',
    });
  });
});

describe("install-etcd.sh", () => {
  it("refuses a member that is not of the cluster, and certificates that are not there", async () => {
    const etcd = (...args: readonly string[]) => attempt([script("install-etcd.sh"), ...args]);
    expect((await etcd()).code).to.equal(2);
    expect(await etcd("core-9", "core-1=10.0.0.1", "/none")).to.include({
      code: 2,
      stderr: 'install-etcd.sh: "core-9" is not in "core-1=10.0.0.1"\n',
    });
    expect(await etcd("core-1", "core-1=10.0.0.1", "/none")).to.include({
      code: 1,
      stderr: 'install-etcd.sh: cannot read "/none/ca.crt"\n',
    });
  });
});
