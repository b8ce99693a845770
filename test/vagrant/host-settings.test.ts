/** What install.sh makes of a host's settings file: the options' keys change, the rest is the administrator's. */
import { expect } from "chai";
import fc from "fast-check";
import { parseSettings } from "../../cluster/settings.ts";
import { parseMetadata, settingsWith } from "../../vagrant/host-settings.ts";

const certificates = {
  ca: "/etc/deis/pki/ca.crt",
  cert: "/etc/deis/pki/host.crt",
  key: "/etc/deis/pki/host.key",
};
const etcd = ["https://10.0.0.1:2379", "https://10.0.0.2:2379"];

describe("settingsWith", () => {
  it("writes a first file that says what was asked for", () => {
    const text = settingsWith(undefined, {
      etcd,
      address: "10.0.0.1",
      metadata: { region: "lab", "disk type": 'a "fast" one\\' },
      listen: "10.0.0.1:7002",
      certificates,
    });
    const settings = parseSettings(text, "agent.toml");
    expect(settings.machine).to.deep.include({
      address: "10.0.0.1",
      metadata: { region: "lab", "disk type": 'a "fast" one\\' },
    });
    expect(settings.etcd).to.deep.equal({
      endpoints: etcd,
      cafile: certificates.ca,
      certfile: certificates.cert,
      keyfile: certificates.key,
    });
    expect(settings.agent.listen).to.equal("10.0.0.1:7002");
  });

  it("returns a file that says so already byte for byte, comments and all", () => {
    const text = '# ours\n[etcd]\nendpoints = [ "http://10.0.0.1:2379" ] # one\n';
    expect(settingsWith(text, {})).to.equal(text);
    expect(settingsWith(text, { etcd: ["http://10.0.0.1:2379"] })).to.equal(text);
  });

  it("changes the keys that are named and no other", () => {
    const before = settingsWith(undefined, {
      etcd,
      address: "10.0.0.1",
      metadata: { disk: "ssd", region: "lab" },
    });
    const after = parseSettings(
      settingsWith(`${before}\n[log]\nlevel = "debug"\n`, { metadata: { disk: "hdd" } }),
      "x",
    );
    expect(after.machine).to.deep.include({ address: "10.0.0.1", metadata: { disk: "hdd" } });
    expect(after.etcd.endpoints).to.deep.equal(etcd);
    expect(after.log.level).to.equal("debug");
  });

  it("has the same result when it is applied twice", () => {
    const word = fc.string({ minLength: 1, unit: "grapheme" });
    const options = fc.record(
      { etcd: fc.constant(etcd), address: word, metadata: fc.dictionary(word, word), listen: word },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.option(options, { nil: undefined }), options, (first, second) => {
        const before = first && settingsWith(undefined, first);
        const once = settingsWith(before, second);
        expect(settingsWith(once, second)).to.equal(once);
      }),
    );
  });
});

describe("parseMetadata", () => {
  it("reads pairs, with equals signs in the value", () => {
    expect(parseMetadata("region=lab,role=a=b")).to.deep.equal({ region: "lab", role: "a=b" });
  });

  it("says which pair is none, and which key comes twice", () => {
    for (const text of ["disk", "=ssd", "disk=", "a=1,", ",a=1", "a b=1"]) {
      expect(() => parseMetadata(text), text).to.throw(RangeError, /is not key=value/);
    }
    expect(() => parseMetadata("a=1,b=2,a=3")).to.throw(RangeError, 'names "a" twice');
  });
});
