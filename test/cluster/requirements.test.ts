import { expect } from "chai";
import { splitMultivalue } from "../../cluster/fleet-words.ts";
import { requirementWarnings, validateRequirements, validateRuns } from "../../cluster/requirement-checks.ts";
import { noRequirements, parseRequirements } from "../../cluster/requirements.ts";
import { parseUnitFile } from "../../cluster/unit-file.ts";
import { failure } from "../support/failure.ts";

const fleet = (...lines: string[]) => parseUnitFile(`[X-Fleet]\n${lines.join("\n")}\n`);
const read = (...lines: string[]) => parseRequirements(fleet(...lines), "web@2.service");
const metadata = (...lines: string[]) => Object.fromEntries(read(...lines).machineMetadata);

describe("a value of [X-Fleet]", () => {
  for (const [value, words] of [
    ['"bar" "ping" "pong"', ["bar", "ping", "pong"]],
    ['"bar"', ["bar"]],
    ["", [""]],
    ['""', [""]],
    ['"bar', ['"bar']],
    ['bar"', ['bar"']],
    ['foo\\"bar', ['foo\\"bar']],
    ['"bar" "', ["bar", ""]],
    ['"foo\\"bar"', ["foo\\bar"]],
    ['"', [""]],
    ['"a b" "c"', ["a b", "c"]],
  ] as const) {
    it(`${JSON.stringify(value)} holds ${JSON.stringify(words)}`, () => {
      expect(splitMultivalue(value)).to.deep.equal(words);
    });
  }
});

describe("requirements", () => {
  it("of a file without [X-Fleet] ask for nothing", () => {
    const nothing = { machineOf: [], conflicts: [], replaces: [], global: false, fence: false };
    expect(parseRequirements(parseUnitFile("[Unit]\nGlobal=true\n"), "a.service")).to.deep.equal({
      ...noRequirements,
      ...nothing,
      machineMetadata: new Map(),
    });
    expect(read()).to.deep.include(nothing);
  });

  for (const [lines, id] of [
    [["MachineID=123"], "123"],
    [["X-ConditionMachineID=123"], "123"],
    [["X-ConditionMachineBootID=123"], "123"],
    [['MachineID="123" "456"'], "123"],
    [["MachineID=123", "MachineID=456"], "123"],
    [["X-ConditionMachineID=123", "MachineID=456"], "456"],
    [["MachineID=456", "X-ConditionMachineID=123"], "456"],
    [["X-ConditionMachineBootID=123", "X-ConditionMachineID=456"], "456"],
    [["X-ConditionMachineBootID=123", "MachineID=456"], "456"],
  ] as const) {
    it(`take the machine "${id}" from ${lines.join(", ")}`, () => {
      expect(read(...lines).machineId).to.equal(id);
    });
  }

  it("have no machine unless one is named", () => {
    expect(read("Conflicts=x")).to.not.have.property("machineId");
  });

  for (const [lines, map] of [
    [["MachineMetadata=foo=bar"], { foo: ["bar"] }],
    [["X-ConditionMachineMetadata=foo=bar"], { foo: ["bar"] }],
    [["MachineMetadata=foo=bar", "MachineMetadata=foo=baz"], { foo: ["bar", "baz"] }],
    [["MachineMetadata=foo=bar", "MachineMetadata=foo=bar"], { foo: ["bar"] }],
    [["MachineMetadata=foo=bar", "MachineMetadata=baz=qux"], { foo: ["bar"], baz: ["qux"] }],
    [['MachineMetadata="foo=bar" "baz=qux" "foo=x"'], { foo: ["bar", "x"], baz: ["qux"] }],
    [['MachineMetadata="foo=a b"'], { foo: ["a b"] }],
    [["MachineMetadata=foo=new", "X-ConditionMachineMetadata=foo=old"], { foo: ["old", "new"] }],
    [["MachineMetadata=foo=%i"], { foo: ["2"] }],
    [["MachineMetadata=foo"], {}],
    [["MachineMetadata==bar"], {}],
    [["MachineMetadata=foo="], {}],
    [["MachineMetadata=foo=bar=baz"], {}],
    [["MachineMetadata=foo=asdf=WHAT", "MachineMetadata=a=b"], { a: ["b"] }],
  ] as const) {
    it(`want the metadata ${JSON.stringify(map)} after ${lines.join(", ")}`, () => {
      expect(metadata(...lines)).to.deep.equal(map);
    });
  }

  for (const [line, global] of [
    ["Global=true", true],
    ["Global=True", true],
    ["Global=TRUE", true],
    ["Global=yes", true],
    ["Global=YES", true],
    ["Global=1", true],
    ["Global=on", true],
    ["Global=t", true],
    ['Global="true"', true],
    ["Global=false", false],
    ["Global=no", false],
    ["Global=0", false],
    ["Global=off", false],
    ["Global=y", false],
    ["Global=", false],
    ["Global=what", false],
    ["Global=true\nGlobal=false", false],
    ["Global=false\nGlobal=true", true],
    ['Global="true" "false"', false],
  ] as const) {
    it(`are ${global ? "" : "not "}global with ${line.replace("\n", ", ")}`, () => {
      expect(read(line).global).to.equal(global);
    });
  }

  it("add up peers, conflicts and replacements of several lines, legacy names first", () => {
    const requirements = read(
      'MachineOf="a.service" "b.service"',
      "X-ConditionMachineOf=c.service",
      "Conflicts=x.service  y@*.service",
      "X-Conflicts=z.*",
      'Conflicts="v.service" "w.service"',
      "Replaces=one two",
      'Replaces="three" "four"',
    );
    expect(requirements.machineOf).to.deep.equal(["c.service", "a.service", "b.service"]);
    expect(requirements.conflicts).to.deep.equal([
      "z.*",
      "x.service",
      "y@*.service",
      "v.service",
      "w.service",
    ]);
    expect(requirements.replaces).to.deep.equal(["one two", "three", "four"]);
  });

  it("expand fleet's four specifiers and no others", () => {
    const file = fleet("MachineOf=%n", "MachineOf=%N", "MachineOf=%p", "MachineOf=%i", "MachineOf=%H%%m%I");
    expect(parseRequirements(file, "web@2.service").machineOf).to.deep.equal([
      "web@2.service",
      "web@2",
      "web",
      "2",
      "%H%%m%I",
    ]);
    expect(parseRequirements(file, "test.service").machineOf.slice(0, 4)).to.deep.equal([
      "test.service",
      "test",
      "test",
      "",
    ]);
    expect(parseRequirements(file).machineOf.slice(0, 2)).to.deep.equal(["%n", "%N"]);
  });

  it("know Fence, read like Global", () => {
    expect(read("Fence=true").fence).to.equal(true);
    expect(read("Fence=true", "Fence=no").fence).to.equal(false);
  });

  it("know what a machine must not be", () => {
    const requirements = read("MachineMetadata=disk!=hdd", 'MachineMetadata="disk!=tape" "zone=a" "a!b=c"');
    expect(Object.fromEntries(requirements.machineMetadataNot)).to.deep.equal({ disk: ["hdd", "tape"] });
    expect(Object.fromEntries(requirements.machineMetadata)).to.deep.equal({ zone: ["a"], "a!b": ["c"] });
    expect(Object.fromEntries(read("MachineMetadata=!=x").machineMetadata)).to.deep.equal({ "!": ["x"] });
  });

  it("know our own words", () => {
    expect(
      read(
        "PrefersNot=db@*.service  cache.service",
        "PrefersNot=%p@*.service",
        "MaxPerMachine=2",
        "SpreadBy=zone rack",
        "SpreadBy=zone",
        "MoveAfterFailures=3",
        "RunOnce=yes",
      ),
    ).to.deep.equal({
      ...noRequirements,
      prefersNot: ["db@*.service", "cache.service", "web@*.service"],
      maxPerMachine: 2,
      spreadBy: ["zone", "rack"],
      moveAfterFailures: 3,
      runOnce: true,
    });
  });

  it("take a number back with an empty value, and count the last one", () => {
    expect(read("MaxPerMachine=2", "MaxPerMachine=3").maxPerMachine).to.equal(3);
    expect(read("MaxPerMachine=2", "MaxPerMachine=")).to.not.have.property("maxPerMachine");
  });

  for (const line of [
    "MaxPerMachine=0",
    "MaxPerMachine=two",
    "MoveAfterFailures=-1",
    "MoveAfterFailures=1.5",
  ]) {
    it(`refuse ${line}`, () => {
      const error = failure(() => read("Conflicts=x", line));
      expect(error.code).to.equal("unit-file-invalid");
      expect(error.message).to.match(/^Invalid unit file at line 3: .* is not a whole number from 1$/);
    });
  }

  it("hold the calendar as systemd does: lines add up, an empty one begins anew", () => {
    expect(read("OnCalendar=daily", "OnCalendar=Mon 03:00").onCalendar).to.deep.equal(["daily", "Mon 03:00"]);
    expect(read("OnCalendar=daily", "OnCalendar=", "OnCalendar=hourly").onCalendar).to.deep.equal(["hourly"]);
  });

  it("refuse a calendar expression that is none, with its line", () => {
    const error = failure(() => read("RunOnce=true", "OnCalendar=25:00"));
    expect(error.code).to.equal("unit-file-invalid");
    expect(error.message).to.contain('line 3: Cannot read the calendar expression "25:00"');
  });

  it("merge repeated sections", () => {
    const file = parseUnitFile("[X-Fleet]\nConflicts=a\n[Unit]\nConflicts=b\n[X-Fleet]\nConflicts=c\n");
    expect(parseRequirements(file, "x.service").conflicts).to.deep.equal(["a", "c"]);
  });

  for (const name of [
    "X-ConditionConflicts",
    "X-Peers",
    "Machineof",
    "X-Global",
    "global",
    "X-ConditionMachineId",
    "MachineId",
    "X-MachineMetadata",
    "X-ConditionMetadata",
    "",
  ]) {
    it(`do not know "${name}"`, () => {
      const error = failure(() => read("Conflicts=x", `${name}=y`));
      expect(error.code).to.equal("unit-file-invalid");
      expect(error.message).to.equal(
        `Invalid unit file at line 3: unrecognized requirement in [X-Fleet] section: "${name}"`,
      );
      expect(error.hint).to.contain(
        "MachineID, MachineOf, MachineMetadata, Conflicts, PrefersNot, Replaces, MaxPerMachine, SpreadBy, MoveAfterFailures, RunOnce, OnCalendar, Global, Fence",
      );
    });
  }
});

describe("a combination of requirements", () => {
  const full = "f1ee0001".repeat(4);
  for (const lines of [
    [`MachineID=${full}`],
    [`MachineID=${full}`, "MachineMetadata=a=b"],
    ["MachineID=zyx"],
    ["MachineMetadata=a=b", "MachineOf=db.service", "Conflicts=web.*"],
    ["Global=true", "Conflicts=x.service"],
    ["Global=true", "MachineMetadata=a=b"],
    [`MachineID=${full}`, "Global=false"],
    ["MachineOf=%p.service", "Conflicts=%n"],
    ["MachineOf=db.service", "Conflicts=["],
    ["Replaces=a.service", "MachineMetadata=a=b"],
    ["MachineOf=db@*.service", "RunOnce=true", "Fence=true"],
    [`MachineID=${full}`, "OnCalendar=daily", "MaxPerMachine=1"],
    ["Global=true", "PrefersNot=x.service"],
  ]) {
    it(`holds: ${lines.join(", ")}`, () => {
      validateRequirements(parseRequirements(fleet(...lines)));
    });
  }

  for (const [lines, message] of [
    [
      ["MachineOf=foo.service", "Conflicts=*"],
      'unresolvable requirements: peer "foo.service" matches conflict "*"',
    ],
    [
      ['MachineOf="a.service" "b.service"', "X-Conflicts=c.* b.*"],
      'unresolvable requirements: peer "b.service" matches conflict "b.*"',
    ],
    [
      ["MachineOf=foo.service", "Replaces=foo.*", "MachineID=x"],
      'unresolvable requirements: peer "foo.service" matches replace "foo.*"',
    ],
    [["MachineID=x", "MachineOf=a.service", "Conflicts=b"], "MachineID cannot be used with Peers"],
    [["MachineID=x", "Conflicts=b", "Global=true"], "MachineID cannot be used with Conflicts"],
    [["X-ConditionMachineBootID=x", "Global=true", "Replaces=a"], "MachineID cannot be used with Global"],
    [["MachineID=f1ee0001", "Replaces=a"], "MachineID cannot be used with Replaces"],
    [["Global=true", "MachineOf=a.service", "Replaces=b"], "Global cannot be used with Peers"],
    [["Global=true", "Replaces=b", "Conflicts=c"], "Global cannot be used with Replaces"],
    [["Replaces=b", "Conflicts=c"], "Conflicts cannot be used with Replaces"],
    [["Global=true", "RunOnce=true"], "Global cannot be used with RunOnce"],
    [["Global=true", "OnCalendar=daily"], "Global cannot be used with OnCalendar"],
    [["Global=true", "MoveAfterFailures=1"], "Global cannot be used with MoveAfterFailures"],
    [["MachineID=x", "MoveAfterFailures=1"], "MachineID cannot be used with MoveAfterFailures"],
    [["MachineOf=a.service", "MoveAfterFailures=1"], "Peers cannot be used with MoveAfterFailures"],
    [
      ["MoveAfterFailures=1", "OnCalendar=daily"],
      "MoveAfterFailures cannot be used with RunOnce or OnCalendar",
    ],
    [["Replaces=a.service", "RunOnce=true"], "Replaces cannot be used with RunOnce or OnCalendar"],
    [
      ["MachineID=f1ee0001"],
      'MachineID "f1ee0001" is a short machine id, and only a full one names a machine',
    ],
  ] as const) {
    it(`is refused: ${lines.join(", ")}`, () => {
      const error = failure(() => validateRequirements(parseRequirements(fleet(...lines))));
      expect(error).to.include({ code: "unit-file-invalid", message });
    });
  }
});

describe("a warning about requirements", () => {
  it("is given for what has no effect or cannot be met, with its line", () => {
    const file = fleet(
      "MachineMetadata=ssd",
      "Conflicts=web[ db.service",
      "MachineID=zyx",
      "MachineOf=",
      "Replaces=[",
      "MachineMetadata=a=b",
    );
    expect(requirementWarnings(file, "x.service")).to.deep.equal([
      'Line 2: MachineMetadata="ssd" has no effect, because it is not of the form key=value or key!=value',
      'Line 3: Conflicts="web[" matches nothing, because the pattern is malformed',
      'Line 4: MachineID="zyx" can match no machine, because a machine id is 32 lower-case hex digits',
      "Line 5: MachineOf= names no unit, so no machine can meet it",
      'Line 6: Replaces="[" matches nothing, because the pattern is malformed',
    ]);
  });

  it("is given for a clash that only the unit's name brings about", () => {
    const file = fleet("MachineOf=%p@1.service", "Conflicts=%p@*.service");
    expect(requirementWarnings(file, "web@2.service")).to.deep.equal([
      'No machine can take "web@2.service": unresolvable requirements: peer "web@1.service" matches conflict "web@*.service"',
    ]);
    expect(requirementWarnings(fleet("Conflicts=%p@*.service"), "web@2.service")).to.deep.equal([]);
  });

  it("is given for words that cannot do anything for the unit", () => {
    const service = (restart: string, ...lines: string[]) =>
      parseUnitFile(`[Service]\nRestart=${restart}\n[X-Fleet]\n${lines.join("\n")}\n`);
    const warnings = (file: ReturnType<typeof fleet>, name = "web@1.service") =>
      requirementWarnings(file, name);
    expect(warnings(fleet("MaxPerMachine=1", "SpreadBy=zone"), "web.service")).to.deep.equal([
      'MaxPerMachine has no effect, because "web.service" is no instance of a template',
      'SpreadBy has no effect, because "web.service" is no instance of a template',
    ]);
    expect(warnings(fleet("MaxPerMachine=1", "SpreadBy=zone"), "web@.service")).to.deep.equal([]);
    expect(warnings(fleet("Global=true", "SpreadBy=zone"))).to.deep.equal([
      "SpreadBy has no effect, because Global leaves no choice of a machine",
    ]);
    expect(warnings(fleet("MachineOf=db.service", "PrefersNot=db*"))).to.deep.equal([
      'PrefersNot has no effect on "db.service", because MachineOf puts the unit beside it',
    ]);
    expect(warnings(fleet("MachineMetadata=a=b", "MachineMetadata=a!=b"))).to.deep.equal([
      'No machine can take "web@1.service": MachineMetadata asks for "a=b" and for "a!=b"',
    ]);
    expect(warnings(service("always", "RunOnce=true"))).to.deep.equal([
      "The unit never runs to its end, because Restart=always starts it again each time",
    ]);
    expect(warnings(service("no", "MoveAfterFailures=3"))).to.deep.equal([
      "MoveAfterFailures=3 is never reached, because without Restart= the unit fails once and stays failed",
    ]);
    expect(warnings(service("on-failure", "MoveAfterFailures=3"))).to.deep.equal([]);
  });

  it("is given for a malformed glob of MachineOf and PrefersNot, but not for a name with a backslash", () => {
    expect(
      requirementWarnings(
        fleet("MachineOf=db[.service", "PrefersNot=[", "MachineOf=dev-a\\x2db.service"),
        "x.service",
      ),
    ).to.deep.equal([
      'Line 2: MachineOf="db[.service" matches nothing, because the pattern is malformed',
      'Line 3: PrefersNot="[" matches nothing, because the pattern is malformed',
    ]);
  });
});

describe("a unit that runs to its end", () => {
  it("must be a service", () => {
    const timer = parseRequirements(fleet("OnCalendar=daily"));
    validateRuns(timer, "backup@.service");
    expect(failure(() => validateRuns(timer, "backup.timer"))).to.include({
      code: "unit-file-invalid",
      message: 'OnCalendar needs a service, and "backup.timer" is none',
    });
    validateRuns(noRequirements, "backup.timer");
  });
});
