import { useSharedCluster } from "../../support/shared-cluster.ts";
import { commandRound } from "../../support/unit-rounds.ts";

describe("submit", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("of three units, once more, destroy, once more, and submit again", async () => {
    await commandRound(the.deployed, { command: "submit", undo: "destroy", state: "inactive" });
  });
});
