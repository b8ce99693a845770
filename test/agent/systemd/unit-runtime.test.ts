import { type Behaviour, unitRuntimeContract } from "../../contract/unit-runtime.ts";
import { useHost } from "../../support/host.ts";
import { processesOf, runtimeOn, unit } from "./host.ts";

/** systemd units that behave as the contract suite asks. */
const bodies: Readonly<Record<Behaviour, string>> = {
  runs: "ExecStart=/bin/sleep infinity",
  ends: "ExecStart=/bin/true",
  fails: "ExecStart=/bin/sh -c 'exit 3'",
  missing: "ExecStart=/no/such/program",
  "stops-slowly": "ExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 1",
  "starts-slowly": "Type=oneshot\nExecStart=/bin/sleep 30",
};

describe("the systemd runtime", () => {
  const the = useHost();

  unitRuntimeContract("systemd", async () => ({
    // A machine that is slower than usual must not make "at once" last longer than we look.
    create: () => runtimeOn(the.host, { settleMs: 300, backoff: { maxMs: 200 } }),
    unit: (name, behaviour, edition = 1) =>
      unit(name, `[Unit]\nDescription=Edition ${edition}\n\n[Service]\n${bodies[behaviour]}\n`),
    kill: async (name) => {
      await the.host.exec(["systemctl", "kill", "--signal=KILL", name]);
    },
    processes: async (name) => (await processesOf(the.host, name)).length,
    disconnect: async () => {
      await the.host.exec(["systemctl", "restart", "dbus.service"]);
    },
    dispose: async () => undefined,
  }));
});
