import { expect } from "chai";
import {
  checkClusterName,
  clusterNames,
  clusterOf,
  freeOctet,
  hostNames,
  hostNumber,
} from "../../hosts/names.ts";

describe("the names of a cluster", () => {
  it("lead back to the cluster, so that what a dead run left can be told from others' things", () => {
    const { switchNamespace, uplinkCgroup } = clusterNames("my-dev", 7);
    const { qualified } = hostNames("my-dev", 7, 12);
    for (const name of [switchNamespace, uplinkCgroup, qualified, `${qualified}.scope`]) {
      expect(clusterOf(name), name).to.equal("my-dev");
    }
    for (const name of ["dkr-sw", "docker0", "deis-agent.service", "deis-h1"]) {
      expect(clusterOf(name), name).to.equal(undefined);
    }
  });

  it("put every host of a cluster at its own address of the cluster's subnet", () => {
    expect(hostNames("dev", 3, 1)).to.deep.equal({
      hostname: "h1",
      qualified: "deis-dev-h1",
      address: "10.77.3.11",
      hardwareAddress: "02:00:0a:4d:03:0b",
    });
    expect(hostNames("dev", 3, 240).address).to.equal("10.77.3.250");
  });

  it("fit into an interface name", () => {
    expect(clusterNames("a-very-long-name-for-a-cluster", 255).machineLink.length).to.be.at.most(15);
  });

  for (const name of ["", "Dev", "9a", "a b", "a/b", "dev-", "x".repeat(32)]) {
    it(`refuse "${name}" for a cluster`, () => {
      expect(() => checkClusterName(name)).to.throw(`Cannot name a cluster "${name}"`);
    });
  }
});

describe("a host's name on the command line", () => {
  it("is its hostname or its number", () => {
    expect([hostNumber("h2"), hostNumber("2"), hostNumber("h240")]).to.deep.equal([2, 2, 240]);
  });

  for (const text of ["", "h0", "h241", "web", "h1x", "10.77.0.11"]) {
    it(`is not "${text}"`, () => {
      expect(() => hostNumber(text)).to.throw(`"${text}" is no host`);
    });
  }
});

describe("a new cluster's subnet", () => {
  it("is the lowest that no cluster has claimed and no address of this machine lies in", () => {
    expect(freeOctet(new Set([0, 2]), ["127.0.0.1", "10.77.1.1"])).to.equal(3);
    expect(freeOctet(new Set(), ["10.77.10.1"])).to.equal(0);
  });

  it("is refused when all are taken", () => {
    const all = new Set(Array.from({ length: 256 }, (_, octet) => octet));
    expect(() => freeOctet(all, [])).to.throw("All 256 subnets");
  });
});
