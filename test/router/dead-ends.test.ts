import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { expect } from "chai";
import { answers, DeadEnds } from "../../router/dead-ends.ts";
import type { RouterEvent } from "../../router/events.ts";
import { eventually } from "../support/eventually.ts";

describe("an endpoint that drains", () => {
  let gone: Set<string>;
  let asked: string[];
  let cut: string[];
  let events: RouterEvent[];
  let deadEnds: DeadEnds;

  beforeEach(() => {
    gone = new Set();
    asked = [];
    cut = [];
    events = [];
    deadEnds = new DeadEnds({
      answers: async (endpoint) => {
        asked.push(endpoint);
        return !gone.has(endpoint);
      },
      cut: async (endpoint) => {
        cut.push(endpoint);
      },
      onEvent: (event) => events.push(event),
    });
  });

  it("is left alone for a moment, then asked once at a time and again after a pause", async () => {
    deadEnds.look(["a"], 0);
    deadEnds.look(["a"], 200);
    expect(asked).to.deep.equal([]);
    deadEnds.look(["a"], 300);
    deadEnds.look(["a"], 320);
    expect(asked).to.deep.equal(["a"]);
    await eventually(() => {
      deadEnds.look(["a"], 1_300);
      return asked.length === 2;
    });
    expect(cut).to.deep.equal([]);
  });

  it("is cut off when nobody is there, and only then", async () => {
    gone.add("b");
    deadEnds.look(["a", "b"], 0);
    deadEnds.look(["a", "b"], 300);
    await eventually(() => events.length === 1);
    expect(events).to.deep.equal([{ kind: "cut-off", endpoint: "b" }]);
    expect(cut).to.deep.equal(["b"]);
  });

  it("is forgotten when it has drained", () => {
    deadEnds.look(["a"], 0);
    deadEnds.look([], 100);
    deadEnds.look(["a"], 400);
    expect(asked).to.deep.equal([]);
  });

  it("is alive if it answers, or refuses", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await answers(endpoint)).to.equal(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await answers(endpoint)).to.equal(true);
  });
});
