import { expect } from "chai";
import { type Publication, publicationOf } from "../../cluster/publication.ts";
import { checkUnitFile } from "../../cluster/unit.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import { isReady, type UnitState } from "../../cluster/unit-state.ts";
import { failure } from "../support/failure.ts";

const container = (...lines: string[]) => `[Container]\nImage=nginx\n${lines.join("\n")}\n`;
const systemd = (...lines: string[]) =>
  `[Service]\nExecStart=/usr/bin/httpd\n[X-Publish]\n${lines.join("\n")}\n`;
const published = (text: string, name = "web@2.service") => publicationOf(parseUnitFile(text), name);
const release = (app: string, version: number) => ({ app, version, type: "web" as const, number: 1 });

describe("a unit's publication", () => {
  const web = { service: "web", endpoint: "web@2", global: false };
  const shop = { service: "shop", endpoint: "shop_v2.web.1", global: false, release: release("shop", 2) };
  const dockerRun = (command: string) => `[Service]\nExecStart=${command}\n`;
  const deisUnit = 'ExecStart=/bin/sh -c "docker run --name shop_v2.web.1 --rm -P img start web"';
  const cases: [what: string, text: string, name: string, expected: Publication | undefined][] = [
    ["is none without a word of it", container("PublishPort=80"), "web.service", undefined],
    ["is none for a worker's name", container("PublishPort=80"), "shop_v2.worker.1.service", undefined],
    [
      "takes its service, port and path from [X-Publish]",
      systemd("Service=shop", "Port=8080", "HealthPath=/healthz?full=1"),
      "web.service",
      { service: "shop", endpoint: "web", global: false, port: 8080, healthPath: "/healthz?full=1" },
    ],
    ["is named for what is before @", container("[X-Publish]"), "web@2.service", web],
    ["expands fleet's specifiers", systemd("Service=%p-%i"), "web@2.service", { ...web, service: "web-2" }],
    ["takes quotes away", systemd('Service="shop"'), "web@2.service", { ...web, service: "shop" }],
    ["takes the last value", systemd("Port=1", "Port=2"), "web@2.service", { ...web, port: 2 }],
    ["forgets values before an empty one", systemd("Port=1", "Port="), "web@2.service", web],
    [
      "says when every machine has one",
      `${systemd()}[X-Fleet]\nGlobal=yes\n`,
      "web@2.service",
      { ...web, global: true },
    ],
    ["is Deis v1's for a unit of such a name", container("PublishPort=80"), "shop_v2.web.1.service", shop],
    [
      "is Deis v1's for a container of such a name",
      container("ContainerName=shop_v%i.web.1"),
      "app@2.service",
      shop,
    ],
    [
      "finds the container that a unit of Deis v1 runs",
      `[Service]\n${deisUnit}\n`,
      "shop_v2.web.1.service",
      { ...shop, container: "shop_v2.web.1" },
    ],
    [
      "finds the name behind docker run, wherever it stands",
      dockerRun("/usr/bin/docker -D run \\\n  --rm --name=shop_v%i.web.1 img"),
      "app@2.service",
      { ...shop, container: "shop_v2.web.1" },
    ],
    [
      "is none for a container of another name",
      dockerRun("docker run --name deis-router r"),
      "r.service",
      undefined,
    ],
    [
      "is none for another command's name",
      dockerRun("run --name shop_v2.web.1 docker"),
      "r.service",
      undefined,
    ],
    [
      "adds a health path to Deis v1's convention",
      container("[X-Publish]", "HealthPath=/ok"),
      "shop_v2.web.1.service",
      { ...shop, healthPath: "/ok" },
    ],
    [
      "is freed from the version rule by naming the service",
      container("[X-Publish]", "Service=shop"),
      "shop_v2.web.1.service",
      { service: "shop", endpoint: "shop_v2.web.1", global: false },
    ],
  ];
  for (const [what, text, name, expected] of cases) {
    it(what, () => {
      expect(published(text, name)).to.deep.equal(expected);
    });
  }

  const refusals: [text: string, message: string, hint: RegExp][] = [
    [
      systemd("Prot=80"),
      'Invalid unit file at line 4: unknown option "Prot" in [X-Publish]',
      /Service, Port, HealthPath/,
    ],
    [systemd("Port=0"), 'Invalid unit file at line 4: Port="0" is no port', /1 to 65535/],
    [systemd("Port=http"), 'Invalid unit file at line 4: Port="http" is no port', /1 to 65535/],
    [
      systemd("Service=My_App"),
      'Invalid unit file at line 4: Service="My_App" cannot name a service',
      /a-z, 0-9/,
    ],
    [
      systemd("HealthPath=ok"),
      'Invalid unit file at line 4: HealthPath="ok" is no path of a request',
      /Begin it with/,
    ],
    [
      systemd("HealthPath=/a b"),
      'Invalid unit file at line 4: HealthPath="/a b" is no path of a request',
      /escape/,
    ],
    [
      systemd("HealthPath=/#a"),
      'Invalid unit file at line 4: HealthPath="/#a" is no path of a request',
      /escape/,
    ],
  ];
  for (const [text, message, hint] of refusals) {
    it(`is refused: ${message}`, async () => {
      const error = await failure(() => published(text));
      expect(error.message).to.equal(message);
      expect(error.hint).to.match(hint);
    });
  }
});

describe("a unit file that is submitted", () => {
  for (const [what, text, message] of [
    ["must say a port for systemd", systemd("Service=shop"), /no Port=/],
    [
      "must say a port for the host's network",
      container("Network=host", "[X-Publish]"),
      /no Port=, and Network="host" publishes none/,
    ],
    ["must publish a port of its container", container("[X-Publish]"), /needs a published port/],
    [
      "must publish the port that it names",
      container("PublishPort=80", "PublishPort=53/udp", "[X-Publish]", "Port=53"),
      /Port=53 is not published: the container publishes only 80/,
    ],
  ] as const) {
    it(what, async () => {
      const error = await failure(() => checkUnitFile("web@.service", text));
      expect(error.code).to.equal("unit-file-invalid");
      expect(error.message).to.match(message);
    });
  }

  for (const [what, text] of [
    ["may name a port of the host for systemd", systemd("Port=80")],
    ["may name a port of the host's network", container("Network=host", "[X-Publish]", "Port=80")],
    ["may leave its only port unsaid", container("PublishPort=8080:80", "[X-Publish]")],
    ["may name one of several ports", container("PublishPort=80-82", "[X-Publish]", "Port=81")],
  ] as const) {
    it(what, () => {
      expect(checkUnitFile("web@.service", text).warnings).to.deep.equal([]);
    });
  }
});

describe("a unit is ready", () => {
  const state = (active: string, more: Partial<UnitState> = {}): UnitState => ({
    load: "loaded",
    active,
    sub: "running",
    hash: "h",
    generation: 0,
    since: "2026-01-01T00:00:00.000Z",
    ...more,
  });
  for (const [what, given, ready] of [
    ["when active, if it publishes nothing", state("active"), true],
    ["not while it starts", state("activating"), false],
    [
      "not before routers have acknowledged it",
      state("active", { published: { service: "a", routed: false } }),
      false,
    ],
    [
      "once routers have acknowledged it",
      state("active", { published: { service: "a", routed: true } }),
      true,
    ],
    ["not when it has stopped", state("inactive", { published: { service: "a", routed: true } }), false],
  ] as const) {
    it(what, () => {
      expect(isReady(given)).to.equal(ready);
    });
  }
});
