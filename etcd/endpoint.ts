/**
 * One member of etcd as we talk to it: the library's raw gRPC stubs on one connection, and nothing of its policies.
 *
 * The library's own pool refuses calls for 5 s after three errors, whosever they were, and cannot be told how to check a member's
 * certificate. So the stubs are given a connection of ours; retrying and changing the member are decided in one place, `client.ts`.
 */
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import {
  type CallOptions,
  type ChannelCredentials,
  credentials,
  Metadata,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { type ICallable, KVClient, LeaseClient, WatchClient } from "etcd3";
import { Host } from "etcd3/lib/connection-pool.js";
import { castGrpcError, isRecoverableError } from "etcd3/lib/errors.js";
import type { RangePage } from "./protocol.ts";
import { decodeRangePage } from "./range-page.ts";

/** PEM texts for TLS. The certificate and key of the client, where it has any, go together. */
export interface TlsFiles {
  readonly ca: Buffer;
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

const channelOptions = {
  // A listing of large values must not fail on our side; its pages bound it.
  "grpc.max_receive_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
};

export class Endpoint {
  readonly url: string;
  readonly kv: KVClient;
  readonly leases: LeaseClient;
  readonly watches: WatchClient;
  readonly #host: Host;
  readonly #plain: Connection;

  constructor(url: string, tls: TlsFiles | undefined) {
    this.url = url;
    const { hostname, protocol } = new URL(url);
    const address = hostname.replace(/^\[|\]$/g, "");
    const secure = protocol === "https:";
    this.#host = new Host(url, secure ? channelCredentials(address, tls) : credentials.createInsecure(), {
      ...channelOptions,
      ...(secure && isIP(address) ? { "grpc.ssl_target_name_override": serverNameOfAddress } : {}),
    });
    this.#plain = new Connection(this.#host, new Metadata());
    this.kv = new KVClient(this.#plain);
    const needLeader = new Connection(this.#host, requireLeader());
    this.leases = new LeaseClient(needLeader);
    this.watches = new WatchClient(needLeader);
  }

  /** What `kv.range` does, with the answer in our own shape: see `range-page.ts`. */
  range(request: RangeRequest, options: CallOptions): Promise<RangePage> {
    return this.#plain.range(request, options);
  }

  close(): void {
    this.#host.close();
  }
}

/**
 * What is named in the TLS handshake with a member that is reached by its IP: a server name must not be an address
 * (RFC 6066 §3), and newer Node.js refuses to connect with one. etcd does not look at it.
 */
const serverNameOfAddress = "etcd";

/** The member's certificate must be valid for the very name or address that it is reached by, whatever was named above. */
function channelCredentials(address: string, tls: TlsFiles | undefined): ChannelCredentials {
  return credentials.createSsl(tls?.ca ?? null, tls?.key ?? null, tls?.certificate ?? null, {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(address, certificate),
  });
}

/**
 * Asks etcd to end streams on a member that has lost its leader (`hasleader`, as etcd's own client does with
 * `WithRequireLeader`): such a member answers, but neither events nor keep-alives pass through it.
 */
function requireLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set("hasleader", "true");
  return metadata;
}

/** The fields of etcd's `RangeRequest` that this room sets; 0 and "0" mean none. */
export interface RangeRequest {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly revision: string;
  readonly limit: number;
}

type Service = Parameters<ICallable<Host>["exec"]>[0];
type Opened = Parameters<Parameters<ICallable<Host>["withConnection"]>[1]>[0];
type Done<T> = (error: Error | null, answer?: T) => void;
type UnaryMethod = (request: unknown, metadata: Metadata, options: CallOptions, done: Done<unknown>) => void;

/** What the stubs call through: one member, each failure told as the library's own error. */
class Connection implements ICallable<Host> {
  readonly callOptionsFactory = undefined;
  readonly #host: Host;
  readonly #metadata: Metadata;

  constructor(host: Host, metadata: Metadata) {
    this.#host = host;
    this.#metadata = metadata;
  }

  async exec<T>(service: Service, method: string, request: unknown, options: CallOptions = {}): Promise<T> {
    const client = this.#host.getServiceClient(service);
    const call = (client as unknown as Record<string, UnaryMethod | undefined>)[method];
    if (call === undefined) throw new TypeError(`etcd's ${service} has no method ${method}`);
    return await this.#answer<T>((done) =>
      call.call(client, request, this.#metadata, options, done as Done<unknown>),
    );
  }

  async range(request: RangeRequest, options: CallOptions): Promise<RangePage> {
    const client = this.#host.getServiceClient("KV");
    const method = (client.constructor as ServiceClientConstructor).service.Range;
    if (method === undefined) throw new TypeError("etcd's KV has no method Range");
    const { path, requestSerialize } = method;
    return await this.#answer<RangePage>((done) =>
      client.makeUnaryRequest(
        path,
        requestSerialize,
        decodeRangePage,
        request,
        this.#metadata,
        options,
        done,
      ),
    );
  }

  #answer<T>(call: (done: Done<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      call((error, answer) => {
        if (error === null) resolve(answer as T);
        else reject(this.#failed(error));
      });
    });
  }

  async withConnection<R>(service: Service, use: (opened: Opened) => Promise<R> | R): Promise<R> {
    const client = this.#host.getServiceClient(service);
    return await use({ resource: this.#host, client, metadata: this.#metadata });
  }

  markFailed(_host: Host, error: Error): void {
    this.#failed(error);
  }

  /** After a failure that another attempt may mend, the next call connects anew: the old connection may be a black hole. */
  #failed(error: Error): Error {
    const cast = castGrpcError(error);
    if (isRecoverableError(cast)) this.#host.resetAllServices();
    return cast;
  }
}
