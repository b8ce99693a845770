import { expect } from "chai";
import { version } from "../../../cluster/version.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("deisctl on a host", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("tells its version in its help, too", async () => {
    expect(await the.deployed.cluster.host(1).exec(["deisctl"])).to.contain(`deisctl version ${version}`);
  });
});
