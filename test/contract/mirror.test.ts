import { openEtcd } from "../../etcd/client.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { EtcdServer, etcdctl } from "../support/etcd-server.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { mirrorContract } from "./mirror.ts";

describe("a mirror", () => {
  describe("of the store in memory", () => {
    mirrorContract(async () => {
      const memory = new MemoryEtcd();
      const client = memory.client();
      return {
        client,
        commit: async (operations) => memory.commit(operations),
        cut: () => memory.cut(),
        mend: () => memory.resume(),
        compact: async () => memory.compact(),
        close: () => client.close(),
      };
    });
  });

  describe("of etcd", () => {
    let server: EtcdServer;
    let direct: EtcdClient;
    before(async function () {
      this.timeout(30_000);
      server = await EtcdServer.start();
      direct = await openEtcd({ endpoints: server.endpoints });
    });
    after(async () => {
      await direct?.close();
      await server?.stop();
    });
    mirrorContract(async () => {
      await direct.txn({ compare: [], success: [{ kind: "delete", range: { key: "/t/", end: "/t0" } }] }, {});
      const proxy = await TcpProxy.open(server.member.port);
      const client = await openEtcd({ endpoints: [proxy.url] });
      return {
        client,
        commit: async (success) => (await direct.txn({ compare: [], success }, {})).header.revision,
        cut: () => proxy.cut(),
        mend: () => proxy.mend(),
        compact: async () => {
          const { header } = await direct.range({ key: "/t" }, {});
          await etcdctl(["--endpoints", server.member.url, "compact", header.revision.toString()]);
        },
        close: async () => {
          await client.close();
          await proxy.close();
        },
      };
    });
  });
});
