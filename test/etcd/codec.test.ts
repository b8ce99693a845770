import { expect } from "chai";
import fc from "fast-check";
import { hintOf } from "../../cluster/errors.ts";
import { runtimeNames } from "../../cluster/machine.ts";
import { runStatuses } from "../../cluster/run.ts";
import {
  type Decode,
  decodeMachine,
  decodePlacement,
  decodeRouter,
  decodeState,
  decodeUnit,
  decodeUnplaced,
  encodeMachine,
  encodePlacement,
  encodeRouter,
  encodeState,
  encodeUnit,
  encodeUnplaced,
} from "../../etcd/codec.ts";
import {
  failuresKey,
  machineKey,
  outcomeKey,
  placementKey,
  routerHostKey,
  runKey,
  settingKey,
  stateKey,
  unitKey,
  unplacedKey,
} from "../../etcd/keys.ts";
import {
  decodeOutcome,
  decodeRun,
  decodeTried,
  encodeOutcome,
  encodeRun,
  encodeTried,
} from "../../etcd/run-codec.ts";

const machine = "0123456789abcdef0123456789abcdef";
const unit = "web@1.service";
const text = fc.string({ unit: "grapheme" });
const count = fc.nat();

/** Any combination of some optional fields, merged into a record. */
function withOptional<T, O>(required: fc.Arbitrary<T>, optional: { [K in keyof O]: fc.Arbitrary<O[K]> }) {
  return fc
    .tuple(required, fc.record(optional, { requiredKeys: [] }))
    .map(([fields, more]) => ({ ...fields, ...more }) as T & Partial<O>);
}

interface CodecCase {
  readonly name: string;
  readonly key: string;
  readonly records: fc.Arbitrary<unknown>;
  encode(value: unknown): Buffer;
  readonly decode: Decode<unknown>;
}

/** Forgets the type of the record, which `records` and `encode` have in common. */
function codec<T>(given: {
  name: string;
  key: string;
  records: fc.Arbitrary<T>;
  encode: (value: T) => Buffer;
  decode: Decode<T>;
}): CodecCase {
  return { ...given, encode: (value) => given.encode(value as T) };
}

const cases: readonly CodecCase[] = [
  codec({
    name: "a unit",
    key: unitKey(unit),
    records: fc.record({
      hash: text,
      target: fc.constantFrom("inactive", "loaded", "launched"),
      generation: count,
    }),
    encode: encodeUnit,
    decode: decodeUnit,
  }),
  codec({
    name: "a machine",
    key: machineKey(machine),
    records: withOptional(
      fc.record({
        id: fc.constant(machine),
        address: text,
        metadata: fc.dictionary(
          text.filter((name) => name !== "__proto__"),
          text,
          { noNullPrototype: true },
        ),
        capacity: fc.record({ memoryBytes: count, cpuMillis: count }),
        runtimes: fc.subarray([...runtimeNames]),
        version: text,
      }),
      { api: text },
    ),
    encode: encodeMachine,
    decode: decodeMachine,
  }),
  codec({
    name: "a placement",
    key: placementKey(machine, unit),
    records: withOptional(
      fc.record({
        machine: fc.constant(machine),
        unit: fc.constant(unit),
        hash: text,
        target: fc.constantFrom("loaded", "launched"),
        generation: count,
        reason: text,
      }),
      { run: text },
    ),
    encode: encodePlacement,
    decode: decodePlacement,
  }),
  codec({
    name: "a state",
    key: stateKey(machine, unit),
    records: withOptional(
      fc.record({ load: text, active: text, sub: text, hash: text, generation: count, since: text }),
      {
        exitStatus: fc.integer(),
        containerId: text,
        problem: text,
        published: withOptional(fc.record({ service: text, routed: fc.boolean() }), {
          endpoint: text,
          problem: text,
        }),
      },
    ),
    encode: encodeState,
    decode: decodeState,
  }),
  codec({
    name: "an unplaced unit",
    key: unplacedKey(unit),
    records: fc.record({ hash: text, reason: text }),
    encode: encodeUnplaced,
    decode: decodeUnplaced,
  }),
  codec({
    name: "a run",
    key: runKey(unit),
    records: withOptional(
      fc.record({ status: fc.constantFrom(...runStatuses), hash: text, generation: count }),
      {
        run: text,
        machine: text,
        started: text,
        ended: text,
        exitStatus: fc.integer(),
        problem: text,
        next: text,
        skipped: text,
      },
    ),
    encode: encodeRun,
    decode: decodeRun,
  }),
  codec({
    name: "an outcome",
    key: outcomeKey(machine, unit),
    records: fc.record(
      {
        claim: withOptional(fc.record({ run: text, started: text }), {
          ended: text,
          ok: fc.boolean(),
          exitStatus: fc.integer(),
          problem: text,
        }),
        failures: withOptional(fc.record({ hash: text, generation: count, count, at: text }), {
          problem: text,
        }),
      },
      { requiredKeys: [] },
    ),
    encode: encodeOutcome,
    decode: decodeOutcome,
  }),
  codec({
    name: "a unit that failed",
    key: failuresKey(unit),
    records: fc.record({
      hash: text,
      generation: count,
      machines: fc.array(withOptional(fc.record({ machine: text, at: text, count }), { problem: text })),
    }),
    encode: encodeTried,
    decode: decodeTried,
  }),
  codec({
    name: "a router",
    key: routerHostKey(machine),
    records: fc.record({
      address: text,
      revision: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      drained: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    }),
    encode: encodeRouter,
    decode: decodeRouter,
  }),
];

for (const { name, key, records, encode, decode } of cases) {
  describe(`the codec of ${name}`, () => {
    it("reads what it wrote", () => {
      fc.assert(
        fc.property(records, (value) => {
          expect(decode(encode(value), key)).to.deep.equal(value);
        }),
      );
    });

    it("ignores fields that a later version may have added", () => {
      fc.assert(
        fc.property(records, (value) => {
          const later = { ...JSON.parse(encode(value).toString()), later: { more: [1] } };
          expect(decode(Buffer.from(JSON.stringify(later)), key)).to.deep.equal(value);
        }),
        { numRuns: 20 },
      );
    });

    it("says of any other bytes that the record cannot be read, and nothing worse", () => {
      const bytes = fc.oneof(
        fc.uint8Array().map((value) => Buffer.from(value)),
        fc.json().map((value) => Buffer.from(value)),
      );
      fc.assert(
        fc.property(bytes, (value) => {
          try {
            decode(value, key);
          } catch (error) {
            expect(error).to.include({ code: "record-unreadable", retryable: false });
            expect(String(error)).to.contain(key);
            expect(hintOf(error)).to.contain(`etcdctl get ${key}`);
          }
        }),
      );
    });
  });
}

describe("an unreadable record", () => {
  for (const [value, why] of [
    ["{", "it is not JSON"],
    ["[]", "it is not a JSON object"],
    ["null", "it is not a JSON object"],
    ['{"target":"loaded","generation":0}', '"hash" is missing, not a string'],
    [
      '{"hash":"a","target":"bogus","generation":0}',
      '"target" is "bogus", not one of inactive, loaded, launched',
    ],
    ['{"hash":"a","target":"loaded","generation":-1}', '"generation" is -1, not a whole number from 0'],
    ['{"hash":"a","target":"loaded","generation":1e99}', '"generation" is 1e+99, not a whole number from 0'],
  ] as const) {
    it(`says why: ${why}`, () => {
      expect(() => decodeUnit(Buffer.from(value), unitKey(unit))).to.throw(
        `Cannot read the record at "/deis/cluster/units/${unit}": ${why}`,
      );
    });
  }

  it("names the field inside an object", () => {
    const value = `{"id":"${machine}","address":"b","metadata":{},"capacity":{"memoryBytes":"1"}}`;
    expect(() => decodeMachine(Buffer.from(value), machineKey(machine))).to.throw(
      '"capacity.memoryBytes" is "1"',
    );
  });

  it("is a machine whose id is not that of its key", () => {
    const value = encodeMachine({
      id: "f".repeat(32),
      address: "10.0.0.1",
      metadata: {},
      capacity: { memoryBytes: 0, cpuMillis: 0 },
      runtimes: [],
      version: "0",
    });
    expect(() => decodeMachine(value, machineKey(machine))).to.throw('"id" is');
  });
});

describe("a key", () => {
  it("is refused when a part would leave its place", () => {
    for (const bad of ["", "a/b", "/"]) expect(() => unitKey(bad)).to.throw("Cannot use");
    for (const bad of ["", "/a", "a//b", "a/"])
      expect(() => settingKey("router", bad)).to.throw("Cannot use");
    expect(() => settingKey("cluster", "leader")).to.throw('Cannot use "cluster"');
    expect(settingKey("router", "hsts/enforce")).to.equal("/deis/router/hsts/enforce");
  });
});
