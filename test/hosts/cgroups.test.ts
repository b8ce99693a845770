import { expect } from "chai";
import { v1Parents } from "../../hosts/cgroups.ts";

describe("the cgroups that a host is put in", () => {
  const own = "3:cpu,cpuacct:/\n2:name=systemd:/session\n1:pids:/gone\n0::/\n";
  const mounted = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/pids"];
  const exists = (path: string) =>
    [...mounted, "/sys/fs/cgroup/systemd/session", "/sys/fs/cgroup/cpu,cpuacct/"].includes(path);

  it("lie below the caller's own, in every hierarchy that is mounted, or at its root where the path is not visible", () => {
    expect(v1Parents(own, exists)).to.deep.equal([
      "/sys/fs/cgroup/cpu,cpuacct/",
      "/sys/fs/cgroup/systemd/session",
      "/sys/fs/cgroup/pids",
    ]);
  });
});
