import { expect } from "chai";
import { unitPath } from "../../../agent/systemd/object-path.ts";
import { failedCommand, problemOf, stateOf, type UnitProperties } from "../../../agent/systemd/unit-state.ts";

const disk = { hash: "h", generation: 2, writtenAt: Date.parse("2026-01-01T00:00:00Z") };
const at = (iso: string): bigint => BigInt(Date.parse(iso)) * 1_000n;

describe("systemd's properties of a unit", () => {
  const running: UnitProperties = {
    LoadState: "loaded",
    ActiveState: "active",
    SubState: "running",
    ActiveEnterTimestamp: at("2026-01-02T00:00:00Z"),
    InactiveExitTimestamp: at("2026-01-01T23:59:00Z"),
    InactiveEnterTimestamp: at("2026-01-01T12:00:00Z"),
    Result: "success",
    ExecMainExitTimestamp: 0n,
  };

  it("become a state that says since when", () => {
    expect(stateOf(running, disk)).to.deep.equal({
      load: "loaded",
      active: "active",
      sub: "running",
      hash: "h",
      generation: 2,
      since: "2026-01-02T00:00:00.000Z",
    });
  });

  it("of a unit that never ran take the time at which its file was written", () => {
    expect(stateOf({ LoadState: "loaded", ActiveState: "inactive", SubState: "dead" }, disk)).to.include({
      since: "2026-01-01T00:00:00.000Z",
    });
  });

  const ends: readonly [string, UnitProperties, number | undefined, string][] = [
    ["an exit", { ExecMainCode: 1, ExecMainStatus: 3, Result: "exit-code" }, 3, "exited with status 3"],
    ["a kill", { ExecMainCode: 2, ExecMainStatus: 9, Result: "signal" }, 137, "killed by SIGKILL"],
    [
      "a core dump",
      { ExecMainCode: 3, ExecMainStatus: 6, Result: "core-dump" },
      134,
      "SIGABRT and dumped core",
    ],
    [
      "a missing program",
      { ExecMainCode: 1, ExecMainStatus: 203, Result: "exit-code" },
      203,
      "cannot be executed",
    ],
    ["memory", { ExecMainCode: 2, ExecMainStatus: 9, Result: "oom-kill" }, 137, "memory ran out"],
    ["an unknown result", { ExecMainCode: 1, ExecMainStatus: 0, Result: "new-word" }, 0, '"new-word"'],
  ];
  for (const [what, properties, exitStatus, words] of ends) {
    it(`tell of an end by ${what}`, () => {
      const state = stateOf(
        { ...running, ActiveState: "failed", ExecMainExitTimestamp: 1n, ...properties },
        disk,
      );
      expect(state.exitStatus).to.equal(exitStatus);
      expect(state.problem).to.include(words);
    });
  }

  it("tell what is wrong with a file that systemd refuses", () => {
    expect(
      problemOf({
        LoadState: "bad-setting",
        LoadError: ["x", "Unit web.service has a bad unit file setting."],
      }),
    ).to.equal("systemd refuses a setting of the unit file: Unit web.service has a bad unit file setting.");
  });

  it("tell which command failed, unless its failure is ignored", () => {
    const run = (ignored: boolean, code: number, status: number) => [
      "/bin/sh",
      [],
      ignored,
      1n,
      1n,
      2n,
      2n,
      7,
      code,
      status,
    ];
    expect(failedCommand("ExecStartPre", [run(true, 1, 1), run(false, 1, 0), run(false, 1, 4)])).to.equal(
      "ExecStartPre=/bin/sh exited with status 4",
    );
    expect(failedCommand("ExecStartPre", [run(true, 1, 1)])).to.equal(undefined);
  });
});

describe("a unit's object path", () => {
  for (const [name, path] of [
    ["web@1.service", "web_401_2eservice"],
    ["1st.service", "_31st_2eservice"],
    ["a-b_c\\x2d.mount", "a_2db_5fc_5cx2d_2emount"],
  ] as const) {
    it(`of ${name} is escaped as sd_bus_path_encode(3) does`, () => {
      expect(unitPath(name)).to.equal(`/org/freedesktop/systemd1/unit/${path}`);
    });
  }
});
