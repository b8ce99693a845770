import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";

const oneshot = `[Service]
Type=oneshot
ExecStart=/bin/sh -c "echo ran >>/run/ran-%i"
[X-Fleet]
MachineMetadata=host=h4
`;

describe("a oneshot unit that has ended", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  it("is not run again by a start, an agent's restart or another leader, and is by `restart`", async () => {
    const { deployed } = the;
    const h4 = deployed.cluster.host(4);
    await deployed.write({
      "good@.service": oneshot,
      "bad@.service": oneshot.replace("/run/ran-%i", "/run/ran-%i; exit 3"),
    });
    await deployed.deisctl("start", "good@good");
    expect((await deployed.tryDeisctl("start", "bad@bad")).code).to.equal(1);
    const runs = async () => await h4.exec(["sh", "-c", "cat /run/ran-good; echo; cat /run/ran-bad"]);
    expect(await runs()).to.equal("ran\n\nran\n");

    await deployed.deisctl("start", "good@good");
    await h4.exec(["systemctl", "kill", "-s", "KILL", "deis-agent"]);
    await h4.exec(["systemctl", "restart", "deis-agent"]);
    await deployed.leadFrom(h4);
    // What a new agent and a new leader have to do first is done once this is.
    await deployed.deisctl("start", "good@other");
    expect(await runs()).to.equal("ran\n\nran\n");
    const listed = await deployed.deisctl("list-units", "--no-legend", "--fields=unit,active,sub,exit");
    expect(listed).to.match(
      /^bad@bad\.service\s+failed\s+failed\s+3\ngood@good\.service\s+inactive\s+dead\s+0$/m,
    );

    await deployed.deisctl("restart", "good@good");
    expect(await runs()).to.equal("ran\nran\n\nran\n");
    await h4.exec(["sh", "-c", "rm /run/ran-*"]);
  });
});
