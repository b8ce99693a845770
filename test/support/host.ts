/**
 * Real hosts for a test file: `const the = useHost()` in a `describe`, then `the.host` in its tests. The host is made
 * before the first test and removed after the last one, also when the run is killed. Without root it fails: a prerequisite that is
 * missing is no reason to pass.
 */
import type { Cluster } from "../../hosts/cluster.ts";
import { type CreateOptions, createCluster } from "../../hosts/create.ts";
import type { Host } from "../../hosts/host.ts";
import { sweep } from "../../hosts/sweep.ts";

export type HostOptions = Omit<CreateOptions, "name" | "owner" | "progress" | "signal" | "hosts">;

/** The host of a test file that said `useHost()`. */
export interface TestHost {
  /** Throws outside of the tests of the block that asked for it. */
  readonly host: Host;
  readonly cluster: Cluster;
}

/**
 * Gives the tests of the enclosing `describe` one real host: systemd as PID 1, Docker with the base and platform images
 * (busybox, debian:bookworm-slim, deis/…), root. No etcd unless `etcd: true` is asked for. Takes about a second.
 */
export function useHost(options: HostOptions = {}): TestHost {
  const the = useCluster({ etcd: false, ...options, hosts: 1 });
  return {
    get host() {
      return the.cluster.host(1);
    },
    get cluster() {
      return the.cluster;
    },
  };
}

/** The cluster of a test file that said `useCluster()`. */
export interface TestCluster {
  readonly cluster: Cluster;
}

export type TestClusterOptions = HostOptions & { readonly hosts?: number };

/** Gives the tests of the enclosing `describe` a cluster of real hosts, three with TLS etcd unless said otherwise. */
export function useCluster(options: TestClusterOptions = {}): TestCluster {
  let cluster: Cluster | undefined;

  before("make real hosts", async function () {
    // The first time on a machine builds the base and the images.
    this.timeout(20 * 60_000);
    await sweep();
    cluster = await createCluster({ ...options, name: freshClusterName() });
  });

  after("remove the real hosts", async function () {
    this.timeout(120_000);
    await cluster?.down();
    cluster = undefined;
  });

  return {
    get cluster() {
      if (cluster === undefined)
        throw new Error("the real hosts exist only while the tests of their block run");
      return cluster;
    },
  };
}

let made = 0;

/** A cluster name that no other test run of this machine uses. */
export function freshClusterName(): string {
  made += 1;
  return `test-${process.pid}-${made}`;
}
