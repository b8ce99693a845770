import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type ContainerLine, UnitLogs } from "../../agent/unit-logs.ts";
import { describeError, hasCode } from "../../cluster/errors.ts";
import type { JournalOutput, JournalRequest } from "../../cluster/journal-request.ts";
import type { UnitState } from "../../cluster/unit-state.ts";
import { eventually } from "../support/eventually.ts";

const state: UnitState = {
  load: "loaded",
  active: "active",
  sub: "running",
  hash: "0".repeat(40),
  generation: 0,
  since: "2026-01-01T00:00:00.000Z",
};

const line: ContainerLine = { stream: "stderr", at: new Date("2026-11-20T20:43:42.125Z"), text: "hello" };

describe("the logs of units", () => {
  const signal = new AbortController().signal;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-logs-"));
  });
  after(() => rm(directory, { recursive: true }));

  /** A program that is a shell script. */
  async function script(name: string, body: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  }

  function logs(program = "/bin/false"): UnitLogs {
    return new UnitLogs({
      systemd: { observed: new Map([["db.service", state]]) },
      docker: {
        observed: new Map([["web@1.service", state]]),
        async *journal(_unit, { tail }) {
          for (let at = 0; at < tail; at += 1) yield line;
        },
        status: async (unit, lines) => `status of ${unit}, ${lines} lines\n`,
      },
      programs: { journalctl: program, systemctl: program },
    });
  }

  async function text(from: UnitLogs, unit: string, change: Partial<JournalRequest> = {}): Promise<string> {
    const request = { lines: 1, follow: false, output: "short" as const, ...change };
    let all = "";
    for await (const chunk of await from.journal(unit, request, signal)) all += chunk;
    return all;
  }

  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  const shapes: readonly (readonly [JournalOutput, string])[] = [
    ["cat", "hello\n"],
    ["short", `Nov 20 20:43:42 ${hostname()} web@1: hello\n`],
    ["short-precise", `Nov 20 20:43:42.125000 ${hostname()} web@1: hello\n`],
    ["short-iso", `2026-11-20T20:43:42+0000 ${hostname()} web@1: hello\n`],
  ];
  for (const [output, expected] of shapes) {
    it(`of a container are printed as journalctl --output=${output} does`, async () => {
      expect(await text(logs(), "web@1.service", { output })).to.equal(expected);
    });
  }

  it("of a container are printed as JSON with the journal's field names", async () => {
    const fields = JSON.parse(await text(logs(), "web@1.service", { output: "json" }));
    expect(fields).to.include({ MESSAGE: "hello", PRIORITY: "3", __REALTIME_TIMESTAMP: "1795207422125000" });
  });

  it("refuse an output that containers do not have", async () => {
    const error = await failure(text(logs(), "web@1.service", { output: "verbose" }));
    expect(hasCode(error, "output-unsupported")).to.equal(true);
  });

  it("of a systemd unit come from journalctl", async () => {
    const program = await script("echo", 'echo "$@"');
    const printed = await text(logs(program), "db.service", { lines: 7, output: "cat" });
    expect(printed).to.equal("--unit=db.service --no-pager -n 7 --output cat\n");
  });

  it("of a systemd unit since a time come from journalctl with that time", async () => {
    const echo = await script("journalctl", 'echo "$@"');
    const since = "2026-11-20T19:00:00.500Z";
    expect(await text(logs(echo), "db.service", { since })).to.contain(" --since=@1795201200.500");
  });

  it("end the program that is followed when nobody listens any more", async () => {
    const program = await script("follow", 'echo "$$ $@"; exec sleep 60');
    const leave = new AbortController();
    const followed = await logs(program).journal(
      "db.service",
      { lines: 0, follow: true, output: "short" },
      leave.signal,
    );
    let pid = 0;
    for await (const chunk of followed) {
      expect(chunk).to.match(/ -f\n$/);
      pid = Number.parseInt(chunk, 10);
      leave.abort();
    }
    await eventually(() => {
      try {
        return !process.kill(pid, 0);
      } catch {
        // No such process: that is what is awaited.
        return true;
      }
    });
  });

  it("have a status even of a unit that does not run, for which systemctl exits with 3", async () => {
    const program = await script("status", 'echo "inactive (dead)"; exit 3');
    expect(await logs(program).status("db.service", signal)).to.equal("inactive (dead)\n");
    expect(await logs().status("web@1.service", signal)).to.equal("status of web@1.service, 10 lines\n");
  });

  it("say what a program that failed had to say, or that it is not there", async () => {
    const program = await script("broken", 'echo "no journal files" >&2; exit 1');
    expect(describeError(await failure(text(logs(program), "db.service")))).to.include("no journal files");
    const missing = await failure(text(logs(join(directory, "none")), "db.service"));
    expect(describeError(missing)).to.include("ENOENT");
  });

  it("are refused for a unit that is not here", async () => {
    expect(hasCode(await failure(text(logs(), "other.service")), "unit-not-found")).to.equal(true);
    expect(hasCode(await failure(logs().status("other.service", signal)), "unit-not-found")).to.equal(true);
  });
});
