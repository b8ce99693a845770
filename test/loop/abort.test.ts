import { expect } from "chai";
import { onAbort } from "../../loop/abort.ts";

describe("listening to an abort", () => {
  it("is told once, at once if it has happened, and not after it was ended", () => {
    const told: string[] = [];
    const stop = new AbortController();
    onAbort(stop.signal, () => told.push("kept"));
    onAbort(stop.signal, () => told.push("ended"))();
    stop.abort();
    onAbort(stop.signal, () => told.push("late"));
    expect(told).to.deep.equal(["kept", "late"]);
  });

  it("bears many listeners on one signal without Node warning of a leak", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    const { signal } = new AbortController();
    const ends = Array.from({ length: 50 }, () => onAbort(signal, () => undefined));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    for (const end of ends) end();
    expect(warnings).to.deep.equal([]);
  });
});
