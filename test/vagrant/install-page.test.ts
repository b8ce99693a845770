/**
 * docs/install.md, run: every `sh` block of the page, in order, from a workstation to hosts over ssh. Only the addresses differ, and
 * the page's hosts are called h1 to h4 here. The workstation is a host of its own, so that this machine needs no ssh.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { silent } from "../../hosts/progress.ts";
import { projectRoot } from "../../hosts/project.ts";
import { ensureRelease } from "../../hosts/release.ts";
import { eventually } from "../support/eventually.ts";
import { useCluster } from "../support/host.ts";

/** The page's addresses are these and a host's number; ours are as well, see hosts/names.ts. */
const pagePrefix = "10.0.0.";

describe("docs/install.md", function () {
  this.timeout(5 * 60_000);
  this.slow(120_000);
  const the = useCluster({ hosts: 5, etcd: false, images: "none" });
  const workstation = () => the.cluster.host(5);
  const servers = () => the.cluster.hosts.filter(({ number }) => number <= 4);

  before("let the workstation reach the hosts by ssh, and give it the release", async function () {
    this.timeout(15 * 60_000);
    const release = await ensureRelease(silent, new AbortController().signal);
    await workstation().copyIn(`${release}.tar.gz`, "/root/deis.tar.gz");
    await workstation().exec(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"]);
    await workstation().write("/root/.ssh/config", "StrictHostKeyChecking accept-new\nLogLevel ERROR\n", {
      mode: 0o600,
    });
    const key = await workstation().exec(["cat", "/root/.ssh/id_ed25519.pub"]);
    for (const host of servers()) {
      await host.write("/root/.ssh/authorized_keys", key, { mode: 0o600 });
      await host.exec(["sh", "-c", "ssh-keygen -A && systemctl start ssh"]);
    }
  });

  it("leads from bare hosts to a cluster, and to one host less, with the lines that it prints", async () => {
    const page = await readFile(join(projectRoot(), "docs/install.md"), "utf8");
    for (const { heading, text } of blocks(page)) {
      const script = text.replaceAll(pagePrefix, the.cluster.host(1).address.slice(0, -1));
      const { code, stdout, stderr } = await workstation().attempt(
        ["bash", "-euo", "pipefail", "-c", `cd /root && ${script}`],
        { deadlineMs: 180_000 },
      );
      expect(code, `"${heading}" of the page:\n${script}\n${stdout}\n${stderr}`).to.equal(0);
      await checks[heading]?.(stdout, servers());
    }
  });

  /** What must be true after a block of the page, by the heading it stands under. */
  const checks: Readonly<Record<string, (stdout: string, hosts: readonly Host[]) => Promise<void>>> = {
    "4. Deis": async (_, [first]) => {
      await eventually(async () => {
        const machines = (await first?.exec(["deisctl", "list-machines", "--no-legend"])) ?? "";
        for (const i of [1, 2, 3]) expect(machines).to.include(`host=core-${i},region=lab`);
      });
    },
    "Add a host": async (stdout) => {
      expect(stdout).to.include("running: deis-agent.service (deisctl");
    },
    "Remove a host": async (_, [first, , , last]) => {
      await eventually(
        async () => {
          const machines = (await first?.exec(["deisctl", "list-machines", "--no-legend"])) ?? "";
          expect(machines.trim().split("\n")).to.have.length(3);
        },
        { within: 15_000 },
      );
      expect((await last?.attempt(["ls", "/etc/deis"]))?.code).not.to.equal(0);
      const units = (await first?.exec(["deisctl", "list-units", "--no-legend"])) ?? "";
      expect(units.match(/nap@[123]\.service\s.*active\s+running/g)).to.have.length(3);
    },
  };
});

interface Block {
  readonly heading: string;
  readonly text: string;
}

/** The `sh` blocks of a page, each with the heading it stands under. */
function blocks(page: string): readonly Block[] {
  const found: Block[] = [];
  let heading = "";
  for (const [, title, text] of page.matchAll(/^## (.*)$|^```sh\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (text !== undefined) found.push({ heading, text });
  }
  return found;
}
