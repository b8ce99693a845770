import { expect } from "chai";
import fc from "fast-check";
import { type ContainerSpec, containerSpec } from "../../cluster/container-spec.ts";
import { PlatformError } from "../../cluster/errors.ts";
import { joinContinuedLines, splitQuotedWords } from "../../cluster/quoted-words.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import { failure } from "../support/failure.ts";

const host = { hostname: "deis-01", machineId: "f1ee0001".repeat(4) };

function container(lines: string, service = "", name = "web@1.service"): ContainerSpec {
  return containerSpec(
    parseUnitFile(`[Container]\nImage=nginx\n${lines}\n[Service]\n${service}\n`),
    name,
    host,
  );
}

describe("a container", () => {
  it("needs no more than an image", () => {
    expect(containerSpec(parseUnitFile("[Container]\nImage=nginx:1.27\n"), "web.service")).to.deep.equal({
      image: "nginx:1.27",
      pull: "missing",
      name: "web",
      environment: new Map(),
      environmentFiles: [],
      labels: new Map(),
      supplementaryGroups: [],
      init: false,
      volumes: [],
      tmpfs: new Map(),
      devices: [],
      readOnly: false,
      ports: [],
      networkAliases: [],
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      extraHosts: [],
      addCapabilities: [],
      dropCapabilities: [],
      privileged: false,
      noNewPrivileges: false,
      ulimits: [],
      sysctls: new Map(),
      logOptions: new Map(),
      restart: { when: "no", delayMs: 100 },
      startTimeoutMs: 90_000,
      stopTimeoutMs: 90_000,
      resources: { memoryBytes: 0, cpuMillis: 0 },
    });
  });

  for (const [name, expected] of [
    ["web.service", "web"],
    ["web@1.service", "web-1"],
    ["app_v2.web.1.service", "app_v2.web.1"],
    ["a:b\\x2d.service", "a-b-x2d"],
    ["_x.service", "unit-_x"],
    ["x.service", "unit-x"],
  ] as const) {
    it(`of ${name} is called ${expected}`, () => {
      expect(container("", "", name).name).to.equal(expected);
    });
  }

  for (const [lines, expected] of [
    ["ContainerName=%p-of-%i", { name: "web-of-1" }],
    ["Image=redis\nPull=always", { image: "redis", pull: "always" }],
    ["Exec=sh -c \"echo '%n' 100%%; exit\"", { command: ["sh", "-c", "echo 'web@1.service' 100%; exit"] }],
    ["Exec=run \\\n  --host %H \\\n# not this\n", { command: ["run", "--host", "deis-01"] }],
    ["Exec=a\nExec=", {}],
    ["Exec=a\nExec=b c", { command: ["b", "c"] }],
    ["Entrypoint=/bin/tini --", { entrypoint: ["/bin/tini", "--"] }],
    [
      "Environment=A=1 \"B=two words\" C='x y' D=\nEnvironment=A=%m",
      {
        environment: new Map([
          ["A", host.machineId],
          ["B", "two words"],
          ["C", "x y"],
          ["D", ""],
        ]),
      },
    ],
    ["Environment=A=1\nEnvironment=\nEnvironment=B=2", { environment: new Map([["B", "2"]]) }],
    [
      "EnvironmentFile=/etc/environment\nEnvironmentFile=-/etc/%p.env",
      {
        environmentFiles: [
          { path: "/etc/environment", optional: false },
          { path: "/etc/web.env", optional: true },
        ],
      },
    ],
    [
      'Label=a=b "c=d e"',
      {
        labels: new Map([
          ["a", "b"],
          ["c", "d e"],
        ]),
      },
    ],
    ["User=1000\nGroup=50", { user: "1000:50" }],
    ["User=www", { user: "www" }],
    ["GroupAdd=docker", { supplementaryGroups: ["docker"] }],
    ["WorkingDir=/srv", { workingDirectory: "/srv" }],
    [
      "RunInit=yes\nReadOnly=on\nPrivileged=true\nNoNewPrivileges=1",
      {
        init: true,
        readOnly: true,
        privileged: true,
        noNewPrivileges: true,
      },
    ],
    ["Volume=/data", { volumes: [{ target: "/data", readOnly: false, options: [] }] }],
    [
      "Volume=/var/lib/deis/store:/data:ro,z\nVolume=cache-%i:/cache",
      {
        volumes: [
          { source: "/var/lib/deis/store", target: "/data", readOnly: true, options: ["z"] },
          { source: "cache-1", target: "/cache", readOnly: false, options: [] },
        ],
      },
    ],
    [
      "Tmpfs=/run\nTmpfs=/tmp:size=64m,mode=1777",
      {
        tmpfs: new Map([
          ["/run", ""],
          ["/tmp", "size=64m,mode=1777"],
        ]),
      },
    ],
    [
      "AddDevice=/dev/fuse\nAddDevice=-/dev/sda:/dev/xvda:r /dev/kvm:rw",
      {
        devices: [
          { host: "/dev/fuse", container: "/dev/fuse", permissions: "rwm", optional: false },
          { host: "/dev/sda", container: "/dev/xvda", permissions: "r", optional: true },
          { host: "/dev/kvm", container: "/dev/kvm", permissions: "rw", optional: false },
        ],
      },
    ],
    ["ShmSize=64m", { shmSizeBytes: 67_108_864 }],
    ["PidsLimit=100", { pidsLimit: 100 }],
    [
      "Ulimit=nofile=1024:2048 nproc=-1",
      {
        ulimits: [
          { name: "nofile", soft: 1024, hard: 2048 },
          { name: "nproc", soft: -1, hard: -1 },
        ],
      },
    ],
    [
      "Sysctl=net.core.somaxconn=1024 a.b=c",
      {
        sysctls: new Map([
          ["net.core.somaxconn", "1024"],
          ["a.b", "c"],
        ]),
      },
    ],
    ["Network=host", { network: "host" }],
    ["Network=container:db\nHostName=%p.local", { network: "container:db", hostname: "web.local" }],
    [
      "NetworkAlias=a\nDNS=10.0.0.1\nDNSSearch=x.y\nDNSOption=ndots:1\nAddHost=db:10.0.0.7 gw:host-gateway",
      {
        networkAliases: ["a"],
        dns: ["10.0.0.1"],
        dnsSearch: ["x.y"],
        dnsOptions: ["ndots:1"],
        extraHosts: ["db:10.0.0.7", "gw:host-gateway"],
      },
    ],
    [
      "AddCapability=NET_ADMIN SYS_TIME\nDropCapability=ALL",
      {
        addCapabilities: ["NET_ADMIN", "SYS_TIME"],
        dropCapabilities: ["ALL"],
      },
    ],
    [
      "LogDriver=json-file\nLogOpt=max-size=10m",
      { logDriver: "json-file", logOptions: new Map([["max-size", "10m"]]) },
    ],
    ["StopSignal=QUIT", { stopSignal: "SIGQUIT" }],
    ["StopSignal=15", { stopSignal: "SIGTERM" }],
    ["StopSignal=SIGRTMIN+3", { stopSignal: "SIGRTMIN+3" }],
  ] as const) {
    it(`is read from ${JSON.stringify(lines)}`, () => {
      expect(container(lines)).to.deep.include(expected);
    });
  }

  for (const [value, ports] of [
    ["80", [{ containerPort: 80, protocol: "tcp" }]],
    ["8080:80", [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }]],
    ["514:514/udp", [{ containerPort: 514, protocol: "udp", hostPort: 514 }]],
    [":80", [{ containerPort: 80, protocol: "tcp" }]],
    ["127.0.0.1:8080:80", [{ containerPort: 80, protocol: "tcp", hostAddress: "127.0.0.1", hostPort: 8080 }]],
    ["127.0.0.1::80/sctp", [{ containerPort: 80, protocol: "sctp", hostAddress: "127.0.0.1" }]],
    ["[::1]:8080:80", [{ containerPort: 80, protocol: "tcp", hostAddress: "::1", hostPort: 8080 }]],
    ["[::1]::80", [{ containerPort: 80, protocol: "tcp", hostAddress: "::1" }]],
    [
      "8000-8001:80-81",
      [
        { containerPort: 80, protocol: "tcp", hostPort: 8000 },
        { containerPort: 81, protocol: "tcp", hostPort: 8001 },
      ],
    ],
    [
      "80-81",
      [
        { containerPort: 80, protocol: "tcp" },
        { containerPort: 81, protocol: "tcp" },
      ],
    ],
    ["8000-8010:80", [{ containerPort: 80, protocol: "tcp", hostPort: 8000, lastHostPort: 8010 }]],
    ["80%i:80", [{ containerPort: 80, protocol: "tcp", hostPort: 801 }]],
  ] as const) {
    it(`publishes ${value}`, () => {
      expect(container(`PublishPort=${value}`).ports).to.deep.equal(ports);
    });
  }

  for (const [service, expected] of [
    ["Restart=always\nRestartSec=5", { restart: { when: "always", delayMs: 5000 } }],
    ["Restart=on-failure", { restart: { when: "on-failure", delayMs: 100 } }],
    ["Restart=on-abnormal", { restart: { when: "on-failure", delayMs: 100 } }],
    ["TimeoutStartSec=20m\nTimeoutStopSec=1min 30s", { startTimeoutMs: 1_200_000, stopTimeoutMs: 90_000 }],
    ["TimeoutSec=10", { startTimeoutMs: 10_000, stopTimeoutMs: 10_000 }],
    ["KillSignal=SIGINT", { stopSignal: "SIGINT" }],
    [
      "MemoryMax=512M\nCPUQuota=50%\nCPUWeight=200",
      {
        resources: { memoryBytes: 536_870_912, cpuMillis: 500, cpuWeight: 200 },
      },
    ],
  ] as const) {
    it(`obeys ${JSON.stringify(service)} in [Service]`, () => {
      expect(container("", service)).to.deep.include(expected);
    });
  }

  it("has no time limit where the unit says so", () => {
    expect(container("", "TimeoutStartSec=0\nTimeoutStopSec=infinity")).to.not.have.any.keys(
      "startTimeoutMs",
      "stopTimeoutMs",
    );
  });

  it("keeps what only its host knows while that is not known", () => {
    const file = parseUnitFile("[Container]\nImage=x\nContainerName=x-%H\nEnvironment=ID=%m\n");
    expect(containerSpec(file, "x.service").name).to.equal("x-%H");
    expect(containerSpec(file, "x.service", host).name).to.equal("x-deis-01");
  });

  it("tolerates ordering and installation, which do nothing here", () => {
    const file = parseUnitFile(
      "[Unit]\nDescription=a\nAfter=b.service\n[Container]\nImage=x\n[Install]\nWantedBy=multi-user.target\n[X-Fleet]\nGlobal=true\n[X-Publish]\nPort=80\n",
    );
    expect(containerSpec(file, "x.service").image).to.equal("x");
  });
});

describe("a container is refused", () => {
  for (const [lines, words, hint] of [
    ["Imagine=x", 'line 3: unknown option "Imagine" in [Container]', "Known here: AddCapability, AddDevice"],
    ["Restart=always", 'unknown option "Restart" in [Container]', "Move it to [Service]. Known here"],
    ["PodmanArgs=--x", 'unknown option "PodmanArgs"', "Known here"],
    ["Exec=echo %z", 'has the unknown specifier "%z"', "write %% for a percent sign"],
    ["Exec=echo 100%", 'has the unknown specifier "%"', "write %% for a percent sign"],
    ['Exec=echo "open', 'has an opening " without a closing one', "systemd.service(5)"],
    ["Exec=echo \\q", 'has the unknown escape "\\\\q"', "systemd.service(5)"],
    ["Environment=NAME", 'has "NAME", which is not NAME=value', "NAME=value"],
    ["EnvironmentFile=relative", "is no absolute path", "Begin it with /"],
    ["PublishPort=http", "is no port to publish", "8080:80"],
    ["PublishPort=0:80", 'has no port or range "0"', "8080:80"],
    ["PublishPort=80:70000", 'has no port or range "70000"', "8080:80"],
    ["PublishPort=80/icmp", 'has the unknown protocol "icmp"', "tcp, udp and sctp"],
    ["PublishPort=8000-8001:80-85", "has ranges of different lengths", "same length"],
    ["PublishPort=999.1.1.1:80:80", 'has the host address "999.1.1.1", which is none', "8080:80"],
    ["PublishPort=80\nNetwork=host", 'PublishPort= has no effect with Network="host"', "Drop one"],
    ["Volume=data", "names no absolute path in the container", "/host/path:/path"],
    ["Volume=./x:/x", 'has the source "./x"', "/host/path:/path"],
    ["Volume=x.volume:/x", "names a Quadlet .volume unit", "Name the volume itself"],
    ["Volume=/a:/b:loud", 'has the unknown option "loud"', ":ro"],
    ["Network=x.network", "is no network of Docker's", "bridge, host, none"],
    ["Image=x.build", "names a Quadlet .image or .build unit", "Name the image itself"],
    ["Image=", "without Image=", "Image=nginx:1.27"],
    ["Pull=newer", "is no pull policy", "missing, always or never"],
    ["ContainerName=a b", "is no container name", "letter or digit"],
    ["Group=5", 'Group="5" is set without User=', "User=1000"],
    ["ReadOnly=perhaps", "is neither yes nor no", "true or false"],
    ["StopSignal=SIGNOTHING", "is no signal", "SIGTERM"],
    ["ShmSize=big", "is no size", "ShmSize=64M"],
    ["PidsLimit=0", "is no count", "-1 for no limit"],
    ["Ulimit=nofile", "is no limit", "nofile=1024:2048"],
    ["AddDevice=fuse", "is no device", "/dev/fuse"],
    ["AddHost=db", "is not name:address", "db:10.0.0.7"],
    ["[Service]\nExecStart=/bin/x", 'unknown option "ExecStart" in [Service]', "Exec= in [Container]"],
    ["[Service]\nEnvironment=A=1", 'unknown option "Environment" in [Service]', "Move it to [Container]"],
    ["[Service]\nType=oneshot", 'unknown option "Type" in [Service]', "Known here: MemoryMax"],
    ["[Service]\nRestart=on-success", "is no condition that Docker can keep", "no, always or on-failure"],
    ["[Service]\nTimeoutStopSec=soon", "is no time span", "TimeoutStopSec=90"],
    ["[Service]\nMemoryMax=50%", "is a share of a machine's memory", "MemoryMax=512M"],
    ["[Contaner]\nA=1", "unknown section [Contaner]", "[Unit], [Container], [Service]"],
  ] as const) {
    it(`for ${JSON.stringify(lines)}`, () => {
      const error = failure(() => container(lines));
      expect(error.code).to.equal("unit-file-invalid");
      expect(error.message).to.contain(words);
      expect(error.hint).to.contain(hint);
    });
  }

  it("without an image, and when the unit is no service", () => {
    const file = parseUnitFile("[Container]\nExec=true\n");
    expect(failure(() => containerSpec(file, "x.service")).message).to.contain("without Image=");
    expect(failure(() => containerSpec(file, "x.timer")).message).to.contain("is no service");
  });

  it("with a PlatformError and never another, whatever is written", () => {
    const name = fc.constantFrom(
      "Exec",
      "Environment",
      "PublishPort",
      "Volume",
      "AddDevice",
      "Ulimit",
      "Tmpfs",
      "ShmSize",
      "User",
      "Network",
      "StopSignal",
      "ContainerName",
      "Label",
      "AddHost",
      "PidsLimit",
      "Sysctl",
      "EnvironmentFile",
    );
    const value = fc.string({ unit: fc.constantFrom(..."a1:/-%i\"'\\ .=[]K,\n".split("")), maxLength: 12 });
    fc.assert(
      fc.property(name, value, (option, text) => {
        try {
          containerSpec(parseUnitFile(`[Container]\nImage=x\n${option}=${text}\n`), "a@1.service");
        } catch (error) {
          expect(error).to.be.instanceOf(PlatformError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("quoted words", () => {
  for (const [value, words] of [
    ["", []],
    ["  a   b\tc ", ["a", "b", "c"]],
    ["\"a b\" 'c d'", ["a b", "c d"]],
    ["\"\" ''", ["", ""]],
    ['a"b c"d', ["ab cd"]],
    ['"it\'s" \'say "x"\'', ["it's", 'say "x"']],
    ["a\\ttab \\x41 \\101 \\u00e9 \\U0001F600 \\s", ["a\ttab", "A", "A", "é", "😀", " "]],
    ['"\\"" \\\\', ['"', "\\"]],
  ] as const) {
    it(`of ${JSON.stringify(value)} are ${JSON.stringify(words)}`, () => {
      expect(splitQuotedWords(value)).to.deep.equal({ words });
    });
  }

  for (const value of ['"', "'a", "a\\", "\\x4", "\\400", "\\000", "\\ud800", "\\U00110000"]) {
    it(`are refused in ${JSON.stringify(value)}`, () => {
      expect(splitQuotedWords(value)).to.have.property("problem");
    });
  }

  it("give back words that were quoted", () => {
    const word = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const quoted = words.map((text) => `"${text.replaceAll(/[\\"]/g, "\\$&")}"`).join(" ");
        expect(splitQuotedWords(quoted)).to.deep.equal({ words });
      }),
    );
  });

  it("join continued lines with a space and leave out comments among them", () => {
    expect(joinContinuedLines("a \\\n  b\\\n# no\\\n; no\\\nc")).to.equal("a    b c");
    expect(joinContinuedLines("a\\\n")).to.equal("a");
    expect(joinContinuedLines("a # b")).to.equal("a # b");
  });
});
