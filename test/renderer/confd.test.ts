/** deis-confd as a process on a real etcd: confd's own cases, then what an operator lives through. */
import { rm } from "node:fs/promises";
import { expect } from "chai";
import { openEtcd } from "../../etcd/client.ts";
import type { EtcdClient, Operation } from "../../etcd/protocol.ts";
import { ConfdBed } from "../support/confd-bed.ts";
import { makePki } from "../support/etcd-pki.ts";
import { EtcdServer, etcdctl } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

const slow = { within: 20_000 };

describe("deis-confd on etcd", function () {
  this.timeout(60_000);
  let server: EtcdServer;
  let client: EtcdClient;
  let bed: ConfdBed;

  before(async () => {
    server = await EtcdServer.start();
    client = await openEtcd({ endpoints: server.endpoints });
  });
  after(async () => {
    await client?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await client.txn({ compare: [], success: [{ kind: "delete", range: { key: "/", end: "0" } }] }, {});
    bed = await ConfdBed.open();
  });
  afterEach(() => bed.close());

  const node = () => ["-backend", "etcdv3", "-node", server.member.url.replace("http://", "")];
  const put = async (entries: Readonly<Record<string, string>>): Promise<void> => {
    const operations = Object.entries(entries).map(([key, value]): Operation => {
      return { kind: "put", key, value: Buffer.from(value) };
    });
    for (let at = 0; at < operations.length; at += 100) {
      await client.txn({ compare: [], success: operations.slice(at, at + 100) }, {});
    }
  };
  const count = async (name: string) => ((await bed.read(name)) ?? "").split("\n").length - 1;

  it("renders confd's own integration cases", async () => {
    await put({
      "/key": "foobar",
      "/database/host": "127.0.0.1",
      "/database/password": "p@sSw0rd",
      "/database/port": "3306",
      "/database/username": "confd",
      "/upstream/app1": "10.0.1.10:8080",
      "/upstream/app2": "10.0.1.11:8080",
      "/prefix/database/host": "127.0.0.1",
      "/prefix/database/password": "p@sSw0rd",
      "/prefix/database/port": "3306",
      "/prefix/database/username": "confd",
      "/prefix/upstream/app1": "10.0.1.10:8080",
      "/prefix/upstream/app2": "10.0.1.11:8080",
    });
    await bed.resource(
      "basic",
      '[database]\nhost={{getv "/database/host"}}\npassword={{getv "/database/password"}}\nport={{getv "/database/port"}}\nusername={{getv "/database/username"}}\n',
      'mode = "0644"\nkeys = ["/database/host", "/database/password", "/database/port", "/database/username"]',
    );
    await bed.resource(
      "exists",
      '{{if exists "/key"}}\nvalue: {{getv "/key"}}\n{{end}}\n{{if exists "/doesnotexist"}}\nvalue: {{getv "/doesnotexist"}}\n{{end}}\n',
      'keys = ["/key", "/doesnotexist"]',
    );
    const iteration =
      'upstream app {\n{{range $server := .}}{{end}}{{range gets "/upstream/*"}}\n    server {{.Value}};\n{{end}}}\n';
    await bed.resource("iteration", iteration, 'prefix = "/prefix"\nkeys = ["/upstream"]');
    const many = Array.from({ length: 193 }, (_, at) => `"/database/k${at}"`);
    await bed.resource("manykeys", 'host={{getv "/database/host"}}\n', `keys = [${many}, "/database/host"]`);
    await bed.write("sub/other", "");
    await bed.resource("sub/nested", '{{getv "/database/port"}}\n', 'keys = ["/database"]');
    const { code, log } = await bed.run(["--onetime", ...node(), "--log-level=debug"]);
    expect(code, log).to.equal(0);
    expect(await bed.read("basic")).to.equal(
      "[database]\nhost=127.0.0.1\npassword=p@sSw0rd\nport=3306\nusername=confd\n",
    );
    expect(await bed.read("exists")).to.equal("\nvalue: foobar\n\n\n");
    expect(await bed.read("iteration")).to.equal(
      "upstream app {\n\n    server 10.0.1.10:8080;\n\n    server 10.0.1.11:8080;\n}\n",
    );
    expect(await bed.read("manykeys")).to.equal("host=127.0.0.1\n");
    expect(await bed.read("sub/nested")).to.equal("3306\n");
  });

  it("renders what it can once, and ends with 1 and the last error", async () => {
    await put({ "/a": "1" });
    await bed.resource("bad", '{{getv "/none"}}');
    await bed.resource("good", 'a={{getv "/a"}} 100%d');
    const { code, log } = await bed.run(["-onetime", ...node()]);
    expect(code).to.equal(1);
    expect(await bed.read("good")).to.equal("a=1 100%d");
    expect(await bed.read("bad")).to.equal(undefined);
    expect(log).to.match(
      /ERROR .*template: bad\.tmpl:1:2: executing "bad\.tmpl" at <getv "\/none">: error calling getv: key does not exist: \/none/,
    );
    expect(log).to.match(/FATAL /);
  });

  it("renders nothing once when a resource file cannot be read", async () => {
    await bed.resource("good", "x");
    await bed.write("conf.d/bad.toml", "[template\n");
    const { code } = await bed.run(["-onetime", ...node()]);
    expect(code).to.equal(1);
    expect(await bed.read("good")).to.equal(undefined);
  });

  it("fails within seconds when etcd does not answer", async () => {
    await bed.resource("a", "x");
    const { code, log } = await bed.run(["-onetime", "-backend", "etcdv3", "-node", "127.0.0.1:1"]);
    expect(code).to.equal(1);
    expect(log).to.contain("FATAL");
  });

  it("follows keys with -watch, through a reload command, and not those that a template does not read", async () => {
    await put({ "/app/name": "one", "/app/other": "x" });
    await bed.resource(
      "a",
      'name {{getv "/app/name"}}\n',
      `keys = ["/app"]\nreload_cmd = "echo >> ${bed.path("reloads")}"`,
    );
    const confd = bed.start(["-watch", "-log-level", "debug", ...node()]);
    await eventually(async () => (await bed.read("a")) === "name one\n", slow);
    await put({ "/app/other": "y" });
    await put({ "/app/name": "one" });
    await put({ "/app/name": "two" });
    await eventually(async () => (await bed.read("a")) === "name two\n", slow);
    await eventually(async () => (await count("reloads")) === 2, slow);
    expect(confd.log().match(/Rendered/g)?.length).to.equal(2);
    const { code, log } = await confd.stop();
    expect(code, log).to.equal(0);
  });

  it("meets a storm of a thousand changes with three reloads at most, the last change included", async () => {
    await put({ "/n": "0" });
    await bed.resource(
      "a",
      '{{getv "/n"}}',
      `keys = ["/n"]\nreload_cmd = "cp ${bed.path("a")} ${bed.path("seen")}; echo >> ${bed.path("reloads")}"`,
    );
    const confd = bed.start(["-watch", ...node()]);
    await eventually(async () => (await count("reloads")) === 1, slow);
    let next = 1;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next <= 1_000) await put({ "/n": String(next++) });
      }),
    );
    await put({ "/n": "last" });
    await eventually(async () => (await bed.read("seen")) === "last", slow);
    expect(await count("reloads")).to.be.at.most(1 + 3);
    await confd.stop();
  });

  it("lets a bad template block no other, and renders it as soon as it can", async () => {
    await put({ "/a": "1" });
    await bed.resource("bad", '{{getv "/later"}}');
    await bed.resource("good", '{{getv "/a"}}');
    const confd = bed.start(["-watch", ...node()]);
    await eventually(async () => (await bed.read("good")) === "1", slow);
    await put({ "/a": "2" });
    await eventually(async () => (await bed.read("good")) === "2", slow);
    await put({ "/later": "now" });
    await eventually(async () => (await bed.read("bad")) === "now", slow);
    await confd.stop();
  });

  it("takes up templates and resources that are edited, added or broken while it runs", async () => {
    await put({ "/a": "1", "/other/b": "2" });
    await bed.resource("a", '{{getv "/a"}}', 'keys = ["/a"]');
    const confd = bed.start(["-watch", ...node()]);
    await eventually(async () => (await bed.read("a")) === "1", slow);
    await bed.write("templates/a.tmpl", 'edited {{getv "/a"}}');
    await eventually(async () => (await bed.read("a")) === "edited 1", slow);
    await bed.resource("b", '{{getv "/other/b"}}', 'keys = ["/other"]');
    await eventually(async () => (await bed.read("b")) === "2", slow);
    await bed.write("conf.d/b.toml", "[template\n");
    await eventually(() => confd.log().includes("its last good version stays in use"), slow);
    await put({ "/other/b": "3" });
    await eventually(async () => (await bed.read("b")) === "3", slow);
    await confd.stop();
  });

  it("keeps the file whose check fails, and takes the next that passes", async () => {
    await put({ "/a": "good 1" });
    await bed.resource("a", '{{getv "/a"}}', 'keys = ["/a"]\ncheck_cmd = "grep -q good {{.src}}"');
    const confd = bed.start(["-watch", ...node()]);
    await eventually(async () => (await bed.read("a")) === "good 1", slow);
    await put({ "/a": "bad" });
    await eventually(() => confd.log().includes("Config check failed: exit status 1"), slow);
    expect(await bed.read("a")).to.equal("good 1");
    await put({ "/a": "good 2" });
    await eventually(async () => (await bed.read("a")) === "good 2", slow);
    await confd.stop();
  });

  it("restores the last good file when a reload fails, and tries again until it succeeds", async () => {
    await put({ "/a": "1" });
    await bed.write("may", "");
    await bed.resource(
      "a",
      '{{getv "/a"}}',
      `keys = ["/a"]\nreload_cmd = "test -e ${bed.path("may")} || grep -q 1 ${bed.path("a")}"`,
    );
    const confd = bed.start(["-watch", ...node()]);
    await eventually(async () => (await bed.read("a")) === "1", slow);
    await rm(bed.path("may"));
    await put({ "/a": "2" });
    await eventually(() => confd.log().includes("Restored the last good"), slow);
    expect(await bed.read("a")).to.equal("1");
    await bed.write("may", "");
    await eventually(async () => (await bed.read("a")) === "2", slow);
    await confd.stop();
  });

  it("survives a restart of etcd and misses nothing", async () => {
    await put({ "/a": "1" });
    await bed.resource("a", '{{getv "/a"}}', 'keys = ["/a"]');
    const confd = bed.start(["-watch", ...node()]);
    await eventually(async () => (await bed.read("a")) === "1", slow);
    await server.signal(server.member, "SIGKILL");
    await server.startMember(server.member);
    await put({ "/a": "2" });
    await eventually(async () => (await bed.read("a")) === "2", slow);
    await confd.stop();
  });

  it("polls with -interval, and changes nothing with -noop", async () => {
    await put({ "/a": "1" });
    await bed.resource("a", '{{getv "/a"}}', 'keys = ["/a"]');
    const noop = await bed.run(["-onetime", "-noop", ...node()]);
    expect(noop.code).to.equal(0);
    expect(noop.log).to.contain("Noop mode enabled");
    expect(await bed.read("a")).to.equal(undefined);
    const confd = bed.start(["-interval", "1", ...node()]);
    await eventually(async () => (await bed.read("a")) === "1", slow);
    await put({ "/a": "2" });
    await eventually(async () => (await bed.read("a")) === "2", slow);
    await confd.stop();
  });

  it("shows with -diff what would change, and checks with -validate without any store", async () => {
    await put({ "/a": "1" });
    await bed.resource("a", 'one\n{{getv "/a"}}\n', 'keys = ["/a"]');
    await bed.write("a", "one\n0\n");
    const { stdout, code } = await bed.run(["-diff", ...node()]);
    expect(code).to.equal(0);
    expect(stdout).to.equal(
      `--- ${bed.path("a")}\n+++ ${bed.path("a")} (rendered)\n@@ -1,2 +1,2 @@\n one\n-0\n+1\n`,
    );
    expect((await bed.run(["-validate"])).code).to.equal(0);
    await bed.write("templates/a.tmpl", "{{if}}");
    const refused = await bed.run(["--validate"]);
    expect(refused.code).to.equal(1);
    expect(refused.log).to.contain("template: a.tmpl:1: missing value for if");
  });
});

describe("deis-confd on etcd with TLS", function () {
  this.timeout(60_000);

  it("shows its certificate, from flags or from the environment", async () => {
    const bed = await ConfdBed.open();
    const tls = await makePki(bed.directory);
    const server = await EtcdServer.start({ tls });
    try {
      const { ca, certificate, key } = tls;
      await etcdctl(["--endpoints", server.member.url, "put", "/a", "secret"], tls);
      await bed.resource("a", '{{getv "/a"}}', 'keys = ["/a"]');
      const flags = ["-onetime", "-backend", "etcdv3", "-node", server.member.url.replace("https://", "")];
      const given = ["-client-ca-keys", ca, "-client-cert", certificate, "-client-key", key];
      const first = await bed.run([...flags, ...given]);
      expect(first.code, first.log).to.equal(0);
      expect(await bed.read("a")).to.equal("secret");
      await rm(bed.path("a"));
      const second = await bed.run(flags, {
        CONFD_CLIENT_CAKEYS: ca,
        CONFD_CLIENT_CERT: certificate,
        CONFD_CLIENT_KEY: key,
      });
      expect(second.code, second.log).to.equal(0);
      expect(await bed.read("a")).to.equal("secret");
    } finally {
      await server.stop();
      await bed.close();
    }
  });
});

describe("deis-confd without etcd", function () {
  this.timeout(60_000);
  let bed: ConfdBed;
  beforeEach(async () => {
    bed = await ConfdBed.open();
  });
  afterEach(() => bed.close());

  it("takes keys from the environment", async () => {
    await bed.resource("a", '{{getv "/app/name"}} {{ls "/app"}}', 'keys = ["/app"]');
    const { code, log } = await bed.run(["-onetime", "-backend", "env"], {
      APP_NAME: "x",
      APP_PORT: "1",
      OTHER: "2",
    });
    expect(code, log).to.equal(0);
    expect(await bed.read("a")).to.equal("x [name port]");
  });

  it("follows a file of keys, serves metrics, and looks at all files on SIGHUP", async () => {
    await bed.write("keys.yml", "app:\n  name: one\n");
    await bed.resource("a", '{{getv "/app/name"}}', 'keys = ["/app"]');
    const confd = bed.start([
      ...["-backend", "file", "-file", bed.path("keys.yml"), "-watch"],
      ...["-metrics", "127.0.0.1:0", "-log-level", "debug"],
    ]);
    await eventually(async () => (await bed.read("a")) === "one", slow);
    await bed.write("keys.yml", "app:\n  name: two\n");
    await eventually(async () => (await bed.read("a")) === "two", slow);
    const [, address = ""] = /Metrics at (\S+)/.exec(confd.log()) ?? [];
    const metrics = await (await fetch(address)).text();
    expect(metrics).to.contain("deis_confd_updates_total 2\n");
    expect(metrics).to.contain("deis_confd_resources 1\n");
    await bed.write("a", "edited by hand");
    confd.child.kill("SIGHUP");
    await eventually(async () => (await bed.read("a")) === "two", slow);
    expect((await confd.stop()).code).to.equal(0);
  });

  it("ends with 0 where there is nothing to do, and with 1 where conf.d is missing", async () => {
    const none = await bed.run(["-onetime", "-backend", "env"]);
    expect([none.code, none.log.includes("WARNING Found no templates")]).to.deep.equal([0, true]);
    await rm(bed.path("conf.d"), { recursive: true });
    const missing = await bed.run(["-onetime", "-backend", "env"]);
    expect([missing.code, missing.log.includes("FATAL")]).to.deep.equal([1, true]);
    const absent = await bed.run(["-onetime", "-backend", "env", "-confdir", bed.path("none")]);
    expect([absent.code, absent.log.includes("does not exist")]).to.deep.equal([0, true]);
  });

  it("ends with 2 and the usage on an unknown flag", async () => {
    const { code, log } = await bed.run(["-nope"]);
    expect(code).to.equal(2);
    expect(log).to.match(/^flag provided but not defined: -nope\nUsage of deis-confd:/);
  });
});
