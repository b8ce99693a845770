/**
 * Deis v1's own router unit, as its template had it, on hosts that are not CoreOS. Added are the two mounts by which our router finds an etcd
 * that asks for a certificate, and which machine this is.
 */
import { expect } from "chai";
import { version as platformVersion } from "../../cluster/version.ts";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { livesOn, tracesOn } from "../support/living-units.ts";

const units = ["deis-router@1.service", "deis-router@2.service"];

const overSystemd = `[Unit]
Description=deis-router

[Service]
EnvironmentFile=/etc/environment
TimeoutStartSec=20m
ExecStartPre=/bin/sh -c "IMAGE=\`/run/deis/bin/get_image /deis/router\` && docker history $IMAGE >/dev/null 2>&1 || flock -w 1200 /var/run/lock/router-pull docker pull $IMAGE"
ExecStartPre=/bin/sh -c "docker inspect deis-router >/dev/null 2>&1 && docker rm -f deis-router || true"
ExecStart=/bin/sh -c "IMAGE=\`/run/deis/bin/get_image /deis/router\` && docker run --name deis-router --rm -p 80:80 -p 2222:2222 -p 443:443 -p 9090:9090 -e EXTERNAL_PORT=80 -e HOST=$COREOS_PRIVATE_IPV4 -v /etc/deis:/etc/deis:ro -v /etc/machine-id:/etc/machine-id:ro $IMAGE"
ExecStop=-/usr/bin/docker stop deis-router
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target

[X-Fleet]
Conflicts=deis-router@*.service
`;

const overDocker = `[Unit]
Description=deis-router

[Container]
Image=deis/router:${platformVersion}
ContainerName=deis-router
PublishPort=80:80
PublishPort=2222:2222
PublishPort=443:443
PublishPort=9090:9090
Volume=/etc/deis:/etc/deis:ro
Volume=/etc/machine-id:/etc/machine-id:ro
EnvironmentFile=/etc/environment
Environment=EXTERNAL_PORT=80

[Service]
TimeoutStartSec=20m
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target

[X-Fleet]
Conflicts=deis-router@*.service
`;

describe("the router unit of Deis v1", function () {
  this.timeout(60_000);
  const the = useDeployedCluster({ hosts: 2 });

  before("give the hosts what CoreOS gave them", async () => {
    const getImage = `#!/bin/sh\necho "\${1#/}:${platformVersion}"\n`;
    for (const host of the.deployed.hosts) {
      await host.write("/etc/environment", `COREOS_PRIVATE_IPV4=${host.address}\n`);
      await host.write("/run/deis/bin/get_image", getImage, { mode: 0o755 });
    }
  });

  async function answersEverywhere(): Promise<void> {
    for (const { address } of the.deployed.hosts) {
      await eventually(async () => {
        const answer = await fetch(`http://${address}/health-check`, { signal: AbortSignal.timeout(2_000) });
        expect(answer.status).to.equal(200);
      });
    }
  }

  async function containers(host: Host): Promise<string> {
    return await host.exec(["docker", "ps", "--all", "--format", "{{.Names}}"]);
  }

  for (const [runtime, text] of [
    ["systemd", overSystemd],
    ["Docker", overDocker],
  ] as const) {
    describe(`run by ${runtime}`, () => {
      before("start two of it", async () => {
        await the.deployed.write({ "deis-router@.service": text });
        await the.deployed.deisctl("start", ...units);
        await the.deployed.allActive(units);
      });

      after("destroy them", async () => {
        await the.deployed.deisctl("destroy", "deis-router@*");
        for (const host of the.deployed.hosts) {
          expect(await tracesOn(host)).to.deep.equal([]);
          expect(await containers(host)).to.equal("");
        }
      });

      it("runs one on each host, since two conflict, and answers", async () => {
        expect(units.map((unit) => the.deployed.hostWith(unit).name).sort()).to.deep.equal(["h1", "h2"]);
        await answersEverywhere();
        for (const host of the.deployed.hosts) expect(await containers(host)).to.equal("deis-router\n");
      });

      it("knows the host's address from the host's environment file", async () => {
        for (const host of the.deployed.hosts) {
          const name = runtime === "systemd" ? "HOST" : "COREOS_PRIVATE_IPV4";
          // To systemd the unit is active once the docker command runs; the container follows.
          await eventually(async () => {
            const value = await host.exec(["docker", "exec", "deis-router", "printenv", name]);
            expect(value).to.equal(`${host.address}\n`);
          });
        }
      });

      it("stops cleanly and starts again on the same host", async () => {
        const host = the.deployed.hostWith("deis-router@1.service");
        await the.deployed.deisctl("stop", "router@1");
        const [stopped] = the.deployed.reported("deis-router@1.service");
        expect(stopped?.state).to.include({ active: "inactive", sub: "dead" });
        expect(stopped?.state.problem).to.equal(undefined);
        expect(await host.exec(["docker", "ps", "--quiet"])).to.equal("");
        await the.deployed.deisctl("start", "router@1");
        expect(the.deployed.hostWith("deis-router@1.service")).to.equal(host);
        await answersEverywhere();
      });

      it("restarts in place, once", async () => {
        const host = the.deployed.hostWith("deis-router@2.service");
        const before = await livesOn(host);
        await the.deployed.deisctl("restart", "router@2");
        const after = await livesOn(host);
        expect(after).to.have.length(1).and.not.deep.equal(before);
        await answersEverywhere();
        expect(await livesOn(host)).to.deep.equal(after);
      });

      it("refuses a third: both hosts have one", async () => {
        const { code, stderr } = await the.deployed.tryDeisctl("start", "deis-router@3");
        expect(code).to.equal(3);
        expect(stderr).to.match(/2 machines rejected it: 2 run units such as "deis-router@[12]\.service"/);
      });
    });
  }

  it("moves from systemd to Docker when its file does", async () => {
    const { deployed } = the;
    await deployed.write({ "deis-router@9.service": overSystemd });
    await deployed.deisctl("start", "deis-router@9.service");
    await deployed.write({ "deis-router@9.service": overDocker });
    await deployed.deisctl("start", "--replace", "deis-router@9.service");
    const host = deployed.hostWith("deis-router@9.service");
    expect(await livesOn(host)).to.have.length(1);
    expect((await livesOn(host))[0]).to.match(/^deis-router@9\.service container /);
    await deployed.deisctl("destroy", "deis-router@9.service");
    expect(await tracesOn(host)).to.deep.equal([]);
  });
});
