/** fleet's HTTP API as a client of fleetd 1.0 knows it, row by row: every store behind it must give the same bytes. */
import { createHash } from "node:crypto";
import { expect } from "chai";
import { machine } from "../scheduler/builders.ts";
import type { Answer, ApiBed, Asked } from "../support/api-bed.ts";
import { eventually } from "../support/eventually.ts";

const m1 = "f1ee0001000000000000000000000000";
const m2 = "f1ee0002000000000000000000000000";

const sleep = [{ name: "ExecStart", section: "Service", value: "/bin/sleep 100" }];
const sleepHash = "1c6fb6f3684bafb0c173d8b8b957ceff031180c1";
const option = (section: string, name: string, value: string) => ({ section, name, value });
/** SHA-1 of schema/v1.json of coreos/fleet 1.0. */
const discoveryHash = "1c11f4f9696be193b36027650ef3e86d7bf49f49";

export function fleetApiContract(open: () => Promise<ApiBed>): void {
  let bed: ApiBed;
  beforeEach(async () => {
    bed = await open();
  });
  afterEach(() => bed.close());

  const put = (name: string, body: object | string, headers?: Asked["headers"]): Promise<Answer> =>
    bed.ask(`/fleet/v1/units/${name}`, { method: "PUT", body, ...(headers ? { headers } : {}) });

  const message = ({ body }: Answer): string => JSON.parse(body).error.message;

  describe("a list", () => {
    for (const list of ["units", "state", "machines"]) {
      it(`of ${list} that is empty is an empty object`, async () => {
        const { status, headers, body } = await bed.ask(`/fleet/v1/${list}`);
        expect({ status, body }).to.deep.equal({ status: 200, body: "{}" });
        expect(headers).to.include({
          "content-type": "application/json",
          "content-length": "2",
          server: "fleetd/1.0.0",
        });
      });

      for (const [query, words] of [
        ["nextPageToken=EwBMLg==", "token limit must be 100"],
        ["nextPageToken=ZAAAAA==", "token page must be greater than zero"],
        ["nextPageToken=ZAACAA==&nextPageToken=ZAACAA==", "too many values for page token"],
        ["nextPageToken=", "EOF"],
        ["nextPageToken=ZAA=", "unexpected EOF"],
        ["nextPageToken=ZAA*AA==", "illegal base64 data at input byte 3"],
        ["nextPageToken=ZAACA", "illegal base64 data at input byte 4"],
      ] as const) {
        it(`of ${list} refuses ?${query}`, async () => {
          const { status, headers, body } = await bed.ask(`/fleet/v1/${list}?${query}`);
          expect([status, body]).to.deep.equal([400, `{"error":{"code":400,"message":"${words}"}}`]);
          expect(headers["content-type"]).to.equal("application/json");
        });
      }
    }

    it("of machines shows addresses and metadata by id", async () => {
      await bed.addMachine({ ...machine(m2), address: "127.0.0.2" });
      await bed.addMachine({
        ...machine(m1, { metadata: { region: "lab", host: "h1" } }),
        address: "127.0.0.1",
      });
      expect((await bed.ask("/fleet/v1/machines?alt=json")).body).to.equal(
        `{"machines":[{"id":"${m1}","metadata":{"host":"h1","region":"lab"},"primaryIP":"127.0.0.1"},{"id":"${m2}","primaryIP":"127.0.0.2"}]}`,
      );
    });

    it("of units shows them by name, with a machine only where they are placed", async () => {
      await put("hello.service", { desiredState: "launched", options: sleep });
      await put("glob.service", {
        desiredState: "launched",
        options: [option("Service", "ExecStart", "/bin/sleep 1000"), option("X-Fleet", "Global", "true")],
      });
      await bed.place(m1, "hello.service", "launched");
      await bed.report(m1, "hello.service");
      await bed.place(m1, "glob.service", "launched");
      await bed.report(m1, "glob.service");
      expect((await bed.ask("/v1-alpha/units")).body).to.equal(
        '{"units":[{"currentState":"inactive","desiredState":"launched","name":"glob.service","options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 1000"},{"name":"Global","section":"X-Fleet","value":"true"}]},' +
          `{"currentState":"launched","desiredState":"launched","machineID":"${m1}","name":"hello.service","options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 100"}]}]}`,
      );
    });

    it("of states shows every machine's, or those of one unit or machine", async () => {
      await put("a.service", { options: sleep });
      await put("b.service", { options: sleep });
      await bed.report(m2, "a.service");
      await bed.report(m1, "b.service", { active: "inactive", sub: "dead" });
      await bed.report(m1, "a.service");
      const state = (name: string, id: string, active: string, sub: string) =>
        `{"hash":"${sleepHash}","machineID":"${id}","name":"${name}","systemdActiveState":"${active}","systemdLoadState":"loaded","systemdSubState":"${sub}"}`;
      const [a1, a2] = [m1, m2].map((id) => state("a.service", id, "active", "running"));
      const b1 = state("b.service", m1, "inactive", "dead");
      const bodies: Record<string, string> = {};
      for (const query of [
        "",
        "?unitName=a.service",
        `?machineID=${m1}`,
        `?machineID=${m2}&unitName=b.service`,
      ])
        bodies[query] = (await bed.ask(`/fleet/v1/state${query}`)).body;
      expect(bodies).to.deep.equal({
        "": `{"states":[${a1},${a2},${b1}]}`,
        "?unitName=a.service": `{"states":[${a1},${a2}]}`,
        [`?machineID=${m1}`]: `{"states":[${a1},${b1}]}`,
        [`?machineID=${m2}&unitName=b.service`]: "{}",
      });
      expect((await bed.ask("/fleet/v1/state/a.service")).body).to.equal(a1);
    });
  });

  describe("paging", () => {
    const names = Array.from({ length: 250 }, (_, at) => `u${String(at).padStart(3, "0")}.service`);
    const record = { hash: sleepHash, target: "inactive", generation: 0 };

    beforeEach(() =>
      bed.putAll([
        [`unit-files/${sleepHash}`, "[Service]\nExecStart=/bin/sleep 100\n"],
        ...names.map((name) => [`units/${name}`, record] as const),
      ]),
    );

    async function page(token?: string): Promise<{ names: string[]; next?: string }> {
      const query = token === undefined ? "" : `?nextPageToken=${encodeURIComponent(token)}`;
      const body = (await bed.get(`/fleet/v1/units${query}`)) as {
        units?: { name: string }[];
        nextPageToken?: string;
      };
      const next = body.nextPageToken;
      return { names: (body.units ?? []).map(({ name }) => name), ...(next === undefined ? {} : { next }) };
    }

    it("gives a hundred at a time, with fleet's tokens", async () => {
      const first = await page();
      expect(first.next).to.equal("ZAACAA==");
      const second = await page(first.next);
      expect(second.next).to.equal("ZAADAA==");
      const third = await page(second.next);
      expect(third.next).to.equal(undefined);
      expect([...first.names, ...second.names, ...third.names]).to.deep.equal(names);
    });

    it("keeps to one snapshot while units come and go", async () => {
      const first = await page();
      await bed.put("units/a000.service", record);
      await bed.put("units/u199.service", undefined);
      const second = await page(first.next);
      const third = await page(second.next);
      expect([...first.names, ...second.names, ...third.names]).to.deep.equal(names);
      expect((await page()).names[0]).to.equal("a000.service");
    });

    it("keeps two clients apart who began at different times", async () => {
      const ours = await page();
      await bed.put("units/a000.service", record);
      const theirs = await page();
      expect((await page(ours.next)).names[0]).to.equal("u100.service");
      expect((await page(theirs.next)).names[0]).to.equal("u099.service");
    });

    it("answers fleet's own token without a snapshot from the cluster as it is, and a page behind the last with nothing", async () => {
      expect((await page("ZAADAA==")).names).to.deep.equal(names.slice(200));
      expect(await page("ZAAEAA==")).to.deep.equal({ names: [] });
    });

    it("says when a snapshot that is named has gone", async () => {
      const { status, body } = await bed.ask("/fleet/v1/units?nextPageToken=ZAACAAcAAAA=");
      expect([status, body]).to.deep.equal([
        410,
        '{"error":{"code":410,"message":"page token has expired: list again from the first page"}}',
      ]);
    });

    it("gives no token when nothing is left", async () => {
      await bed.putAll(names.slice(100).map((name) => [`units/${name}`, undefined] as const));
      const { names: listed, next } = await page();
      expect([listed.length, next]).to.deep.equal([100, undefined]);
    });
  });

  describe("PUT of a unit", () => {
    it("that is new creates it: 201 and no body", async () => {
      const { status, headers, body } = await put("hello.service", {
        desiredState: "loaded",
        options: sleep,
      });
      expect([status, body, headers["content-length"], headers["content-type"]]).to.deep.equal([
        201,
        "",
        "0",
        undefined,
      ]);
      expect((await bed.ask("/fleet/v1/units/hello.service")).body).to.equal(
        '{"currentState":"inactive","desiredState":"loaded","name":"hello.service","options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 100"}]}',
      );
    });

    it("that names no state is inactive", async () => {
      expect((await put("hello.service", { name: "hello.service", options: sleep })).status).to.equal(201);
      expect(await bed.get("/fleet/v1/units/hello.service")).to.include({ desiredState: "inactive" });
    });

    it("with another state sets it: 204, no body and no type", async () => {
      await put("hello.service", { options: sleep });
      const { status, headers, body } = await put("hello.service", { desiredState: "launched" });
      expect([status, body, headers["content-type"]]).to.deep.equal([204, "", undefined]);
      expect(await bed.get("/fleet/v1/units/hello.service")).to.include({ desiredState: "launched" });
      expect((await put("hello.service", { desiredState: "inactive", options: sleep })).status).to.equal(204);
      expect(await bed.get("/fleet/v1/units/hello.service")).to.include({ desiredState: "inactive" });
    });

    it("with other options puts them in place of the old ones: 201, and inactive unless it says otherwise", async () => {
      await put("hello.service", { desiredState: "launched", options: sleep });
      const other = [option("Service", "ExecStart", "/bin/sleep 200")];
      expect((await put("hello.service", { options: other })).status).to.equal(201);
      expect(await bed.get("/fleet/v1/units/hello.service")).to.deep.equal({
        currentState: "inactive",
        desiredState: "inactive",
        name: "hello.service",
        options: [{ name: "ExecStart", section: "Service", value: "/bin/sleep 200" }],
      });
      await put("hello.service", { desiredState: "launched", options: sleep });
      expect(await bed.get("/fleet/v1/units/hello.service")).to.include({ desiredState: "launched" });
    });

    it("keeps order, repetition, empty values, Unicode and what HTML would mind", async () => {
      const options = [
        option("Unit", "Description", 'grüße <&> "é" \u2028.'),
        option("Service", "ExecStart", ""),
        option("Service", "ExecStart", "/bin/sh -c \\\n  'echo a'"),
        option("Service", "ExecStop", "/bin/a"),
        option("Service", "ExecStop", "/bin/b"),
      ];
      expect((await put("odd.service", { options })).status).to.equal(201);
      expect((await bed.ask("/fleet/v1/units/odd.service")).body).to.contain(
        '"options":[{"name":"Description","section":"Unit","value":"grüße \\u003c\\u0026\\u003e \\"é\\" \\u2028."},' +
          '{"name":"ExecStart","section":"Service"},' +
          `{"name":"ExecStart","section":"Service","value":"/bin/sh -c \\\\\\n  'echo a'"},` +
          '{"name":"ExecStop","section":"Service","value":"/bin/a"},{"name":"ExecStop","section":"Service","value":"/bin/b"}]',
      );
    });

    it("makes an instance of a template that is known, and shares its file", async () => {
      await put("web@.service", { options: sleep });
      expect((await put("web@1.service", { desiredState: "launched" })).status).to.equal(201);
      expect(await bed.get("/fleet/v1/units/web@1.service")).to.deep.include({
        desiredState: "launched",
        options: sleep,
      });
      expect(bed.mirror.tables.units.get("web@1.service")?.hash).to.equal(sleepHash);
      const unknown = await put("db@1.service", { desiredState: "launched" });
      expect([unknown.status, message(unknown)]).to.deep.equal([
        409,
        "unit does not exist and options field empty",
      ]);
    });

    it("reads names of fields whatever their case, and null as absent", async () => {
      const body =
        '{"Name":null,"DESIREDSTATE":"loaded","Options":[{"Section":"Service","Name":"ExecStart","Value":"/bin/true"}]}';
      expect(
        (await put("hello.service", body, { "content-type": " application/json; charset=utf-8" })).status,
      ).to.equal(201);
      expect(await bed.get("/fleet/v1/units/hello.service")).to.include({ desiredState: "loaded" });
    });

    it("reads the first value of a body and leaves the rest, as Go does", async () => {
      const body = `${JSON.stringify({ options: sleep })}\n{"desiredState":"launched"}`;
      expect((await put("hello.service", body, { "content-type": "application/json" })).status).to.equal(201);
      expect(await bed.get("/fleet/v1/units/hello.service")).to.include({ desiredState: "inactive" });
    });

    it("takes a line of a mebibyte", async () => {
      const value = `/bin/echo ${"x".repeat(1 << 20)}`;
      expect(
        (await put("long.service", { options: [option("Service", "ExecStart", value)] })).status,
      ).to.equal(201);
      const { options } = (await bed.get("/fleet/v1/units/long.service")) as { options: { value: string }[] };
      expect(options[0]?.value === value).to.equal(true);
    });

    it("takes names in any spelling that a URL allows", async () => {
      const name = "a%3Ab%5cx2d-c_d%40x.service";
      expect((await put(name, { options: sleep })).status).to.equal(201);
      expect(await bed.get(`/fleet/v1/units/${name}`)).to.include({ name: "a:b\\x2d-c_d@x.service" });
    });

    for (const [what, name, body, status, words] of [
      ["half of an object", "a.service", '{"desiredState":', 400, /^unable to decode body: unexpected EOF$/],
      [
        "no JSON",
        "a.service",
        "desiredState: launched",
        400,
        /^unable to decode body: invalid character 'd' looking for beginning of value$/,
      ],
      ["no body", "a.service", "", 400, /^unable to decode body: EOF$/],
      [
        "a list",
        "a.service",
        "[]",
        400,
        /^unable to decode body: json: cannot unmarshal array into Go value of type schema\.Unit$/,
      ],
      [
        "a number for the state",
        "a.service",
        '{"desiredState":1}',
        400,
        /^unable to decode body: json: cannot unmarshal number into Go struct field Unit\.desiredState of type string$/,
      ],
      ["an option that is none", "a.service", '{"options":["x"]}', 400, /^unable to decode body: /],
      [
        "another name",
        "a.service",
        '{"name":"b.service"}',
        400,
        /^name in URL "a\.service" differs from unit name in request body "b\.service"$/,
      ],
      ["a bad name", "a%25.service", "{}", 400, /^invalid character '%' in unit name$/],
      ["a name without type", "a", "{}", 400, /^unit name must contain "\."$/],
      ["a name of another type", "a.txt", "{}", 400, /^invalid unit type: "txt"$/],
      ["no options for a new unit", "a.service", "{}", 409, /^unit does not exist and options field empty$/],
      [
        "a state that is none",
        "a.service",
        '{"desiredState":"bogus"}',
        400,
        /^invalid value "bogus" for desiredState/,
      ],
      [
        "options that exclude each other",
        "a.service",
        JSON.stringify({
          options: [option("X-Fleet", "Global", "true"), option("X-Fleet", "MachineOf", "b.service")],
        }),
        400,
        /^Global cannot be used with Peers$/,
      ],
      [
        "a value that no unit file can hold",
        "a.service",
        JSON.stringify({ options: [option("Service", "ExecStart", "/bin/true\nExecStop=/bin/false")] }),
        400,
        /^Cannot write "\[Service\] ExecStart=/,
      ],
      [
        "a file that is longer than the store takes",
        "a.service",
        JSON.stringify({ options: [option("Service", "ExecStart", "x".repeat(1_600_000))] }),
        400,
        /^Unit file of 1600021 bytes is too long: at most 1500000 fit in the store$/,
      ],
      [
        "a template to be launched",
        "a@.service",
        JSON.stringify({ desiredState: "launched", options: sleep }),
        400,
        /^cannot activate template "a@\.service"$/,
      ],
    ] as const) {
      it(`refuses ${what} with ${status} and changes nothing`, async () => {
        const answer = await put(name, body, { "content-type": "application/json" });
        expect(answer.status, answer.body).to.equal(status);
        expect(message(answer)).to.match(words);
        expect(answer.headers["content-type"]).to.equal("application/json");
        expect(bed.mirror.tables.units.size).to.equal(0);
      });
    }

    for (const [what, headers, words] of [
      ["no type", {}, "expected 1 Content-Type, got 0"],
      ["another type", { "content-type": "text/plain" }, "only acceptable Content-Type is application/json"],
      ["a type that is none", { "content-type": "json" }, "only acceptable Content-Type is application/json"],
    ] as const) {
      it(`refuses ${what} with 415`, async () => {
        const { status, body } = await put("a.service", '{"options":[]}', headers);
        expect([status, body]).to.deep.equal([415, `{"error":{"code":415,"message":"${words}"}}`]);
      });
    }

    it("leaves a unit unharmed that it refuses to change", async () => {
      await put("hello.service", { desiredState: "loaded", options: sleep });
      const before = await bed.get("/fleet/v1/units/hello.service");
      const conflict = [option("X-Fleet", "Conflicts", "a*"), option("X-Fleet", "Replaces", "b*")];
      for (const [body, status, words] of [
        [
          { desiredState: "bogus" },
          400,
          'invalid value "bogus" for desiredState: expect inactive, loaded, or launched',
        ],
        [{}, 409, "must provide DesiredState to update existing unit"],
        [{ options: sleep }, 409, "must provide DesiredState to update existing unit"],
        [{ desiredState: "launched", options: conflict }, 400, "Conflicts cannot be used with Replaces"],
      ] as const) {
        const answer = await put("hello.service", body);
        expect([answer.status, message(answer)]).to.deep.equal([status, words]);
      }
      expect(await bed.get("/fleet/v1/units/hello.service")).to.deep.equal(before);
    });

    it("does not activate a template", async () => {
      await put("web@.service", { options: sleep });
      for (const desiredState of ["loaded", "launched"]) {
        const answer = await put("web@.service", { desiredState });
        expect([answer.status, message(answer)]).to.deep.equal([
          400,
          'cannot activate template "web@.service"',
        ]);
      }
      expect((await put("web@.service", { desiredState: "inactive" })).status).to.equal(204);
    });
  });

  describe("a unit's current state", () => {
    beforeEach(() => put("hello.service", { desiredState: "launched", options: sleep }));

    const state = async () => {
      const { currentState, machineID } = (await bed.get("/fleet/v1/units/hello.service")) as Record<
        string,
        string
      >;
      return [currentState, machineID];
    };

    it("follows what is decided and what is seen", async () => {
      expect(await state()).to.deep.equal(["inactive", undefined]);
      await bed.place(m1, "hello.service", "loaded");
      expect(await state()).to.deep.equal(["inactive", m1]);
      await bed.report(m1, "hello.service", { active: "inactive", sub: "dead" });
      expect(await state()).to.deep.equal(["loaded", m1]);
      await bed.place(m1, "hello.service", "launched");
      await bed.report(m1, "hello.service");
      expect(await state()).to.deep.equal(["launched", m1]);
      await bed.report(m1, "hello.service", { active: "failed", sub: "failed" });
      expect(await state()).to.deep.equal(["launched", m1]);
      await bed.put(`placements/${m1}/hello.service`, undefined);
      expect(await state()).to.deep.equal(["inactive", undefined]);
    });

    it("is told once more as launched when it was asked to be loaded, for fleetctl's restart waits for that", async () => {
      await bed.place(m1, "hello.service", "launched");
      await bed.report(m1, "hello.service");
      expect((await put("hello.service", { desiredState: "loaded" })).status).to.equal(204);
      await bed.place(m1, "hello.service", "loaded");
      await bed.report(m1, "hello.service", { active: "inactive", sub: "dead" });
      const { units } = (await bed.get("/fleet/v1/units")) as { units: { currentState: string }[] };
      expect(units.map(({ currentState }) => currentState)).to.deep.equal(["loaded"]);
      expect(await state()).to.deep.equal(["launched", m1]);
      await eventually(async () => expect(await state()).to.deep.equal(["loaded", m1]));
    });

    it("is not told so of a unit that was loaded, or that something else was asked of since", async () => {
      await bed.place(m1, "hello.service", "loaded");
      await bed.report(m1, "hello.service", { active: "inactive", sub: "dead" });
      await put("hello.service", { desiredState: "loaded" });
      expect(await state()).to.deep.equal(["loaded", m1]);
      await bed.place(m1, "hello.service", "launched");
      await bed.report(m1, "hello.service");
      await put("hello.service", { desiredState: "loaded" });
      await put("hello.service", { desiredState: "inactive" });
      await bed.place(m1, "hello.service", "loaded");
      await bed.report(m1, "hello.service", { active: "inactive", sub: "dead" });
      expect(await state()).to.deep.equal(["loaded", m1]);
    });

    it("is, in systemd's words, not found while it is wanted and no machine has reported it", async () => {
      const seen = async () => (await bed.ask("/fleet/v1/state/hello.service")).body;
      const rest =
        '"name":"hello.service","systemdActiveState":"inactive","systemdLoadState":"not-found","systemdSubState":"dead"}';
      expect(await seen()).to.equal(`{${rest}`);
      await bed.place(m1, "hello.service", "launched");
      expect(await seen()).to.equal(`{"machineID":"${m1}",${rest}`);
      expect(await bed.get("/fleet/v1/state")).to.deep.equal({});
      await put("hello.service", { desiredState: "inactive" });
      expect((await bed.ask("/fleet/v1/state/hello.service")).status).to.equal(404);
    });
  });

  describe("GET and DELETE of a unit", () => {
    it("that does not exist is 404", async () => {
      for (const method of ["GET", "DELETE"]) {
        const { status, body } = await bed.ask("/fleet/v1/units/nope.service", { method });
        expect([status, body]).to.deep.equal([404, '{"error":{"code":404,"message":"unit does not exist"}}']);
      }
      const { status, body } = await bed.ask("/fleet/v1/state/nope.service");
      expect([status, body]).to.deep.equal([
        404,
        '{"error":{"code":404,"message":"unit state does not exist"}}',
      ]);
    });

    it("destroys it: 204 and no body", async () => {
      await put("hello.service", { options: sleep });
      const { status, headers, body } = await bed.ask("/fleet/v1/units/hello.service", { method: "DELETE" });
      expect([status, body, headers["content-type"]]).to.deep.equal([204, "", undefined]);
      expect((await bed.ask("/fleet/v1/units/hello.service")).status).to.equal(404);
    });

    it("whose record cannot be read can be destroyed, and hides no other", async () => {
      await put("hello.service", { options: sleep });
      await bed.put("units/bad.service", '{"hash":7}');
      expect((await bed.ask("/fleet/v1/units/bad.service")).status).to.equal(500);
      const { units } = (await bed.get("/fleet/v1/units")) as { units: { name: string }[] };
      expect(units.map(({ name }) => name)).to.deep.equal(["hello.service"]);
      expect((await bed.ask("/fleet/v1/units/bad.service", { method: "DELETE" })).status).to.equal(204);
      expect((await bed.ask("/fleet/v1/units/bad.service")).status).to.equal(404);
    });
  });

  describe("PATCH of machines", () => {
    const patch = (body: object | string) => bed.ask("/fleet/v1/machines", { method: "PATCH", body });

    beforeEach(async () => {
      await bed.addMachine(machine(m1, { metadata: { region: "lab" } }));
      await bed.addMachine(machine(m2));
    });

    const metadata = async () => {
      const { machines } = (await bed.get("/fleet/v1/machines")) as { machines: { metadata?: object }[] };
      return machines.map((each) => each.metadata);
    };

    it("sets and removes metadata, by values of either form: 204 with a type", async () => {
      const { status, headers, body } = await patch([
        { op: "add", path: `/${m1}/metadata/disk`, Value: { value: "ssd" } },
        { op: "replace", path: `/${m1}/metadata/region`, value: "north" },
        { op: "add", path: `/${m2}/metadata/disk`, value: { value: "hdd" } },
      ]);
      expect([status, body, headers["content-type"]]).to.deep.equal([204, "", "application/json"]);
      expect(await metadata()).to.deep.equal([{ disk: "ssd", region: "north" }, { disk: "hdd" }]);
      await patch([
        { op: "remove", path: `/${m1}/metadata/region`, value: { value: "" } },
        { op: "remove", path: `/${m2}/metadata/disk` },
      ]);
      expect(await metadata()).to.deep.equal([{ disk: "ssd" }, undefined]);
    });

    it("reads a body without a type, as fleet's own clients send it, and of any", async () => {
      const body = JSON.stringify([{ op: "add", path: `/${m1}/metadata/a`, value: "b" }]);
      expect((await patch(body)).status).to.equal(204);
      for (const type of ["application/json-patch+json", "text/plain", "nonsense"]) {
        const headers = { "content-type": type };
        const { status } = await bed.ask("/fleet/v1/machines", { method: "PATCH", headers, body });
        expect(status, type).to.equal(204);
      }
      expect((await patch("[]")).status).to.equal(204);
      expect((await patch("null")).status).to.equal(204);
    });

    for (const [what, operation, words] of [
      [
        "another op",
        { op: "noop", path: `/${m1}/metadata/foo`, value: "bar" },
        "invalid op: expect add, remove, or replace",
      ],
      ["no op", { path: `/${m1}/metadata/foo`, value: "bar" }, "invalid op: expect add, remove, or replace"],
      ["another path", { op: "add", path: `/${m1}/foo`, value: "bar" }, "machine metadata path invalid"],
      [
        "a path that goes on",
        { op: "add", path: `/${m1}/metadata/a/b`, value: "bar" },
        "machine metadata path invalid",
      ],
      [
        "no value",
        { op: "add", path: `/${m1}/metadata/foo` },
        "invalid value: add and replace require a value",
      ],
      [
        "an empty value",
        { op: "replace", path: `/${m1}/metadata/foo`, value: { value: "" } },
        "invalid value: add and replace require a value",
      ],
      [
        "a number",
        { op: "add", path: `/${m1}/metadata/foo`, value: 7 },
        "json: cannot unmarshal number into Go value of type api.machineMetadataOp.Value",
      ],
    ] as const) {
      it(`refuses ${what}, and does nothing of the rest`, async () => {
        const good = { op: "add", path: `/${m1}/metadata/good`, value: "yes" };
        const { status, headers, body } = await patch([good, operation]);
        expect([status, JSON.parse(body)]).to.deep.equal([400, { error: { code: 400, message: words } }]);
        expect(headers["content-type"]).to.equal("application/json");
        expect(await metadata()).to.deep.equal([{ region: "lab" }, undefined]);
      });
    }
  });

  describe("everything else", () => {
    for (const [method, path, status, words] of [
      ["GET", "/", 405, ""],
      ["GET", "/fleet/v1", 405, ""],
      ["PUT", "/v1-alpha", 405, ""],
      ["GET", "/fleet/v1/", 404, ""],
      ["GET", "/fleet/v2/units", 404, ""],
      ["GET", "/fleet/v1/units/", 404, ""],
      ["GET", "/fleet/v1/units/a/b", 404, ""],
      ["GET", "/fleet/v1/units/a%2Fb", 404, ""],
      ["GET", "/fleet/v1/machines/x", 404, ""],
      ["POST", "/fleet/v1/units", 405, "only GET supported against this resource"],
      ["PATCH", "/fleet/v1/units/a.service", 405, "only GET, PUT and DELETE supported against this resource"],
      ["PUT", "/fleet/v1/state", 405, "only GET supported against this resource"],
      ["DELETE", "/v1-alpha/machines", 405, "only GET and PATCH supported against this resource"],
      ["PUT", "/fleet/v1/discovery", 400, "only HTTP GET supported against this resource"],
    ] as const) {
      it(`${method} ${path} is ${status}`, async () => {
        const answer = await bed.ask(path, { method });
        expect([answer.status, answer.body]).to.deep.equal([
          status,
          JSON.stringify({ error: { code: status, message: words } }),
        ]);
        expect(answer.headers).to.include({ "content-type": "application/json", server: "fleetd/1.0.0" });
      });
    }

    it("HEAD is as any other method that is not supported, without a body", async () => {
      for (const path of ["/fleet/v1/units", "/fleet/v1/units/a.service", "/fleet/v1/machines"]) {
        const { status, body, headers } = await bed.ask(path, { method: "HEAD" });
        expect([status, body, headers["content-type"]]).to.deep.equal([405, "", "application/json"]);
      }
    });

    for (const [path, location] of [
      ["//fleet//v1/units?alt=json", "/fleet/v1/units?alt=json"],
      ["/fleet/v1/./units", "/fleet/v1/units"],
      ["/fleet/v1/machines/../units", "/fleet/v1/units"],
    ] as const) {
      it(`${path} is sent to ${location}`, async () => {
        const { status, headers } = await bed.ask(path);
        expect([status, headers.location]).to.deep.equal([301, location]);
      });
    }

    it("a path that cannot be decoded is a client's fault", async () => {
      expect((await bed.ask("/fleet/v1/units/%zz")).status).to.equal(400);
    });

    it("a request may name the whole URL, as behind a proxy", async () => {
      for (const path of ["/fleet/v1/units?alt=json", "/fleet/v1/units"])
        expect((await bed.ask(`http://domain-sock${path}`)).body).to.equal("{}");
      expect((await bed.ask("HTTP://domain-sock")).status).to.equal(405);
    });

    it("the discovery document is fleetd's, to the byte", async () => {
      const { headers, body } = await bed.ask("/fleet/v1/discovery");
      expect(headers["content-type"]).to.equal("application/json");
      expect(body).to.match(/^\{\n {2}"kind": "discovery#restDescription",\n/);
      expect(createHash("sha1").update(body).digest("hex")).to.equal(discoveryHash);
    });

    it("the discovery document describes what is served", async () => {
      const document = (await bed.get("/fleet/v1/discovery")) as {
        basePath: string;
        resources: Record<string, { methods: Record<string, { path: string; httpMethod: string }> }>;
      };
      expect(document).to.include({
        kind: "discovery#restDescription",
        basePath: "/fleet/v1/",
        version: "v1",
      });
      for (const { methods } of Object.values(document.resources)) {
        for (const { path, httpMethod } of Object.values(methods)) {
          const url = document.basePath + path.replace("{unitName}", "a.service");
          const { status, body } = await bed.ask(url, { method: httpMethod });
          expect([200, 404, 415], `${httpMethod} ${url}: ${body}`).to.include(status);
          if (status === 404) expect(body).to.match(/unit (state )?does not exist/);
        }
      }
    });
  });
}
