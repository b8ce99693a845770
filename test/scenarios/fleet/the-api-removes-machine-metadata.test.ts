import { expect } from "chai";
import { machineMetadata, patchMachines } from "../../support/host-api.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the API on a host", function () {
  this.timeout(40_000);
  const the = useSharedCluster();

  it("removes metadata of several machines at once, whether it is told the value or not", async () => {
    const { deployed } = the;
    const [h1, h4] = [deployed.cluster.host(1), deployed.cluster.host(4)];
    const [first, second] = [deployed.machineOf(h1), deployed.machineOf(h4)];
    await patchMachines(
      h1,
      { op: "add", path: `/${first}/metadata/foo`, Value: { value: "bar" } },
      { op: "add", path: `/${second}/metadata/ping`, Value: { value: "pong" } },
    );
    const removed = await patchMachines(
      h1,
      { op: "remove", path: `/${first}/metadata/foo`, Value: { value: "" } },
      { op: "remove", path: `/${second}/metadata/ping` },
    );
    expect(removed.status).to.equal(204);
    const told = await machineMetadata(h1);
    expect(told.get(first)).to.deep.equal({ host: "h1" });
    expect(told.get(second)).to.deep.equal({ host: "h4" });
  });
});
