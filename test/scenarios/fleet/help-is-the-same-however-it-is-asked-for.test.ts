import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("deisctl on a host", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("gives the same help for --help, -h, help and nothing at all", async () => {
    const h1 = the.deployed.cluster.host(1);
    const help = await h1.exec(["deisctl", "--help"]);
    expect(help).to.match(/^Usage: deisctl /);
    for (const words of [["-h"], ["help"], []])
      expect(await h1.exec(["deisctl", ...words]), words.join()).to.equal(help);
  });
});
