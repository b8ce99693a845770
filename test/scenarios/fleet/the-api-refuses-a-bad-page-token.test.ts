import { expect } from "chai";
import { curl, json } from "../../support/host-api.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";

describe("the API on a host", function () {
  this.timeout(40_000);
  const the = useSharedCluster();

  it("refuses a page token with another limit than its own", async () => {
    const h1 = the.deployed.cluster.host(1);
    expect(await curl(h1, "GET", "/fleet/v1/machines?nextPageToken=EwBMLg==")).to.deep.equal({
      status: 400,
      type: json,
      body: '{"error":{"code":400,"message":"token limit must be 100"}}',
    });
  });
});
