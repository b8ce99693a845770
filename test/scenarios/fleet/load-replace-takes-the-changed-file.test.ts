import { useSharedCluster } from "../../support/shared-cluster.ts";
import { replaceRound } from "../../support/unit-rounds.ts";

describe("load", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("keeps the file it has, and with --replace takes the changed one", async () => {
    await replaceRound(the.deployed, "load");
  });
});
