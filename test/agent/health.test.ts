import { expect } from "chai";
import {
  afterProbe,
  failuresToWithdraw,
  type Health,
  mayServe,
  pauseAfter,
  problemOf,
} from "../../agent/health.ts";
import { healthCheck } from "../../agent/health-settings.ts";

const probed = (start: Health, ...probes: (string | undefined)[]) => probes.reduce<Health>(afterProbe, start);
const awaited: Health = { kind: "awaited", failures: 0 };
const assumed: Health = { kind: "assumed", failures: 0 };
const bad = "GET /ok gave 500";

describe("health", () => {
  it("begins with the first answer and ends with the third failure in a row", () => {
    expect(mayServe(awaited)).to.equal(false);
    expect(mayServe(probed(awaited, bad))).to.equal(false);
    expect(mayServe(probed(awaited, undefined))).to.equal(true);
    expect(mayServe(probed(awaited, undefined, bad, bad))).to.equal(true);
    expect(mayServe(probed(awaited, undefined, bad, bad, bad))).to.equal(false);
    expect(mayServe(probed(awaited, undefined, bad, bad, undefined, bad, bad))).to.equal(true);
    expect(failuresToWithdraw).to.equal(3);
  });

  it("is believed in after a restart of the agent until three probes fail", () => {
    expect(mayServe(probed(assumed, bad, bad))).to.equal(true);
    expect(mayServe(probed(assumed, bad, bad, bad))).to.equal(false);
    expect(probed(assumed, undefined)).to.deep.equal({ kind: "answering", failures: 0 });
  });

  it("tells of a problem only once it is more than the first moments of a start", () => {
    expect(problemOf(probed(awaited, bad, bad))).to.equal(undefined);
    expect(problemOf(probed(awaited, bad, bad, bad))).to.equal(bad);
    expect(problemOf(probed(awaited, undefined, bad, bad))).to.equal(undefined);
    expect(problemOf(probed(awaited, undefined, bad, bad, bad))).to.equal(bad);
    expect(problemOf(probed(awaited, bad, bad, bad, undefined))).to.equal(undefined);
  });

  it("is asked every 5 s, more rarely among very many, and soon after a doubt", () => {
    const answering = probed(awaited, undefined);
    expect(pauseAfter(answering, 1, 0.5)).to.equal(5_000);
    expect(pauseAfter(answering, 1_000, 0.5)).to.equal(10_000);
    expect([0, 0.999].map((chance) => Math.round(pauseAfter(answering, 1, chance)))).to.deep.equal([
      4_500, 5_499,
    ]);
    expect(pauseAfter(afterProbe(answering, bad), 1_000, 0)).to.equal(1_000);
  });

  it("is asked for soon and then ever more rarely while it is awaited, for 2 s at most", () => {
    const pauses = [1, 2, 3, 8, 100].map((failures) =>
      Math.round(pauseAfter({ ...awaited, failures }, 1, 0.5)),
    );
    expect(pauses).to.deep.equal([150, 225, 338, 2_000, 2_000]);
  });
});

describe("how health is checked", () => {
  const settings = (given: Record<string, string>) => (name: string) => given[name];
  for (const [what, path, given, check] of [
    ["an open port is enough by default", undefined, {}, { timeoutMs: 5_000, initialDelayMs: 0 }],
    ["the unit's own path has 5 s", "/ok", {}, { path: "/ok", timeoutMs: 5_000, initialDelayMs: 0 }],
    [
      "Deis v1's URL has 1 s",
      undefined,
      { url: "/status" },
      { path: "/status", timeoutMs: 1_000, initialDelayMs: 0 },
    ],
    [
      "Deis v1's settings are in seconds",
      undefined,
      { url: "/", timeout: "3", initial_delay: "20" },
      { path: "/", timeoutMs: 3_000, initialDelayMs: 20_000 },
    ],
    [
      "the unit's own path wins, with the app's times",
      "/ok",
      { url: "/status", timeout: "2" },
      { path: "/ok", timeoutMs: 2_000, initialDelayMs: 0 },
    ],
    [
      "a URL without its slash gets one",
      undefined,
      { url: "status" },
      { path: "/status", timeoutMs: 1_000, initialDelayMs: 0 },
    ],
    ["an empty URL is none", undefined, { url: " " }, { timeoutMs: 5_000, initialDelayMs: 0 }],
    [
      "what is no number of seconds counts as not set",
      undefined,
      { url: "/", timeout: "soon", initial_delay: "-1" },
      { path: "/", timeoutMs: 1_000, initialDelayMs: 0 },
    ],
    [
      "a timeout of nothing counts as not set",
      undefined,
      { url: "/", timeout: "0" },
      { path: "/", timeoutMs: 1_000, initialDelayMs: 0 },
    ],
  ] as const) {
    it(what, () => {
      expect(healthCheck(path, settings(given))).to.deep.equal(check);
    });
  }
});
