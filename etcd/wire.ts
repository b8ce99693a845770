/** Between `protocol.ts` and the library's protobuf objects: int64 come as decimal strings, keys as bytes, enums as names. */
import type {
  ICompare,
  IKeyValue,
  IRequestOp,
  IResponseHeader,
  ITxnRequest,
  ITxnResponse,
  IWatchResponse,
} from "etcd3";
import type { Compare, Header, KeyRange, KeyValue, Operation, Txn, WatchEvent } from "./protocol.ts";

export function toHeader(header: IResponseHeader): Header {
  return {
    clusterId: header.cluster_id,
    revision: BigInt(header.revision),
    raftTerm: BigInt(header.raft_term),
  };
}

export function toKeyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString("utf8"),
    value: kv.value,
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
    lease: kv.lease,
  };
}

export function toEvents(response: IWatchResponse): WatchEvent[] {
  return response.events.map((event) => {
    const revision = BigInt(event.kv.mod_revision);
    if (event.type === "Delete") return { kind: "delete", key: event.kv.key.toString("utf8"), revision };
    const entry = toKeyValue(event.kv);
    return { kind: "put", key: entry.key, entry, revision };
  });
}

export function fromRange(range: KeyRange): { key: Buffer; range_end?: Buffer } {
  const key = Buffer.from(range.key);
  return range.end === undefined ? { key } : { key, range_end: Buffer.from(range.end) };
}

export function fromTxn(txn: Txn): ITxnRequest {
  return {
    compare: txn.compare.map(fromCompare),
    success: txn.success.map(fromOperation),
    failure: (txn.failure ?? []).map(fromOperation),
  };
}

export function toFound(response: ITxnResponse): KeyValue[][] {
  return response.responses.map((each) => each.response_range?.kvs.map(toKeyValue) ?? []);
}

function fromCompare(compare: Compare): ICompare {
  const key = Buffer.from(compare.key);
  if (compare.target === "lease") return { key, target: "Lease", result: "Equal", lease: compare.lease };
  const result = compare.is === "=" ? "Equal" : "Less";
  const revision = compare.revision.toString();
  return compare.target === "create"
    ? { key, target: "Create", result, create_revision: revision }
    : { key, target: "Mod", result, mod_revision: revision };
}

function fromOperation(operation: Operation): IRequestOp {
  switch (operation.kind) {
    case "put": {
      const put = { key: Buffer.from(operation.key), value: operation.value };
      return { request_put: operation.lease === undefined ? put : { ...put, lease: operation.lease } };
    }
    case "delete":
      return { request_delete_range: fromRange(operation.range) };
    case "get":
      return { request_range: fromRange(operation.range) };
    case "when":
      return {
        request_txn: {
          compare: operation.compare.map(fromCompare),
          success: operation.success.map(fromOperation),
        },
      };
  }
}
