import { expect } from "chai";
import type { ConfigStore } from "../../cluster/ports.ts";
import { MemoryStore } from "../support/memory-store.ts";

const never = new AbortController().signal;

describe("the settings of a component", () => {
  let memory: MemoryStore;
  let config: ConfigStore;

  beforeEach(() => {
    memory = new MemoryStore();
    config = memory.configStore();
  });

  it("stand as plain text under the names of Deis v1", async () => {
    await config.set("platform", new Map([["domain", "example.org"]]), never);
    expect(memory.etcd.dump().get("/deis/platform/domain")).to.equal("example.org");
    expect(await config.get("platform", "domain", never)).to.equal("example.org");
    expect(await config.get("platform", "version", never)).to.equal(undefined);
  });

  it("are listed by key, and only those of the component", async () => {
    await config.set(
      "router",
      new Map([
        ["gzip", "on"],
        ["bodySize", "1m"],
      ]),
      never,
    );
    await config.set("router2", new Map([["gzip", "off"]]), never);
    expect([...(await config.list("router", never))]).to.deep.equal([
      ["bodySize", "1m"],
      ["gzip", "on"],
    ]);
  });

  it("are removed, telling which of them existed", async () => {
    await config.set("router", new Map([["gzip", "on"]]), never);
    expect(await config.remove("router", ["gzip", "bodySize", "gzip"], never)).to.deep.equal(["gzip"]);
    expect(memory.etcd.dump().size).to.equal(0);
  });

  it("may be more than fit in one transaction", async () => {
    const many = new Map(Array.from({ length: 300 }, (_, at) => [`key${at}`, String(at)]));
    await config.set("router", many, never);
    expect((await config.list("router", never)).size).to.equal(300);
    expect((await config.remove("router", [...many.keys()], never)).length).to.equal(300);
  });
});
