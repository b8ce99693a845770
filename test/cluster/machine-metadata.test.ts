import { expect } from "chai";
import { withMetadata } from "../../cluster/machine-metadata.ts";
import { machine } from "../scheduler/builders.ts";

describe("run-time metadata", () => {
  const host = machine("1".repeat(32), { metadata: { region: "lab", disk: "hdd" } });

  for (const [what, dynamic, metadata] of [
    ["adds to the machine's own", { rack: "7" }, { region: "lab", disk: "hdd", rack: "7" }],
    ["wins over the machine's own", { disk: "ssd" }, { region: "lab", disk: "ssd" }],
    ["hides the machine's own where it is empty", { disk: "" }, { region: "lab" }],
    ["hides nothing where there is nothing", { rack: "" }, { region: "lab", disk: "hdd" }],
    ["may have any name", { ["__proto__"]: "x" }, { region: "lab", disk: "hdd", ["__proto__"]: "x" }],
  ] as const) {
    it(what, () => {
      const merged = withMetadata(host, new Map(Object.entries(dynamic)));
      expect(Object.entries(merged.metadata)).to.have.deep.members(Object.entries(metadata));
      expect({ ...merged, metadata: host.metadata }).to.deep.equal(host);
    });
  }

  it("leaves a machine without any as it is", () => {
    expect(withMetadata(host, undefined)).to.equal(host);
  });
});
