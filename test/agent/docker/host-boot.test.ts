import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { notStarted } from "../../../agent/runtime.ts";
import { parseUnitFile, unitHash } from "../../../cluster/unit-file.ts";
import { useHost } from "../../support/host.ts";
import { containerUnit, Engine, untilStopped } from "./engine.ts";

const signal = new AbortController().signal;

describe("Containers on a host that is rebooted", function () {
  this.timeout(60_000);
  const the = useHost({ images: "foundation" });

  it("are as their policy has it, or not started; a fenced one waits for the agent", async () => {
    const notesDirectory = await mkdtemp(join(tmpdir(), "deis-notes-"));
    let engine = await Engine.of(the.host);
    try {
      const always = containerUnit("always.service", untilStopped, "Restart=always");
      const plain = containerUnit("plain.service", untilStopped);
      const open = containerUnit("fenced.service", untilStopped, "Restart=always");
      const text = `${open.text}\n[X-Fleet]\nFence=true\n`;
      const fenced = { ...open, text, hash: unitHash(parseUnitFile(text)) };
      const before = engine.runtime({ notesDirectory });
      await before.open(signal);
      for (const unit of [always, plain, fenced]) {
        await before.load(unit, signal);
        await before.start(unit, signal);
      }
      await before.close();
      await engine.dispose();
      await the.host.kill();
      await the.host.start();
      engine = await Engine.of(the.host);

      const after = engine.runtime({ notesDirectory });
      await after.open(signal);
      const seen = [...after.observed].map(([unit, state]) => [unit, state.active, state.generation]).sort();
      expect(seen.map(([unit, active, generation]) => [unit, active === "active", generation])).to.deep.equal(
        [
          ["always.service", true, 0],
          ["fenced.service", false, notStarted],
          ["plain.service", false, notStarted],
        ],
      );
      await after.start(fenced, signal);
      expect(after.observed.get("fenced.service")?.active).to.equal("active");
      await after.start(plain, signal);
      await engine.kill("plain.service");
      await after.close();

      const restarted = engine.runtime({ notesDirectory });
      await restarted.open(signal);
      expect(restarted.observed.get("plain.service")?.generation, "an end in this boot is an end").to.equal(
        0,
      );
      await restarted.close();
    } finally {
      await engine.clean();
      await engine.dispose();
      await rm(notesDirectory, { recursive: true });
    }
  });
});
