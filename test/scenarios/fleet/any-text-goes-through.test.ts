import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { useSharedCluster } from "../../support/shared-cluster.ts";

const onH4 = "[X-Fleet]\nMachineMetadata=host=h4\n";
const sleep = "ExecStart=/bin/sleep infinity";

/** Texts that fleet took, in all the shapes that its parser had rules for, and those that it broke. */
const texts: Readonly<Record<string, string>> = {
  "text before the first section": `anything = goes\nhere without a meaning=1\n[Service]\n${sleep}\n${onH4}`,
  "comments and blank lines": `# one\n; two\n\n[Service]\n  # three \\\n  which goes on\n${sleep}\n\n\n${onH4}# last`,
  "spaces around names and values": `[Service]\n  ExecStart   =   /bin/sleep   infinity  \n${onH4}`,
  "lines that go on": `[Service]\nExecStart=/bin/sh -c "sleep \\\n  infinity"\nEnvironment=A=1 \\\n# not a comment \\\n  B=2\n${onH4}`,
  "a section in two parts, and an option twice": `[Service]\n${sleep}\nExecStartPre=/bin/true\n${onH4}[Service]\nExecStartPre=/bin/true\n`,
  "an empty value, which resets a list": `[Service]\nExecStartPre=/bin/false\nExecStartPre=\n${sleep}\n${onH4}`,
  "carriage returns": `[Service]\r\n${sleep}\r\n${onH4.replaceAll("\n", "\r\n")}`,
  "no newline at the end": `${onH4}[Service]\n${sleep}`,
  "letters of all the world": `[Unit]\nDescription=Grüße, 世界 🌍\n[Service]\n${sleep}\n${onH4}`,
  "a line of a megabyte": `[Unit]\nX-Note=${"x".repeat(1_000_000)}\n[Service]\n${sleep}\n${onH4}`,
  "four thousand lines": `[Service]\n${sleep}\n${"Environment=A=b\n".repeat(4_000)}${onH4}`,
};

describe("a unit file of any shape", function () {
  this.timeout(30_000);
  const the = useSharedCluster();

  for (const [what, shape] of Object.entries(texts)) {
    // Texts that differ in comments alone are one file to the cluster; these are not to be taken for each other.
    const text = shape.replace(sleep, `Environment="SHAPE=${what}"\n${sleep}`);
    it(`with ${what} runs, and comes back byte for byte`, async () => {
      const { deployed } = the;
      await deployed.write({ "shape.service": text });
      await deployed.deisctl("start", "shape.service");
      expect(deployed.activeOn("shape.service")).to.deep.equal(["h4"]);
      expect((await deployed.deisctl("cat", "shape")) === text, "what cat prints").to.equal(true);
      const onHost = await readFile(
        join(deployed.cluster.host(4).path("/run/deis/units"), "shape.service"),
        "utf8",
      );
      expect(onHost === text, "what systemd was given").to.equal(true);
    });
  }
});
