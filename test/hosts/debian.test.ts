import { expect } from "chai";
import { missingPackages, parseTargets, sourcesList } from "../../hosts/debian.ts";

describe("the mirrors of this machine's apt", () => {
  const targets = [
    "http://mirror.example/debian/ bookworm main",
    "http://mirror.example/debian/ bookworm main",
    "http://mirror.example/debian/ bookworm-updates main",
    "http://mirror.example/debian/ bookworm contrib",
    "http://other.example/ nodistro main",
    "http://mirror.example/debian/ trixie main",
  ].join("\n");

  it("are its Debian sources of our release, updates included, once each", () => {
    expect(sourcesList(parseTargets(targets))).to.equal(
      "deb http://mirror.example/debian/ bookworm main\ndeb http://mirror.example/debian/ bookworm-updates main\n",
    );
  });

  it("are none where apt says nothing", () => {
    expect(parseTargets("")).to.deep.equal([]);
  });
});

describe("the packages to install", () => {
  it("are none on a machine that has every program", () => {
    expect(missingPackages(() => true)).to.deep.equal([]);
  });

  it("are those whose program is not there", () => {
    expect(missingPackages((path) => path !== "/usr/bin/slirp4netns")).to.deep.equal(["slirp4netns"]);
  });
});
