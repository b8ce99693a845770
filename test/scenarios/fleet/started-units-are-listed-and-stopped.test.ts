import { useSharedCluster } from "../../support/shared-cluster.ts";
import { commandRound } from "../../support/unit-rounds.ts";

describe("start", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("of three units, once more, stop, once more, and start again", async () => {
    await commandRound(the.deployed, {
      command: "start",
      undo: "stop",
      state: "launched",
      shown: "loaded active",
      left: "loaded",
    });
  });
});
