import { openEtcd } from "../../etcd/client.ts";
import { ApiBed } from "../support/api-bed.ts";
import { EtcdServer } from "../support/etcd-server.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";
import { fleetApiContract } from "./fleet-api.ts";

describe("fleet's API", () => {
  describe("over a store in memory", () => {
    fleetApiContract(() => ApiBed.open(new MemoryEtcd().client()));
  });

  describe("over etcd", () => {
    let server: EtcdServer;
    before(async function () {
      this.timeout(30_000);
      server = await EtcdServer.start();
    });
    after(() => server.stop());

    fleetApiContract(async () => {
      const client = await openEtcd({ endpoints: server.endpoints });
      const all = { kind: "delete", range: { key: "/deis/", end: "/deis0" } } as const;
      await client.txn({ compare: [], success: [all] }, {});
      return await ApiBed.open(client);
    });
  });
});
