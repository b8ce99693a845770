import { openEtcd } from "../../etcd/client.ts";
import { openClusterStore } from "../../etcd/cluster-store.ts";
import { leaderKey } from "../../etcd/keys.ts";
import { openOutcomeWriter } from "../../etcd/outcome-writer.ts";
import type { EtcdClient } from "../../etcd/protocol.ts";
import { openSchedulerWriter } from "../../etcd/scheduler-writer.ts";
import { openStateWriter } from "../../etcd/state-writer.ts";
import { openUnitTexts } from "../../etcd/unit-texts.ts";
import { EtcdServer, etcdctl } from "../support/etcd-server.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { clusterStoreContract, type StoreUnderTest } from "./cluster-store.ts";

describe("the cluster store", () => {
  describe("in memory", () => {
    clusterStoreContract(async () => {
      const memory = new MemoryStore();
      return {
        ...overClient(memory.etcd.client()),
        compact: async () => memory.etcd.compact(),
        lead: async (machine) => memory.schedulerWriter(machine),
      };
    });
  });

  describe("on etcd", () => {
    let server: EtcdServer;
    before(async function () {
      this.timeout(30_000);
      server = await EtcdServer.start();
    });
    after(async () => {
      await server.stop();
    });
    clusterStoreContract(async () => {
      const client = await openEtcd({ endpoints: server.endpoints });
      await client.txn(
        { compare: [], success: [{ kind: "delete", range: { key: "/deis/", end: "/deis0" } }] },
        {},
      );
      return {
        ...overClient(client),
        compact: async () => {
          const { header } = await client.range({ key: "/" }, {});
          await etcdctl(["--endpoints", server.member.url, "compact", header.revision.toString()]);
        },
      };
    });
  });
});

function overClient(client: EtcdClient): Omit<StoreUnderTest, "compact"> {
  const store = openClusterStore(client);
  return {
    store,
    texts: openUnitTexts(client),
    stateWriter: (machine) => openStateWriter(client, machine),
    outcomeWriter: (machine) => openOutcomeWriter(client, machine),
    lead: async (machine) => {
      await client.txn({ compare: [], success: [{ kind: "delete", range: { key: leaderKey } }] }, {});
      const { header } = await client.txn(
        { compare: [], success: [{ kind: "put", key: leaderKey, value: Buffer.from(machine) }] },
        {},
      );
      return openSchedulerWriter(client, { key: leaderKey, createRevision: header.revision });
    },
    put: async (key, value) => {
      await client.txn({ compare: [], success: [{ kind: "put", key, value: Buffer.from(value) }] }, {});
    },
    close: () => store.close(),
  };
}
