import { expect } from "chai";
import { classify, meaningOf } from "../../../agent/docker/failure.ts";
import { PlatformError } from "../../../cluster/errors.ts";

describe("Docker's refusals", () => {
  const table: [message: string, code: string][] = [
    ["No such image: nope:1", "image-missing"],
    ["manifest for localhost:5000/x:1 not found: manifest unknown: manifest unknown", "image-missing"],
    ["pull access denied for nope, repository does not exist or may require 'docker login'", "image-missing"],
    [
      'Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
      "registry-unreachable",
    ],
    ["Get https://r/v2/: unauthorized: authentication required", "registry-denied"],
    [
      "driver failed programming external connectivity on endpoint web (…): Bind for 0.0.0.0:80 failed: port is already allocated",
      "port-taken",
    ],
    [
      "driver failed … : Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
      "port-taken",
    ],
    [
      'OCI runtime create failed: … exec: "nope": executable file not found in $PATH: unknown',
      "command-not-found",
    ],
    ["invalid mount config for type bind: bind source path does not exist: /x", "volume-source-missing"],
    ["network apps not found", "network-missing"],
    ["unable to find user nobody2: no matching entries in passwd file", "user-missing"],
    ["write /var/lib/docker/x: no space left on device", "disk-full"],
    [
      'Conflict. The container name "/web" is already in use by container "0123". You have to remove it',
      "container-name-taken",
    ],
    ["something never seen", "docker-refused"],
  ];
  for (const [message, code] of table) {
    it(`reads "${message.slice(0, 60)}" as ${code}`, () => {
      expect(meaningOf("start it", message).code).to.equal(code);
    });
  }

  it("calls a daemon that does not answer unreachable, and worth another try", () => {
    const error = classify("list its containers", new Error("connect ENOENT /var/run/docker.sock"));
    expect(error).to.include({ code: "docker-unreachable", retryable: true });
    expect(error.hint).to.include("systemctl start docker");
  });

  it("tries again what the daemon blames on itself, and not what it blames on us", () => {
    const refusal = (statusCode: number) =>
      Object.assign(new Error("x"), { statusCode, json: { message: "y" } });
    expect(classify("try", refusal(500)).retryable).to.equal(true);
    expect(classify("try", refusal(400)).retryable).to.equal(false);
  });

  it("tries again what its holder may be about to let go: a name, a port", () => {
    const name = meaningOf("create it", 'The container name "/web" is already in use by container "0123"');
    const port = meaningOf("start it", "Bind for 0.0.0.0:80 failed: port is already allocated");
    expect([name.retryable, port.retryable]).to.deep.equal([true, true]);
  });

  it("leaves our own errors as they are", () => {
    const error = new PlatformError("docker-timeout", "slow");
    expect(classify("try", error)).to.equal(error);
  });
});
