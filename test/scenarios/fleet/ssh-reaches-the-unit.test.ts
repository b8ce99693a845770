/** The operator's own OpenSSH, from one host to another: their keys, their known hosts, their agent if they have one. */
import { expect } from "chai";
import type { Finished } from "../../../hosts/run.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("deisctl ssh", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  before("give h1's root a key that h4 and h3 know, and let their SSH servers run", async () => {
    const [h1, , h3, h4] = the.deployed.hosts;
    await h1?.exec([
      "sh",
      "-c",
      "mkdir -pm700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519",
    ]);
    const key = await h1?.exec(["cat", "/root/.ssh/id_ed25519.pub"]);
    for (const host of [h3, h4]) {
      await host?.write("/root/.ssh/authorized_keys", key ?? "", { mode: 0o600 });
      await host?.exec(["sh", "-c", "rm -f /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl start ssh"]);
    }
  });

  after("and stop them", async () => {
    const [h1, , h3, h4] = the.deployed.hosts;
    await h1?.exec(["rm", "-rf", "/root/.ssh"]);
    for (const host of [h3, h4]) {
      await host?.exec(["systemctl", "stop", "ssh"]);
      await host?.exec(["rm", "-rf", "/root/.ssh"]);
    }
  });

  async function fromH1(...args: readonly string[]): Promise<Finished> {
    const h1 = the.deployed.cluster.host(1);
    return await h1.attempt(["deisctl", "ssh", ...args]);
  }

  it("runs a command where the unit is, or on a machine, and ends with its exit code", async () => {
    const { deployed } = the;
    const h1 = deployed.cluster.host(1);
    for (const host of [3, 4].map((number) => deployed.cluster.host(number)))
      await h1.exec([
        "sh",
        "-c",
        `ssh-keyscan -t ed25519 ${host.address} >>/root/.ssh/known_hosts 2>/dev/null`,
      ]);
    await deployed.write({ "there.service": service({ fleet: "MachineMetadata=host=h4" }) });
    await deployed.deisctl("start", "there.service");
    expect(await fromH1("there", "--", "hostname")).to.include({ code: 0, stdout: "h4\n" });
    const h3 = deployed.machineOf(deployed.cluster.host(3));
    expect(await fromH1("--machine", h3.slice(0, 8), "hostname")).to.include({ code: 0, stdout: "h3\n" });
    expect((await fromH1("there", "--", "sh", "-c", "'exit 7'")).code).to.equal(7);
    const status = await fromH1("there", "--", "systemctl", "status", "there.service");
    expect(status.stdout).to.contain("Active: active");
  });

  it("refuses a machine whose key has changed, until its old key is forgotten", async () => {
    const { deployed } = the;
    const [h1, h4] = [deployed.cluster.host(1), deployed.cluster.host(4)];
    await h1.exec(["sh", "-c", `ssh-keyscan -t ed25519 ${h4.address} >/root/.ssh/known_hosts 2>/dev/null`]);
    await h4.exec(["sh", "-c", "rm -f /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh"]);
    const id = deployed.machineOf(h4);
    const refused = await fromH1("--machine", id, "hostname");
    expect(refused.stderr).to.contain("REMOTE HOST IDENTIFICATION HAS CHANGED");
    expect(refused.code).to.equal(255);
    await h1.exec(["ssh-keygen", "-R", h4.address]);
    await h1.exec(["sh", "-c", `ssh-keyscan -t ed25519 ${h4.address} >>/root/.ssh/known_hosts 2>/dev/null`]);
    expect(await fromH1("--machine", id, "hostname")).to.include({ code: 0, stdout: "h4\n" });
  });
});
