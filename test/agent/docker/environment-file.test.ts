import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parseEnvironmentText, readEnvironmentFiles } from "../../../agent/docker/environment-file.ts";
import { hasCode } from "../../../cluster/errors.ts";
import { failure } from "../../support/failure.ts";

describe("an environment file", () => {
  it("keeps values as they are: quotes, spaces and equals signs", () => {
    const text = `# comment\n\nA=1\nB="quoted"\nC= two words \n  D=x=y\nE=\r\n`;
    expect(parseEnvironmentText(text, "/etc/web.env")).to.deep.equal([
      ["A", "1"],
      ["B", '"quoted"'],
      ["C", " two words "],
      ["D", "x=y"],
      ["E", ""],
    ]);
  });

  for (const bad of ["NAME", "=value", "two words=1"]) {
    it(`refuses the line "${bad}" and names it`, () => {
      const error = failure(() => parseEnvironmentText(`A=1\n${bad}`, "/etc/web.env"));
      expect(error).to.include({ code: "environment-file-invalid" });
      expect(error.message).to.include("2").and.include("/etc/web.env");
    });
  }

  it("is read below the host's root; a missing one is an error unless it is optional", async () => {
    const root = await mkdtemp(join(tmpdir(), "deis-env-"));
    try {
      await writeFile(join(root, "web.env"), "A=1");
      const there = { path: "/web.env", optional: false };
      const missing = { path: "/other.env", optional: true };
      expect(await readEnvironmentFiles([missing, there], root)).to.deep.equal([["A", "1"]]);
      const error = await readEnvironmentFiles([{ ...missing, optional: false }], root).catch((e) => e);
      expect(hasCode(error, "environment-file-unreadable"), String(error)).to.equal(true);
      expect(error.message).to.include('"/other.env"');
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
