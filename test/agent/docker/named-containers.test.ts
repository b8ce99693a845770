import { expect } from "chai";
import type { DockerNamedContainers } from "../../../agent/docker/named-containers.ts";
import type { DockerUnitRuntime } from "../../../agent/docker/unit-runtime.ts";
import type { Reach } from "../../../agent/reach.ts";
import { eventually } from "../../support/eventually.ts";
import { useHost } from "../../support/host.ts";
import { containerUnit, Engine, untilStopped } from "./engine.ts";

const signal = new AbortController().signal;
const web = { ExposedPorts: { "5000/tcp": {} }, HostConfig: { PublishAllPorts: true } };

describe("Ports and names on a real Docker engine", function () {
  this.timeout(60_000);
  const the = useHost({ images: "foundation" });
  let engine: Engine;

  before(async () => {
    engine = await Engine.of(the.host);
  });
  afterEach(async () => {
    engine.silence(false);
    await engine.clean();
  });
  after(async () => {
    await engine.dispose();
  });

  describe("a container unit", () => {
    let runtime: DockerUnitRuntime;
    beforeEach(async () => {
      runtime = engine.runtime();
      await runtime.open(signal);
    });
    afterEach(async () => {
      await runtime.close();
    });

    async function reached(lines: string): Promise<Reach | undefined> {
      const unit = containerUnit("web.service", `${untilStopped}\n${lines}`);
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      return runtime.reach(unit.name, signal);
    }

    it("is reached at the ports that it publishes, those that Docker chose included", async () => {
      const reach = await reached(
        "PublishPort=8080:80\nPublishPort=443\nPublishPort=127.0.0.1:9000:9000\nPublishPort=53:53/udp",
      );
      if (reach?.kind !== "mapped") throw new Error("not mapped");
      expect(reach.ports).to.deep.include({ containerPort: 80, hostPort: 8080, hostAddress: "0.0.0.0" });
      expect(reach.ports).to.deep.include({ containerPort: 9000, hostPort: 9000, hostAddress: "127.0.0.1" });
      expect(reach.ports.find(({ containerPort }) => containerPort === 443)?.hostPort).to.be.above(1023);
      expect(reach.ports.some(({ containerPort }) => containerPort === 53)).to.equal(false);
    });

    it("is reached at the host's own ports on the host's network", async () => {
      expect(await reached("Network=host")).to.deep.equal({ kind: "host" });
    });

    it("is reached at none if it publishes none", async () => {
      expect(await reached("")).to.deep.equal({ kind: "mapped", ports: [] });
    });
  });

  describe("containers with names of Deis v1", () => {
    let named: DockerNamedContainers;
    let ending: AbortController;
    let running: Promise<void>;

    beforeEach(() => {
      named = engine.namedContainers();
      ending = new AbortController();
      running = named.run(ending.signal);
    });
    afterEach(async () => {
      ending.abort();
      await running;
    });

    const names = (expected: readonly string[]) =>
      eventually(() => expect([...named.running.keys()].sort()).to.deep.equal(expected), { within: 10_000 });

    it("are found when they start, with their ports, and lost when they die", async () => {
      await eventually(() => named.connected);
      const id = await engine.runNamed("go_v2.web.1", web);
      await names(["go_v2.web.1"]);
      const found = named.running.get("go_v2.web.1");
      expect(found).to.include({ id });
      if (found?.reach.kind !== "mapped") throw new Error("not mapped");
      expect(found.reach.ports[0]).to.include({ containerPort: 5000 });
      await engine.docker.getContainer(id).kill();
      await names([]);
    });

    it("are found when they run already, and no others with them", async () => {
      ending.abort();
      await running;
      await engine.runNamed("go_v2.cmd.7");
      await engine.runNamed("go_v2.worker.1");
      await engine.runNamed("deis-router");
      ending = new AbortController();
      running = named.run(ending.signal);
      await names(["go_v2.cmd.7"]);
    });

    it("are followed when they are renamed", async () => {
      await eventually(() => named.connected);
      const id = await engine.runNamed("go_v2.web.1");
      await names(["go_v2.web.1"]);
      await engine.docker.getContainer(id).rename({ name: "old" });
      await names([]);
      await engine.docker.getContainer(id).rename({ name: "go_v3.web.1" });
      await names(["go_v3.web.1"]);
    });

    it("are not taken for strays where a unit of ours runs them", async () => {
      const runtime = engine.runtime();
      await runtime.open(signal);
      const unit = containerUnit("app.service", `${untilStopped}\nContainerName=go_v2.web.1`);
      await runtime.load(unit, signal);
      await runtime.start(unit, signal);
      await engine.runNamed("go_v2.web.2");
      await names(["go_v2.web.2"]);
      await runtime.close();
    });

    it("are looked up again after the connection broke, or the daemon went silent", async () => {
      await eventually(() => named.connected);
      engine.cut();
      await engine.runNamed("go_v2.web.1");
      await names(["go_v2.web.1"]);
      engine.silence(true);
      await eventually(() => !named.connected, { within: 5_000 });
      engine.silence(false);
      await engine.runNamed("go_v2.web.2");
      await names(["go_v2.web.1", "go_v2.web.2"]);
    });
  });
});
