import { expect } from "chai";
import { eventually } from "../../support/eventually.ts";
import { onH4, useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";
import { useSshFromH1 } from "../../support/ssh-servers.ts";

describe("deisctl ssh", function () {
  this.timeout(30_000);
  const the = useSharedCluster();
  const fromH1 = useSshFromH1(the);

  it("runs a command where the unit is, or on a machine, and ends with its exit code", async () => {
    const { deployed } = the;
    const [h3, h4] = [deployed.cluster.host(3), deployed.cluster.host(4)];
    await fromH1.knowOnly(h3, h4);
    await deployed.write({ "there.service": service({ fleet: onH4 }) });
    await deployed.deisctl("start", "there.service");
    expect(await fromH1.ssh("there", "--", "hostname")).to.include({ code: 0, stdout: "h4\n" });
    const machine = deployed.machineOf(h3).slice(0, 8);
    expect(await fromH1.ssh("--machine", machine, "hostname")).to.include({ code: 0, stdout: "h3\n" });
    expect((await fromH1.ssh("there", "--", "sh", "-c", "'exit 7'")).code).to.equal(7);
    const status = await fromH1.ssh("there", "--", "systemctl", "status", "there.service");
    expect(status.stdout).to.contain("Active: active");
  });

  it("is not needed for status and journal", async () => {
    const { deployed } = the;
    const talking = `[Service]\nExecStart=/bin/sh -c "echo Hello from afar; exec sleep infinity"\n[X-Fleet]\n${onH4}\n`;
    await deployed.write({ "talking.service": talking });
    await deployed.deisctl("start", "talking.service");
    expect(await deployed.deisctl("status", "talking")).to.contain("Active: active");
    await eventually(async () =>
      expect(await deployed.deisctl("journal", "talking")).to.contain("Hello from afar"),
    );
  });
});
