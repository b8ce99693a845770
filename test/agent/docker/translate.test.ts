import { expect } from "chai";
import { createOptions, type HostFacts, specOf, withTag } from "../../../agent/docker/translate.ts";
import { containerUnit } from "./engine.ts";

const host = { hostname: "core-1", machineId: "0123456789abcdef0123456789abcdef" };
const bare: HostFacts = { environment: [], hasDevice: () => true };

function options(container: string, service = "", facts = bare, name = "web@1.service") {
  const unit = containerUnit(name, container, service);
  return createOptions(unit, specOf(unit, host), facts);
}

describe("translating a unit for Docker", () => {
  it("names the container for the unit and labels it with unit, hash and generation", () => {
    const unit = { ...containerUnit("web@1.service", "Label=team=blue"), generation: 3 };
    const { name, Image, Labels } = createOptions(unit, specOf(unit, host), bare);
    expect({ name, Image, Labels }).to.deep.equal({
      name: "web-1",
      Image: "busybox:latest",
      Labels: {
        team: "blue",
        "deis.unit": "web@1.service",
        "deis.hash": unit.hash,
        "deis.generation": "3",
      },
    });
  });

  it("does not let a unit forge our labels", () => {
    expect(options("Label=deis.unit=other.service").Labels).to.include({ "deis.unit": "web@1.service" });
  });

  it("mounts the host's permit into a container that must not start without it", () => {
    const { HostConfig } = options("", "", { ...bare, permit: "/run/deis/docker/permit" });
    expect(HostConfig?.Mounts).to.deep.equal([
      { Type: "bind", Source: "/run/deis/docker/permit", Target: "/.deis-permit", ReadOnly: true },
    ]);
    expect(options("").HostConfig).not.to.have.property("Mounts");
  });

  it("leaves to the image what the unit does not say", () => {
    const created = options("");
    for (const key of ["Cmd", "Entrypoint", "User", "WorkingDir", "Hostname", "StopSignal"]) {
      expect(created, key).not.to.have.property(key);
    }
    expect(created.HostConfig).not.to.have.any.keys("Memory", "NanoCpus", "CpuShares", "Init", "NetworkMode");
  });

  it("keeps words, quotes and characters of the command and the environment", () => {
    const created = options(
      `Exec=sh -c "echo \\"grüß Gott\\" 'a  b'" %i %%\nEnvironment="GREETING=hällo wörld" EMPTY= "Q=it's"`,
    );
    expect(created.Cmd).to.deep.equal(["sh", "-c", `echo "grüß Gott" 'a  b'`, "1", "%"]);
    expect(created.Env).to.deep.equal(["GREETING=hällo wörld", "EMPTY=", "Q=it's"]);
  });

  it("lets environment files win over Environment=, the last one first of all", () => {
    const environment = [
      ["A", "file"],
      ["B", "first"],
      ["B", "second"],
    ] as const;
    const { Env } = options("Environment=A=unit C=unit", "", { ...bare, environment });
    expect(Env).to.deep.equal(["A=file", "C=unit", "B=second"]);
  });

  const limits: [service: string, expected: object][] = [
    ["MemoryMax=64M", { Memory: 67_108_864, MemorySwap: 67_108_864 }],
    ["CPUQuota=50%", { NanoCpus: 500_000_000 }],
    ["CPUQuota=200%", { NanoCpus: 2_000_000_000 }],
    ["CPUWeight=100", { CpuShares: 1_024 }],
    ["CPUWeight=200", { CpuShares: 2_048 }],
    ["CPUWeight=1", { CpuShares: 10 }],
    ["CPUWeight=10000", { CpuShares: 102_400 }],
    ["Restart=no", { RestartPolicy: { Name: "no" } }],
    ["Restart=always", { RestartPolicy: { Name: "unless-stopped" } }],
    ["Restart=on-failure", { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 0 } }],
  ];
  for (const [service, expected] of limits) {
    it(`holds the container to ${service}`, () => {
      expect(options("", service).HostConfig).to.deep.include(expected);
    });
  }

  const timeouts: [service: string, seconds: number][] = [
    ["", 90],
    ["TimeoutStopSec=5", 5],
    ["TimeoutStopSec=1500ms", 2],
    ["TimeoutStopSec=infinity", -1],
  ];
  for (const [service, seconds] of timeouts) {
    it(`gives a container ${seconds} s to stop with "${service}"`, () => {
      expect(options("", service).StopTimeout).to.equal(seconds);
    });
  }

  it("publishes ports", () => {
    const created = options(
      "PublishPort=8080:80\nPublishPort=127.0.0.1:8081:80\nPublishPort=[::1]:53:53/udp\nPublishPort=443",
    );
    expect(created.ExposedPorts).to.have.all.keys("80/tcp", "53/udp", "443/tcp");
    expect(created.HostConfig?.PortBindings).to.deep.equal({
      "80/tcp": [
        { HostIp: "", HostPort: "8080" },
        { HostIp: "127.0.0.1", HostPort: "8081" },
      ],
      "53/udp": [{ HostIp: "::1", HostPort: "53" }],
      "443/tcp": [{ HostIp: "", HostPort: "" }],
    });
  });

  it("mounts paths, named volumes and anonymous ones", () => {
    const created = options(
      "Volume=/srv/data:/data:ro,z\nVolume=cache:/cache\nVolume=/scratch\nTmpfs=/tmp:size=1m",
    );
    expect(created.HostConfig).to.deep.include({
      Binds: ["/srv/data:/data:ro,z", "cache:/cache"],
      Tmpfs: { "/tmp": "size=1m" },
    });
    expect(created.Volumes).to.deep.equal({ "/scratch": {} });
  });

  it("leaves out an optional device that the host lacks", () => {
    const facts = { ...bare, hasDevice: () => false };
    expect(
      options("AddDevice=-/dev/fuse\nAddDevice=/dev/null:/dev/nil:r", "", facts).HostConfig?.Devices,
    ).to.deep.equal([{ PathOnHost: "/dev/null", PathInContainer: "/dev/nil", CgroupPermissions: "r" }]);
  });

  it("joins networks under aliases", () => {
    expect(options("Network=apps\nNetworkAlias=web\nNetworkAlias=www").NetworkingConfig).to.deep.equal({
      EndpointsConfig: { apps: { Aliases: ["web", "www"] } },
    });
    expect(options("Network=host").HostConfig).to.include({ NetworkMode: "host" });
  });

  it("takes the stop signal from either section", () => {
    expect(options("StopSignal=QUIT").StopSignal).to.equal("SIGQUIT");
    expect(options("", "KillSignal=SIGINT").StopSignal).to.equal("SIGINT");
  });

  const images: [written: string, full: string][] = [
    ["nginx", "nginx:latest"],
    ["nginx:1.27", "nginx:1.27"],
    ["localhost:5000/app", "localhost:5000/app:latest"],
    ["localhost:5000/app:v2", "localhost:5000/app:v2"],
    [`nginx@sha256:${"0".repeat(64)}`, `nginx@sha256:${"0".repeat(64)}`],
  ];
  for (const [written, full] of images) {
    it(`reads image "${written}" as "${full}"`, () => {
      expect(withTag(written)).to.equal(full);
    });
  }
});
