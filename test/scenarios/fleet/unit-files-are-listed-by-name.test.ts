import { expect } from "chai";
import { listed } from "../../support/listed.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

describe("list-unit-files", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("is in the order of names, however the units came", async () => {
    const { deployed } = the;
    const names = Array.from({ length: 20 }, (_, at) => `u${String((at * 7) % 20).padStart(2, "0")}.service`);
    await deployed.write(Object.fromEntries(names.map((name) => [name, service()])));
    await deployed.deisctl("submit", ...names);
    expect(await listed(deployed, "list-unit-files", "unit")).to.deep.equal([...names].sort());
  });
});
