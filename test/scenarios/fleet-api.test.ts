/** fleet's API on real hosts, asked with curl over the socket of each host: the conversations of fleet's own functional tests. */
import { expect } from "chai";
import type { Host } from "../../hosts/host.ts";
import { useDeployedCluster } from "../support/deployed-cluster.ts";
import { eventually } from "../support/eventually.ts";

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface MachineEntity {
  readonly id: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly primaryIP: string;
}

interface UnitEntity {
  readonly currentState: string;
  readonly machineID?: string;
}

const sleep = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];

describe("fleet's API on real hosts", function () {
  this.timeout(40_000);
  const the = useDeployedCluster({ hosts: 2, images: "foundation" });

  async function curl(host: Host, method: string, path: string, body?: object): Promise<Answer> {
    const url = ["--unix-socket", "/var/run/fleet.sock", `http://domain-sock${path}`];
    const data = body === undefined ? [] : ["--data-binary", JSON.stringify(body)];
    const type = method === "PUT" ? ["-H", "Content-Type: application/json"] : ["-H", "Content-Type:"];
    const told = ["-w", "\n%{http_code} %{content_type}"];
    const out = await host.exec(["curl", "-sS", "-m", "10", "-X", method, ...type, ...data, ...told, ...url]);
    const last = out.lastIndexOf("\n");
    const [, status, contentType = ""] = /^(\d+) (.*)$/.exec(out.slice(last + 1)) ?? [];
    return { status: Number(status), type: contentType, body: out.slice(0, last) };
  }

  const [first, second] = [0, 1].map((at) => (): Host => {
    const host = the.deployed.hosts[at];
    if (!host) throw new Error(`there is no host ${at}`);
    return host;
  }) as [() => Host, () => Host];

  const json = "application/json";
  const put = (host: Host, name: string, body: object) => curl(host, "PUT", `/fleet/v1/units/${name}`, body);
  const unit = async (host: Host, name: string): Promise<UnitEntity> =>
    JSON.parse((await curl(host, "GET", `/fleet/v1/units/${name}?alt=json`)).body);

  async function metadata(host: Host): Promise<ReadonlyMap<string, MachineEntity["metadata"]>> {
    const { status, type, body } = await curl(host, "GET", "/fleet/v1/machines");
    expect([status, type]).to.deep.equal([200, json]);
    const { machines } = JSON.parse(body) as { machines: MachineEntity[] };
    return new Map(machines.map((machine) => [machine.id, machine.metadata]));
  }

  const patch = (host: Host, ...operations: object[]) =>
    curl(host, "PATCH", "/fleet/v1/machines", operations);

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

  it("lists the machines, and refuses a page token that is none (TestMachinesList, BadNextPageToken)", async () => {
    const machines = await metadata(first());
    expect(machines.size).to.equal(2);
    for (const host of the.deployed.hosts)
      expect(machines.get(the.deployed.machineOf(host))).to.deep.equal({ host: host.name });
    const { status, type, body } = await curl(first(), "GET", "/fleet/v1/machines?nextPageToken=EwBMLg==");
    expect([status, type, body]).to.deep.equal([
      400,
      json,
      '{"error":{"code":400,"message":"token limit must be 100"}}',
    ]);
  });

  it("sets and removes metadata of both machines (TestMachinesPatchAddModify, PatchDelete)", async () => {
    const [m1, m2] = [first(), second()].map((host) => the.deployed.machineOf(host));
    const added = await patch(
      first(),
      { op: "add", path: `/${m1}/metadata/foo`, Value: { value: "bar" } },
      { op: "replace", path: `/${m2}/metadata/ping`, Value: { value: "splat" } },
    );
    expect(added).to.deep.equal({ status: 204, type: json, body: "" });
    expect([...(await metadata(first())).entries()]).to.have.deep.members([
      [m1, { foo: "bar", host: first().name }],
      [m2, { host: second().name, ping: "splat" }],
    ]);
    // The other host's API and deisctl see it, too.
    await eventually(async () => expect((await metadata(second())).get(m1 ?? "")).to.include({ foo: "bar" }));
    expect(await the.deployed.deisctl("list-machines", "--no-legend")).to.contain("foo=bar");
    const removed = await patch(
      first(),
      { op: "remove", path: `/${m1}/metadata/foo`, Value: { value: "" } },
      { op: "remove", path: `/${m2}/metadata/ping` },
    );
    expect(removed.status).to.equal(204);
    expect([...(await metadata(first())).values()]).to.have.deep.members([
      { host: first().name },
      { host: second().name },
    ]);
  });

  it("refuses a bad operation, path and value (TestMachinesPatchBad)", async () => {
    const machine = the.deployed.machineOf(first());
    for (const operation of [
      { op: "noop", path: `/${machine}/metadata/foo`, Value: { value: "bar" } },
      { op: "add", path: `/${machine}/foo`, Value: { value: "bar" } },
      { op: "add", path: `/${machine}/metadata/foo`, Value: { value: "" } },
    ]) {
      const { status, type } = await patch(first(), operation);
      expect([status, type]).to.deep.equal([400, json]);
    }
  });

  it("places a unit by metadata that was set at run time, as fleetctl would have it", async () => {
    const machine = the.deployed.machineOf(second());
    await patch(first(), { op: "add", path: `/${machine}/metadata/disk`, value: "ssd" });
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
    await patch(first(), { op: "remove", path: `/${machine}/metadata/disk` });
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
