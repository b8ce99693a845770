import { expect } from "chai";
import { hostNames } from "../../hosts/names.ts";
import { hostDirectories, nspawnArguments } from "../../hosts/nspawn.ts";

describe("a host's command line", () => {
  it("binds what is asked for read-only, and Docker's directories from the disk", () => {
    const names = hostNames("dev", 0, 1);
    const binds = [{ source: "/usr/bin/node", target: "/usr/bin/node" }];
    const args = nspawnArguments(names, hostDirectories("/c", "h1"), binds);
    expect(args)
      .to.include("--bind=/c/h1/docker:/var/lib/docker")
      .and.to.include("--bind-ro=/usr/bin/node:/usr/bin/node");
    expect(args).to.include("--network-namespace-path=/run/netns/deis-dev-h1");
  });
});
