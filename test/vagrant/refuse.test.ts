/** install.sh refuses what cannot work, says why and what to do, and has then changed nothing on the host. */
import { expect } from "chai";
import { useHost } from "../support/host.ts";
import { filesOf, install, pki, prepareInstallation, releases, tryInstall } from "./installation.ts";

describe("install.sh", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const the = useHost({ docker: false });

  before("put the releases, and broken ones, where the host sees them", async function () {
    this.timeout(10 * 60_000);
    await prepareInstallation(the.cluster, the.host);
    const { host } = the;
    await host.exec([
      "sh",
      "-c",
      `head -c 1000000 ${releases.tarball} > /root/half.tar.gz; echo no > /root/text.tar.gz`,
    ]);
    await host.exec(["sh", "-c", "tar -C /etc -czf /root/other.tar.gz hosts; mkdir /root/empty"]);
    await host.exec([
      "sh",
      "-c",
      "cd /root/pki && openssl ecparam -name prime256v1 -genkey -noout -out other.key",
    ]);
    await host.exec([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-subj", "/CN=other", "-keyout", "/dev/null", "-out", "/root/pki/other.crt"],
    ]);
    await host.write("/root/old/node", '#!/bin/sh\n[ "$1" != -e ] || exit 1\necho v18.19.0\n', {
      mode: 0o755,
    });
    await host.write("/root/bad.toml", "[agent]\nttl = 5\n");
  });

  const release = ["--release", releases.current];
  const certificates = ["--ca", `${pki}/ca.crt`, "--cert", `${pki}/h1.crt`, "--key", `${pki}/h1.key`];
  const cases: readonly (readonly [title: string, args: readonly string[], code: number, message: RegExp])[] =
    [
      ["no release", [], 2, /--release is missing/],
      ["an option it does not know", ["--relase", "x"], 2, /unknown option "--relase"/],
      ["an option without its value", ["--release"], 2, /--release needs a value/],
      ["--purge alone", ["--purge", ...release], 2, /--purge goes with --uninstall/],
      [
        "--uninstall of a release",
        ["--uninstall", ...release],
        2,
        /--uninstall takes no option but --stop-units/,
      ],
      [
        "a release that is not there",
        ["--release", "/none"],
        1,
        /no release at "\/none"\nHint: make release/,
      ],
      ["half a tarball", ["--release", "/root/half.tar.gz"], 1, /is not a complete \.tar\.gz/],
      ["a text as a tarball", ["--release", "/root/text.tar.gz"], 1, /is not a complete \.tar\.gz/],
      [
        "another project's tarball",
        ["--release", "/root/other.tar.gz"],
        1,
        /not a release of Deis: it has no package\.json/,
      ],
      ["an empty directory", ["--release", "/root/empty"], 1, /not a release of Deis/],
      [
        "a certificate without its key",
        [...release, "--ca", `${pki}/ca.crt`, "--cert", `${pki}/h1.crt`],
        2,
        /go together/,
      ],
      [
        "a certificate that is not there",
        [...release, ...certificates, "--ca", "/none"],
        1,
        /Cannot read the certificate file "\/none"/,
      ],
      [
        "a key of another certificate",
        [...release, ...certificates, "--key", `${pki}/other.key`],
        1,
        /--key is not the private key of --cert/,
      ],
      [
        "a certificate of another authority",
        [...release, ...certificates, "--ca", `${pki}/other.crt`],
        1,
        /--cert was not issued by --ca/,
      ],
      [
        "a certificate of another host",
        [...release, ...certificates, "--address", "10.9.9.9"],
        1,
        /--cert is not for the address "10\.9\.9\.9", but for/,
      ],
      [
        "metadata that is no pair",
        [...release, "--metadata", "disk"],
        2,
        /--metadata "disk" is not key=value/,
      ],
      ["metadata that names a key twice", [...release, "--metadata", "a=1,a=2"], 2, /names "a" twice/],
      ["an address that is none", [...release, "--address", "h1"], 2, /--address "h1" is not an IP address/],
      ["an endpoint that is no URL", [...release, "--etcd", "10.0.0.1:2379"], 1, /etcd\.endpoints/],
      [
        "an API without certificates",
        [...release, "--listen", "0.0.0.0:7002"],
        2,
        /--listen needs --ca, --cert and --key/,
      ],
      [
        "an API without a port",
        [...release, ...certificates, "--listen", "0.0.0.0"],
        2,
        /--listen "0\.0\.0\.0" is not host:port/,
      ],
    ];

  for (const [title, args, code, message] of cases) {
    it(`refuses ${title}`, async () => {
      const before = await filesOf(the.host);
      const ended = await tryInstall(the.host, args);
      expect(ended).to.include({ code, stdout: "" });
      expect(ended.stderr)
        .to.match(/^deis: /)
        .and.to.match(message);
      expect(await filesOf(the.host)).to.deep.equal(before);
    });
  }

  it("refuses a Node.js that is too old, unless the release carries a later one", async () => {
    const before = await filesOf(the.host);
    const withOldNode = (argv: readonly string[]) =>
      the.host.attempt(["sh", "-c", 'PATH=/root/old:$PATH exec "$@"', "sh", ...argv], { deadlineMs: 60_000 });
    const script = ["bash", `${releases.current}/install.sh`];

    const refused = await withOldNode([...script, ...release]);
    expect(refused).to.include({ code: 1, stdout: "" });
    expect(refused.stderr).to.match(
      /node is v18\.19\.0, Deis needs 20\.19 or later\nHint: .* a release that carries it/,
    );
    expect(await filesOf(the.host)).to.deep.equal(before);

    expect(await withOldNode([...script, "--release", releases.tarball])).to.include({ code: 0 });
    expect(
      await the.host.exec(["sh", "-c", "readlink /proc/$(systemctl show -P MainPID deis-agent)/exe"]),
    ).to.match(/^\/opt\/deis\/releases\/.*\/bin\/node\n$/);
    await install(the.host, ["--uninstall", "--purge"]);
  });

  it("refuses to run as anyone but root", async () => {
    const argv = ["bash", `${releases.current}/install.sh`, ...release];
    const ended = await the.host.attempt(["setpriv", "--reuid=65534", "--clear-groups", ...argv]);
    expect(ended).to.include({ code: 1, stderr: `deis: must be run as root\nHint: sudo ${argv[1]} …\n` });
  });

  it("refuses to upgrade over settings that the new release cannot read", async () => {
    await the.host.exec(["sh", "-c", "mkdir /etc/deis && cp /root/bad.toml /etc/deis/agent.toml"]);
    const before = await filesOf(the.host);
    const ended = await tryInstall(the.host, release);
    expect(ended).to.include({ code: 1, stdout: "" });
    expect(ended.stderr).to.match(
      /agent\.ttl.*\/etc\/deis\/agent\.toml|\/etc\/deis\/agent\.toml.*agent\.ttl/s,
    );
    expect(await filesOf(the.host)).to.deep.equal(before);
    await the.host.exec(["rm", "-r", "/etc/deis"]);
  });
});
