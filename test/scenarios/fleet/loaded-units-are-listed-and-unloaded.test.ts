import { useSharedCluster } from "../../support/shared-cluster.ts";
import { commandRound } from "../../support/unit-rounds.ts";

describe("load", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("of three units, once more, unload, once more, and load again", async () => {
    await commandRound(the.deployed, {
      command: "load",
      undo: "unload",
      state: "loaded",
      shown: "loaded inactive",
      left: "inactive",
    });
  });
});
