/** install.sh on a real host with a TLS etcd: what it makes, what it leaves alone, and that units never notice it. */
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { eventually } from "../support/eventually.ts";
import { useHost } from "../support/host.ts";
import {
  changedVersion,
  clusterOptions,
  daemonRuns,
  filesOf,
  install,
  prepareInstallation,
  releases,
  unitProperties,
} from "./installation.ts";

const containerUnit = `[Container]
Image=busybox
Exec=sleep 1000
[Service]
TimeoutStopSec=1
`;
const serviceUnit = `[Service]
ExecStart=/bin/sleep 1000
`;

describe("install.sh", function () {
  this.timeout(90_000);
  this.slow(1_000);
  const the = useHost({ etcd: true });
  const release = ["--release", releases.current];
  const changedRelease = ["--release", releases.changed];
  const installed = () =>
    install(the.host, [
      ...release,
      ...clusterOptions(the.cluster, the.host),
      ...["--metadata", "region=lab,disk=ssd", "--scheduler"],
    ]);

  before("put the releases and certificates where the host sees them", async function () {
    this.timeout(10 * 60_000);
    await prepareInstallation(the.cluster, the.host);
  });

  it("installs files, user, group and services, and the host joins the cluster", async () => {
    expect(await installed()).to.match(/running: deis-agent\.service deis-scheduler\.service/);

    const modes = await the.host.exec([
      ...["stat", "--format=%n %A %U:%G", "/etc/deis/agent.toml", "/etc/deis/pki"],
      ...["/etc/deis/pki/ca.crt", "/etc/deis/pki/host.crt", "/etc/deis/pki/host.key"],
      ...["/usr/local/bin/deisctl", "/usr/local/bin/deis-agent", "/usr/local/bin/deis-scheduler"],
      ...["/usr/local/bin/deis-api", "/usr/local/bin/deis-confd"],
      ...["/etc/systemd/system/deis-agent.service", "/etc/systemd/system/deis-scheduler.service"],
      ...["/etc/systemd/system/deis-api.socket", "/etc/systemd/system/deis-api.service"],
      ...["/opt/deis/current/dist/agent/main.js"],
    ]);
    expect(modes).to.equal(`/etc/deis/agent.toml -rw-r--r-- root:root
/etc/deis/pki drwxr-x--- root:deis
/etc/deis/pki/ca.crt -rw-r----- root:deis
/etc/deis/pki/host.crt -rw-r----- root:deis
/etc/deis/pki/host.key -rw-r----- root:deis
/usr/local/bin/deisctl -rwxr-xr-x root:root
/usr/local/bin/deis-agent -rwxr-xr-x root:root
/usr/local/bin/deis-scheduler -rwxr-xr-x root:root
/usr/local/bin/deis-api -rwxr-xr-x root:root
/usr/local/bin/deis-confd -rwxr-xr-x root:root
/etc/systemd/system/deis-agent.service -rw-r--r-- root:root
/etc/systemd/system/deis-scheduler.service -rw-r--r-- root:root
/etc/systemd/system/deis-api.socket -rw-r--r-- root:root
/etc/systemd/system/deis-api.service -rw-r--r-- root:root
/opt/deis/current/dist/agent/main.js -rw-r--r-- root:root
`);
    expect(await the.host.exec(["id", "deis"])).to.match(
      /^uid=\d+\(deis\) gid=\d+\(deis\) groups=\d+\(deis\)\n$/,
    );
    const states = await the.host.exec(["systemctl", "is-enabled", "deis-agent", "deis-scheduler"]);
    expect(states).to.equal("enabled\nenabled\n");
    expect(await the.host.exec(["systemctl", "is-active", "deis-agent", "deis-scheduler"])).to.equal(
      "active\nactive\n",
    );
    expect(
      await the.host.exec(["sh", "-c", "ps -o user= -p $(systemctl show -P MainPID deis-scheduler)"]),
    ).to.match(/^deis\n/);
    await eventually(async () => {
      const machines = await the.host.exec(["deisctl", "list-machines", "--no-legend"]);
      expect(machines).to.include(the.host.address);
      expect(machines).to.include("disk=ssd");
    });
  });

  it("changes no file and restarts nothing when it is run again", async () => {
    await installed();
    const files = await filesOf(the.host);
    const runs = await daemonRuns(the.host);

    await installed();
    await install(the.host, release);

    expect(await filesOf(the.host)).to.deep.equal(files);
    expect(await daemonRuns(the.host)).to.deep.equal(runs);
  });

  it("upgrades daemons and leaves running units and settings alone", async () => {
    await installed();
    await the.host.write("/root/box.service", containerUnit);
    await the.host.write("/root/nap.service", serviceUnit);
    await the.host.exec(["deisctl", "start", "/root/box.service", "/root/nap.service"], {
      deadlineMs: 60_000,
    });
    const own = '# mine\n[log]\nlevel = "debug"\n';
    await the.host.exec(["sh", "-c", `printf '${own.replaceAll("\n", "\\n")}' >> /etc/deis/agent.toml`]);
    const settings = await the.host.exec(["cat", "/etc/deis/agent.toml"]);
    const units = await unitRuns(the.host);
    const daemons = await daemonRuns(the.host);

    await install(the.host, changedRelease, releases.changed);

    expect(await the.host.exec(["deisctl", "--version"])).to.include(changedVersion);
    const upgraded = await daemonRuns(the.host);
    for (const daemon of daemons) expect(upgraded).not.to.include(daemon);
    expect(await the.host.exec(["cat", "/etc/deis/agent.toml"])).to.equal(settings);
    await eventually(async () => {
      const rows = await the.host.exec(["deisctl", "list-units", "--no-legend", "--fields", "unit,active"]);
      expect(rows)
        .to.match(/box\.service\s+active/)
        .and.to.match(/nap\.service\s+active/);
    });
    expect(await unitRuns(the.host)).to.deep.equal(units);

    const previous = await the.host.exec([
      "sh",
      "-c",
      "ls -d /opt/deis/releases/* | grep -v $(readlink /opt/deis/current)",
    ]);
    await install(the.host, ["--release", previous.trim()], previous.trim());
    expect(await the.host.exec(["deisctl", "--version"])).not.to.include(changedVersion);
    expect(await unitRuns(the.host)).to.deep.equal(units);
    await the.host.exec(["deisctl", "destroy", "box.service", "nap.service"], { deadlineMs: 60_000 });
  });

  it("changes only the settings that are named, and keeps the former file", async () => {
    await installed();
    const before = await the.host.exec(["cat", "/etc/deis/agent.toml"]);

    await install(the.host, [...release, "--metadata", "disk=hdd"]);

    const after = await the.host.exec(["cat", "/etc/deis/agent.toml"]);
    expect(after).to.include('disk = "hdd"').and.not.to.include("region");
    expect(after)
      .to.include(the.cluster.etcd.endpoints[0])
      .and.to.include(`listen = "${the.host.address}:7002"`);
    expect(await the.host.exec(["cat", "/etc/deis/agent.toml.before"])).to.equal(before);
    await eventually(async () => {
      expect(await the.host.exec(["deisctl", "list-machines", "--no-legend"])).to.include("disk=hdd");
    });
  });

  it("lets metadata be edited by hand and read again without a restart", async () => {
    await installed();
    const runs = await daemonRuns(the.host);
    await the.host.exec(["sed", "-i", 's/^disk = .*/disk = "nvme"/', "/etc/deis/agent.toml"]);

    await the.host.exec(["systemctl", "reload", "deis-agent"]);

    await eventually(async () => {
      expect(await the.host.exec(["deisctl", "list-machines", "--no-legend"])).to.include("disk=nvme");
    });
    expect(await daemonRuns(the.host)).to.deep.equal(runs);
  });

  it("leaves a host without a scheduler without one, until it is asked for", async () => {
    await installed();
    await install(the.host, [...release, "--no-scheduler"]);
    await install(the.host, changedRelease);
    expect((await the.host.attempt(["systemctl", "is-active", "deis-scheduler"])).stdout).to.equal(
      "inactive\n",
    );
    expect((await the.host.attempt(["systemctl", "is-enabled", "deis-scheduler"])).stdout).to.equal(
      "disabled\n",
    );

    await install(the.host, [...release, "--scheduler"]);
    expect(await the.host.exec(["systemctl", "is-active", "deis-scheduler"])).to.equal("active\n");
  });

  it("has the API's socket open, and serves it on TCP where asked", async () => {
    await installed();
    const ask = (...where: readonly string[]) =>
      the.host.exec(["curl", "-sS", "-m", "10", ...where], { deadlineMs: 20_000 });
    expect(await ask("--unix-socket", "/run/fleet.sock", "http://d/fleet/v1/machines")).to.match(
      /^\{"machines":/,
    );
    const tls = ["--cacert", "ca.crt", "--cert", "host.crt", "--key", "host.key"].map((part) =>
      part.startsWith("--") ? part : `/etc/deis/pki/${part}`,
    );
    const url = `https://${the.host.address}:7003/deis/v1/machines`;
    await install(the.host, [...release, "--api-listen", `${the.host.address}:7003`]);
    expect(await the.host.exec(["systemctl", "is-enabled", "deis-api.service"])).to.equal("enabled\n");
    await eventually(async () => expect(await ask(...tls, url)).to.contain(the.host.address));
    expect((await the.host.attempt(["curl", "-sSk", "-m", "10", url])).code).not.to.equal(0);
  });

  it("completes in the next run what a run before it did not", async () => {
    await installed();
    const daemons = await daemonRuns(the.host);
    expect(await install(the.host, [...changedRelease, "--no-start"])).to.include("installed; start with");
    expect(await daemonRuns(the.host)).to.deep.equal(daemons);

    await install(the.host, changedRelease);
    for (const daemon of await daemonRuns(the.host)) expect(daemons).not.to.include(daemon);
  });

  it("installs and starts nothing where systemd does not run, in an image say", async () => {
    const script =
      "bash /r/install.sh --release /r && deisctl --version && readlink /etc/systemd/system/*.wants/deis-*";
    const mounts = ["-v", `${releases.current}:/r:ro`, "-v", "/usr/bin/node:/usr/bin/node:ro"];
    const said = await the.host.exec(
      ["docker", "run", "--rm", ...mounts, "debian:bookworm-slim", "bash", "-c", script],
      { deadlineMs: 60_000 },
    );
    expect(said).to.match(
      /installed; start with: systemctl daemon-reload && systemctl restart deis-agent\.service/,
    );
    expect(said).to.match(
      /system\/deis-agent\.service\n.*system\/deis-scheduler\.service\n.*system\/deis-api\.socket\n$/,
    );
  });

  it("says so when a daemon does not stay up, and how to go back", async () => {
    await installed();
    await the.host.exec([
      "sh",
      "-c",
      `cp -r ${releases.changed} /root/bad && echo 'process.exit(3)' > /root/bad/dist/scheduler/main.js`,
    ]);

    const { code, stderr } = await the.host.attempt(
      ["bash", "/root/bad/install.sh", "--release", "/root/bad"],
      {
        deadlineMs: 60_000,
      },
    );

    expect(code).to.equal(1);
    expect(stderr).to.match(/deis-scheduler\.service does not stay up\nHint: journalctl -u deis-scheduler/);
    const [, back = ""] = /back to the release before: (.*)/.exec(stderr) ?? [];
    await the.host.exec(["bash", ...back.split(" ")], { deadlineMs: 60_000 });
    await the.host.exec(["rm", "-r", "/root/bad"]);
  });
});

/** What tells one run of the two units from the next. */
async function unitRuns(host: Host): Promise<readonly string[]> {
  const format = "{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}";
  const ids = (await host.exec(["docker", "ps", "-q", "--filter", "label=deis.unit"])).trim().split("\n");
  const containers = await host.exec(["docker", "inspect", "--format", format, ...ids]);
  const nap = await unitProperties(host, "nap.service", ["MainPID", "InvocationID", "ActiveEnterTimestamp"]);
  return [containers, JSON.stringify(nap)];
}
