/** A deisctl that is still at work: what it has printed so far can be looked at, and Ctrl-C pressed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { DeployedCluster } from "./deployed-cluster.ts";

export class DeisctlProcess {
  #printed = "";
  #said = "";
  readonly #child;
  readonly #closed: Promise<unknown[]>;

  /** Runs the released deisctl as the cluster's operator. */
  constructor(deployed: DeployedCluster, ...args: readonly string[]) {
    const { endpoints, cafile, certfile, keyfile } = deployed.cluster.etcd;
    const tls = ["--etcd-cafile", cafile, "--etcd-certfile", certfile, "--etcd-keyfile", keyfile];
    const main = join(deployed.cluster.share, "release/dist/deisctl/main.js");
    this.#child = spawn(process.execPath, [main, "--endpoint", endpoints.join(","), ...tls, ...args]);
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
    this.#closed = once(this.#child, "close");
  }

  /** Its standard output so far. */
  get printed(): string {
    return this.#printed;
  }

  /** Its standard error so far. */
  get said(): string {
    return this.#said;
  }

  /** Presses Ctrl-C and resolves to its exit code once it has ended; kills it after 10 s, which resolves to null. */
  async interrupt(): Promise<number | null> {
    this.#child.kill("SIGINT");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#closed;
    clearTimeout(timer);
    return this.#child.exitCode;
  }
}
