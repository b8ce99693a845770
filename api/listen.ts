/** Where an API can be served: a unix socket, TCP with mutual TLS, or a socket that systemd hands over. */
import { chmod, readFile, unlink } from "node:fs/promises";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { PlatformError } from "../cluster/errors.ts";
import { parseHostPort } from "../cluster/host-port.ts";
import type { EtcdSettings } from "../cluster/settings.ts";

/** PEM texts. */
export interface TlsIdentity {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export type ApiAddress =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: TlsIdentity }
  /** A unix socket that is open already, by its file descriptor (sd_listen_fds(3)). */
  | { readonly kind: "inherited"; readonly fd: number };

/** The files of `[etcd]`: the API is served to whoever the cluster's etcd would serve. */
export async function readTlsIdentity({
  cafile,
  certfile,
  keyfile,
}: EtcdSettings): Promise<TlsIdentity | undefined> {
  if (cafile === undefined || certfile === undefined || keyfile === undefined) return undefined;
  try {
    const [ca, certificate, key] = await Promise.all(
      [cafile, certfile, keyfile].map((path) => readFile(path)),
    );
    return ca && certificate && key ? { ca, certificate, key } : undefined;
  } catch (cause) {
    throw new PlatformError("certificate-unreadable", "Cannot read the certificates of [etcd]", {
      cause,
      hint: "Check etcd.cafile, etcd.certfile and etcd.keyfile, and who may read those files",
    });
  }
}

/** Reads `host:port`, the value of the setting that is named. Throws `settings-invalid`, also when there are no certificates. */
export function tcpAddress(
  setting: string,
  value: string,
  tls: TlsIdentity | undefined,
): Extract<ApiAddress, { kind: "tcp" }> {
  const { host = "::", port } = parseHostPort(setting, value);
  if (tls === undefined) {
    throw new PlatformError("settings-invalid", `Setting ${setting} needs the certificates of [etcd]`, {
      hint: `Set etcd.cafile, etcd.certfile and etcd.keyfile, or remove ${setting}`,
    });
  }
  return { kind: "tcp", host, port, tls };
}

/** What Node needs to serve nobody but who has a certificate of the cluster's CA. */
export function mutualTls({ ca, certificate, key }: TlsIdentity) {
  const options = { requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" as const };
  return { ca, cert: certificate, key, ...options };
}

/** Listens and resolves to where: a path or `https://host:port`. Closes the server and rejects with `api-listen-failed`. */
export async function listen(
  server: FastifyInstance,
  address: ApiAddress,
  { what, hint }: { readonly what: string; readonly hint: string },
): Promise<string> {
  try {
    switch (address.kind) {
      case "socket":
        return await listenSocket(server, address.path);
      case "tcp":
        return await listenTcp(server, address);
      case "inherited":
        // What fastify has not opened it does not close.
        server.addHook("onClose", async () => {
          server.server.closeAllConnections();
          await closed(server);
        });
        await server.ready();
        await new Promise<void>((resolve, reject) => {
          server.server.once("error", reject).listen({ fd: address.fd }, resolve);
        });
        return `file descriptor ${address.fd}`;
      default:
        return address satisfies never;
    }
  } catch (cause) {
    await server.close();
    throw new PlatformError("api-listen-failed", `Cannot serve ${what} at "${placeOf(address)}"`, {
      cause,
      hint,
    });
  }
}

/** Takes no connection any more, and resolves when those that there are have ended. */
export function closed({ server }: FastifyInstance): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function placeOf(address: ApiAddress): string {
  if (address.kind === "tcp") return `${address.host}:${address.port}`;
  return address.kind === "socket" ? address.path : `file descriptor ${address.fd}`;
}

async function listenTcp(
  server: FastifyInstance,
  { host, port }: { host: string; port: number },
): Promise<string> {
  await server.listen({ host, port });
  const address = server.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return `https://${host.includes(":") ? `[${host}]` : host}:${bound}`;
}

async function listenSocket(server: FastifyInstance, path: string): Promise<string> {
  // What a killed daemon left behind must not keep the next one from listening; a living one must.
  if (!(await answers(path))) await unlink(path).catch(() => undefined);
  await server.listen({ path });
  await chmod(path, 0o600);
  return path;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
