/** The operator's own OpenSSH, from h1 to h3 and h4 of the shared cluster: keys, known hosts, and servers that run while a block needs them. */
import type { Host } from "../../hosts/host.ts";
import type { Finished } from "../../hosts/run.ts";
import type { TestDeployment } from "./deployed-cluster.ts";

const freshHostKeys = "rm -f /etc/ssh/ssh_host_*; ssh-keygen -A";

export interface SshFromH1 {
  /** Runs `deisctl ssh` on h1. */
  ssh(...args: readonly string[]): Promise<Finished>;
  /** h1 knows these hosts by their present keys, and no others any more. */
  knowOnly(...hosts: readonly Host[]): Promise<void>;
  /** The host's server has other keys from now on. */
  changeKeys(host: Host): Promise<void>;
}

/** Gives h1's root a key that h3 and h4 take, for the tests of the enclosing `describe`, after `useSharedCluster`. */
export function useSshFromH1(the: TestDeployment): SshFromH1 {
  const client = () => the.deployed.cluster.host(1);
  const servers = () => [3, 4].map((number) => the.deployed.cluster.host(number));

  before("give h1's root a key that h3 and h4 know, and let their SSH servers run", async () => {
    await client().exec([
      "sh",
      "-c",
      "mkdir -pm700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519",
    ]);
    const key = await client().exec(["cat", "/root/.ssh/id_ed25519.pub"]);
    for (const host of servers()) {
      await host.write("/root/.ssh/authorized_keys", key, { mode: 0o600 });
      await host.exec(["sh", "-c", `${freshHostKeys}; systemctl start ssh`]);
    }
  });

  after("stop them", async () => {
    await client().exec(["rm", "-rf", "/root/.ssh"]);
    for (const host of servers()) {
      await host.exec(["systemctl", "stop", "ssh"]);
      await host.exec(["rm", "-rf", "/root/.ssh"]);
    }
  });

  return {
    ssh: (...args) => client().attempt(["deisctl", "ssh", ...args]),
    async knowOnly(...hosts) {
      const addresses = hosts.map(({ address }) => address).join(" ");
      const scan = `ssh-keyscan -t ed25519 ${addresses} >/root/.ssh/known_hosts 2>/dev/null`;
      await client().exec(["sh", "-c", scan]);
    },
    async changeKeys(host) {
      await host.exec(["sh", "-c", `${freshHostKeys}; systemctl restart ssh`]);
    },
  };
}
