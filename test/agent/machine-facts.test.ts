import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { NetworkInterfaceInfo } from "node:os";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readLease, writeLease } from "../../agent/lease-file.ts";
import { capacityOf, chooseAddress, readAddress, readMachineId } from "../../agent/machine-facts.ts";
import { hasCode } from "../../cluster/errors.ts";

const header = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";

function route(name: string, destination: string, metric: number, mask: string): string {
  return `${name}\t${destination}\t0100000A\t0003\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;
}

function at(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  const rest = { address, internal, netmask: "", mac: "", cidr: null };
  return family === "IPv4" ? { ...rest, family } : { ...rest, family, scopeid: 0 };
}

describe("the facts of a machine", () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-facts-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("take the address of the default route with the lowest metric", () => {
    const routes =
      header +
      route("docker0", "000011AC", 0, "0000FFFF") +
      route("wlan0", "00000000", 600, "00000000") +
      route("eth0", "00000000", 100, "00000000");
    const interfaces = {
      lo: [at("127.0.0.1", true)],
      docker0: [at("172.17.0.1")],
      wlan0: [at("10.0.0.9")],
      eth0: [at("fe80::1"), at("10.0.0.1")],
    };
    expect(chooseAddress(routes, interfaces)).to.equal("10.0.0.1");
  });

  it("take any address that others could reach when there is no default route", () => {
    expect(chooseAddress(header, { lo: [at("127.0.0.1", true)], eth0: [at("10.0.0.2")] })).to.equal(
      "10.0.0.2",
    );
    expect(chooseAddress("", { lo: [at("127.0.0.1", true)], eth0: [at("2001:db8::1")] })).to.equal(
      "2001:db8::1",
    );
    expect(chooseAddress("", { lo: [at("127.0.0.1", true)] })).to.equal(undefined);
  });

  it("take the address that was set", async () => {
    expect(await readAddress("192.0.2.1")).to.equal("192.0.2.1");
  });

  it("count as capacity what is not reserved, and never less than nothing", () => {
    const machine = { metadata: {}, reservedMemoryBytes: 1_000, reservedCpuMillis: 500 };
    expect(capacityOf(machine, { memoryBytes: 4_000, cpus: 2 })).to.deep.equal({
      memoryBytes: 3_000,
      cpuMillis: 1_500,
    });
    expect(capacityOf(machine, { memoryBytes: 10, cpus: 0 })).to.deep.equal({ memoryBytes: 0, cpuMillis: 0 });
  });

  it("refuse a machine id that is none, and say how to make one", async () => {
    const path = join(directory, "machine-id");
    await writeFile(path, "uninitialized\n");
    const error = await readMachineId(path).catch((reason: unknown) => reason);
    expect(hasCode(error, "machine-id-invalid") && error.message).to.include('"uninitialized"');
    expect(hasCode(error, "machine-id-invalid") && error.hint).to.include("systemd-machine-id-setup");
    await writeFile(path, "0123456789abcdef0123456789abcdef\n");
    expect(await readMachineId(path)).to.equal("0123456789abcdef0123456789abcdef");
  });

  it("keep the lease's id for the next agent, and take a spoilt file for none", async () => {
    const path = join(directory, "agent-lease");
    expect(await readLease(path)).to.equal(undefined);
    await writeLease("7587890123456789012", path);
    expect(await readLease(path)).to.equal("7587890123456789012");
    expect(await readFile(path, "utf8")).to.equal("7587890123456789012\n");
    await writeFile(path, "758789\u0000");
    expect(await readLease(path)).to.equal(undefined);
  });
});
