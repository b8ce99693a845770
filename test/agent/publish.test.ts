import { expect } from "chai";
import fc from "fast-check";
import type { Candidate, Life } from "../../agent/candidates.ts";
import { afterProbe, type Health } from "../../agent/health.ts";
import { type EndpointSituation, judge, overtaken, type Stored, type Verdict } from "../../agent/publish.ts";

const lease = "7";
const address = "10.0.0.1:8080";
const elsewhere = "10.0.0.2:8080";

const up: Life = {
  kind: "up",
  run: "1",
  since: "2026-01-01T00:00:00.000Z",
  from: { kind: "runtime", runtime: "docker" },
};
const down: Life = { kind: "down", why: "it is inactive (dead)" };
const answering: Health = { kind: "answering", failures: 0 };
const doubtful: Health = { kind: "answering", failures: 2 };
const awaited: Health = { kind: "awaited", failures: 1, problem: "refused" };
const failing: Health = { kind: "failing", failures: 3, problem: "GET / gave 500" };
const assumed: Health = { kind: "assumed", failures: 0 };
const own = (at = address): Stored => ({ address: at, lease, revision: 5n });
const foreign = (at = elsewhere, by = "8"): Stored => ({ address: at, lease: by, revision: 6n });

function candidate(life: Life, version?: number): Candidate {
  const base = {
    id: "go/go_v2.web.1",
    service: "go",
    name: "go_v2.web.1",
    unit: "go_v2.web.1.service",
    life,
  };
  return version === undefined ? base : { ...base, release: { app: "go", version, type: "web", number: 1 } };
}

interface Row extends Partial<EndpointSituation> {
  readonly when: string;
  readonly life?: Life;
  readonly version?: number;
  readonly verdict: Verdict;
}

const stays: Verdict = { kind: "leave" };
const publish = (over: bigint): Verdict => ({ kind: "publish", address, over });
const withdraw = (reason: string, problem?: string): Verdict => ({
  kind: "withdraw",
  reason,
  ...(problem ? { problem } : {}),
});

const table: readonly Row[] = [
  { when: "it answers and nothing stands there", address, health: answering, verdict: publish(0n) },
  { when: "it answers and stands there already", address, health: answering, stored: own(), verdict: stays },
  { when: "one probe has failed", address, health: doubtful, stored: own(), verdict: stays },
  {
    when: "it answers elsewhere than it stands",
    address,
    health: answering,
    stored: own("10.0.0.1:1"),
    verdict: publish(5n),
  },
  { when: "it has not answered yet", address, health: awaited, verdict: stays },
  {
    when: "it was started anew and has not answered yet",
    address,
    health: awaited,
    stored: own(),
    verdict: withdraw("it does not answer yet"),
  },
  { when: "it fails", address, health: failing, verdict: { kind: "leave", problem: "GET / gave 500" } },
  {
    when: "it fails and is published",
    address,
    health: failing,
    stored: own(),
    verdict: withdraw("GET / gave 500", "GET / gave 500"),
  },
  { when: "it is down", life: down, stored: own(), verdict: withdraw("it is inactive (dead)") },
  { when: "it is down and another machine has it", life: down, stored: foreign(), verdict: stays },
  { when: "nothing can be said", life: { kind: "unknown" }, stored: own(), verdict: stays },
  { when: "its port is not known yet", stored: own(), verdict: withdraw("it was started anew") },
  {
    when: "it has no port",
    portProblem: "It publishes no TCP port",
    verdict: { kind: "leave", problem: "It publishes no TCP port" },
  },
  { when: "it was published by the agent before", address, health: assumed, stored: own(), verdict: stays },
  {
    when: "it was published by the agent before and its port is not known yet",
    health: assumed,
    stored: own(),
    verdict: stays,
  },
  {
    when: "it was published by the agent before at another port",
    address,
    health: assumed,
    stored: own("10.0.0.1:1"),
    verdict: withdraw(`it answers at ${address} now`),
  },
  { when: "what is believed in is gone from the store", address, health: assumed, verdict: stays },
  { when: "a copy elsewhere has it", address, health: answering, stored: foreign(), verdict: publish(6n) },
  {
    when: "somebody wrote it by hand",
    address,
    health: answering,
    stored: foreign(elsewhere, "0"),
    verdict: publish(6n),
  },
  {
    when: "it stands there under a lease that was ours",
    address,
    health: answering,
    stored: foreign(address),
    verdict: publish(6n),
  },
  {
    when: "a copy elsewhere took it from us",
    address,
    health: answering,
    stored: foreign(),
    isOvertaken: true,
    verdict: { kind: "leave", problem: overtaken },
  },
  {
    when: "the copy that took it from us is gone",
    address,
    health: answering,
    isOvertaken: true,
    verdict: publish(0n),
  },
  {
    when: "a newer version is published",
    version: 2,
    newest: 3,
    address,
    health: answering,
    stored: own(),
    verdict: withdraw(
      "Version 3 is published, and this is version 2",
      "Version 3 is published, and this is version 2",
    ),
  },
  {
    when: "it is of the newest version",
    version: 3,
    newest: 3,
    address,
    health: answering,
    verdict: publish(0n),
  },
  {
    when: "it is newer than all that is published",
    version: 4,
    newest: 3,
    address,
    health: answering,
    verdict: publish(0n),
  },
];

describe("the verdict on an endpoint", () => {
  for (const { when, life = up, version, verdict, ...rest } of table) {
    it(`when ${when}: ${verdict.kind}`, () => {
      const situation = {
        candidate: candidate(life, version),
        newest: 0,
        lease,
        isOvertaken: false,
        ...rest,
      };
      expect(judge(situation)).to.deep.equal(verdict);
    });
  }

  const lives = fc.constantFrom<Life>(up, down, { kind: "unknown" });
  const healths = fc
    .record({
      from: fc.constantFrom<Health>(assumed, { kind: "awaited", failures: 0 }),
      probes: fc.array(fc.option(fc.constantFrom("refused", "GET / gave 500"), { nil: undefined }), {
        maxLength: 8,
      }),
    })
    .map(({ from, probes }) => ({
      probes,
      health: probes.reduce<Health>((health, found) => afterProbe(health, found), from),
    }));
  const stores = fc.constantFrom(
    undefined,
    own(),
    own("10.0.0.1:1"),
    foreign(),
    foreign(address),
    foreign(elsewhere, "0"),
  );
  const situations = fc.record({
    life: lives,
    version: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    newest: fc.integer({ min: 0, max: 4 }),
    address: fc.constantFrom(undefined, address),
    health: healths,
    stored: stores,
    isOvertaken: fc.boolean(),
  });
  const situationOf = ({
    life,
    version,
    newest,
    address: at,
    health,
    stored,
    isOvertaken,
  }: typeof situations extends fc.Arbitrary<infer S> ? S : never): EndpointSituation => ({
    candidate: candidate(life, version),
    newest,
    lease,
    isOvertaken,
    health: health.health,
    ...(at === undefined ? {} : { address: at }),
    ...(stored === undefined ? {} : { stored }),
  });

  it("never publishes what does not run, has not answered, or is older than what is published", () => {
    fc.assert(
      fc.property(situations, (given) => {
        const verdict = judge(situationOf(given));
        if (verdict.kind !== "publish") return;
        expect(given.life.kind).to.equal("up");
        expect(given.health.probes.some((found) => found === undefined)).to.equal(true);
        expect(verdict.address).to.equal(given.address);
        if (given.version !== undefined) expect(given.version).to.be.at.least(given.newest);
      }),
    );
  });

  it("never withdraws what this machine did not write, nor anything while nothing can be said", () => {
    fc.assert(
      fc.property(situations, (given) => {
        if (judge(situationOf(given)).kind !== "withdraw") return;
        expect(given.stored?.lease).to.equal(lease);
        expect(given.life.kind).to.not.equal("unknown");
      }),
    );
  });

  it("never leaves standing what is down", () => {
    fc.assert(
      fc.property(situations, (given) => {
        if (given.life.kind === "down" && given.stored?.lease === lease)
          expect(judge(situationOf(given)).kind).to.equal("withdraw");
      }),
    );
  });

  it("is at rest once it was carried out", () => {
    fc.assert(
      fc.property(situations, (given) => {
        const situation = situationOf(given);
        const verdict = judge(situation);
        if (verdict.kind === "leave") return;
        const { stored: _before, ...bare } = situation;
        const after = verdict.kind === "publish" ? { ...bare, stored: own(verdict.address) } : bare;
        const next = judge(after);
        // What was withdrawn for another address may be written there next; nothing else follows.
        if (next.kind !== "leave") expect([verdict.kind, next.kind]).to.deep.equal(["withdraw", "publish"]);
      }),
    );
  });
});
