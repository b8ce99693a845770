/**
 * One member of etcd as we talk to it: the library's raw gRPC stubs on one connection, and nothing of its policies.
 *
 * The library's own circuit breaker refuses calls for 5 s after three errors, whosever they were, so it is off here: retrying
 * and changing the member are decided in one place, `client.ts`.
 */

import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { noop } from "cockatiel";
import { type ICallable, KVClient, LeaseClient, WatchClient } from "etcd3";
import { ConnectionPool, type Host } from "etcd3/lib/connection-pool.js";

/** PEM texts for mutual TLS. */
export interface TlsFiles {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export class Endpoint {
  readonly url: string;
  readonly kv: KVClient;
  readonly leases: LeaseClient;
  readonly watches: WatchClient;
  readonly #pool: ConnectionPool;

  constructor(url: string, tls: TlsFiles | undefined) {
    this.url = url;
    if (/^https:\/\/(\d+\.|\[)/.test(url)) silenceIpServername();
    this.#pool = new ConnectionPool({
      hosts: [url],
      ...(tls
        ? { credentials: { rootCertificate: tls.ca, certChain: tls.certificate, privateKey: tls.key } }
        : {}),
      faultHandling: { host: () => noop, global: noop },
      grpcOptions: {
        // A listing of large values must not fail on our side; its pages bound it.
        "grpc.max_receive_message_length": -1,
        "grpc.initial_reconnect_backoff_ms": 100,
        "grpc.min_reconnect_backoff_ms": 100,
        "grpc.max_reconnect_backoff_ms": 1_000,
      },
    });
    this.kv = new KVClient(this.#pool);
    const needLeader = new RequireLeader(this.#pool);
    this.leases = new LeaseClient(needLeader);
    this.watches = new WatchClient(needLeader);
  }

  close(): void {
    this.#pool.close();
  }
}

type Connection = Parameters<Parameters<ICallable<Host>["withConnection"]>[1]>[0];

/**
 * Asks etcd to end streams on a member that has lost its leader (`hasleader`, as etcd's own client does with
 * `WithRequireLeader`): such a member answers, but neither events nor keep-alives pass through it.
 */
class RequireLeader implements ICallable<Host> {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  get callOptionsFactory(): ICallable<Host>["callOptionsFactory"] {
    return this.#pool.callOptionsFactory;
  }

  exec<T>(...args: Parameters<ICallable<Host>["exec"]>): Promise<T> {
    return this.#pool.exec<T>(...args);
  }

  withConnection<R>(
    service: Parameters<ICallable<Host>["withConnection"]>[0],
    use: (connection: Connection) => Promise<R> | R,
  ): Promise<R> {
    return this.#pool.withConnection(service, (connection) => {
      const metadata = connection.metadata.clone();
      metadata.set("hasleader", "true");
      return use({ ...connection, metadata });
    });
  }

  markFailed(host: Host, error: Error): void {
    this.#pool.markFailed(host, error);
  }
}

/**
 * gRPC names the server by its address also when that is an IP, for which Node prints a deprecation (DEP0123) once a process.
 * It says nothing to an operator, and etcd ignores such a name. So the one warning is spent here, unseen.
 */
function silenceIpServername(): void {
  const before = process.noDeprecation ?? false;
  process.noDeprecation = true;
  const unconnected = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const probe = connect({ socket: unconnected, servername: "127.0.0.1" });
  probe.on("error", () => undefined);
  probe.destroy();
  process.noDeprecation = before;
}
