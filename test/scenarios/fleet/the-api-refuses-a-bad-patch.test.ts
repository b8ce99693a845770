import { expect } from "chai";
import { json, machineMetadata, patchMachines } from "../../support/host-api.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the API on a host", function () {
  this.timeout(40_000);
  const the = useSharedCluster();

  it("refuses a bad operation, path and value, and changes nothing", async () => {
    const { deployed } = the;
    const h1 = deployed.cluster.host(1);
    const machine = deployed.machineOf(h1);
    for (const operation of [
      { op: "noop", path: `/${machine}/metadata/foo`, Value: { value: "bar" } },
      { op: "add", path: `/${machine}/foo`, Value: { value: "bar" } },
      { op: "add", path: `/${machine}/metadata/foo`, Value: { value: "" } },
    ]) {
      const { status, type } = await patchMachines(h1, operation);
      expect([status, type], operation.path).to.deep.equal([400, json]);
    }
    expect((await machineMetadata(h1)).get(machine)).to.deep.equal({ host: "h1" });
  });
});
