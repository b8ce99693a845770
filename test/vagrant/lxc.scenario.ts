/**
 * Three machines by `vagrant up --provider=lxc`, with the Vagrantfile and scripts as they are: etcd, Docker and Deis are
 * installed by the provisioning. Vagrant and its containers run inside one real host, so that this machine is left alone.
 *
 * It takes minutes and fetches packages, so it is not part of `make test`: `make vagrant-lxc`. With TRANSCRIPT=file the
 * commands and what they printed are written there.
 */
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import { cacheDirectory } from "../../hosts/cache.ts";
import { Cluster } from "../../hosts/cluster.ts";
import { terminalProgress } from "../../hosts/progress.ts";
import { projectRoot } from "../../hosts/project.ts";
import { ensureRelease } from "../../hosts/release.ts";
import { run } from "../../hosts/run.ts";
import { eventually } from "../support/eventually.ts";
import { freshClusterName } from "../support/host.ts";
import { ensureBox, ensureVagrant } from "./vagrant-base.ts";

/** vagrant-lxc in a container of systemd-nspawn: what a host with its own kernel does not need. */
const prepare = `set -e
# An empty directory that vagrant-lxc would mount selinuxfs on.
mount -o remount,rw /sys
rmdir /sys/fs/selinux
for controller in /sys/fs/cgroup/*/; do if mountpoint -q "$controller"; then mount -o remount,rw,bind "$controller"; fi; done
vagrant box add --name bookworm-lxc /mnt/box/bookworm.box`;

const unit = `[Unit]
Description=Says which instance answers

[Container]
Image=web
Exec=/bin/busybox httpd -f -p 80 -h /www
PublishPort=8080:80
Pull=never

[Service]
Restart=always
TimeoutStopSec=2

[X-Fleet]
Conflicts=web@*.service
`;

describe("vagrant up --provider=lxc", function () {
  this.timeout(30 * 60_000);
  this.slow(10 * 60_000);
  const signal = new AbortController().signal;
  let cluster: Cluster | undefined;
  let disk: string | undefined;

  before("make a host with Vagrant", async () => {
    const progress = terminalProgress();
    const release = await ensureRelease(progress, signal);
    const base = await ensureVagrant(progress, signal);
    const box = await ensureBox(progress, signal);
    // The containers' root: overlayfs, which Docker uses, cannot lie on the host's own overlayfs.
    disk = await mkdtemp(join(cacheDirectory(), "vagrant-lxc-"));
    cluster = await Cluster.create({
      name: freshClusterName(),
      hosts: 1,
      docker: false,
      etcd: false,
      base,
      binds: [
        { source: disk, target: "/var/lib/lxc", writable: true },
        { source: join(box, ".."), target: "/mnt/box" },
      ],
      progress,
    });
    await cluster.openUplink();
    const host = cluster.host(1);
    const checkout = host.path("/root/deis");
    await mkdir(join(checkout, "release"), { recursive: true });
    await mkdir(join(checkout, "vagrant"));
    await cp(`${release}.tar.gz`, join(checkout, "release/deis.tar.gz"));
    await run([
      "sh",
      "-c",
      'cp "$1"/Vagrantfile "$1"/*.sh "$2"',
      "sh",
      join(projectRoot(), "vagrant"),
      join(checkout, "vagrant"),
    ]);
    await host.exec(["bash", "-c", prepare], { deadlineMs: 120_000 });
    await makeImage(host.path("/root"));
    await writeFile(host.path("/root/web@.service"), unit);
    if (process.env.TRANSCRIPT) await writeFile(process.env.TRANSCRIPT, "");
  });

  after("remove the host", async () => {
    await cluster?.down();
    if (disk !== undefined) await rm(disk, { recursive: true, force: true });
  });

  /** Runs a command line in vagrant/ of the host, and resolves to what it printed. Rejects when it fails. */
  async function shell(line: string): Promise<string> {
    if (cluster === undefined) throw new Error("there is no host with Vagrant");
    const started = performance.now();
    const argv = [
      "bash",
      "-c",
      `cd /root/deis/vagrant && BOX=bookworm-lxc && export BOX && { ${line}; } 2>&1`,
    ];
    const { code, stdout } = await cluster.host(1).attempt(argv, { deadlineMs: 15 * 60_000 });
    const said = printable(stdout);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    if (process.env.TRANSCRIPT)
      await appendFile(process.env.TRANSCRIPT, `$ ${line}\n${said}# ${seconds} s\n\n`);
    if (code !== 0) throw new Error(`"${line}" ended with status ${code}:\n${said.slice(-3_000)}`);
    return said;
  }
  const onCore1 = (command: string) => shell(`vagrant ssh core-1 -c '${command}' </dev/null`);

  async function threeMachines(): Promise<void> {
    await eventually(
      async () => {
        const machines = await onCore1("sudo deisctl list-machines --no-legend");
        for (const i of [1, 2, 3])
          expect(machines).to.match(new RegExp(`172\\.17\\.8\\.10${i}\\s+host=core-${i}`));
      },
      { within: 60_000, every: 1_000 },
    );
  }

  async function threeUnits(): Promise<void> {
    await eventually(
      async () => {
        const units = await onCore1("sudo deisctl list-units");
        expect(units.match(/web@[123]\.service\s.*active\s+running/g)).to.have.length(3);
      },
      { within: 60_000, every: 1_000 },
    );
    const answers = await Promise.all([1, 2, 3].map((i) => shell(`curl -s http://172.17.8.10${i}:8080/`)));
    expect(answers).to.deep.equal(Array(3).fill("it works\n"));
  }

  it("makes a cluster of three that runs units, halts, comes up again and goes", async () => {
    await shell("vagrant validate");
    await shell("vagrant up --provider=lxc");
    await shell("vagrant status");
    await threeMachines();

    for (const i of [1, 2, 3]) {
      await shell(`vagrant ssh core-${i} -c 'sudo docker import - web >/dev/null' </root/web.tar`);
    }
    await shell("vagrant upload '/root/web@.service' 'web@.service' core-1");
    await onCore1("sudo deisctl start web@1 web@2 web@3");
    await threeUnits();

    expect(await shell("vagrant provision core-2")).to.include("is already here");
    await threeUnits();

    await shell("vagrant halt");
    // vagrant-lxc leaves the link of a network whose last connections still linger; its machine would answer beside the new one.
    await shell("ip -o link | grep -o 'veth1pl[0-9]*' | xargs -r -n 1 ip link delete");
    await shell("vagrant up");
    await threeMachines();
    await threeUnits();

    await shell("vagrant destroy --force");
    expect(await shell("lxc-ls")).to.equal("");
  });
});

/** An image from nothing but busybox, as a root file system in `web.tar`. */
async function makeImage(directory: string): Promise<void> {
  const root = join(directory, "web");
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "www"));
  await writeFile(join(root, "bin/busybox"), await readFile("/bin/busybox"), { mode: 0o755 });
  await writeFile(join(root, "www/index.html"), "it works\n");
  await run(["tar", "-C", root, "-cf", join(directory, "web.tar"), "."]);
}

/** Without what only moves a cursor: progress is written over itself with carriage returns. */
function printable(text: string): string {
  const lines = stripVTControlCharacters(text).split(/[\r\n]+/);
  const kept = lines.filter(
    (line) => line.trim() !== "" && !/Progress: |Reading database \.\.\. ?\d*%?$/.test(line),
  );
  return kept.map((line) => `${line}\n`).join("");
}
