/** What the systemd runtime promises beyond the contract of every runtime. */
import { rm } from "node:fs/promises";
import { expect } from "chai";
import { SystemdBus } from "../../../agent/systemd/bus.ts";
import type { SystemdUnitRuntime } from "../../../agent/systemd/unit-runtime.ts";
import { describeError } from "../../../cluster/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { useHost } from "../../support/host.ts";
import { processesOf, property, runtimeOn, unit } from "./host.ts";

const signal = new AbortController().signal;

describe("on a real systemd, its runtime", function () {
  this.timeout(60_000);
  const the = useHost();
  let runtime: SystemdUnitRuntime;
  let reloads: number;

  beforeEach(async () => {
    reloads = 0;
    runtime = runtimeOn(the.host, { backoff: { maxMs: 200 }, onReload: () => reloaded() });
    await runtime.open(signal);
  });

  afterEach(async () => {
    await Promise.allSettled([...runtime.observed.keys()].map((name) => runtime.unload(name, signal)));
    await runtime.close();
  });

  function reloaded(): void {
    reloads += 1;
  }

  async function up(name: string, text: string): Promise<void> {
    await runtime.load(unit(name, text), signal);
    await runtime.start(unit(name, text), signal);
  }

  const refusal = (promise: Promise<void>): Promise<string> =>
    promise.then(
      () => "it was not refused",
      (error: unknown) => describeError(error),
    );

  it("loads, starts and unloads 50 units at once with few reloads", async () => {
    const names = Array.from({ length: 50 }, (_, at) => `many@${at}.service`);
    const text = "[Service]\nExecStart=/bin/sleep infinity\n\n[Install]\nWantedBy=multi-user.target\n";
    await Promise.all(names.map((name) => up(name, text)));
    expect(names.every((name) => runtime.observed.get(name)?.active === "active")).to.equal(true);
    expect(reloads, "for 50 loads").to.be.within(1, 3);

    reloads = 0;
    await Promise.all(names.map((name) => runtime.unload(name, signal)));
    expect(runtime.observed.size).to.equal(0);
    expect(reloads, "for 50 unloads").to.be.at.most(5);
    expect(
      await the.host.exec(["find", "/run/systemd/system", "/run/deis/units", "-name", "many@*"]),
    ).to.equal("");
  });

  it("asks no more at once than the bus allows, also when nobody waits for the answers any more", async () => {
    const bus = new SystemdBus({
      address: the.host.busAddress,
      onUnitChanged: () => undefined,
      onReady: () => Promise.resolve(),
      onConnected: () => undefined,
    });
    await bus.open(signal);
    try {
      // While it reloads systemd answers nothing; dbus-daemon refuses the 129th question.
      const reload = bus.manager("Reload");
      for (let at = 0; at < 300; at += 1) {
        const over = new AbortController();
        const asked = bus.property("dbus.service", "org.freedesktop.systemd1.Unit", "Id", over.signal);
        setImmediate(() => over.abort(new Error("enough")));
        expect(await asked.catch((error: unknown) => String(error))).to.match(/dbus\.service|enough/);
      }
      await reload;
      expect(await bus.property("dbus.service", "org.freedesktop.systemd1.Unit", "Id")).to.equal(
        "dbus.service",
      );
    } finally {
      await bus.close();
    }
  });

  it("reloads nothing for a unit that systemd had not read before", async () => {
    await up("fresh.service", "[Service]\nExecStart=/bin/sleep infinity\n");
    await runtime.unload("fresh.service", signal);
    await up("fresh.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    expect(reloads).to.equal(0);
    expect(await property(the.host, "fresh.service", "ExecStart")).to.include("sleep 1000");
  });

  it("reloads for a unit that runs and gets another text", async () => {
    await up("edited.service", "[Service]\nExecStart=/bin/sleep infinity\n");
    await runtime.load(unit("edited.service", "[Service]\nExecStart=/bin/sleep 1000\n"), signal);
    expect(reloads).to.equal(1);
    expect(await property(the.host, "edited.service", "NeedDaemonReload")).to.equal("no");
    expect(runtime.observed.get("edited.service")).to.include({ active: "active" });
  });

  it("enables a unit with [Install], and disables it again", async () => {
    await up(
      "wanted.service",
      "[Service]\nExecStart=/bin/sleep infinity\n\n[Install]\nWantedBy=multi-user.target\n",
    );
    expect(await property(the.host, "multi-user.target", "Wants")).to.include("wanted.service");
    await runtime.unload("wanted.service", signal);
    expect(await property(the.host, "multi-user.target", "Wants")).not.to.include("wanted.service");
    expect(await property(the.host, "wanted.service", "LoadState")).to.equal("not-found");
  });

  const types: readonly [string, string, string][] = [
    ["tick.timer", "[Timer]\nOnActiveSec=1h\nUnit=other.service\n", "waiting"],
    ["watch.path", "[Path]\nPathExists=/nowhere\nUnit=other.service\n", "waiting"],
    ["srv.mount", "[Mount]\nWhat=tmpfs\nWhere=/srv\nType=tmpfs\n", "mounted"],
    ["ready@1.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n", "exited"],
  ];
  for (const [name, text, sub] of types) {
    it(`runs ${name}`, async () => {
      await runtime.load(unit("other.service", "[Service]\nExecStart=/bin/true\n"), signal);
      await up(name, text);
      expect(runtime.observed.get(name)).to.include({ active: "active", sub });
      await runtime.unload(name, signal);
      expect(runtime.observed.has(name)).to.equal(false);
    });
  }

  it("runs a socket with its service", async () => {
    await runtime.load(unit("echo.service", "[Service]\nExecStart=/bin/sleep infinity\n"), signal);
    await up("echo.socket", "[Socket]\nListenStream=/run/echo.sock\n");
    expect(runtime.observed.get("echo.socket")).to.include({ active: "active", sub: "listening" });
  });

  const refused: readonly [string, string, RegExp][] = [
    [
      "a failing ExecStartPre",
      "[Service]\nExecStartPre=/bin/sh -c 'exit 4'\nExecStart=/bin/sleep 9\n",
      /ExecStartPre=\/bin\/sh exited with status 4/,
    ],
    [
      "a process that systemd restarts",
      "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1h\n",
      /exited with status 1/,
    ],
    ["a condition", "[Unit]\nConditionPathExists=/no\n\n[Service]\nExecStart=/bin/sleep 9\n", /condition/],
    [
      "a missing requirement",
      "[Unit]\nRequires=nobody.service\n\n[Service]\nExecStart=/bin/sleep 9\n",
      /nobody\.service not found/,
    ],
    [
      "its own timeout",
      "[Service]\nType=notify\nTimeoutStartSec=300ms\nExecStart=/bin/sleep 9\n",
      /within its timeout/,
    ],
    ["a bad setting", "[Service]\nExecStar=/bin/sleep 9\n", /refuses a setting/],
  ];
  for (const [what, text, words] of refused) {
    it(`says that ${what} kept a unit from starting`, async () => {
      expect(await refusal(up("refused.service", text))).to.match(words);
    });
  }

  it("refuses a text that has not the hash it should have", async () => {
    const wrong = { ...unit("wrong.service", "[Service]\nExecStart=/bin/true\n"), hash: "0".repeat(40) };
    expect(await refusal(runtime.load(wrong, signal))).to.include("has hash");
    expect(runtime.observed.has("wrong.service")).to.equal(false);
  });

  it("runs ExecStop to its end before the file goes", async () => {
    await up(
      "polite.service",
      "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sh -c 'sleep 0.3; cp /run/deis/units/polite.service /run/polite'\n",
    );
    await runtime.unload("polite.service", signal);
    expect(await the.host.exec(["cat", "/run/polite"])).to.include("ExecStop");
  });

  it("leaves units alone that are not ours", async () => {
    await runtime.stop("dbus.service", signal);
    await runtime.unload("dbus.service", signal);
    expect(await property(the.host, "dbus.service", "ActiveState")).to.equal("active");
  });

  it("unloads a unit whose file someone has taken away, and others with it", async () => {
    await up("robbed.service", "[Service]\nExecStart=/bin/sleep infinity\n");
    await up("whole.service", "[Service]\nExecStart=/bin/sleep infinity\n");
    await rm(the.host.path("/run/deis/units/robbed.service"));
    await Promise.all(["robbed.service", "whole.service"].map((name) => runtime.unload(name, signal)));
    expect(runtime.observed.size).to.equal(0);
    expect(await property(the.host, "robbed.service", "LoadState")).to.equal("not-found");
  });

  it("keeps how a unit ended though systemd forgets it", async () => {
    await up("once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
    const ended = runtime.observed.get("once.service");
    await the.host.exec(["systemctl", "stop", "once.service"]);
    await runtime.stop("once.service", signal);
    expect(runtime.observed.get("once.service")).to.deep.equal(ended);
    expect(ended).to.include({ exitStatus: 0 });
  });

  it("survives that PID 1 executes itself anew", async () => {
    await up("steady.service", "[Service]\nExecStart=/bin/sleep infinity\n");
    await the.host.exec(["systemctl", "daemon-reexec"]);
    await eventually(() => runtime.connected, { within: 10_000 });
    await the.host.exec(["systemctl", "kill", "--signal=KILL", "steady.service"]);
    await eventually(() => expect(runtime.observed.get("steady.service")).to.include({ active: "failed" }), {
      within: 10_000,
    });
    expect(await processesOf(the.host, "steady.service")).to.deep.equal([]);
  });

  it("rejects an open, as retryable, when there is no bus", async () => {
    const other = runtimeOn(the.host, { address: `unix:path=${the.host.path("/run/no-such-bus")}` });
    expect(await refusal(other.open(signal))).to.include("Cannot reach systemd");
    await other.close();
  });
});
