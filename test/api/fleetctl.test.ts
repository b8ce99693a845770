import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import { h1, h2, ScriptedCluster } from "../deisctl/scripted-cluster.ts";
import { ApiBed } from "../support/api-bed.ts";
import { eventually } from "../support/eventually.ts";
import { FleetClient, GoogleApiError } from "../support/fleet-client.ts";

const option = (section: string, name: string, value: string) => ({ section, name, value });
const hello = [
  option("Unit", "Description", "Hello World"),
  option("Service", "ExecStart", '/bin/bash -c "while true; do echo Hello, World!; sleep 1; done"'),
];
const edited = [hello[0] ?? option("", "", ""), option("Service", "ExecStart", "/bin/echo Venus & <co>")];

describe("fleetctl against our API", () => {
  let cluster: ScriptedCluster;
  let bed: ApiBed;
  let fleetctl: FleetClient;

  beforeEach(async () => {
    cluster = new ScriptedCluster();
    bed = await ApiBed.open(cluster.store.etcd.client());
    fleetctl = new FleetClient(bed.socketPath);
  });
  afterEach(async () => {
    await bed.close();
    await cluster.close();
  });

  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("lives through a unit's life: submit, load, start, stop, unload, destroy", async () => {
    expect((await fleetctl.machines()).map(({ id, primaryIP }) => [id, primaryIP])).to.deep.equal([
      [h1, "127.0.0.1"],
      [h2, "127.0.0.2"],
    ]);
    expect(await fleetctl.units()).to.deep.equal([]);
    await fleetctl.submit("hello.service", hello);
    expect(await fleetctl.unit("hello.service")).to.deep.equal({
      currentState: "inactive",
      desiredState: "inactive",
      name: "hello.service",
      options: hello.map(({ name, section, value }) => ({ name, section, value })),
    });
    expect((await fleetctl.bring("hello.service", "loaded")).machineID).to.equal(h1);
    expect((await fleetctl.start("hello.service")).systemdSubState).to.equal("running");
    expect((await fleetctl.states()).map(({ name, machineID }) => [name, machineID])).to.deep.equal([
      ["hello.service", h1],
    ]);
    await fleetctl.bring("hello.service", "loaded");
    expect((await fleetctl.bring("hello.service", "inactive")).machineID).to.equal(undefined);
    await fleetctl.destroy("hello.service");
    expect(await fleetctl.unit("hello.service")).to.equal(undefined);
    expect(await failure(fleetctl.destroy("hello.service"))).to.be.instanceOf(GoogleApiError);
  });

  it("submitting twice does nothing, and starting what runs returns at once", async () => {
    await fleetctl.submit("hello.service", hello);
    await fleetctl.start("hello.service");
    const revision = cluster.store.etcd.revision;
    await fleetctl.submit("hello.service", hello);
    await fleetctl.start("hello.service");
    expect(cluster.store.etcd.revision).to.equal(revision);
  });

  it("replaces a running unit's file", async () => {
    await fleetctl.submit("hello.service", hello);
    const before = await fleetctl.start("hello.service");
    const after = await fleetctl.replace("hello.service", edited);
    expect(after.hash).not.to.equal(before.hash);
    const unit = await fleetctl.unit("hello.service");
    expect(unit?.options?.[1]?.value).to.equal("/bin/echo Venus & <co>");
  });

  it("restarts what runs, though it waits for launched after it has asked for loaded", async () => {
    await fleetctl.submit("hello.service", hello);
    await fleetctl.start("hello.service");
    const asked = fleetctl.asked.length;
    expect((await fleetctl.restart("hello.service")).systemdActiveState).to.equal("active");
    const puts = fleetctl.asked.slice(asked).filter((each) => each.startsWith("PUT"));
    expect(puts).to.have.length(2);
    await fleetctl.bring("hello.service", "loaded");
  });

  it("starts instances of a template", async () => {
    await fleetctl.submit("hello@.service", hello);
    for (const at of [1, 2]) await fleetctl.startInstance(`hello@${at}.service`, "hello@.service");
    expect((await fleetctl.states()).map(({ name }) => name)).to.deep.equal([
      "hello@1.service",
      "hello@2.service",
    ]);
    const refused = await failure(fleetctl.bring("hello@.service", "launched"));
    expect(String(refused)).to.contain('cannot activate template "hello@.service"');
  });

  it("starts a global unit, which has a state on every machine and none of its own", async () => {
    const options = [...hello, option("X-Fleet", "Global", "true")];
    await fleetctl.submit("glob.service", options);
    await fleetctl.trigger("glob.service", "launched");
    await eventually(async () => {
      const states = await fleetctl.states();
      expect(states.map(({ machineID }) => machineID)).to.deep.equal([h1, h2]);
    });
    const unit = await fleetctl.unit("glob.service");
    expect([unit?.currentState, unit?.desiredState, unit?.machineID]).to.deep.equal([
      "inactive",
      "launched",
      undefined,
    ]);
  });

  it("sees every one of many units, page by page", async () => {
    const names = Array.from({ length: 230 }, (_, at) => `u@${String(at).padStart(3, "0")}.service`);
    await fleetctl.submit("u@.service", hello);
    for (const name of names)
      await bed.ask(`/fleet/v1/units/${name}`, { method: "PUT", body: { desiredState: "launched" } });
    await eventually(async () => expect(await fleetctl.states()).to.have.length(names.length));
    expect((await fleetctl.states()).map(({ name }) => name)).to.deep.equal(names);
    expect((await fleetctl.units()).slice(1).map(({ name }) => name)).to.deep.equal(names);
    expect(fleetctl.asked.slice(-3)).to.deep.equal(["GET units", "GET units", "GET units"]);
  }).timeout(20_000);

  it("is told in fleet's words that the store is away, and goes on when it is back", async () => {
    bed.outage = new PlatformError("store-unreachable", "away", { retryable: true });
    for (const ask of [
      () => fleetctl.machines(),
      () => fleetctl.unit("a.service"),
      () => fleetctl.submit("a.service", hello),
    ]) {
      const refused = await failure(ask());
      expect([refused instanceof GoogleApiError && refused.code, String(refused)]).to.deep.equal([
        503,
        "Error: fleet server unable to communicate with etcd",
      ]);
    }
    bed.outage = undefined;
    await fleetctl.submit("a.service", hello);
  });
});
