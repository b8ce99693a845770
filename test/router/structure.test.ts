/** nginx.conf as it is rendered: every setting of Deis v1 with its default, and what becomes of values that mean nothing. */
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { NginxBed } from "./nginx-bed.ts";

/** key, directive, default, another value, a value that nginx would refuse. */
const settings: readonly (readonly [string, string, string, string, string])[] = [
  ["workerProcesses", "worker_processes", "auto", "3", "-1"],
  ["workerShutdownTimeout", "worker_shutdown_timeout", "5m", "1h30m", "30m1h"],
  ["maxWorkerConnections", "worker_connections", "768", "2048", "banana"],
  ["trafficStatusZoneSize", "lua_shared_dict deis_statistics", "16m", "2m", "2mk"],
  ["serverTokens", "server_tokens", "on", "off", "maybe"],
  ["serverNameHashMaxSize", "server_names_hash_max_size", "512", "1024", "1k"],
  ["serverNameHashBucketSize", "server_names_hash_bucket_size", "64", "128", "8"],
  ["gzip", "gzip", "on", "off", "on; worker_processes 9"],
  ["gzipCompLevel", "gzip_comp_level", "5", "9", "10"],
  ["gzipDisable", "gzip_disable", '"msie6"', '"MSIE [1-6]\\."', '"msie6'],
  ["gzipHttpVersion", "gzip_http_version", "1.1", "1.0", "2"],
  ["gzipMinLength", "gzip_min_length", "256", "20", "1k"],
  ["gzipProxied", "gzip_proxied", "any", "expired no-cache", "some"],
  ["gzipVary", "gzip_vary", "on", "off", "true"],
  ["proxyRealIpCidr", "set_real_ip_from", "10.0.0.0/8", "2001:db8::/32", "10.0.0.256/8"],
  ["sslProtocols", "ssl_protocols", "TLSv1.2 TLSv1.3", "TLSv1.3", "SSLv9"],
  ["sslSessionTickets", "ssl_session_tickets", "on", "off", "1"],
  ["sslBufferSize", "ssl_buffer_size", "4k", "16k", "0"],
];

describe("the structure of nginx", function () {
  this.timeout(60_000);
  let bed: NginxBed;

  before(async () => {
    bed = await NginxBed.start();
  });
  after(() => bed?.close());

  const conf = () => readFile(bed.path("state/nginx.conf"), "utf8");
  /** The values that a directive has, comments left aside. */
  const valuesOf = async (directive: string) =>
    (await conf())
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.startsWith(`${directive} `))
      .map((line) => line.slice(directive.length + 1).replace(/;( #.*)?$/, ""));
  /** What the check of nginx.conf said, if it failed. */
  const refusal = () => bed.events.find(({ kind }) => kind === "render-failed" || kind === "check-failed");
  const render = async (values: Readonly<Record<string, string>>) => {
    await bed.replace(
      Object.fromEntries(Object.entries(values).map(([key, value]) => [`/deis/router/${key}`, value])),
    );
    expect(refusal()).to.equal(undefined);
  };

  it("has Deis v1's defaults where nothing is set, or what is set is empty", async () => {
    for (const values of [{}, Object.fromEntries(settings.map(([key]) => [key, ""]))]) {
      await render(values);
      for (const [, directive, value] of settings)
        expect(await valuesOf(directive), directive).to.deep.equal([value]);
      expect(await valuesOf("keepalive_timeout")).to.deep.equal(["1300s", "4s"]);
      expect(await valuesOf("proxy_connect_timeout")).to.deep.equal(["30s"]);
      for (const directive of ["proxy_read_timeout", "proxy_send_timeout"]) {
        expect(await valuesOf(directive), directive).to.deep.equal(["1300s"]);
      }
      expect((await valuesOf("error_log"))[0]).to.match(/ error$/);
      expect((await valuesOf("gzip_types"))[0]?.split(" ")).to.have.lengthOf(17);
      for (const absent of ["ssl_ciphers", "ssl_dhparam", "ssl_session_cache", "ssl_session_timeout"]) {
        expect(await valuesOf(absent), absent).to.deep.equal([]);
      }
      expect(await conf())
        .not.to.include("proxy_protocol")
        .and.not.to.include("stream {");
    }
  });

  it("takes every setting as it is given", async () => {
    await render({
      ...Object.fromEntries(settings.map(([key, , , other]) => [key, other])),
      defaultTimeout: "90",
      connectTimeout: "5s",
      errorLogLevel: "warn",
      gzipTypes: "text/plain image/svg+xml",
      sslCiphers: "ECDHE-RSA-AES128-GCM-SHA256:!aNULL",
      sslSessionCache: "shared:SSL:1m builtin:1000",
      sslSessionTimeout: "1h",
    });
    for (const [, directive, , other] of settings)
      expect(await valuesOf(directive), directive).to.deep.equal([other]);
    expect(await valuesOf("proxy_read_timeout")).to.deep.equal(["90s"]);
    expect(await valuesOf("proxy_connect_timeout")).to.deep.equal(["5s"]);
    expect((await valuesOf("error_log"))[0]).to.match(/ warn$/);
    expect(await valuesOf("gzip_types")).to.deep.equal(["text/plain image/svg+xml"]);
    expect(await valuesOf("ssl_ciphers")).to.deep.equal(["ECDHE-RSA-AES128-GCM-SHA256:!aNULL"]);
    expect(await valuesOf("ssl_session_cache")).to.deep.equal(["shared:SSL:1m builtin:1000"]);
    expect(await valuesOf("ssl_session_timeout")).to.deep.equal(["1h"]);
    expect((await bed.state()).problems.structure).to.deep.equal([]);
  });

  it("has the default in the place of every value that nginx would refuse, and reports each", async () => {
    await render({
      ...Object.fromEntries(settings.map(([key, , , , wrong]) => [key, wrong])),
      defaultTimeout: "soon",
      errorLogLevel: "loud",
      gzipTypes: "text/plain; evil",
      sslDhparam: "banana",
      sslSessionCache: "shared:SSL:4k",
    });
    for (const [, directive, value] of settings)
      expect(await valuesOf(directive), directive).to.deep.equal([value]);
    expect(await valuesOf("proxy_read_timeout")).to.deep.equal(["1300s"]);
    expect(await valuesOf("ssl_session_cache")).to.deep.equal(["none"]);
    const { structure } = (await bed.state()).problems;
    const wrong = [
      ...settings.map(([key]) => key),
      "defaultTimeout",
      "errorLogLevel",
      "gzipTypes",
      "sslDhparam",
      "sslSessionCache",
    ];
    expect([...new Set(structure.map(({ key }) => key))].sort()).to.deep.equal(
      wrong.map((key) => `/deis/router/${key}`).sort(),
    );
    expect(structure.find(({ key }) => key.endsWith("maxWorkerConnections"))?.message).to.equal(
      'is "banana", not a number from 16 to 1000000',
    );
  });

  it("keeps the last good one where nginx alone can tell that a value is wrong", async () => {
    await render({ workerProcesses: "2" });
    await bed.set({ "/deis/router/gzipDisable": '"[a"', "/deis/router/workerProcesses": "4" });
    expect(await valuesOf("worker_processes")).to.deep.equal(["2"]);
    expect(bed.events.some(({ kind }) => kind === "command-failed")).to.equal(true);
  });

  it("takes parameters for Diffie-Hellman", async () => {
    const pem = await readFile(new URL("dhparam.pem", import.meta.url), "utf8");
    await bed.replace({ "/deis/router/sslDhparam": pem });
    await bed.set({});
    expect(await valuesOf("ssl_dhparam")).to.deep.equal([bed.path("state/dhparam.pem")]);
    expect(await readFile(bed.path("state/dhparam.pem"), "utf8")).to.equal(pem);
  });

  it("carries what was pushed over a reload, and counts on", async () => {
    const backend = await bed.backend();
    await bed.replace({ "/deis/services/demo/demo_v2.web.1": backend.address });
    expect((await bed.ask("demo.example.com")).status).to.equal(200);
    const before = await bed.state();
    await bed.set({ "/deis/router/serverTokens": "off" });
    const after = await bed.state();
    expect(after.structure).not.to.equal(before.structure);
    expect(after.routes).to.equal(before.routes);
    const answer = await bed.ask("demo.example.com");
    expect(answer.status).to.equal(200);
    expect(answer.headers.server).to.equal("nginx");
    const stats = JSON.parse((await bed.control("GET", "/stats")).body);
    expect(stats.apps.demo.requests).to.be.greaterThan(1);
  });
});
