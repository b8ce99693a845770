/**
 * A recorded session of fleetctl 1.0 on two machines, repeated with deisctl against a live cluster of the same two machines: each
 * line of either must be the other's, but for the differences that are meant, each with its reason.
 */
import { expect } from "chai";
import { LoopbackCluster } from "../support/loopback-cluster.ts";
import { deisctl } from "./run-command.ts";
import { h1, h2, machine } from "./scripted-cluster.ts";

const hello = (who: string): string =>
  `[Unit]\nDescription=Hello World\n\n[Service]\nExecStart=/bin/bash -c "while true; do echo Hello, ${who}!; sleep 1; done"\n`;
// The recorded template is not known byte for byte: only its hash below is ours.
const template = `${hello("World")}\n[X-Fleet]\nConflicts=hello@*.service\n`;
const glob = "[Service]\nExecStart=/bin/sleep 1000\n\n[X-Fleet]\nGlobal=true\n";

interface Step {
  readonly type: string;
  /** What fleetctl printed: stdout, stderr, exit code. */
  readonly out?: string;
  readonly err?: string;
  readonly code?: number;
  /** What deisctl prints instead where that is meant, and why. */
  readonly instead?: {
    readonly out?: string;
    readonly err?: string;
    readonly code?: number;
    readonly why: string;
  };
  /** The operator's files from here on. */
  readonly files?: Readonly<Record<string, string>>;
}

const on1 = "f1ee0001.../127.0.0.1";
const on2 = "f1ee0002.../127.0.0.2";

const session: readonly Step[] = [
  {
    type: "list-machines",
    out: "MACHINE\t\tIP\t\tMETADATA\nf1ee0001...\t127.0.0.1\thost=h1,region=lab\nf1ee0002...\t127.0.0.2\thost=h2,region=lab\n",
  },
  {
    type: "list-machines --full",
    out: "MACHINE\t\t\t\t\tIP\t\tMETADATA\nf1ee0001000000000000000000000000\t127.0.0.1\thost=h1,region=lab\nf1ee0002000000000000000000000000\t127.0.0.2\thost=h2,region=lab\n",
  },
  { type: "list-units", out: "UNIT\tMACHINE\tACTIVE\tSUB\n" },
  { type: "list-unit-files", out: "UNIT\tHASH\tDSTATE\tSTATE\tTARGET\n" },
  {
    type: "submit hello.service",
    out: "Unit hello.service inactive\n",
    files: { "hello.service": hello("World") },
  },
  {
    type: "list-unit-files",
    out: "UNIT\t\tHASH\tDSTATE\t\tSTATE\t\tTARGET\nhello.service\t22f25e0\tinactive\tinactive\t-\n",
  },
  { type: "load hello.service", out: `Unit hello.service loaded on ${on1}\n` },
  { type: "start hello.service", out: `Unit hello.service launched on ${on1}\n` },
  {
    type: "list-units",
    out: `UNIT\t\tMACHINE\t\t\tACTIVE\tSUB\nhello.service\t${on1}\tactive\trunning\n`,
  },
  {
    type: "list-units --full",
    out: "UNIT\t\tMACHINE\t\t\t\t\t\tACTIVE\tSUB\nhello.service\tf1ee0001000000000000000000000000/127.0.0.1\tactive\trunning\n",
  },
  {
    type: "list-units --fields=unit,load,active,sub,machine,hash",
    out: `UNIT\t\tLOAD\tACTIVE\tSUB\tMACHINE\t\t\tHASH\nhello.service\tloaded\tactive\trunning\t${on1}\t22f25e0\n`,
  },
  {
    type: "list-unit-files --fields=unit,hash,dstate,state,target,desc,global --full",
    out: "UNIT\t\tHASH\t\t\t\t\t\tDSTATE\t\tSTATE\t\tTARGET\t\t\t\t\t\tDESC\t\tGLOBAL\nhello.service\t22f25e029e50c9a5eece8467b98a9d0d60e40b97\tlaunched\tlaunched\tf1ee0001000000000000000000000000/127.0.0.1\tHello World\tfalse\n",
  },
  {
    type: "submit hello@.service",
    out: "Unit hello@.service inactive\n",
    files: { "hello@.service": template },
  },
  {
    type: "start hello@1 hello@2 --no-block",
    files: {},
    out: "Unit hello@1.service inactive\nUnit hello@2.service inactive\nTriggered unit hello@1.service start\nTriggered unit hello@2.service start\nTriggered unit hello@1.service start\nTriggered unit hello@2.service start\n",
    instead: {
      out: "Unit hello@1.service inactive\nUnit hello@2.service inactive\nTriggered unit hello@1.service start\nTriggered unit hello@2.service start\n",
      why: "each line once",
    },
  },
  {
    type: "start hello@3.service --block-attempts=1",
    out: "Unit hello@3.service inactive\n",
    err: "Error waiting for units: timed out waiting for unit hello@3.service to report state launched\nError waiting for unit states, exit status: timed out waiting for unit hello@3.service to report state launched\n",
    code: 1,
    instead: {
      err: 'Cannot place "hello@3.service": 2 machines rejected it: 2 run units such as "hello@2.service" which it conflicts with\nHint: it stays wanted and starts as soon as a machine can take it; `deisctl destroy hello@3.service` withdraws it\n',
      code: 3,
      why: "the reason at once, and an exit code of its own",
    },
  },
  {
    type: "start glob.service",
    files: { "glob.service": glob },
    out: "Unit glob.service \nTriggered global unit glob.service start\n",
    instead: {
      out: `Unit glob.service inactive\nUnit glob.service launched on ${on1}\nUnit glob.service launched on ${on2}\n`,
      why: "global units are waited for, on every machine",
    },
  },
  {
    type: "list-unit-files",
    out: `UNIT\t\tHASH\tDSTATE\t\tSTATE\t\tTARGET\nglob.service\t627317e\tlaunched\t-\t\tglobal\nhello.service\t22f25e0\tlaunched\tlaunched\t${on1}\nhello@.service\tba4f4e9\tinactive\tinactive\t-\nhello@1.service\tba4f4e9\tlaunched\tlaunched\t${on2}\nhello@2.service\tba4f4e9\tlaunched\tlaunched\t${on1}\nhello@3.service\tba4f4e9\tlaunched\tinactive\t-\n`,
  },
  {
    type: "stop hello.service",
    out: `Unit hello.service loaded on ${on1}\n`,
    err: "Successfully stopped units [hello.service].\n",
  },
  { type: "stop hello.service", err: "Successfully stopped units [].\n" },
  {
    type: "unload hello.service",
    out: "Unit hello.service inactive\n",
    err: "Successfully unloaded units [hello.service].\n",
  },
  {
    type: "stop hello.service",
    err: "Unable to stop unit hello.service in state inactive\n",
    code: 1,
    instead: {
      err: "Unable to stop unit hello.service in state inactive\nHint: no machine has it; start it with `deisctl start hello.service`\n",
      code: 1,
      why: "the next command to type",
    },
  },
  {
    type: "start hello.service",
    files: { "hello.service": hello("Venus") },
    out: `Unit hello.service launched on ${on1}\n`,
    err: "WARNING: Unit hello.service in registry differs from local unit file hello.service. Add --replace to override.\n",
  },
  {
    type: "start --replace hello.service",
    out: `Unit hello.service inactive\nUnit hello.service launched on ${on1}\n`,
  },
  {
    type: "load --replace hello.service",
    out: `Found same Unit(hello.service) in Registry, nothing to do\nUnit hello.service loaded on ${on1}\n`,
    instead: {
      out: "Found same Unit(hello.service) in Registry, nothing to do\n",
      err: "Unit hello.service is launched already; `deisctl stop hello.service` stops it and keeps it loaded\n",
      why: "load never stops a running unit",
    },
  },
  {
    type: "destroy hello@1 hello@2 hello@3 hello@.service glob",
    out: "Destroyed hello@1.service\nDestroyed hello@2.service\nDestroyed hello@3.service\nDestroyed hello@.service\nDestroyed glob.service\n",
  },
  {
    type: "list-units",
    out: `UNIT\t\tMACHINE\t\t\tACTIVE\t\tSUB\nglob.service\t${on1}\tactive\t\trunning\nglob.service\t${on2}\tactive\t\trunning\nhello.service\t${on1}\tinactive\tdead\nhello@1.service\t${on2}\tactive\t\trunning\nhello@2.service\t${on1}\tactive\t\trunning\n`,
    instead: {
      out: `UNIT\t\tMACHINE\t\t\tACTIVE\tSUB\nhello.service\t${on1}\tactive\trunning\n`,
      why: "destroy waits until nothing is left, and load has stopped nothing",
    },
  },
  {
    type: "bogus",
    code: 0,
    err: 'Error: unknown command "bogus" for "fleetctl"\nRun \'fleetctl --help\' for usage.\ncannot execute cmdFleet: unknown command "bogus" for "fleetctl"\n',
    instead: {
      err: 'Error: unknown command "bogus" for "deisctl"\nRun \'deisctl --help\' for usage.\n',
      code: 2,
      why: "wrong use is an exit code of its own",
    },
  },
  { type: "cat hello.service", out: hello("Venus") },
];

describe("a recorded session of fleetctl", () => {
  it("reads the same with deisctl, line for line, but for the differences that are meant", async () => {
    const cluster = new LoopbackCluster([machine(h1, "127.0.0.1", "h1"), machine(h2, "127.0.0.2", "h2")]);
    let files: Readonly<Record<string, string>> = {};
    try {
      for (const { type, files: changed, instead, ...recorded } of session) {
        files = changed ?? files;
        const { out = "", err = "", code = 0 } = { ...recorded, ...instead };
        const ran = await deisctl(type, { store: cluster.store, files });
        // Of several units each is told when it is done.
        const lines = (text: string): string[] =>
          type.startsWith("destroy") ? text.split("\n").sort() : [text];
        expect({ type, ...ran, out: lines(ran.out) }, instead?.why).to.deep.equal({
          type,
          out: lines(out),
          err,
          code,
        });
      }
    } finally {
      await cluster.close();
    }
  });
});
