/**
 * The Vagrantfile, read by Vagrant itself with each of its three providers, in a fresh checkout. Vagrant comes from the cache
 * of the real hosts and runs in a mount namespace of its own, which takes everything it wrote with it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { silent } from "../../hosts/progress.ts";
import { projectRoot } from "../../hosts/project.ts";
import { attempt, type Finished } from "../../hosts/run.ts";
import { ensureVagrant } from "./vagrant-base.ts";

/** Arguments: the root file system with Vagrant, an empty directory, a directory with a Vagrantfile, the provider, a sed(1) script. */
const validate = `set -e
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mkdir "$2/root/mnt/vagrant"
cp "$3/Vagrantfile" "$3"/*.sh "$2/root/mnt/vagrant"
sed -i "$5" "$2/root/mnt/vagrant/Vagrantfile"
# VirtualBox is no Debian package. Vagrant only asks for its version before it reads the settings.
printf '#!/bin/sh\\necho 7.0.20r163906\\n' > "$2/root/usr/local/bin/VBoxManage"
chmod +x "$2/root/usr/local/bin/VBoxManage"
exec chroot "$2/root" env -i -C /mnt/vagrant PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 \\
  VAGRANT_CHECKPOINT_DISABLE=1 VAGRANT_DEFAULT_PROVIDER="$4" vagrant validate`;

describe("the Vagrantfile", function () {
  this.timeout(30_000);
  this.slow(5_000);
  let vagrant = "";
  let room = "";

  before("get Vagrant", async function () {
    // The first time on a machine.
    this.timeout(10 * 60_000);
    vagrant = await ensureVagrant(silent, new AbortController().signal);
    room = await mkdtemp(join(tmpdir(), "deis-vagrantfile-"));
  });

  after(async () => {
    await rm(room, { recursive: true, force: true });
  });

  const validated = (provider: string, mistake = ""): Promise<Finished> => {
    const own = ["unshare", "--mount", "--propagation", "private", "bash", "-c", validate, "validate"];
    return attempt([...own, vagrant, room, join(projectRoot(), "vagrant"), provider, mistake]);
  };

  for (const provider of ["virtualbox", "libvirt", "lxc"]) {
    it(`is valid for ${provider}`, async () => {
      const ended = await validated(provider);
      expect(ended.stderr).to.equal("");
      expect(ended).to.include({ code: 0, stdout: "Vagrantfile validated successfully.\n" });
    });
  }

  it("is really read by the provider: a setting that it does not have is refused", async () => {
    const { code, stderr } = await validated("lxc", "s/backingstore/backstore/");
    expect(code).to.equal(1);
    expect(stderr).to.include("The following settings shouldn't exist: backstore");
  });
});
