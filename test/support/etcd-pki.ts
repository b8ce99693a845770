/** Certificates for a test's etcd: one authority, one certificate for the loopback address that serves as server and as client. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TlsPaths } from "./etcd-server.ts";

const run = promisify(execFile);

/** Adds a client's pair to the files of `makePki`, with this subject: `/OU=reader/CN=dashboard`. */
export async function makeClient(directory: string, name: string, subject: string): Promise<TlsPaths> {
  const path = (file: string) => join(directory, file);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", path(`${name}.key`), "-out", path(`${name}.csr`)];
  await run("openssl", ["req", ...curve, "-subj", subject, ...files]);
  await run("openssl", [
    ...["x509", "-req", "-in", path(`${name}.csr`), "-CA", path("ca.pem"), "-CAkey", path("ca.key")],
    ...["-CAcreateserial", "-days", "2", "-out", path(`${name}.pem`)],
  ]);
  return { ca: path("ca.pem"), certificate: path(`${name}.pem`), key: path(`${name}.key`) };
}

/** Writes the files below `directory`. The certificate names 127.0.0.1 by address only, as hosts without DNS have it. */
export async function makePki(directory: string): Promise<TlsPaths> {
  const path = (name: string) => join(directory, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await run("openssl", [
    ...["req", "-x509", ...curve, "-days", "2", "-subj", "/CN=test authority"],
    ...["-keyout", path("ca.key"), "-out", path("ca.pem")],
  ]);
  await run("openssl", [
    ...["req", ...curve, "-subj", "/CN=member", "-keyout", path("member.key"), "-out", path("member.csr")],
  ]);
  await writeFile(path("san"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
  await run("openssl", [
    ...["x509", "-req", "-in", path("member.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key")],
    ...["-CAcreateserial", "-days", "2", "-extfile", path("san"), "-out", path("member.pem")],
  ]);
  return { ca: path("ca.pem"), certificate: path("member.pem"), key: path("member.key") };
}
