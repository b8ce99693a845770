import { expect } from "chai";
import { describeError } from "../../cluster/errors.ts";
import { storeFailure } from "../../etcd/failures.ts";

const https = ["https://10.0.0.1:2379"];

describe("storeFailure", () => {
  for (const [says, endpoints, text, cause, hint] of [
    [
      "a refused connection",
      https,
      "14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 10.0.0.1:2379. Resolution note: ",
      "connect ECONNREFUSED 10.0.0.1:2379",
      /^Check that etcd runs and answers there: /,
    ],
    [
      "a certificate that etcd refuses",
      https,
      "14 UNAVAILABLE: No connection established. Last error: 809C262EE97F0000:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../deps/openssl/x.c:1601:SSL alert number 42\n (2026-11-20T21:37:30.022Z). Resolution note: ",
      "TLS handshake: sslv3 alert bad certificate",
      /^Check etcd\.cafile/,
    ],
    [
      "silence",
      https,
      "4 DEADLINE_EXCEEDED: Deadline exceeded after 2.000s,name resolution: 0.007s,metadata filters: 0.001s,Waiting for LB pick",
      "it was silent for 2.000 s",
      /^Check that etcd runs and answers there: /,
    ],
    [
      "a TLS etcd that is spoken to in the clear",
      ["http://10.0.0.1:2379"],
      "14 UNAVAILABLE: No connection established. Last error: Failed to connect (2026-11-20T21:37:26.801Z). Resolution note: ",
      "Failed to connect",
      /else say https/,
    ],
  ] as const) {
    it(`tells ${says} in one line, with what to look at`, () => {
      const failure = storeFailure('read "/deis/"', endpoints, new Error(text));
      expect(describeError(failure)).to.equal(
        `Cannot read "/deis/": no answer from etcd at ${endpoints[0]}: ${cause}`,
      );
      expect(failure.hint).to.match(hint);
      expect(failure).to.include({ code: "store-unreachable", retryable: true });
    });
  }
});
