import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { json, machineMetadata, patchMachines } from "../../support/host-api.ts";
import { listed } from "../../support/listed.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the API on a host", function () {
  this.timeout(40_000);
  const the = useSharedCluster();

  it("adds and replaces metadata of several machines at once, which every host then tells", async () => {
    const { deployed } = the;
    const [h1, h4] = [deployed.cluster.host(1), deployed.cluster.host(4)];
    const [first, second] = [deployed.machineOf(h1), deployed.machineOf(h4)];
    try {
      const added = await patchMachines(
        h1,
        { op: "add", path: `/${first}/metadata/foo`, Value: { value: "bar" } },
        { op: "replace", path: `/${second}/metadata/ping`, Value: { value: "splat" } },
      );
      expect(added).to.deep.equal({ status: 204, type: json, body: "" });
      const told = await machineMetadata(h1);
      expect(told.get(first)).to.deep.equal({ foo: "bar", host: "h1" });
      expect(told.get(second)).to.deep.equal({ host: "h4", ping: "splat" });
      await eventually(async () => expect((await machineMetadata(h4)).get(first)).to.include({ foo: "bar" }));
      expect(await listed(deployed, "list-machines", "metadata")).to.include.members([
        "foo=bar,host=h1",
        "host=h4,ping=splat",
      ]);
    } finally {
      await patchMachines(
        h1,
        { op: "remove", path: `/${first}/metadata/foo` },
        { op: "remove", path: `/${second}/metadata/ping` },
      );
    }
  });
});
