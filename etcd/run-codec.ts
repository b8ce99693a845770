/** Between the records about runs and failures and their bytes; see `codec.ts` for the rules. */
import {
  type Failures,
  type Outcome,
  type Run,
  type RunClaim,
  runStatuses,
  type Tried,
} from "../cluster/run.ts";
import { type Decode, encode, Fields } from "./codec.ts";

export const decodeRun: Decode<Run> = (value, key) => {
  const fields = new Fields(value, key);
  return {
    status: fields.choice("status", runStatuses),
    hash: fields.text("hash"),
    generation: fields.count("generation"),
    ...texts(fields, ["run", "machine", "started", "ended", "problem", "next", "skipped"]),
    ...exitStatus(fields),
  };
};

export const decodeOutcome: Decode<Outcome> = (value, key) => {
  const fields = new Fields(value, key);
  const claim = fields.optionalInner("claim");
  const failures = fields.optionalInner("failures");
  return {
    ...(claim ? { claim: decodeClaim(claim) } : {}),
    ...(failures ? { failures: decodeFailures(failures) } : {}),
  };
};

export const decodeTried: Decode<Tried> = (value, key) => {
  const fields = new Fields(value, key);
  return {
    hash: fields.text("hash"),
    generation: fields.count("generation"),
    machines: fields.innerList("machines").map((each) => ({
      machine: each.text("machine"),
      at: each.text("at"),
      count: each.count("count"),
      ...texts(each, ["problem"]),
    })),
  };
};

export const encodeRun = (run: Run): Buffer => {
  const { status, machine, started, ended, exitStatus, problem, next, skipped } = run;
  const { hash, generation } = run;
  return encode({
    run: run.run,
    status,
    hash,
    generation,
    machine,
    started,
    ended,
    exitStatus,
    problem,
    next,
    skipped,
  });
};

export const encodeOutcome = ({ claim, failures }: Outcome): Buffer => encode({ claim, failures });

export const encodeTried = ({ hash, generation, machines }: Tried): Buffer =>
  encode({ hash, generation, machines });

function decodeClaim(fields: Fields): RunClaim {
  return {
    run: fields.text("run"),
    started: fields.text("started"),
    ...texts(fields, ["ended", "problem"]),
    ...(fields.has("ok") ? { ok: fields.flag("ok") } : {}),
    ...exitStatus(fields),
  };
}

function decodeFailures(fields: Fields): Failures {
  return {
    hash: fields.text("hash"),
    generation: fields.count("generation"),
    count: fields.count("count"),
    at: fields.text("at"),
    ...texts(fields, ["problem"]),
  };
}

function exitStatus(fields: Fields): { readonly exitStatus?: number } {
  const status = fields.optionalInteger("exitStatus");
  return status === undefined ? {} : { exitStatus: status };
}

/** Those of some text fields that are there. */
function texts<K extends string>(fields: Fields, names: readonly K[]): { [P in K]?: string } {
  const found: { [P in K]?: string } = {};
  for (const name of names) {
    const text = fields.optionalText(name);
    if (text !== undefined) found[name] = text;
  }
  return found;
}
