/**
 * The abbreviations of time zones, such as `CET`, as the files of the zone database have them: JavaScript knows offsets, but calls most
 * zones `GMT+1`.
 *
 * Source: RFC 8536.
 *
 * Pure.
 */

interface Rule {
  readonly offsetSeconds: number;
  readonly abbreviation: string;
}

/**
 * What the zone that a file describes was called at a moment when it was so far from UTC: the rule with that offset that came into force
 * last. Undefined if no rule has that offset, or the file is none.
 */
export function abbreviationIn(file: Buffer, atMs: number, offsetSeconds: number): string | undefined {
  try {
    const { times, types, rules } = readZone(file);
    const reached = times.findLastIndex((time, at) => {
      return time * 1_000 <= atMs && rules[types[at] ?? 0]?.offsetSeconds === offsetSeconds;
    });
    const rule = reached === -1 ? undefined : rules[types[reached] ?? 0];
    return (rule ?? rules.find((each) => each.offsetSeconds === offsetSeconds))?.abbreviation;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Throws a `RangeError` if the file ends early. */
function readZone(file: Buffer): {
  readonly times: readonly number[];
  /** The rule that each time brings into force. */
  readonly types: readonly number[];
  readonly rules: readonly Rule[];
} {
  if (file.toString("latin1", 0, 4) !== "TZif") throw new RangeError("no zone file");
  // From version 2 on the data stands there a second time, with times of eight bytes.
  const wide = file.readUInt8(4) !== 0;
  const start = wide ? lengthOf(file, 0, 4) : 0;
  const { timeCount, ruleCount } = countsIn(file, start);
  const size = wide ? 8 : 4;
  const body = start + 44;
  const times = Array.from({ length: timeCount }, (_, at) =>
    wide ? Number(file.readBigInt64BE(body + at * size)) : file.readInt32BE(body + at * size),
  );
  const typesAt = body + timeCount * size;
  const types = Array.from({ length: timeCount }, (_, at) => file.readUInt8(typesAt + at));
  const rulesAt = typesAt + timeCount;
  const namesAt = rulesAt + ruleCount * 6;
  const rules = Array.from({ length: ruleCount }, (_, at): Rule => {
    const name = namesAt + file.readUInt8(rulesAt + at * 6 + 5);
    return {
      offsetSeconds: file.readInt32BE(rulesAt + at * 6),
      abbreviation: file.toString("latin1", name, file.indexOf(0, name)),
    };
  });
  return { times, types, rules };
}

function countsIn(file: Buffer, start: number) {
  const count = (place: number) => file.readUInt32BE(start + 20 + place * 4);
  return {
    utcCount: count(0),
    standardCount: count(1),
    leapCount: count(2),
    timeCount: count(3),
    ruleCount: count(4),
    nameLength: count(5),
  };
}

/** Header and data together, where times have so many bytes. */
function lengthOf(file: Buffer, start: number, size: number): number {
  const { utcCount, standardCount, leapCount, timeCount, ruleCount, nameLength } = countsIn(file, start);
  return (
    44 +
    timeCount * (size + 1) +
    ruleCount * 6 +
    nameLength +
    leapCount * (size + 4) +
    standardCount +
    utcCount
  );
}
