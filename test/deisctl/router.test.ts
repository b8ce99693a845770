import { expect } from "chai";
import fc from "fast-check";
import { PlatformError } from "../../cluster/errors.ts";
import type { Routers } from "../../deisctl/command.ts";
import { addUp, parseMetrics, quantileOf, requestsOf } from "../../deisctl/router-metrics.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { deisctl, type Ran } from "./run-command.ts";

const h1 = "f1ee0001000000000000000000000000";
const h2 = "f1ee0002000000000000000000000000";

/** What a router says that has answered so many requests of `web`, half of them within 5 ms, the rest within 10 ms. */
function text(requests: number, errors = 0): string {
  return `# HELP deis_router_requests_total Requests answered, by app and status; app is empty for unknown hosts.
# TYPE deis_router_requests_total counter
deis_router_requests_total{app="",code="404"} 3
deis_router_requests_total{app="web",code="200"} ${requests - errors}
deis_router_requests_total{app="web",code="502"} ${errors}
deis_router_request_duration_seconds_bucket{app="web",le="0.005"} ${requests / 2}
deis_router_request_duration_seconds_bucket{app="web",le="0.01"} ${requests}
deis_router_request_duration_seconds_bucket{app="web",le="+Inf"} ${requests}
deis_router_request_duration_seconds_sum{app="web"} ${requests * 0.005}
deis_router_request_duration_seconds_count{app="web"} ${requests}
deis_router_response_bytes_total{app="web"} ${requests * 100}
deis_router_connections{state="reading"} 0
`;
}

/** Two routers; each reading finds the next of its texts, and the last one from then on. Half a second more than asked for passes between. */
function routers(texts: Readonly<Record<string, readonly string[]>>): Routers {
  const asked = new Map<string, number>();
  return {
    live: async () =>
      Object.keys(texts).map((machine, at) => ({
        machine,
        address: `10.0.0.${at + 1}`,
        revision: 40n,
        drained: 38n,
      })),
    metrics: async ({ machine, address }) => {
      const at = asked.get(machine) ?? 0;
      asked.set(machine, at + 1);
      const found = texts[machine]?.[Math.min(at, (texts[machine]?.length ?? 1) - 1)];
      if (found !== undefined) return found;
      throw new PlatformError("router-silent", `The router of ${address} does not answer`);
    },
    pause: async (ms) => ms + 500,
  };
}

describe("deisctl router", () => {
  const run = (words: string, mesh?: Routers): Promise<Ran> =>
    deisctl(words, { store: new MemoryStore(), ...(mesh === undefined ? {} : { routers: mesh }) });

  it("list shows the live routers and how far they are", async () => {
    const { out, code } = await run("router list --full", routers({ [h1]: [], [h2]: [] }));
    expect(code).to.equal(0);
    expect(out.split("\n").map((line) => line.split(/\t+/))).to.deep.equal([
      ["MACHINE", "IP", "REVISION", "DRAINED"],
      [h1, "10.0.0.1", "40", "38"],
      [h2, "10.0.0.2", "40", "38"],
      [""],
    ]);
  });

  it("stats adds up what all routers counted, by app, those of unknown hosts first", async () => {
    const { out, err, code } = await run(
      "router stats --fields=app,requests,4xx,5xx,p50,p95,mean,bytes",
      routers({ [h1]: [text(100)], [h2]: [text(300, 4)] }),
    );
    expect(err).to.equal("");
    expect(code).to.equal(0);
    expect(out.split("\n").map((line) => line.split(/\t+/))).to.deep.equal([
      ["APP", "REQUESTS", "4XX", "5XX", "P50", "P95", "MEAN", "BYTES"],
      ["-", "6", "6", "0", "-", "-", "0.0", "0"],
      ["web", "400", "0", "4", "5.0", "9.5", "5.0", "40000"],
      [""],
    ]);
  });

  it("stats takes the rate between two readings, and none from a router that was started between them", async () => {
    const mesh = routers({ [h1]: [text(100), text(150)], [h2]: [text(300), text(10)] });
    const { out } = await run("--output json router stats web --by-router", mesh);
    const [first, second] = JSON.parse(out) as object[];
    expect(first).to.include({ machine: h1, requests: 150, ratePerSecond: 33.3 });
    expect(second).to.include({ machine: h2, requests: 10, ratePerSecond: 0 });
  });

  it("stats names a router that does not answer, shows the others, and fails", async () => {
    const { out, err, code } = await run(
      "router stats --no-legend --fields=app,requests",
      routers({ [h1]: [], [h2]: [text(300)] }),
    );
    expect(out).to.equal("-\t3\nweb\t300\n");
    expect(err).to.contain("The router of 10.0.0.1 does not answer\n");
    expect(code).to.equal(1);
  });

  it("stats of a cluster without routers is an empty list that says what to do", async () => {
    const { out, err, code } = await run("--output json router stats");
    expect({ out, code }).to.deep.equal({ out: "[]\n", code: 0 });
    expect(err).to.contain("No router is live\n");
  });

  for (const words of ["router", "router nope", "router list web", "router stats --interval 0"]) {
    it(`"${words}" is wrong usage`, async () => {
      expect((await run(words)).code).to.equal(2);
    });
  }
});

describe("a quantile", () => {
  const times = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 200 });
  const bounds = [0.005, 0.01, 0.05, 0.1, 1, 10, Number.POSITIVE_INFINITY];
  const countOf = (seconds: readonly number[]) =>
    parseMetrics(
      [
        `deis_router_requests_total{app="a",code="200"} ${seconds.length}`,
        ...bounds.map((bound) => {
          const upTo = seconds.filter((each) => each <= bound).length;
          const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : bound;
          return `deis_router_request_duration_seconds_bucket{app="a",le="${le}"} ${upTo}`;
        }),
      ].join("\n"),
    );

  it("lies in the bucket of the true one, also when routers are added up", () => {
    fc.assert(
      fc.property(times, times, fc.constantFrom(0.5, 0.95, 0.99), (one, other, part) => {
        const [count] = addUp([...countOf(one), ...countOf(other)]);
        if (count === undefined) throw new Error("there is one app");
        const all = [...one, ...other].sort((a, b) => a - b);
        expect(requestsOf(count)).to.equal(all.length);
        const truth = all[Math.ceil(all.length * part) - 1] ?? 0;
        const at = bounds.findIndex((bound) => truth <= bound);
        const [low, high] = [bounds[at - 1] ?? 0, bounds[at] ?? 0];
        expect(quantileOf(count, part)).to.be.within(low, high === Number.POSITIVE_INFINITY ? low : high);
      }),
    );
  });
});
