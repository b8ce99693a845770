/**
 * Debian, as this machine gets it: its mirrors come from the machine's own apt configuration, so that a private or nearer
 * mirror is used without being told again. Where apt names none, debootstrap's own default stands.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../cluster/errors.ts";
import { cacheDirectory } from "./cache.ts";
import { attempt } from "./run.ts";

/** The release that hosts and images are made of. One release, whatever the machine runs: it decides etcd's and Docker's version. */
export const suite = "bookworm";

/** One line of `sources.list(5)` without its type. */
export interface AptSource {
  readonly uri: string;
  readonly release: string;
  readonly component: string;
}

/** The machine's apt sources that hold Debian packages of `suite` (updates and security too), in apt's order. */
export async function aptSources(): Promise<readonly AptSource[]> {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const { code, stdout } = await attempt([
    "apt-get",
    "indextargets",
    "--format",
    format,
    "Created-By: Packages",
  ]);
  return code === 0 ? parseTargets(stdout) : [];
}

/** Reads lines of "URI RELEASE COMPONENT"; foreign repositories and other releases are left out. */
export function parseTargets(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const [uri, release, component] = line.trim().split(/\s+/);
    if (!uri || !release || component !== "main") continue;
    if (release !== suite && !release.startsWith(`${suite}-`)) continue;
    if (!sources.some((known) => known.uri === uri && known.release === release)) {
      sources.push({ uri, release, component });
    }
  }
  return sources;
}

/** The text of a `sources.list` with these sources. */
export function sourcesList(sources: readonly AptSource[]): string {
  return sources.map(({ uri, release, component }) => `deb ${uri} ${release} ${component}\n`).join("");
}

/**
 * Makes a minimal Debian with these further packages in `directory`. Packages that were fetched are kept for the next time.
 * Rejects with `debootstrap-failed`; its log is then in the message.
 */
export async function debootstrap(
  directory: string,
  packages: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const archive = join(cacheDirectory(), "debs");
  await mkdir(archive, { recursive: true });
  const sources = await aptSources();
  const mirror = sources.find((source) => source.release === suite)?.uri;
  const argv = ["debootstrap", "--variant=minbase", `--cache-dir=${archive}`];
  if (packages.length > 0) argv.push(`--include=${packages.join(",")}`);
  argv.push(suite, directory, ...(mirror ? [mirror] : []));
  const { code, stdout, stderr } = await attempt(argv, { deadlineMs: 20 * 60_000, signal });
  if (code !== 0) {
    const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-8).join("\n");
    throw new PlatformError("debootstrap-failed", `debootstrap ended with status ${code}: ${tail}`, {
      hint: "check that `apt-get update` works on this machine; its mirror is used",
      retryable: true,
    });
  }
  if (sources.length > 0) await writeFile(join(directory, "etc/apt/sources.list"), sourcesList(sources));
}

/** The Debian packages this room's programs come from, by a file that shows that the package is there. */
const needed: Readonly<Record<string, string>> = {
  debootstrap: "/usr/sbin/debootstrap",
  "systemd-container": "/usr/bin/systemd-nspawn",
  slirp4netns: "/usr/bin/slirp4netns",
  "busybox-static": "/bin/busybox",
  iproute2: "/sbin/ip",
  iptables: "/sbin/iptables",
  openssl: "/usr/bin/openssl",
  "etcd-server": "/usr/bin/etcd",
  "etcd-client": "/usr/bin/etcdctl",
  "util-linux": "/usr/bin/nsenter",
  curl: "/usr/bin/curl",
  // The router's, tested here as it is in its image.
  nginx: "/usr/sbin/nginx",
  "libnginx-mod-http-lua": "/usr/lib/nginx/modules/ngx_http_lua_module.so",
  "libnginx-mod-stream": "/usr/lib/nginx/modules/ngx_stream_module.so",
  "lua-cjson": "/usr/share/lua/5.1/cjson/util.lua",
  "libtcmalloc-minimal4": "/usr/share/doc/libtcmalloc-minimal4/copyright",
  // Loads the routers, in the benchmarks.
  wrk: "/usr/bin/wrk",
  // Judges the shell scripts, in the tests.
  shellcheck: "/usr/bin/shellcheck",
  "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
};

/** The packages that `make setup` has to install; empty on a machine that is ready. */
export function missingPackages(exists: (path: string) => boolean = existsSync): readonly string[] {
  return Object.entries(needed)
    .filter(([, path]) => !exists(path))
    .map(([name]) => name);
}
