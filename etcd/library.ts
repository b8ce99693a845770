/**
 * The client library's values, loaded as the CommonJS that they are: imported the other way, Node reads each of its two hundred files a second
 * time to find out their names, which costs a command 50 ms of processor time before it does anything. Types are imported as usual.
 */
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);
const grpc: typeof import("@grpc/grpc-js") = load("@grpc/grpc-js");
const etcd3: typeof import("etcd3") = load("etcd3");
const pool: typeof import("etcd3/lib/connection-pool.js") = load("etcd3/lib/connection-pool.js");
const errors: typeof import("etcd3/lib/errors.js") = load("etcd3/lib/errors.js");

export type Metadata = import("@grpc/grpc-js").Metadata;
export type KVClient = import("etcd3").KVClient;
export type LeaseClient = import("etcd3").LeaseClient;
export type WatchClient = import("etcd3").WatchClient;
export type Host = import("etcd3/lib/connection-pool.js").Host;

export const { credentials, Metadata } = grpc;
export const {
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCAlreadyExistsError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCNotFoundError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCUnauthenticatedError,
  KVClient,
  LeaseClient,
  WatchClient,
} = etcd3;
export const { Host } = pool;
export const { castGrpcError, isRecoverableError } = errors;
