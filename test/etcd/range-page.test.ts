import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import protobuf from "protobufjs";
import type { KeyValue } from "../../etcd/protocol.ts";
import { decodeRangePage } from "../../etcd/range-page.ts";
import { projectRoot } from "../../hosts/project.ts";

/** The protocol's own definitions, and the library that reads all other answers. */
const definitions = new protobuf.Root();
definitions.resolvePath = (_from, name) => join(projectRoot(), "node_modules/etcd3/proto", name);
definitions.loadSync("rpc.proto", { keepCase: true });
const rangeResponse = definitions.lookupType("etcdserverpb.RangeResponse");

function encoded(message: object): Buffer {
  return Buffer.from(rangeResponse.encode(rangeResponse.fromObject(message)).finish());
}

const revision = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const entry: fc.Arbitrary<KeyValue> = fc.record({
  key: fc.string({ unit: "grapheme" }),
  value: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  createRevision: revision,
  modRevision: revision,
  lease: revision.map(String),
});

describe("decodeRangePage", () => {
  it("reads whatever etcd's own definitions can write", () => {
    const page = fc.record({
      header: fc.record({
        clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
        revision,
        raftTerm: revision,
      }),
      entries: fc.array(entry),
      more: fc.boolean(),
    });
    fc.assert(
      fc.property(page, revision, (wanted, other) => {
        const bytes = encoded({
          header: {
            cluster_id: wanted.header.clusterId,
            member_id: `${other}`,
            revision: `${wanted.header.revision}`,
            raft_term: `${wanted.header.raftTerm}`,
          },
          kvs: wanted.entries.map(({ key, value, createRevision, modRevision, lease }) => ({
            key: Buffer.from(key),
            value,
            create_revision: `${createRevision}`,
            mod_revision: `${modRevision}`,
            version: `${other}`,
            lease,
          })),
          more: wanted.more,
          count: `${other}`,
        });
        expect(decodeRangePage(bytes)).to.deep.equal(wanted);
      }),
    );
  });

  it("takes what is not written as zero, no bytes and no lease", () => {
    const none = { key: "", value: Buffer.alloc(0), createRevision: 0n, modRevision: 0n, lease: "0" };
    const header = { clusterId: "0", revision: 0n, raftTerm: 0n };
    expect(decodeRangePage(Buffer.alloc(0))).to.deep.equal({ header, entries: [], more: false });
    expect(decodeRangePage(encoded({ kvs: [{}] }))).to.deep.equal({ header, entries: [none], more: false });
  });

  it("passes over fields that a newer etcd may add", () => {
    const writer = protobuf.Writer.create();
    writer
      .uint32((15 << 3) | 2)
      .string("later")
      .uint32((16 << 3) | 0)
      .uint32(7);
    const later = Buffer.from(writer.finish());
    const known = encoded({ header: { revision: "5" }, kvs: [{ key: Buffer.from("a") }] });
    expect(decodeRangePage(Buffer.concat([later, known, later]))).to.deep.equal(decodeRangePage(known));
  });

  it("throws on an answer that was cut off", () => {
    const whole = encoded({ kvs: [{ key: Buffer.from("key"), value: Buffer.from("value") }] });
    for (let length = 1; length < whole.length; length += 1) {
      expect(() => decodeRangePage(whole.subarray(0, length))).to.throw();
    }
  });
});
