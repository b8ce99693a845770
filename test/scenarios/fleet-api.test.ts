/** The API on real hosts, asked with curl over the socket of each; fleet's own conversations are files in `fleet/`. */
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";
import { curl, patchMachines } from "../support/host-api.ts";

interface UnitEntity {
  readonly currentState: string;
  readonly machineID?: string;
}

const sleep = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];

describe("fleet's API on real hosts", function () {
  this.timeout(40_000);
  const the = useDeployedCluster({ hosts: 2, images: "foundation" });

  const [first, second] = [0, 1].map((at) => (): Host => {
    const host = the.deployed.hosts[at];
    if (!host) throw new Error(`there is no host ${at}`);
    return host;
  }) as [() => Host, () => Host];

  const put = (host: Host, name: string, body: object) => curl(host, "PUT", `/fleet/v1/units/${name}`, body);
  const unit = async (host: Host, name: string): Promise<UnitEntity> =>
    JSON.parse((await curl(host, "GET", `/fleet/v1/units/${name}?alt=json`)).body);

  it("starts when someone asks, for root and the group deis and for nobody else", async () => {
    const isActive = async () =>
      (await first().attempt(["systemctl", "is-active", "deis-api.service"])).stdout.trim();
    expect(await isActive()).to.equal("inactive");
    const socket = ["curl", "-sS", "--unix-socket", "/var/run/fleet.sock", "http://d/fleet/v1/machines"];
    const stranger = await first().attempt(["setpriv", "--reuid=nobody", "--clear-groups", ...socket]);
    expect(stranger.code, stranger.stdout).to.equal(7);
    expect(await isActive()).to.equal("inactive");
    const member = ["setpriv", "--reuid=nobody", "--regid=deis", "--clear-groups"];
    expect(await first().exec([...member, ...socket])).to.match(/^\{"machines":/);
    expect(await isActive()).to.equal("active");
    expect(await first().exec(["sh", "-c", "ps -o user= -p $(systemctl show -P MainPID deis-api)"])).to.match(
      /^deis\n/,
    );
  });

  it("places a unit by metadata that was set at run time, as fleetctl would have it", async () => {
    const machine = the.deployed.machineOf(second());
    await patchMachines(first(), { op: "add", path: `/${machine}/metadata/disk`, value: "ssd" });
    const options = [...sleep, { section: "X-Fleet", name: "MachineMetadata", value: "disk=ssd" }];
    expect((await put(first(), "web@.service", { options })).status).to.equal(201);
    expect((await put(first(), "web@1.service", { options })).status).to.equal(201);
    expect((await unit(first(), "web@1.service")).currentState).to.equal("inactive");

    expect((await put(first(), "web@1.service", { desiredState: "launched" })).status).to.equal(204);
    await eventually(
      async () =>
        expect(await unit(first(), "web@1.service")).to.include({
          currentState: "launched",
          machineID: machine,
        }),
      { within: 5_000, every: 100 },
    );
    await eventually(
      async () => {
        const { body } = await curl(first(), "GET", "/fleet/v1/state?unitName=web%401.service");
        expect(JSON.parse(body).states).to.have.length(1);
        expect(JSON.parse(body).states[0]).to.include({
          machineID: machine,
          systemdActiveState: "active",
          systemdLoadState: "loaded",
          systemdSubState: "running",
        });
      },
      { within: 5_000, every: 100 },
    );
    // The file of the second instance is the template's.
    expect((await put(second(), "web@2.service", { desiredState: "launched" })).status).to.equal(201);
    await the.deployed.allActive(["web@1.service", "web@2.service"]);
    expect(the.deployed.activeOn("web@2.service")).to.deep.equal([second().name]);

    const refused = await put(first(), "web@1.service", { desiredState: "bogus" });
    expect(refused.status).to.equal(400);
    for (const name of ["web@1.service", "web@2.service", "web@.service"])
      expect((await curl(first(), "DELETE", `/fleet/v1/units/${name}`)).status).to.equal(204);
    await eventually(() => expect(the.deployed.records.tables.states.size).to.equal(0), { within: 10_000 });
    await patchMachines(first(), { op: "remove", path: `/${machine}/metadata/disk` });
  });

  it("shows with Deis's own API what a unit on another host says, and why it is there", async () => {
    const machine = the.deployed.machineOf(second());
    const file = `[Service]\nExecStart=/bin/sh -c "echo Hello from afar; exec sleep 100"\n[X-Fleet]\nMachineID=${machine}\n`;
    const unitPath = "/deis/v1/units/far.service";
    expect((await curl(first(), "PUT", unitPath, { file, target: "launched" })).status).to.equal(201);
    await the.deployed.allActive(["far.service"]);
    await eventually(
      async () => {
        const { status, type, body } = await curl(first(), "GET", `${unitPath}/logs?lines=5&output=cat`);
        expect([status, type]).to.deep.equal([200, "text/plain; charset=utf-8"]);
        expect(body).to.contain("Hello from afar\n");
      },
      { within: 5_000, every: 200 },
    );
    expect((await curl(first(), "GET", `${unitPath}/status`)).body).to.contain("far.service");
    const why = JSON.parse((await curl(first(), "GET", `${unitPath}/why`)).body);
    expect(why.placements.map((each: { machine: string }) => each.machine)).to.deep.equal([machine]);
    expect(why.machines).to.have.length(2);
    expect(JSON.parse((await curl(first(), "GET", unitPath)).body)).to.include({
      ready: true,
      state: "launched",
    });
    expect((await curl(first(), "GET", `${unitPath}/file`)).body).to.equal(file);
    expect((await curl(first(), "DELETE", unitPath)).status).to.equal(204);
  });

  it("closes a machine to new units, and opens it again", async () => {
    const machine = the.deployed.machineOf(first());
    const cordon = `/deis/v1/machines/${machine}/cordon`;
    expect((await curl(first(), "PUT", cordon, { reason: "a new disk" })).status).to.equal(200);
    for (const name of ["a.service", "b.service"])
      await put(first(), name, { desiredState: "launched", options: sleep });
    await the.deployed.allActive(["a.service", "b.service"]);
    for (const name of ["a.service", "b.service"])
      expect(the.deployed.activeOn(name)).to.deep.equal([second().name]);
    expect((await curl(first(), "DELETE", cordon)).status).to.equal(204);
    await the.deployed.deisctl("destroy", "a.service", "b.service");
  });
});
