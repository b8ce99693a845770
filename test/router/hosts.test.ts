/** Who answers to which host name, on a real nginx. */
import { expect } from "chai";
import { type Backend, NginxBed, published } from "./nginx-bed.ts";

describe("a host name", function () {
  this.timeout(30_000);
  let bed: NginxBed;
  let demo: Backend;
  let other: Backend;

  before(async () => {
    bed = await NginxBed.start();
    demo = await bed.backend();
    other = await bed.backend();
  });
  after(() => bed?.close());

  const portOf = async (host: string): Promise<number | string> => {
    const { status, body } = await bed.ask(host);
    return status === 200 ? (JSON.parse(body) as { port: number }).port : status;
  };

  it("leads to its app under any domain, in any case and with a port or a dot behind it", async () => {
    await bed.replace({ ...published("demo", demo), ...published("other", other) });
    for (const host of [
      "demo.example.com",
      "demo.a.b.c",
      "DEMO.Example.COM",
      "demo.example.com:80",
      "demo.example.com.",
    ]) {
      expect(await portOf(host), host).to.equal(demo.port);
    }
    expect(await portOf("other.example.com")).to.equal(other.port);
  });

  it("that nobody has gives 404, and one of an app without endpoints 503", async () => {
    await bed.replace({
      ...published("demo", demo),
      "/deis/cluster/apps/quiet": "{}",
      "/deis/config/configured/port": "5000",
    });
    for (const host of ["nobody.example.com", "demo", "example.com", "127.0.0.1", "xdemo.example.com"]) {
      expect(await portOf(host), host).to.equal(404);
    }
    expect(await portOf("quiet.example.com")).to.equal(503);
    expect(await portOf("configured.example.com")).to.equal(503);
  });

  it("leads to the app that a custom domain names, and that domain to no other", async () => {
    await bed.replace({
      ...published("demo", demo),
      ...published("other", other),
      "/deis/domains/www.shop.org": "demo",
      "/deis/domains/Other.Example.com": "demo",
    });
    expect(await portOf("www.shop.org")).to.equal(demo.port);
    expect(await portOf("shop.org")).to.equal(404);
    expect(await portOf("a.www.shop.org")).to.equal(404);
    expect(await portOf("other.example.com")).to.equal(demo.port);
    expect(await portOf("other.example.net")).to.equal(other.port);
  });

  it("leads to the longest wildcard domain, but under the platform's own domain to the app it names", async () => {
    await bed.replace({
      ...published("demo", demo),
      ...published("other", other),
      "/deis/platform/domain": "apps.org",
      "/deis/domains/*.shop.org": "demo",
      "/deis/domains/*.inner.shop.org": "other",
      "/deis/domains/*.apps.org": "other",
    });
    expect(await portOf("any.shop.org")).to.equal(demo.port);
    expect(await portOf("deep.any.shop.org")).to.equal(demo.port);
    expect(await portOf("x.inner.shop.org")).to.equal(other.port);
    expect(await portOf("shop.org")).to.equal(404);
    expect(await portOf("other.shop.org")).to.equal(demo.port);
    expect(await portOf("demo.apps.org")).to.equal(demo.port);
    expect(await portOf("stranger.apps.org")).to.equal(other.port);
  });

  it("of the controller and of the store lead to them under any domain, and give 503 while they are away", async () => {
    await bed.replace({ ...published("deis", other) });
    expect(await portOf("deis.example.com")).to.equal(503);
    expect(await portOf("deis-store.example.com")).to.equal(503);
    await bed.set({
      "/deis/controller/host": "127.0.0.1",
      "/deis/controller/port": String(demo.port),
      "/deis/store/gateway/host": "127.0.0.1",
      "/deis/store/gateway/port": String(other.port),
    });
    expect(await portOf("deis.example.com")).to.equal(demo.port);
    expect(await portOf("deis-store.example.com")).to.equal(other.port);
    await bed.set({ "/deis/controller/subdomain": "manage" });
    expect(await portOf("manage.example.com")).to.equal(demo.port);
  });

  it("of a domain whose app nobody knows gives 404 and is reported", async () => {
    await bed.replace({ "/deis/domains/www.gone.org": "gone" });
    expect(await portOf("www.gone.org")).to.equal(404);
    expect((await bed.state()).problems.routes).to.deep.equal([
      { key: "/deis/domains/www.gone.org", message: 'is "gone", an app that nobody knows' },
    ]);
  });

  it("is healthy on the health check's path, on port 80 only where no app has the host", async () => {
    await bed.replace({ ...published("demo", demo) });
    expect((await bed.ask("10.1.2.3", { path: "/health-check" })).status).to.equal(200);
    expect((await bed.ask("any", { path: "/health-check", port: bed.ports.status })).status).to.equal(200);
    expect((await bed.ask("any", { path: "/else", port: bed.ports.status })).status).to.equal(404);
    const { body } = await bed.ask("demo.example.com", { path: "/health-check" });
    expect(JSON.parse(body)).to.include({ port: demo.port, url: "/health-check" });
  });
});
