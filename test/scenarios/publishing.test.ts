/** What runs and answers stands in the store, and nothing else does: on real hosts, with Docker and systemd. */
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";

const http = "mkdir -p /www; exec httpd -f -p 80 -h /www";

const web = `[Container]
Image=busybox
Pull=never
Exec=sh -c "trap 'exit 0' TERM; mkdir -p /www; httpd -f -p 80 -h /www & wait"
PublishPort=80
[Service]
Restart=no
[X-Publish]
Service=shop
HealthPath=/healthz
`;

const onHost = `[Service]
ExecStart=/usr/bin/env node -e "require('http').createServer((_, to) => to.end()).listen(8123)"
[X-Publish]
Service=plain
Port=8123
`;

/** As Deis v1's controller wrote them. */
const deis = `[Service]
ExecStartPre=/bin/sh -c "docker inspect go_v2.web.1 >/dev/null 2>&1 && docker rm -f go_v2.web.1 || true"
ExecStart=/bin/sh -c "docker run --name go_v2.web.1 --rm -P --expose 80 busybox sh -c '${http}'"
ExecStop=/usr/bin/docker stop -t 1 go_v2.web.1
TimeoutStartSec=20m
`;

describe("publishing on real hosts", function () {
  this.timeout(60_000);
  const the = useDeployedCluster({ hosts: 1, images: "foundation" });

  const services = "/deis/services/";

  /** What stands in the store, as `<service>/<name>`. */
  async function endpoints(): Promise<Record<string, string>> {
    const { entries } = await the.deployed.etcd.range({ key: services, end: "/deis/services0" }, {});
    return Object.fromEntries(
      entries.map(({ key, value }) => [key.slice(services.length), value.toString()]),
    );
  }

  async function stands(name: string): Promise<string> {
    return await eventually(
      async () => {
        const endpoint = (await endpoints())[name];
        if (endpoint === undefined) throw new Error(`"${name}" is not published`);
        return endpoint;
      },
      { within: 15_000, every: 50 },
    );
  }

  const goes = (name: string, within = 5_000) =>
    eventually(async () => expect(await endpoints()).to.not.have.property(name), { within, every: 20 });

  const published = (unit: string) => the.deployed.reported(unit)[0]?.state.published;
  const docker = (host: Host, ...args: string[]) => host.exec(["docker", ...args]);

  before("start an app of two", async () => {
    await the.deployed.write({ "shop@.service": web, "plain.service": onHost, "go_v2.web.1.service": deis });
    await the.deployed.deisctl("start", "shop@1", "shop@2");
    await the.deployed.allActive(["shop@1.service", "shop@2.service"]);
  });

  it("waits for a healthy answer and says what it waits for", async () => {
    await eventually(() => expect(published("shop@1.service")?.problem).to.equal("GET /healthz gave 404"), {
      within: 15_000,
    });
    expect(await endpoints()).to.deep.equal({});
    for (const number of [1, 2]) {
      const host = the.deployed.hostWith(`shop@${number}.service`);
      await docker(host, "exec", `shop-${number}`, "touch", "/www/healthz");
      const endpoint = await stands(`shop/shop@${number}`);
      expect(endpoint).to.match(new RegExp(`^${host.address}:[0-9]+$`));
      expect((await fetch(`http://${endpoint}/healthz`)).status).to.equal(200);
    }
    await eventually(() => expect(published("shop@1.service")).to.include({ service: "shop", routed: true }));
  });

  it("is not disturbed by a restart of the agent, and under the same lease", async () => {
    const host = the.deployed.hostWith("shop@1.service");
    const read = async () => (await the.deployed.etcd.range({ key: `${services}shop/shop@1` }, {})).entries;
    const before = await read();
    const revision = the.deployed.records.tables.states.revisionOf(
      `${the.deployed.machineOf(host)}/shop@1.service`,
    );
    await host.exec(["systemctl", "kill", "-s", "KILL", "deis-agent"]);
    await eventually(
      async () => {
        const health = await host.attempt([
          "curl",
          "-sf",
          "--unix-socket",
          "/run/deis/agent.sock",
          "http://a/healthz",
        ]);
        return health.code === 0;
      },
      { within: 15_000, every: 100 },
    );
    expect(await read()).to.deep.equal(before);
    expect(
      the.deployed.records.tables.states.revisionOf(`${the.deployed.machineOf(host)}/shop@1.service`),
    ).to.equal(revision);
  });

  it("ends when the container is killed, and begins again when the unit is restarted", async () => {
    const host = the.deployed.hostWith("shop@1.service");
    await docker(host, "kill", "shop-1");
    await goes("shop/shop@1", 2_000);
    await the.deployed.deisctl("restart", "--no-block", "shop@1");
    await eventually(() => the.deployed.activeOn("shop@1.service").length === 1);
    await docker(host, "exec", "shop-1", "touch", "/www/healthz");
    await stands("shop/shop@1");
  });

  it("ends before the unit is stopped, and waits for the routers there are", async () => {
    const { deployed } = the;
    const router = "/deis/router/hosts/0123456789abcdef0123456789abcdef";
    const put = (revision: bigint, drained: bigint) =>
      deployed.etcdctl([
        "put",
        router,
        JSON.stringify({ address: "10.0.0.9", revision: `${revision}`, drained: `${drained}` }),
      ]);
    await put(1n, 1n);
    await deployed.deisctl("stop", "--no-block", "shop@2");
    await goes("shop/shop@2");
    const host = deployed.hostWith("shop@2.service");
    expect(await docker(host, "ps", "--format", "{{.Names}}")).to.contain("shop-2");
    await put(10n ** 9n, 10n ** 9n);
    await eventually(
      async () => expect(await docker(host, "ps", "--format", "{{.Names}}")).to.not.contain("shop-2"),
      {
        within: 10_000,
        every: 50,
      },
    );
    await deployed.etcdctl(["del", router]);
  });

  it("has a unit of systemd at the port that it names", async () => {
    await the.deployed.deisctl("start", "plain");
    const endpoint = await stands("plain/plain");
    expect(endpoint).to.equal(`${the.deployed.hostWith("plain.service").address}:8123`);
    await the.deployed.deisctl("stop", "plain");
    expect(await endpoints()).to.not.have.property("plain/plain");
  });

  it("has an app of Deis v1 at the port that Docker chose for its container", async () => {
    await the.deployed.deisctl("start", "go_v2.web.1");
    const endpoint = await stands("go/go_v2.web.1");
    expect((await fetch(`http://${endpoint}/`)).status).to.equal(404);
    expect(published("go_v2.web.1.service")?.service).to.equal("go");
    await the.deployed.deisctl("stop", "go_v2.web.1");
    expect(await endpoints()).to.not.have.property("go/go_v2.web.1");
  });
});
