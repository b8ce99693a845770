import { expect } from "chai";
import { describeError, hasCode, hintOf, isRetryable, PlatformError } from "../../cluster/errors.ts";

describe("an error of the platform", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const store = new PlatformError("store-unreachable", 'Cannot reach etcd at "http://a:2379"', {
    cause: refused,
    retryable: true,
  });
  const start = new PlatformError("unit-start-failed", 'Cannot start "web@1.service"', {
    cause: store,
    hint: "See deisctl status web@1",
  });

  it("is described with its causes, outermost first and none twice", () => {
    expect(describeError(start)).to.equal(
      'Cannot start "web@1.service": Cannot reach etcd at "http://a:2379": connect ECONNREFUSED',
    );
    expect(describeError(new PlatformError("a", "same", { cause: new Error("same") }))).to.equal("same");
    expect(describeError("plain")).to.equal("plain");
  });

  it("is described even if it is its own cause", () => {
    const loop = new Error("loop");
    loop.cause = loop;
    expect(describeError(loop)).to.equal("loop");
  });

  it("may be retried if anything in the chain says so", () => {
    expect([isRetryable(start), isRetryable(store), isRetryable(refused)]).to.deep.equal([true, true, false]);
  });

  it("gives the outermost hint", () => {
    expect(hintOf(start)).to.equal("See deisctl status web@1");
    expect(hintOf(new PlatformError("x", "y", { cause: start }))).to.equal("See deisctl status web@1");
    expect(hintOf(refused)).to.equal(undefined);
  });

  it("is told by its own code, not by a foreign one", () => {
    expect(hasCode(store, "store-unreachable")).to.equal(true);
    expect(hasCode(start, "store-unreachable")).to.equal(false);
    expect(hasCode(refused, "ECONNREFUSED")).to.equal(false);
  });
});
