import { expect } from "chai";
import { candidates, type Life, ownerOf, type PublishView, publications } from "../../agent/candidates.ts";
import type { Desired, Wanted } from "../../agent/desired.ts";
import { whyTakenBack } from "../../agent/leftovers.ts";
import type { NamedContainer } from "../../agent/named-containers.ts";
import type { Publication } from "../../cluster/publication.ts";
import { parseReleaseName } from "../../cluster/release-name.ts";
import type { UnitState } from "../../cluster/unit-state.ts";

const machine = "0123456789abcdef0123456789abcdef";
const since = "2026-01-01T00:00:00.000Z";

const state = (active: string, change: Partial<UnitState> = {}): UnitState => ({
  load: "loaded",
  active,
  sub: active === "active" ? "running" : "dead",
  hash: "h",
  generation: 0,
  since,
  ...change,
});
const wanted = (name: string, publication?: Publication): Wanted => ({
  kind: "wanted",
  name,
  text: "",
  hash: "h",
  generation: 0,
  target: "launched",
  runtime: "docker",
  fence: false,
  conflicts: [],
  ...(publication ? { publication } : {}),
});
const unknown = (name: string, isProblem = false): Desired => ({
  kind: "unknown",
  name,
  reason: "?",
  isProblem,
});
const web: Publication = { service: "shop", endpoint: "web", global: false };
const running: NamedContainer = { id: "c1", startedAt: since, reach: { kind: "host" } };

interface Given {
  readonly wish?: Desired;
  readonly docker?: UnitState;
  readonly lost?: boolean;
  readonly withdrawn?: boolean;
  readonly publication?: Publication;
  readonly containers?: Readonly<Record<string, NamedContainer>>;
  readonly containersLost?: boolean;
}

function view({ wish, docker, publication = web, ...more }: Given): PublishView {
  const unit = wish?.name ?? "web.service";
  return {
    machine,
    desired: new Map(wish ? [[unit, wish]] : []),
    runtimes: new Map([
      ["docker", { connected: !more.lost, observed: new Map(docker ? [[unit, docker]] : []) }],
      ["systemd", { connected: true, observed: new Map() }],
    ]),
    withdrawn: new Set(more.withdrawn ? [unit] : []),
    publications: new Map([[unit, publication]]),
    containers: { connected: !more.containersLost, running: new Map(Object.entries(more.containers ?? {})) },
  };
}

const lifeOf = (given: Given): Life | undefined => candidates(view(given)).values().next().value?.life;

describe("a unit that publishes", () => {
  for (const [when, given, kind] of [
    ["runs", { wish: wanted("web.service"), docker: state("active") }, "up"],
    ["reloads", { wish: wanted("web.service"), docker: state("reloading") }, "up"],
    ["still starts", { wish: wanted("web.service"), docker: state("activating") }, "down"],
    ["is stopping by itself", { wish: wanted("web.service"), docker: state("deactivating") }, "down"],
    ["has failed", { wish: wanted("web.service"), docker: state("failed") }, "down"],
    ["is not loaded", { wish: wanted("web.service") }, "down"],
    [
      "is about to be stopped",
      { wish: wanted("web.service"), docker: state("active"), withdrawn: true },
      "down",
    ],
    [
      "is on a runtime that cannot be reached",
      { wish: wanted("web.service"), docker: state("active"), lost: true },
      "unknown",
    ],
    ["is not wanted any more and still runs", { docker: state("active") }, "up"],
    ["cannot be read and runs", { wish: unknown("web.service", true), docker: state("active") }, "up"],
  ] as const) {
    it(`is ${kind} when it ${when}`, () => {
      expect(lifeOf(given)?.kind).to.equal(kind);
    });
  }

  it("has another run after each start of its process", () => {
    const runs = [
      state("active", { containerId: "a" }),
      state("active", { containerId: "b" }),
      state("active", { containerId: "a", since: "2026-01-01T00:00:01.000Z" }),
    ].map((docker) => lifeOf({ wish: wanted("web.service"), docker }));
    expect(new Set(runs.map((life) => (life?.kind === "up" ? life.run : "")))).to.have.property("size", 3);
  });

  it("has its machine in its endpoint's name when every machine runs it", () => {
    const found = candidates(view({ docker: state("active"), publication: { ...web, global: true } }));
    expect([...found.keys()]).to.deep.equal([`shop/web.${machine}`]);
    expect(ownerOf(`web.${machine}`, machine)).to.equal("web.service");
    expect(ownerOf("web", machine)).to.equal("web.service");
  });

  const release = parseReleaseName("go_v2.web.1");
  const go: Publication = {
    service: "go",
    endpoint: "go_v2.web.1",
    global: false,
    container: "go_v2.web.1",
    ...(release ? { release } : {}),
  };
  const unit = "go_v2.web.1.service";
  for (const [when, given, kind] of [
    [
      "the container runs",
      { wish: wanted(unit), docker: state("active"), containers: { "go_v2.web.1": running } },
      "up",
    ],
    [
      "the unit's ExecStartPost= waits for the container",
      { wish: wanted(unit), docker: state("activating"), containers: { "go_v2.web.1": running } },
      "up",
    ],
    ["the unit is up and the container is not", { wish: wanted(unit), docker: state("active") }, "down"],
    [
      "the unit is stopping",
      { wish: wanted(unit), docker: state("deactivating"), containers: { "go_v2.web.1": running } },
      "down",
    ],
    [
      "Docker cannot be asked",
      { wish: wanted(unit), docker: state("active"), containersLost: true },
      "unknown",
    ],
  ] as const) {
    it(`whose command runs a container is ${kind} when ${when}`, () => {
      expect(lifeOf({ ...given, publication: go })?.kind).to.equal(kind);
    });
  }

  it("is told apart from containers that nobody's unit runs", () => {
    const found = candidates(
      view({
        wish: wanted(unit),
        docker: state("active"),
        publication: go,
        containers: { "go_v2.web.1": running, "go_v2.web.2": running },
      }),
    );
    expect([...found.values()].map(({ id, unit: of }) => [id, of])).to.deep.equal([
      ["go/go_v2.web.1", unit],
      ["go/go_v2.web.2", undefined],
    ]);
  });
});

describe("what units asked to be published", () => {
  const at = (desired: readonly Desired[], here: readonly string[]) => ({
    desired: new Map(desired.map((wish) => [wish.name, wish])),
    runtimes: new Map([
      [
        "docker",
        { connected: true, observed: new Map(here.map((unit) => [unit, state("active")])) },
      ] as const,
    ]),
  });
  const before = new Map([["web.service", web]]);
  for (const [when, seen, known] of [
    ["is wanted", at([wanted("web.service", web)], []), true],
    ["cannot be read for the moment", at([unknown("web.service")], []), true],
    ["is not wanted any more and still here", at([], ["web.service"]), true],
    ["is gone", at([], []), false],
    ["is wanted without it", at([wanted("web.service")], ["web.service"]), false],
  ] as const) {
    it(`is ${known ? "kept" : "forgotten"} when the unit ${when}`, () => {
      expect(publications(seen, before).has("web.service")).to.equal(known);
    });
  }
});

describe("an endpoint that nothing asks for", () => {
  const record = {
    id: machine,
    address: "10.0.0.1",
    metadata: {},
    capacity: { memoryBytes: 1, cpuMillis: 1 },
    runtimes: ["docker", "systemd"],
    version: "1",
  } as const;
  const endpoint = { service: "shop", name: "web" };
  const why = (given: Given, written: ReadonlyMap<string, UnitState> = new Map()) => {
    const seen = view(given);
    return whyTakenBack(endpoint, {
      ...seen,
      machine: record,
      containersKnown: seen.containers.connected,
      written,
    });
  };
  for (const [when, given, isTaken] of [
    ["its unit is gone", {}, true],
    [
      "its unit is here and its file is not known yet",
      { wish: unknown("web.service"), docker: state("active") },
      false,
    ],
    ["its unit is here and not wanted, before it is stopped", { docker: state("active") }, false],
    ["its unit is about to be stopped", { docker: state("active"), withdrawn: true }, true],
    [
      "its unit is wanted and asks for something else",
      { wish: wanted("web.service"), docker: state("active") },
      true,
    ],
    ["some other unit's file is not known yet", { wish: unknown("other.service") }, false],
    ["some other unit cannot be read and published nothing", { wish: unknown("other.service", true) }, true],
    ["a runtime cannot be reached", { lost: true }, false],
    ["the containers are not known", { containersLost: true }, false],
  ] as const) {
    it(`is ${isTaken ? "taken back" : "left"} when ${when}`, () => {
      expect(why(given) !== undefined).to.equal(isTaken);
    });
  }

  it("is left when a unit that cannot be read published something for its service", () => {
    const told = state("active", { published: { service: "shop", routed: true } });
    expect(why({ wish: unknown("other.service", true) }, new Map([["other.service", told]]))).to.equal(
      undefined,
    );
  });
});
