/**
 * What install.sh asks before it changes anything: are these options and certificates good for a host, and what will its
 * settings file be? Prints that file. Exit codes: 0 good, 1 something given is wrong, 2 wrong usage.
 */
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import { describeError, hasCode, hintOf, PlatformError } from "../cluster/errors.ts";
import { parseSettings } from "../cluster/settings.ts";
import { type CertificateFiles, certificateProblem } from "./host-certificates.ts";
import { parseMetadata, settingsWith } from "./host-settings.ts";

/** The code of errors that end with exit code 2. */
const usage = "usage-wrong";

const text = { type: "string" } as const;
const { values: given } = parseArgs({
  options: {
    settings: text,
    pki: text,
    etcd: text,
    address: text,
    metadata: text,
    listen: text,
    "api-listen": text,
    ca: text,
    cert: text,
    key: text,
  },
});

try {
  process.stdout.write(plan());
} catch (error) {
  const hint = hintOf(error);
  process.stderr.write(`deis: ${describeError(error)}\n${hint ? `Hint: ${hint}\n` : ""}`);
  process.exitCode = hasCode(error, usage) ? 2 : 1;
}

function plan(): string {
  const { settings = "/etc/deis/agent.toml", pki = "/etc/deis/pki", etcd, address, listen } = given;
  const apiListen = given["api-listen"];
  checkPlace(address, { "--listen": listen, "--api-listen": apiListen });
  const certificates = givenCertificates();
  const before = existsSync(settings) ? readFileSync(settings, "utf8") : undefined;
  if (before !== undefined) parseSettings(before, settings);
  const after = settingsWith(before, {
    ...(etcd !== undefined && { etcd: etcd.split(",") }),
    ...(address !== undefined && { address }),
    ...(given.metadata !== undefined && { metadata: readMetadata(given.metadata) }),
    ...(listen !== undefined && { listen }),
    ...(apiListen !== undefined && { apiListen }),
    ...(certificates && {
      certificates: { ca: `${pki}/ca.crt`, cert: `${pki}/host.crt`, key: `${pki}/host.key` },
    }),
  });
  const parsed = parseSettings(after, settings);
  for (const [option, set] of [
    ["--listen", parsed.agent.listen],
    ["--api-listen", parsed.api.listen],
  ]) {
    if (set === undefined || parsed.etcd.keyfile !== undefined) continue;
    throw new PlatformError(usage, `${option} needs --ca, --cert and --key`, {
      hint: "an API is served over mutual TLS only",
    });
  }
  const problem = certificates && certificateProblem(certificates, new Date(), parsed.machine.address);
  if (problem !== undefined) {
    throw new PlatformError("certificate-invalid", problem, {
      hint: "certificates.sh makes the certificates of a cluster",
    });
  }
  return after;
}

function checkPlace(
  address: string | undefined,
  listens: Readonly<Record<string, string | undefined>>,
): void {
  if (address !== undefined && isIP(address) === 0) {
    throw new PlatformError(usage, `--address "${address}" is not an IP address`);
  }
  for (const [option, listen] of Object.entries(listens)) {
    if (listen !== undefined && !/^(\[[^\]]+\]|[^:]*):\d{1,5}$/.test(listen)) {
      throw new PlatformError(usage, `${option} "${listen}" is not host:port`);
    }
  }
}

function givenCertificates(): CertificateFiles | undefined {
  const { ca, cert, key } = given;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new PlatformError(usage, "--ca, --cert and --key go together");
  }
  return { ca: read(ca), cert: read(cert), key: read(key) };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new PlatformError("certificate-unreadable", `Cannot read the certificate file "${path}"`, {
      cause,
    });
  }
}

function readMetadata(pairs: string): Readonly<Record<string, string>> {
  try {
    return parseMetadata(pairs);
  } catch (error) {
    if (error instanceof RangeError) throw new PlatformError(usage, error.message);
    throw error;
  }
}
