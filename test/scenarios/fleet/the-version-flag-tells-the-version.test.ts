import { expect } from "chai";
import { version } from "../../../cluster/version.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("deisctl on a host", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("tells its version by --version, -v and version", async () => {
    for (const asked of ["--version", "-v", "version"])
      expect(await the.deployed.cluster.host(1).exec(["deisctl", asked]), asked).to.equal(
        `deisctl version ${version}\n`,
      );
  });
});
