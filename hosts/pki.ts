/**
 * A cluster's certificates: its own authority, one certificate a host (server and client at once: for etcd, for its peers and
 * for the agent's API) and one for the operator at this machine. Made by openssl, P-256, valid for ten years: a cluster of
 * this room is thrown away long before.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./run.ts";

/** The three files that a TLS client or server is given. */
export interface Identity {
  readonly cafile: string;
  readonly certfile: string;
  readonly keyfile: string;
}

const days = "3650";

/** The files of `name` in a cluster's directory of certificates. */
export function identity(directory: string, name: string): Identity {
  return {
    cafile: join(directory, "ca.crt"),
    certfile: join(directory, `${name}.crt`),
    keyfile: join(directory, `${name}.key`),
  };
}

/** Makes the authority of a cluster, unless it has one. */
export async function createAuthority(directory: string, cluster: string): Promise<void> {
  if (existsSync(join(directory, "ca.crt"))) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
  const subject = { name: "ca", commonName: `${cluster} authority`, extensions };
  await certificate(directory, subject, []);
}

/** Makes a host's certificate: for its address, its names and loopback, as a server and as a client. */
export async function createHostCertificate(
  directory: string,
  hostname: string,
  address: string,
): Promise<Identity> {
  const names = `subjectAltName=IP:${address},IP:127.0.0.1,IP:::1,DNS:${hostname},DNS:localhost`;
  const extensions = [names, ...leaf, "extendedKeyUsage=serverAuth,clientAuth"];
  return await signed(directory, { name: hostname, commonName: hostname, extensions });
}

/** Makes a certificate that can only be a client's, such as the operator's. */
export async function createClientCertificate(directory: string, name: string): Promise<Identity> {
  const extensions = [`subjectAltName=DNS:${name}`, ...leaf, "extendedKeyUsage=clientAuth"];
  return await signed(directory, { name, commonName: name, extensions });
}

const leaf = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"];

interface Subject {
  readonly name: string;
  readonly commonName: string;
  readonly extensions: readonly string[];
}

async function signed(directory: string, subject: Subject): Promise<Identity> {
  const files = identity(directory, subject.name);
  if (!existsSync(files.certfile)) {
    await certificate(directory, subject, ["-CA", files.cafile, "-CAkey", join(directory, "ca.key")]);
  }
  return files;
}

async function certificate(directory: string, subject: Subject, issuer: readonly string[]): Promise<void> {
  const { certfile, keyfile } = identity(directory, subject.name);
  // Its own configuration: openssl.cnf(5)'s default would make every certificate an authority.
  const config = join(directory, `${subject.name}.cnf`);
  const lines = ["[req]", "distinguished_name=dn", "x509_extensions=x", "[dn]", "[x]", ...subject.extensions];
  await writeFile(config, `${lines.join("\n")}\n`);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyfile];
  const request = ["-config", config, "-subj", `/CN=${subject.commonName}`, "-days", days, "-out", certfile];
  await run(["openssl", "req", "-x509", ...key, ...request, ...issuer]);
  await chmod(keyfile, 0o600);
}
