/** Which certificate a name gets, and that no name gets another app's content. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { ensureSelfMadeCertificate } from "../../router/self-made-certificate.ts";
import { type Backend, type Keys, NginxBed, published } from "./nginx-bed.ts";

const run = promisify(execFile);

interface Pair {
  readonly cert: string;
  readonly key: string;
}

describe("a certificate", function () {
  this.timeout(30_000);
  let bed: NginxBed;
  let demo: Backend;
  let directory: string;
  let pairs: Readonly<Record<"platform" | "shop" | "wild" | "rsa" | "expired", Pair>>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-certificates-"));
    pairs = {
      platform: make("platform"),
      shop: make("shop"),
      wild: make("wild"),
      rsa: make("rsa", ["rsa:2048"]),
      expired: await makeExpired(),
    };
    bed = await NginxBed.start();
    demo = await bed.backend();
  });
  after(async () => {
    await bed?.close();
    await rm(directory, { recursive: true, force: true });
  });

  function make(name: string, kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]): Pair {
    const files = { cert: join(directory, `${name}.cert`), key: join(directory, `${name}.key`) };
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        ...kind,
        "-nodes",
        "-keyout",
        files.key,
        "-out",
        files.cert,
        "-subj",
        `/CN=${name}`,
        "-days",
        "30",
      ],
      { stdio: "ignore" },
    );
    return { cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") };
  }

  /** OpenSSL makes no certificate of the past; ours is of any day. */
  async function makeExpired(): Promise<Pair> {
    const old = join(directory, "old");
    await ensureSelfMadeCertificate(old, new Date("2005-06-07T00:00:00Z"));
    return {
      cert: readFileSync(join(old, "self-made.cert"), "utf8"),
      key: readFileSync(join(old, "self-made.key"), "utf8"),
    };
  }

  const platform = (pair: Pair): Keys => ({
    "/deis/router/sslCert": pair.cert,
    "/deis/router/sslKey": pair.key,
  });
  const ofDomain = (domain: string, pair: Pair): Keys => ({
    [`/deis/certs/${domain}/cert`]: pair.cert,
    [`/deis/certs/${domain}/key`]: pair.key,
  });
  const presented = async (host: string, servername: string | boolean = true) =>
    (await bed.ask(host, { tls: servername })).certificate;
  const problems = async () => (await bed.state()).problems.certs;

  it("is the router's own where the platform has none, and an unknown name gets 404 over it", async () => {
    await bed.replace(published("demo", demo));
    const unknown = await bed.ask("nobody.example.com", { tls: true });
    expect([unknown.certificate, unknown.status]).to.deep.equal(["deis-router", 404]);
    const known = await bed.ask("demo.example.com", { tls: true });
    expect([known.certificate, known.status]).to.deep.equal(["deis-router", 200]);
    expect(JSON.parse(known.body).headers).to.include({
      "x-forwarded-proto": "https",
      "x-forwarded-port": "443",
      "x-forwarded-ssl": "on",
    });
  });

  it("is the platform's for every name without one of its own, and for clients that name none", async () => {
    await bed.replace({
      ...published("demo", demo),
      ...platform(pairs.platform),
      "/deis/domains/www.shop.org": "demo",
    });
    expect(await presented("demo.example.com")).to.equal("platform");
    expect(await presented("www.shop.org")).to.equal("platform");
    expect(await presented("127.0.0.1", "")).to.equal("platform");
    const unknown = await bed.ask("nobody.example.com", { tls: true });
    expect([unknown.certificate, unknown.status]).to.deep.equal(["platform", 404]);
  });

  it("is that of the domain, else of the wildcard above it", async () => {
    await bed.replace({
      ...published("demo", demo),
      ...platform(pairs.platform),
      ...ofDomain("www.Shop.org", pairs.shop),
      ...ofDomain("*.shop.org", pairs.wild),
      "/deis/domains/*.shop.org": "demo",
    });
    expect(await presented("www.shop.org")).to.equal("shop");
    expect(await presented("WWW.shop.org", "WWW.SHOP.ORG")).to.equal("shop");
    expect(await presented("other.shop.org")).to.equal("wild");
    expect(await presented("a.other.shop.org")).to.equal("platform");
    expect(await presented("shop.org")).to.equal("platform");
  });

  it("is served from the moment it is pushed, and its successor too, whatever kind of key it has", async () => {
    const { structure } = await bed.state();
    await bed.replace({ ...published("demo", demo), ...ofDomain("www.shop.org", pairs.shop) });
    expect(await presented("www.shop.org")).to.equal("shop");
    await bed.set(ofDomain("www.shop.org", pairs.rsa));
    expect(await presented("www.shop.org")).to.equal("rsa");
    await bed.set({ "/deis/certs/www.shop.org/cert": undefined, "/deis/certs/www.shop.org/key": undefined });
    expect(await presented("www.shop.org")).to.equal("deis-router");
    expect((await bed.state()).structure).to.equal(structure);
  });

  it("that cannot be used is reported and left out; the others serve on, and no key is shown", async () => {
    await bed.replace({
      ...ofDomain("a.example.com", { cert: pairs.shop.cert, key: pairs.wild.key }),
      ...ofDomain("b.example.com", { cert: "banana", key: pairs.wild.key }),
      ...ofDomain("c.example.com", { cert: pairs.shop.cert, key: "banana" }),
      "/deis/certs/d.example.com/cert": pairs.shop.cert,
      ...ofDomain("e.example.com", pairs.expired),
      ...ofDomain("good.example.com", pairs.shop),
    });
    const messages = (await problems()).map(
      ({ key, message }) => `${key} ${message.replace(/PEM: .*/, "PEM")}`,
    );
    expect(messages).to.deep.equal([
      "/deis/certs/a.example.com/cert cannot be used: its key belongs to another certificate",
      "/deis/certs/b.example.com/cert cannot be read as certificates in PEM",
      "/deis/certs/c.example.com/cert cannot be used: its key cannot be read as a private key in PEM",
      "/deis/certs/d.example.com/cert cannot be used without /deis/certs/d.example.com/key",
      "/deis/certs/e.example.com/cert has expired; it is used none the less",
    ]);
    expect(await presented("good.example.com")).to.equal("shop");
    expect(await presented("a.example.com")).to.equal("deis-router");
    expect((await bed.ask("e.example.com", { tls: true })).validTo).to.include("2015");
    expect(JSON.stringify(await bed.state())).not.to.include("PRIVATE KEY");
  });

  it("of the platform that cannot be used leaves the router's own", async () => {
    await bed.replace(platform({ cert: pairs.platform.cert, key: pairs.wild.key }));
    expect(await presented("demo.example.com")).to.equal("deis-router");
    expect((await problems()).map(({ key }) => key)).to.deep.equal(["/deis/router/sslCert"]);
  });

  it("is presented by TLS 1.2 and 1.3 only, and HTTP/2 is spoken", async () => {
    await bed.replace({ ...published("demo", demo), ...platform(pairs.platform) });
    const over = async (...flags: string[]) => {
      const url = `https://demo.example.com:${bed.ports.https}/`;
      const resolve = `demo.example.com:${bed.ports.https}:127.0.0.1`;
      const words = ["-sk", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--resolve", resolve];
      return run("curl", [...words, ...flags, url]).then(
        ({ stdout }) => stdout,
        () => "refused",
      );
    };
    expect(await over("--http2")).to.equal("2 200");
    expect(await over("--tls-max", "1.2", "--http1.1")).to.equal("1.1 200");
    expect(await over("--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")).to.equal("refused");
  });
});
