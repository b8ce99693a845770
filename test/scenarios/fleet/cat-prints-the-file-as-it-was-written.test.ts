import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";

const text =
  "# by hand\n[Unit]\nDescription =  Hello\n\n; and more\n[Service]\nExecStart=/bin/sleep infinity\n";

describe("cat", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  it("prints a submitted file as it was written, and says of a unit that is none that it is not found", async () => {
    const { deployed } = the;
    await deployed.write({ "hello.service": text });
    await deployed.deisctl("submit", "hello.service");
    expect(await deployed.deisctl("cat", "hello.service")).to.equal(text);
    const none = await deployed.tryDeisctl("cat", "goodbye.service");
    expect(none).to.include({ code: 1, stdout: "", stderr: "Unit goodbye.service not found\n" });
  });
});
