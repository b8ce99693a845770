import { expect } from "chai";
import fc from "fast-check";
import { PlatformError } from "../../cluster/errors.ts";
import { checkUnitFile, runtimeOf, unitFrom } from "../../cluster/unit.ts";
import { parseUnitFile, unitHash } from "../../cluster/unit-file.ts";
import { failure } from "../support/failure.ts";

/** A unit file of the kind that Deis v1 shipped: several `ExecStartPre`, ignored failures, shell pipelines, back-quotes. */
const router = `[Unit]
Description=deis-router

[Service]
EnvironmentFile=/etc/environment
TimeoutStartSec=20m
ExecStartPre=/bin/sh -c "IMAGE=\`/run/deis/bin/get_image /deis/router\` && docker history $IMAGE >/dev/null 2>&1 || flock -w 1200 /var/run/lock/pull docker pull $IMAGE"
ExecStartPre=/bin/sh -c "docker inspect deis-router >/dev/null 2>&1 && docker rm -f deis-router || true"
ExecStart=/bin/sh -c "IMAGE=\`/run/deis/bin/get_image /deis/router\` && docker run --name deis-router --rm -p 80:80 -p 2222:2222 -p 443:443 -p 9090:9090 -e EXTERNAL_PORT=80 -e HOST=$COREOS_PRIVATE_IPV4 $IMAGE"
ExecStartPost=/bin/sh -c "echo 'waiting' \\
  && until curl -s http://127.0.0.1; do sleep 1; done"
ExecStop=-/usr/bin/docker stop deis-router
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target

[X-Fleet]
Conflicts=deis-router@*.service
`;

describe("a unit", () => {
  it("is made of its name, its record and its file", () => {
    const record = { hash: "a".repeat(40), target: "launched", generation: 3 } as const;
    const text = `[Container]\nImage=x\n[Service]\nMemoryMax=1G\n[X-Fleet]\nMachineOf=db@%i.service\n`;
    expect(unitFrom("web@2.service", record, text)).to.deep.include({
      name: "web@2.service",
      ...record,
      resources: { memoryBytes: 1024 ** 3, cpuMillis: 0 },
      runtime: "docker",
    });
    expect(unitFrom("web@2.service", record, text).requirements.machineOf).to.deep.equal(["db@2.service"]);
  });

  it("is run by Docker with [Container] and by systemd without", () => {
    expect(runtimeOf(parseUnitFile("[Container]\n"))).to.equal("docker");
    expect(runtimeOf(parseUnitFile("[Service]\nExecStart=/bin/true\n"))).to.equal("systemd");
  });

  it("is not read from text that cannot be parsed", () => {
    const record = { hash: "", target: "inactive", generation: 0 } as const;
    expect(failure(() => unitFrom("a.service", record, "[Unit]\nx\n")).code).to.equal("unit-file-invalid");
  });
});

describe("a unit file to be submitted", () => {
  it("is accepted as Deis v1 wrote it, and keeps its text", () => {
    const checked = checkUnitFile("deis-router@1.service", router);
    expect(checked.warnings).to.deep.equal([]);
    expect(checked.file.print()).to.equal(router);
    expect(checked.hash).to.equal(unitHash(parseUnitFile(router)));
    expect(checked.file.values("Service", "ExecStartPre")).to.have.length(2);
  });

  it("may have lines longer than fleet's 2048 bytes", () => {
    const text = `[Service]\nExecStart=/bin/echo ${"x".repeat(100_000)}\n`;
    expect(checkUnitFile("a.service", text).file.values("Service", "ExecStart")[0]).to.have.length(100_010);
  });

  it("may have any metadata word of fleet's day, with a warning", () => {
    const { warnings } = checkUnitFile("a.service", "[X-Fleet]\nMachineMetadata=ssd\n");
    expect(warnings).to.have.length(1);
  });

  it("as a template is judged as one of its instances would be", () => {
    const text = "[Container]\nImage=x\nContainerName=%i-db\nPublishPort=80%i:80\nVolume=%i0:/data\n";
    expect(checkUnitFile("db@.service", text).warnings).to.deep.equal([]);
  });

  for (const [what, name, text, code, words] of [
    ["a bad name", "foo", "", "unit-name-invalid", 'unit name must contain "."'],
    ["bad grammar", "a.service", "[Unit]\nnonsense\n", "unit-file-invalid", "at 2:1"],
    ["no option at all", "a.service", "# to be written\n[Service]\n", "unit-file-invalid", "holds no option"],
    ["an unknown requirement", "a.service", "[X-Fleet]\nConflict=b\n", "unit-file-invalid", '"Conflict"'],
    [
      "an impossible combination",
      "a.service",
      "[X-Fleet]\nGlobal=true\nMachineOf=b.service\n",
      "unit-file-invalid",
      "Global cannot be used with Peers",
    ],
    [
      "a short machine id",
      "a.service",
      "[X-Fleet]\nMachineID=f1ee0001\n",
      "unit-file-invalid",
      "short machine id",
    ],
    ["a bad resource", "a.service", "[Service]\nMemoryMax=x\n", "unit-file-invalid", 'MemoryMax="x"'],
    ["a bad container", "a.service", "[Container]\nImage=a b\n", "unit-file-invalid", "no image reference"],
  ] as const) {
    it(`is refused with ${what}`, () => {
      const error = failure(() => checkUnitFile(name, text));
      expect(error.code).to.equal(code);
      expect(error.message).to.contain(words);
      expect(error.hint).to.be.a("string").and.not.equal("");
    });
  }

  it("is refused with a PlatformError and never another, whatever is written", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "[Unit]",
        "[X-Fleet]",
        "[Container]",
        "[Service]",
        "Image=x",
        "MachineOf=a",
        "Global=t",
      ),
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => `MachineMetadata=${text}`),
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => `Conflicts=${text}`),
      fc.string({ unit: "binary", maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          checkUnitFile("a@1.service", lines.join("\n"));
        } catch (error) {
          expect(error).to.be.instanceOf(PlatformError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
