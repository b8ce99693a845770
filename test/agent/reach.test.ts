import { expect } from "chai";
import { endpointText, findPort, type MappedPort } from "../../agent/reach.ts";

const address = "10.0.0.1";
const mapped = (...ports: MappedPort[]) => ({ kind: "mapped", ports }) as const;
const port = (containerPort: number, hostPort: number, hostAddress?: string): MappedPort =>
  hostAddress === undefined ? { containerPort, hostPort } : { containerPort, hostPort, hostAddress };

describe("where a unit answers", () => {
  for (const [what, reach, asked, found] of [
    ["the host's port, on the host's network", { kind: "host" }, 80, "10.0.0.1:80"],
    ["its only published port", mapped(port(80, 32_001, "0.0.0.0")), undefined, "10.0.0.1:32001"],
    [
      "the lowest of its ports, whatever the order",
      mapped(port(443, 1), port(80, 2), port(8080, 3)),
      undefined,
      "10.0.0.1:2",
    ],
    [
      "the lowest of its ports by number, not by text",
      mapped(port(8080, 1), port(9, 2)),
      undefined,
      "10.0.0.1:2",
    ],
    ["the port that it names", mapped(port(80, 1), port(443, 2)), 443, "10.0.0.1:2"],
    ["the address that it publishes on", mapped(port(80, 1, "192.168.0.5")), 80, "192.168.0.5:1"],
    [
      "a port that others can reach rather than one that they cannot",
      mapped(port(80, 1, "127.0.0.1"), port(80, 2, "::")),
      80,
      "10.0.0.1:2",
    ],
    ["an address of IPv6, in brackets", mapped(port(80, 1, "fd00::5")), 80, "[fd00::5]:1"],
  ] as const) {
    it(`is ${what}`, () => {
      const finding = findPort(reach, asked, address);
      expect("problem" in finding ? finding.problem : endpointText(finding)).to.equal(found);
    });
  }

  for (const [what, reach, asked, problem] of [
    ["no port is published", mapped(), undefined, "It publishes no TCP port"],
    ["the port it names is not published", mapped(port(80, 1)), 81, "It does not publish its port 81"],
    [
      "only the host itself can reach it",
      mapped(port(80, 1, "127.0.0.1")),
      undefined,
      "Its port 80 is published on 127.0.0.1 only, where no router can reach it",
    ],
    [
      "the host's network is used and no port is named",
      { kind: "host" },
      undefined,
      "It uses the host's network and does not say at which port it answers (Port=)",
    ],
  ] as const) {
    it(`is unknown when ${what}`, () => {
      expect(findPort(reach, asked, address)).to.deep.equal({ problem });
    });
  }
});
