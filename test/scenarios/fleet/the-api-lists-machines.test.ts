import { expect } from "chai";
import { machineMetadata } from "../../support/host-api.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the API on a host", function () {
  this.timeout(40_000);
  const the = useSharedCluster();

  it("lists all machines with their metadata", async () => {
    const { deployed } = the;
    const machines = await machineMetadata(deployed.cluster.host(1));
    expect([...machines]).to.have.deep.members(
      deployed.hosts.map((host) => [deployed.machineOf(host), { host: host.name }]),
    );
  });
});
