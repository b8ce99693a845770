/** The words of an etcdctl command line (version 3 API) that reaches a cluster as its operator. */

export interface EtcdAccess {
  readonly endpoints: readonly string[];
  readonly cafile: string;
  readonly certfile: string;
  readonly keyfile: string;
}

/** Program and all; to be run without a shell. */
export function etcdctlCommand(
  { endpoints, cafile, certfile, keyfile }: EtcdAccess,
  args: readonly string[],
): string[] {
  const tls = ["--cacert", cafile, "--cert", certfile, "--key", keyfile];
  return ["env", "ETCDCTL_API=3", "etcdctl", "--endpoints", endpoints.join(","), ...tls, ...args];
}
