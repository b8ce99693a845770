/** Names of time zones, from files made here byte by byte. */
import { expect } from "chai";
import { abbreviationIn } from "../../renderer/zone-file.ts";

/** A zone file: the rules' offsets and names, and when which comes into force. */
function zone(
  rules: readonly (readonly [number, string])[],
  times: readonly (readonly [number, number])[],
  wide = true,
): Buffer {
  const names = rules.map(([, name]) => `${name}\0`);
  const block = (size: 4 | 8, filled: boolean): Buffer => {
    const used = filled ? times : [];
    const header = Buffer.alloc(44);
    header.write("TZif", "latin1");
    if (wide) header.write("2", 4, "latin1");
    header.writeUInt32BE(used.length, 32);
    header.writeUInt32BE(rules.length, 36);
    header.writeUInt32BE(names.join("").length, 40);
    const moments = Buffer.alloc(used.length * size);
    for (const [at, [time]] of used.entries()) {
      if (size === 8) moments.writeBigInt64BE(BigInt(time), at * 8);
      else moments.writeInt32BE(time, at * 4);
    }
    const offsets = rules.map(([offset], at) => {
      const rule = Buffer.alloc(6);
      rule.writeInt32BE(offset);
      rule.writeUInt8(names.slice(0, at).join("").length, 5);
      return rule;
    });
    return Buffer.concat([
      header,
      moments,
      Buffer.from(used.map(([, rule]) => rule)),
      ...offsets,
      Buffer.from(names.join("")),
    ]);
  };
  return wide ? Buffer.concat([block(4, false), block(8, true)]) : block(4, true);
}

const rules = [
  [3_208, "LMT"],
  [3_600, "CET"],
  [7_200, "CEST"],
  [7_200, "CEMT"],
] as const;
const times = [
  [-2_000_000_000, 1],
  [-800_000_000, 3],
  [-700_000_000, 1],
  [300_000_000, 2],
  [310_000_000, 1],
] as const;

describe("the name of a time zone", () => {
  for (const wide of [true, false]) {
    const file = zone(rules, times, wide);
    it(`is that of the rule in force, by its offset (${wide ? 8 : 4} bytes)`, () => {
      expect(abbreviationIn(file, 305_000_000_000, 7_200)).to.equal("CEST");
      expect(abbreviationIn(file, -750_000_000_000, 7_200)).to.equal("CEMT");
      expect(abbreviationIn(file, 400_000_000_000, 3_600)).to.equal("CET");
    });
  }

  it("is that of the last summer, where the file leaves the years to come to a rule", () => {
    expect(abbreviationIn(zone(rules, times), 1_800_000_000_000, 7_200)).to.equal("CEST");
  });

  it("is that of a rule that never came into force, if no other has the offset", () => {
    expect(abbreviationIn(zone([[0, "UTC"]], []), 0, 0)).to.equal("UTC");
  });

  it("is not known of another offset, nor from a file that is none or ends early", () => {
    const file = zone(rules, times);
    expect(abbreviationIn(file, 0, 1)).to.equal(undefined);
    expect(abbreviationIn(Buffer.from("no zone"), 0, 0)).to.equal(undefined);
    expect(abbreviationIn(file.subarray(0, 150), 0, 3_600)).to.equal(undefined);
  });
});
