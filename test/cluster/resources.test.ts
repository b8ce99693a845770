import { expect } from "chai";
import { parseByteSize, parseResources } from "../../cluster/resources.ts";
import { parseTimeSpan } from "../../cluster/time-span.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import { failure } from "../support/failure.ts";

const service = (...lines: string[]) => parseResources(parseUnitFile(`[Service]\n${lines.join("\n")}\n`));

describe("resources", () => {
  it("are nothing unless a file asks for some in [Service]", () => {
    expect(service("ExecStart=/bin/true")).to.deep.equal({ memoryBytes: 0, cpuMillis: 0 });
    expect(parseResources(parseUnitFile("[Container]\nMemoryMax=1G\n"))).to.deep.equal({
      memoryBytes: 0,
      cpuMillis: 0,
    });
  });

  for (const [line, resources] of [
    ["MemoryMax=1024", { memoryBytes: 1024 }],
    ["MemoryMax=1K", { memoryBytes: 1024 }],
    ["MemoryMax=512M", { memoryBytes: 536_870_912 }],
    ["MemoryMax=1.5G", { memoryBytes: 1_610_612_736 }],
    ["MemoryMax=1G 512M", { memoryBytes: 1_610_612_736 }],
    ["MemoryMax=2T", { memoryBytes: 2 * 1024 ** 4 }],
    ["MemoryMax=infinity", { memoryBytes: 0 }],
    ["MemoryMax=1G\nMemoryMax=2G", { memoryBytes: 2 * 1024 ** 3 }],
    ["MemoryMax=1G\nMemoryMax=", { memoryBytes: 0 }],
    ["CPUQuota=50%", { cpuMillis: 500 }],
    ["CPUQuota=250%", { cpuMillis: 2500 }],
    ["CPUQuota=12.5%", { cpuMillis: 125 }],
    ["CPUQuota=50%\nCPUQuota=", { cpuMillis: 0 }],
    ["CPUWeight=1", { cpuWeight: 1 }],
    ["CPUWeight=10000", { cpuWeight: 10_000 }],
    ["CPUWeight=idle", { cpuWeight: 1 }],
  ] as const) {
    it(`are ${JSON.stringify(resources)} with ${line.replace("\n", ", ")}`, () => {
      expect(service(line)).to.deep.include(resources);
    });
  }

  for (const [line, words] of [
    ["MemoryMax=50%", "is a share of a machine's memory"],
    ["MemoryMax=lots", "is no amount of memory"],
    ["MemoryMax=0", "is no amount of memory"],
    ["MemoryMax=-1", "is no amount of memory"],
    ["MemoryMax=1X", "is no amount of memory"],
    ["CPUQuota=50", "is no share of a processor"],
    ["CPUQuota=0%", "is no share of a processor"],
    ["CPUQuota=infinity", "is no share of a processor"],
    ["CPUWeight=0", "is no weight"],
    ["CPUWeight=10001", "is no weight"],
    ["CPUWeight=1.5", "is no weight"],
  ] as const) {
    it(`are refused with ${line}`, () => {
      const error = failure(() => service("Restart=no", line));
      const [name, value] = line.split("=");
      expect(error.message).to.equal(`Invalid unit file at line 3: ${name}="${value}" ${words}`);
      expect(error.code).to.equal("unit-file-invalid");
    });
  }

  it("are read from long nonsense in linear time", () => {
    const started = performance.now();
    expect(parseByteSize(`${"1".repeat(200_000)}!`)).to.equal(undefined);
    expect(parseTimeSpan(`${"1".repeat(200_000)}!`)).to.equal(undefined);
    expect(parseTimeSpan(`${"1s ".repeat(100_000)}!`)).to.equal(undefined);
    expect(performance.now() - started).to.be.lessThan(1000);
  });
});

describe("a time span", () => {
  for (const [text, milliseconds] of [
    ["90", 90_000],
    ["0", 0],
    ["20m", 1_200_000],
    ["1min 30s", 90_000],
    ["1min30s", 90_000],
    ["1.5h", 5_400_000],
    ["250ms", 250],
    ["5 s", 5000],
    ["2d", 172_800_000],
    ["1 week", 604_800_000],
    ["1M", 2_629_800_000],
    ["1y", 31_557_600_000],
    ["infinity", Number.POSITIVE_INFINITY],
    ["", undefined],
    ["soon", undefined],
    ["5 parsecs", undefined],
    ["-1s", undefined],
    ["1s!", undefined],
    ["1h30", 3_630_000],
    ["1.h", undefined],
  ] as const) {
    it(`"${text}" is ${milliseconds} ms`, () => {
      expect(parseTimeSpan(text)).to.equal(milliseconds);
    });
  }
});
