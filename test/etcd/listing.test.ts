import { expect } from "chai";
import { listRanges } from "../../etcd/listing.ts";
import { prefixRange } from "../../etcd/protocol.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";

describe("a listing", () => {
  it("of more than a page holds every key once, all at one revision, whatever is written meanwhile", async () => {
    const memory = new MemoryEtcd();
    const keys = Array.from({ length: 25_000 }, (_, at) => `/t/${String(at).padStart(6, "0")}`);
    const revision = memory.commit(keys.map((key) => ({ kind: "put", key, value: Buffer.from("x") })));
    const client = memory.client();
    const { header, entries } = await listRanges(
      {
        ...client,
        range: async (range, options) => {
          const page = await client.range(range, options);
          memory.delete("/t/020000");
          memory.put("/u/1", "late");
          return page;
        },
      },
      [prefixRange("/t/"), prefixRange("/u/")],
      {},
    );
    expect(header.revision).to.equal(revision);
    expect(entries[0]?.map(({ key }) => key)).to.deep.equal(keys);
    expect(entries[1]).to.deep.equal([]);
  });
});
