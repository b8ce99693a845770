import { connect } from "node:net";
import { expect } from "chai";
import type { Cluster } from "../../hosts/cluster.ts";
import { createCluster } from "../../hosts/create.ts";
import { memberHealthy } from "../../hosts/etcd-member.ts";
import { etcdctlCommand } from "../../hosts/etcdctl.ts";
import { attempt } from "../../hosts/run.ts";
import { eventually } from "../support/eventually.ts";
import { freshClusterName, useCluster } from "../support/host.ts";
import { footprint, packetFilter } from "./footprint.ts";

describe("A cluster of three hosts", function () {
  this.timeout(60_000);
  this.slow(5_000);
  const the = useCluster({ hosts: 3 });

  it("has on each host its own systemd, name, address and machine id", async () => {
    const ids = new Set<string>();
    for (const host of the.cluster.hosts) {
      expect(await host.exec(["hostname"])).to.equal(`${host.name}\n`);
      expect(await host.exec(["systemctl", "is-system-running"])).to.equal("running\n");
      expect(await host.exec(["ip", "-4", "-o", "addr", "show", "host0"])).to.include(` ${host.address}/24 `);
      ids.add((await host.exec(["cat", "/etc/machine-id"])).trim());
    }
    expect(ids.size).to.equal(3);
  });

  it("has a Docker on each host, whose containers are reached from this machine", async () => {
    for (const host of the.cluster.hosts) {
      const image = ["busybox", "sh", "-c", "mkdir /www; hostname > /www/index.html; exec httpd -f -h /www"];
      await host.exec([
        "docker",
        "run",
        "-d",
        "--rm",
        "--name",
        "web",
        "-h",
        `web-${host.name}`,
        "-p",
        "8080:80",
        ...image,
      ]);
      const { stdout } = await attempt([
        "curl",
        "-s",
        "--retry",
        "10",
        "--retry-connrefused",
        "--retry-delay",
        "0",
        `http://${host.address}:8080/`,
      ]);
      expect(stdout).to.equal(`web-${host.name}\n`);
      await host.exec(["docker", "rm", "-f", "web"]);
    }
  });

  it("lets hosts know each other by name", async () => {
    expect(await the.cluster.host(1).exec(["getent", "hosts", "h3"])).to.include(the.cluster.host(3).address);
    await the.cluster.host(1).exec(["ping", "-c", "1", "-W", "2", "h3"]);
  });

  it("has an etcd of three members that serves holders of a certificate, and nobody else", async () => {
    const { endpoints, cafile, certfile, keyfile } = the.cluster.etcd;
    expect(endpoints).to.have.lengthOf(3);
    for (const url of endpoints) {
      expect(await memberHealthy(url, the.cluster.operator), url).to.equal(true);
      expect(
        (await attempt(["curl", "-s", "--cacert", cafile, `${url}/health`])).code,
        "no certificate",
      ).not.to.equal(0);
      const known = ["curl", "-s", "--cacert", cafile, "--cert", certfile, "--key", keyfile];
      expect((await attempt([...known, `${url}/health`])).stdout).to.include('"health":"true"');
    }
  });

  it("gives a host a certificate with which its own clients reach every member", async () => {
    const host = the.cluster.host(2);
    for (const url of the.cluster.etcd.endpoints)
      expect(await memberHealthy(url, host.identity)).to.equal(true);
  });

  it("tells how a command in a host ended, and passes its input", async () => {
    const host = the.cluster.host(1);
    const ended = await host.attempt(["sh", "-c", "cat; echo bad >&2; exit 7"], { input: "in" });
    expect(ended).to.deep.equal({ code: 7, stdout: "in", stderr: "bad\n" });
    const failure = await host.exec(["sh", "-c", "echo why >&2; exit 3"]).catch((error: Error) => error);
    expect(failure).to.be.instanceOf(Error).and.to.have.property("message").that.includes("status 3: why");
  });

  it("writes files into a host, wherever they are", async () => {
    const host = the.cluster.host(1);
    await host.write("/run/probe/secret", "x", { mode: 0o600 });
    expect(await host.exec(["stat", "-c", "%a %s", "/run/probe/secret"])).to.equal("600 1\n");
  });

  it("reboots a host: another boot, the same machine, its files kept", async () => {
    const host = the.cluster.host(3);
    const facts = async () => ({
      boot: await host.exec(["cat", "/proc/sys/kernel/random/boot_id"]),
      id: await host.exec(["cat", "/etc/machine-id"]),
      started: await host.exec(["systemctl", "show", "-P", "UserspaceTimestampMonotonic"]),
    });
    await host.write("/root/kept", "yes");
    const before = await facts();
    const leader = host.leader;
    await host.reboot();
    const after = await facts();
    expect(after.id).to.equal(before.id);
    expect(host.leader).not.to.equal(leader);
    expect(await host.exec(["cat", "/root/kept"])).to.equal("yes");
    await the.cluster.etcdHealthy();
  });

  it("goes on without a host whose power is cut, and takes it back with its disk", async () => {
    const host = the.cluster.host(2);
    const networkCard = () => host.exec(["cat", "/sys/class/net/host0/address"]);
    const before = await networkCard();
    await host.write("/root/kept", "yes");
    await host.kill();
    expect(host.state).to.equal("stopped");
    await eventually(async () => (await put(the.cluster, "after-power-cut")) === 0, { within: 10_000 });
    await host.start();
    // Another one would be unreachable for whoever spoke with this host just before, up to half a minute.
    expect(await networkCard()).to.equal(before);
    await the.cluster.etcdHealthy();
    expect(await host.exec(["cat", "/root/kept"])).to.equal("yes");
  });

  it("tells no peer of a power cut: its connections fall silent", async () => {
    const host = the.cluster.host(2);
    const socket = connect(2379, host.address);
    await new Promise((resolve) => socket.once("connect", resolve));
    let told = false;
    for (const event of ["close", "end", "error"]) {
      socket.on(event, () => {
        told = true;
      });
    }
    await host.kill();
    await host.start();
    // Its connection was in the old kernel namespace: nothing of that may have reached us until we ask again.
    expect(told).to.equal(false);
    socket.destroy();
    await the.cluster.etcdHealthy();
  });

  it("stops a host in order and starts it again", async () => {
    const host = the.cluster.host(1);
    await host.stop();
    expect(host.state).to.equal("stopped");
    const refused = await host.exec(["true"]).catch((error: Error) => error);
    expect(refused).to.have.property("code", "host-not-running");
    await host.start();
    await the.cluster.etcdHealthy();
  });

  it("pulls a host's cable, which the host sees, and plugs it in", async () => {
    const host = the.cluster.host(3);
    await host.cut();
    expect(await host.cable()).to.equal("cut");
    await eventually(
      async () => (await host.exec(["cat", "/sys/class/net/host0/carrier"]).catch(() => "0\n")) === "0\n",
    );
    expect(await reaches(the.cluster, 1, 3)).to.equal(false);
    await host.join();
    await eventually(() => reaches(the.cluster, 1, 3));
  });

  it("parts hosts silently: each side sees its own, the link stays up", async () => {
    await the.cluster.part([1, 2]);
    expect(await the.cluster.host(1).cable()).to.equal("parted");
    expect(await the.cluster.host(1).exec(["cat", "/sys/class/net/host0/carrier"])).to.equal("1\n");
    expect(await reaches(the.cluster, 1, 2)).to.equal(true);
    expect(await reaches(the.cluster, 1, 3)).to.equal(false);
    expect(await reaches(the.cluster, 3, 2)).to.equal(false);
    await the.cluster.heal();
    await eventually(() => reaches(the.cluster, 1, 3));
    await the.cluster.etcdHealthy();
  });

  it("freezes a host, which then answers nothing, and thaws it", async () => {
    const [url = ""] = the.cluster.etcd.endpoints;
    const host = the.cluster.host(1);
    await host.freeze();
    expect(host.state).to.equal("frozen");
    expect(await memberHealthy(url, the.cluster.operator)).to.equal(false);
    const refused = await host.exec(["true"]).catch((error: Error) => error);
    expect(refused).to.have.property("message").that.includes("is not running, it is frozen");
    host.thaw();
    await the.cluster.etcdHealthy();
  });

  it("kills a frozen host as well", async () => {
    const host = the.cluster.host(3);
    await host.freeze();
    await host.kill();
    await host.start();
    await the.cluster.etcdHealthy();
  });

  it("takes in one more host, a client of its etcd that all others know", async () => {
    const host = await the.cluster.add();
    expect(host.name).to.equal("h4");
    expect(await host.exec(["systemctl", "is-active", "docker"])).to.equal("active\n");
    expect((await host.attempt(["systemctl", "is-active", "etcd"])).stdout).to.equal("inactive\n");
    expect(await the.cluster.host(1).exec(["getent", "hosts", "h4"])).to.include(host.address);
    expect(the.cluster.etcd.endpoints).to.have.lengthOf(3);
  });
});

describe("Clusters", function () {
  this.timeout(60_000);
  this.slow(5_000);

  it("live side by side, and leave nothing behind when they go down", async () => {
    const filter = await packetFilter();
    const names = [freshClusterName(), freshClusterName()];
    const clusters = await Promise.all(names.map((name) => createCluster({ name, hosts: 1 })));
    try {
      expect(new Set(clusters.map((cluster) => cluster.subnet)).size).to.equal(2);
      for (const cluster of clusters) {
        expect(await cluster.host(1).exec(["systemctl", "is-active", "etcd"])).to.equal("active\n");
        expect(await footprint(cluster.name)).not.to.deep.equal([]);
      }
      // No way from one into the other: each switch is its own.
      const [one, two] = clusters;
      const target = two?.host(1).address ?? "";
      expect((await one?.host(1).attempt(["ping", "-c", "1", "-W", "1", target]))?.code).not.to.equal(0);
      await Promise.all(clusters.map((cluster) => cluster.openUplink()));
      expect(await footprint(names[0] ?? "")).to.satisfy((lines: string[]) =>
        lines.some((line) => line.includes("slirp4netns")),
      );
    } finally {
      await Promise.all(clusters.map((cluster) => cluster.down()));
    }
    for (const name of names) await eventually(async () => expect(await footprint(name)).to.deep.equal([]));
    expect(await packetFilter()).to.equal(filter);
  });

  it("can be taken down twice, and by another process than the one that made them", async () => {
    const name = freshClusterName();
    const cluster = await createCluster({ name, hosts: 1, docker: false, etcd: false });
    await cluster.down();
    await cluster.down();
    expect(await footprint(name)).to.deep.equal([]);
  });

  it("do not take a name that is in use", async () => {
    const name = freshClusterName();
    const options = { name, hosts: 1, docker: false, etcd: false } as const;
    const cluster = await createCluster(options);
    try {
      const refused = await createCluster(options).catch((error: Error) => error);
      expect(refused).to.have.property("code", "cluster-exists");
      expect(await cluster.host(1).exec(["true"])).to.equal("");
    } finally {
      await cluster.down();
    }
  });

  it("leave nothing behind when their making is aborted", async () => {
    const name = freshClusterName();
    const abort = new AbortController();
    const making = createCluster({ name, hosts: 3, signal: abort.signal });
    await eventually(async () => (await footprint(name)).some((line) => line.includes("systemd-nspawn")));
    abort.abort(new Error("enough"));
    const failure = await making.catch((error: Error) => error);
    expect(failure).to.have.property("message").that.includes("enough");
    await eventually(async () => expect(await footprint(name)).to.deep.equal([]));
  });
});

async function put(cluster: Cluster, key: string): Promise<number> {
  return (await attempt(etcdctlCommand(cluster.etcd, ["--command-timeout", "2s", "put", key, "1"]))).code;
}

async function reaches(cluster: Cluster, from: number, to: number): Promise<boolean> {
  const { address } = cluster.host(to);
  return (await cluster.host(from).attempt(["ping", "-c", "1", "-W", "1", address])).code === 0;
}
