import { expect } from "chai";
import { Pace, paceOf, usualPace } from "../../renderer/pace.ts";

/** The times at which reloads begin when changes come at `changes`, each reload taking no time. */
function reloadsOf(changes: readonly number[], pace: Pace): number[] {
  const reloads: number[] = [];
  const runUntil = (until: number) => {
    for (let due = pace.dueAt; due !== undefined && due <= until; due = pace.dueAt) {
      reloads.push(due);
      pace.begin(due);
      pace.end(due);
    }
  };
  for (const change of changes) {
    runUntil(change - 1);
    pace.request(change);
    runUntil(change);
  }
  runUntil(Number.POSITIVE_INFINITY);
  return reloads;
}

const every = (ms: number, count: number) => Array.from({ length: count }, (_, at) => at * ms);

describe("the pace of reloads", () => {
  it("meets a change at once when all was quiet", () => {
    expect(reloadsOf([0, 5_000, 6_500], new Pace(usualPace))).to.deep.equal([0, 5_000, 6_500]);
  });

  it("never forgets the last change", () => {
    for (const changes of [[0, 1], [0, 500, 999], every(7, 300)]) {
      const reloads = reloadsOf(changes, new Pace(usualPace));
      expect(reloads.at(-1)).to.be.at.least(changes.at(-1) ?? 0);
    }
  });

  it("meets fifty changes in five seconds with five reloads at most", () => {
    for (const jitter of [0, 37, 80]) {
      const changes = every(100, 50)
        .map((at, index) => at + (index % 3) * jitter)
        .sort((a, b) => a - b);
      expect(reloadsOf(changes, new Pace(usualPace)).length).to.be.at.most(5);
    }
  });

  it("meets a thousand changes in five seconds with three", () => {
    expect(reloadsOf(every(5, 1_000), new Pace(usualPace)).length).to.be.at.most(3);
  });

  it("keeps reloads as far apart as a resource asks", () => {
    expect(reloadsOf(every(10, 20), new Pace(paceOf(50)))).to.deep.equal([0, 60, 120, 180, 240]);
    expect(reloadsOf([0, 1, 2], new Pace(paceOf(0)))).to.deep.equal([0, 1, 2]);
  });

  it("waits for nothing while nothing is asked", () => {
    expect(new Pace(usualPace).dueAt).to.equal(undefined);
  });
});
