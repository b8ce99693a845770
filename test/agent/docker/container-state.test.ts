import { expect } from "chai";
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import {
  type ContainerNotes,
  unitStateOf,
  unitStateOfListed,
} from "../../../agent/docker/container-state.ts";

const zero = "0001-01-01T00:00:00Z";
const ran = { StartedAt: "2026-11-20T20:00:01.123456789Z", FinishedAt: "2026-11-20T20:05:00.5Z" };

function container(state: Partial<ContainerInspectInfo["State"]>, rest: object = {}): ContainerInspectInfo {
  return {
    Id: "c0ffee",
    Created: "2026-11-20T20:00:00Z",
    RestartCount: 0,
    Config: { Labels: { "deis.unit": "web.service", "deis.hash": "abc", "deis.generation": "2" } },
    HostConfig: { Memory: 0 },
    State: {
      Status: "exited",
      OOMKilled: false,
      ExitCode: 0,
      Error: "",
      StartedAt: zero,
      FinishedAt: zero,
      ...state,
    },
    ...rest,
  } as unknown as ContainerInspectInfo;
}

describe("a container's state in systemd's words", () => {
  const table: [what: string, ContainerInspectInfo, expected: string, notes?: ContainerNotes][] = [
    ["created", container({ Status: "created" }), "inactive/dead"],
    [
      "created, start failed",
      container({ Status: "created", ExitCode: 127, Error: "no" }),
      "failed/failed 127",
    ],
    ["running", container({ Status: "running", ...ran }), "active/running"],
    ["paused", container({ Status: "paused", ...ran }), "active/running"],
    ["restarting", container({ Status: "restarting", ExitCode: 1, ...ran }), "activating/auto-restart 1"],
    ["removing", container({ Status: "removing", ...ran }), "deactivating/final-sigkill"],
    ["dead", container({ Status: "dead", ExitCode: 1, ...ran }), "failed/failed 1"],
    ["exited 0", container(ran), "inactive/dead 0"],
    ["exited 3", container({ ExitCode: 3, ...ran }), "failed/failed 3"],
    ["exited by SIGTERM", container({ ExitCode: 143, ...ran }), "inactive/dead 143"],
    ["exited by SIGKILL", container({ ExitCode: 137, ...ran }), "failed/failed 137"],
    ["out of memory", container({ ExitCode: 0, OOMKilled: true, ...ran }), "failed/failed 0"],
    [
      "killed after our stop timed out",
      container({ ExitCode: 137, ...ran }),
      "inactive/dead",
      { stoppedRun: ran.StartedAt },
    ],
    [
      "killed in a run after the one we stopped",
      container({ ExitCode: 137, ...ran }),
      "failed/failed 137",
      { stoppedRun: "2026-11-20T19:00:00Z" },
    ],
  ];
  for (const [what, seen, expected, notes] of table) {
    it(`is ${expected} when ${what}`, () => {
      const { active, sub, exitStatus, load } = unitStateOf(seen, notes);
      expect(`${active}/${sub}${exitStatus === undefined ? "" : ` ${exitStatus}`}`).to.equal(expected);
      expect(load).to.equal("loaded");
    });
  }

  it("counts from the start of what runs and from the end of what has ended, in UTC with milliseconds", () => {
    expect(unitStateOf(container({ Status: "running", ...ran })).since).to.equal("2026-11-20T20:00:01.123Z");
    expect(unitStateOf(container(ran)).since).to.equal("2026-11-20T20:05:00.500Z");
    expect(unitStateOf(container({ Status: "created" })).since).to.equal("2026-11-20T20:00:00.000Z");
  });

  it("shows the noted generation above the label's", () => {
    expect(unitStateOf(container(ran)).generation).to.equal(2);
    expect(unitStateOf(container(ran), { generation: -1 }).generation).to.equal(-1);
  });

  const problems: [seen: ContainerInspectInfo, problem: string | undefined][] = [
    [container({ Status: "running", ...ran }), undefined],
    [container(ran), undefined],
    [container({ ExitCode: 3, ...ran }), "The container's process ended with status 3"],
    [
      container({ ExitCode: 139, ...ran }, { RestartCount: 2 }),
      "The container's process was killed by SIGSEGV (status 139), restarted 2 times by its policy",
    ],
    [
      container({ ExitCode: 137, OOMKilled: true, ...ran }, { HostConfig: { Memory: 1_024 } }),
      "The kernel killed the container's process for lack of memory (MemoryMax= is 1024 bytes)",
    ],
    [
      container({
        Status: "running",
        Health: { Status: "unhealthy", FailingStreak: 3, Log: [{ Output: "refused\nmore" }] } as never,
      }),
      "The health check failed 3 times: refused",
    ],
    [
      container({
        Status: "created",
        ExitCode: 128,
        Error: "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated",
      }),
      "Port 80 of this host is published by another container: driver failed: Bind for 0.0.0.0:80 failed: port is already allocated",
    ],
  ];
  for (const [seen, problem] of problems) {
    it(`says ${problem === undefined ? "nothing" : `"${problem}"`}`, () => {
      const started = seen.State.StartedAt === zero && seen.State.Status === "running" ? { ...ran } : {};
      const state = unitStateOf({ ...seen, State: { ...seen.State, ...started } });
      expect(state.problem).to.equal(problem);
    });
  }

  it("tells from the list what it can when the daemon does not answer about a container", () => {
    const listed = {
      Id: "c0ffee",
      State: "exited",
      Status: "Exited (3) 2 minutes ago",
      Created: 1_795_000_000,
      Labels: { "deis.hash": "abc", "deis.generation": "1" },
    } as unknown as ContainerInfo;
    expect(unitStateOfListed(listed)).to.include({
      active: "failed",
      exitStatus: 3,
      hash: "abc",
      generation: 1,
    });
    expect(unitStateOfListed({ ...listed, State: "running", Status: "Up 2 minutes" })).to.include({
      active: "active",
      sub: "running",
    });
  });
});
