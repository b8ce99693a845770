/** install.sh --uninstall on a real host: what runs goes on, and what was installed is gone without a trace. */
import { expect } from "chai";
import { eventually } from "../support/eventually.ts";
import { useHost } from "../support/host.ts";
import {
  clusterOptions,
  filesOf,
  install,
  prepareInstallation,
  releases,
  tryInstall,
  unitProperties,
} from "./installation.ts";

describe("install.sh --uninstall", function () {
  this.timeout(90_000);
  this.slow(15_000);
  const the = useHost({ etcd: true });
  const installed = () =>
    install(the.host, ["--release", releases.current, ...clusterOptions(the.cluster, the.host)]);

  before("put the releases and certificates where the host sees them", async function () {
    this.timeout(10 * 60_000);
    await prepareInstallation(the.cluster, the.host);
  });

  /** Whatever the test before this one left. */
  const bare = () => install(the.host, ["--uninstall", "--purge"]);

  it("leaves nothing with --purge", async () => {
    await bare();
    const before = await filesOf(the.host, "paths");
    const accounts = await the.host.exec(["cat", "/etc/passwd", "/etc/group"]);
    await installed();
    await eventually(async () => {
      expect(await the.host.exec(["deisctl", "list-machines", "--no-legend"])).to.include(the.host.address);
    });

    expect(await install(the.host, ["--uninstall", "--purge"])).to.equal("deis: removed\n");

    expect(await filesOf(the.host, "paths")).to.deep.equal(before);
    expect(await the.host.exec(["cat", "/etc/passwd", "/etc/group"])).to.equal(accounts);
    expect(await the.host.exec(["systemctl", "list-units", "--all", "--no-legend", "deis*"])).to.equal("");
  });

  it("keeps settings, certificates and the user without --purge, so that it can be installed again", async () => {
    await installed();
    const settings = await the.host.exec(["cat", "/etc/deis/agent.toml"]);

    await install(the.host, ["--uninstall"]);
    expect((await the.host.attempt(["sh", "-c", "command -v deisctl"])).code).not.to.equal(0);
    expect(await the.host.exec(["ls", "/etc/deis", "/etc/deis/pki"])).to.equal(
      "/etc/deis:\nagent.toml\npki\n\n/etc/deis/pki:\nca.crt\nhost.crt\nhost.key\n",
    );
    await the.host.exec(["id", "deis"]);

    await install(the.host, ["--release", releases.current]);
    expect(await the.host.exec(["cat", "/etc/deis/agent.toml"])).to.equal(settings);
    expect(await the.host.exec(["systemctl", "is-active", "deis-agent"])).to.equal("active\n");
  });

  it("stops no unit, and names those that are now nobody's", async () => {
    await installed();
    const stop = "\n[Service]\nTimeoutStopSec=1\n";
    await the.host.write("/root/crate.service", `[Container]\nImage=busybox\nExec=sleep 1000\n${stop}`);
    await the.host.write("/root/rest.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    await the.host.exec(["deisctl", "start", "/root/crate.service", "/root/rest.service"], {
      deadlineMs: 60_000,
    });
    const runs = async () => [
      await the.host.exec(["docker", "ps", "--no-trunc", "--format", "{{.ID}}"]),
      await unitProperties(the.host, "rest.service", ["MainPID", "InvocationID", "ActiveState"]),
    ];
    const before = await runs();

    const said = await install(the.host, ["--uninstall", "--purge"]);

    expect(said)
      .to.match(/from now on nobody's but yours: /)
      .and.to.include("rest.service")
      .and.to.match(/crate/);
    expect(await runs()).to.deep.equal(before);

    // The same host again: the agent finds them.
    await installed();
    await the.host.exec(["deisctl", "destroy", "crate.service", "rest.service"], { deadlineMs: 60_000 });
    await eventually(async () => {
      expect(await the.host.exec(["docker", "ps", "--quiet"])).to.equal("");
      expect((await the.host.attempt(["systemctl", "is-active", "rest.service"])).stdout).to.equal(
        "inactive\n",
      );
    });
  });

  it("stops and removes the units of the host when it is asked to", async () => {
    await bare();
    const before = await filesOf(the.host, "paths");
    await installed();
    await the.host.write(
      "/root/drum.service",
      "[Container]\nImage=busybox\nExec=sleep 1000\n[Service]\nTimeoutStopSec=1\n",
    );
    await the.host.write("/root/pause.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    await the.host.exec(["deisctl", "start", "/root/drum.service", "/root/pause.service"], {
      deadlineMs: 60_000,
    });

    expect(await install(the.host, ["--uninstall", "--stop-units", "--purge"])).to.equal("deis: removed\n");

    expect(await the.host.exec(["docker", "ps", "--all", "--quiet"])).to.equal("");
    const left = await the.host.attempt(["systemctl", "status", "pause.service"]);
    expect(left.stderr).to.equal("Unit pause.service could not be found.\n");
    await the.host.exec(["rm", "/root/drum.service", "/root/pause.service"]);
    expect(await filesOf(the.host, "paths")).to.deep.equal(before);

    // The cluster still wants them.
    await installed();
    await the.host.exec(["deisctl", "destroy", "drum.service", "pause.service"], { deadlineMs: 60_000 });
    await install(the.host, ["--uninstall", "--purge"]);
  });

  it("may be run where nothing is installed", async () => {
    await bare();
    const before = await filesOf(the.host);
    expect((await tryInstall(the.host, ["--uninstall", "--purge"])).code).to.equal(0);
    expect(await filesOf(the.host)).to.deep.equal(before);
  });
});
