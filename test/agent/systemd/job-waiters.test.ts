import { expect } from "chai";
import { JobWaiters } from "../../../agent/systemd/job-waiters.ts";
import { Slots } from "../../../agent/systemd/slots.ts";
import { PlatformError } from "../../../cluster/errors.ts";

const signal = new AbortController().signal;

describe("waiting for a job", () => {
  it("finds a result that came before the reply which names the job", async () => {
    const jobs = new JobWaiters();
    const { result } = await jobs.expect(async () => {
      jobs.ended("/job/1", "done");
      return "/job/1";
    }, signal);
    expect(await result).to.equal("done");
  });

  it("tells all who wait for the same job", async () => {
    const jobs = new JobWaiters();
    const both = await Promise.all([1, 2].map(() => jobs.expect(async () => "/job/1", signal)));
    jobs.ended("/job/1", "failed");
    expect(await Promise.all(both.map(({ result }) => result))).to.deep.equal(["failed", "failed"]);
  });

  it("ends with the connection, and with the signal", async () => {
    const jobs = new JobWaiters();
    const abort = new AbortController();
    const lost = await jobs.expect(async () => "/job/1", signal);
    const given = await jobs.expect(async () => "/job/2", abort.signal);
    abort.abort(new Error("enough"));
    jobs.failAll(new PlatformError("systemd-unreachable", "gone"));
    const reasons = await Promise.all(
      [lost, given].map(({ result }) => result.catch((error: Error) => error.message)),
    );
    expect(reasons).to.deep.equal(["gone", "enough"]);
  });
});

describe("slots", () => {
  it("let no more in than there are, and all in the end", async () => {
    const slots = new Slots(3);
    let now = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
    };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        slots.run(at % 5 === 0 ? () => work().then(() => Promise.reject(new Error("no"))) : work),
      ),
    );
    expect(most).to.equal(3);
    expect(outcomes.filter(({ status }) => status === "rejected")).to.have.length(4);
  });
});
