import { expect } from "chai";
import fc from "fast-check";
import { PlatformError } from "../../cluster/errors.ts";
import {
  instanceName,
  isTemplate,
  isUnitName,
  mangleUnitName,
  nameParts,
  templateOf,
  validateUnitName,
} from "../../cluster/unit-name.ts";
import { failure } from "../support/failure.ts";

describe("unit names", () => {
  for (const name of [
    "foo.service",
    "hello.mount",
    "foo@123.service",
    "foo@.service",
    "yo.yo.service",
    "hello@world.path",
    "hello:world.service",
    "yes@no\\.service",
    "foo-bar.mount",
    "jalapano_chips.service",
    "foo@1.path",
    "foo@1.service",
    "foo@1.socket",
    "foo@1.target",
    "foo@1.timer",
    `${"x".repeat(248)}.service`,
  ]) {
    it(`accepts "${name}"`, () => {
      validateUnitName(name);
      expect(isUnitName(name)).to.equal(true);
    });
  }

  for (const [name, message] of [
    ["", "unit name cannot be empty"],
    [`${"x".repeat(249)}.service`, "unit name exceeds maximum length (256)"],
    [`${"é".repeat(125)}.service`, "unit name exceeds maximum length (256)"],
    ["fooservice", 'unit name must contain "."'],
    ["bar@foo", 'unit name must contain "."'],
    ["foo.", 'unit name cannot end in "."'],
    ["foo.service.", 'unit name cannot end in "."'],
    ["foo.bar", 'invalid unit type: "bar"'],
    ["foo.servICE", 'invalid unit type: "servICE"'],
    ["foo@1.unknown", 'invalid unit type: "unknown"'],
    ["dog=woof@.mount", 'invalid unit type for template: "mount"'],
    ...["automount", "busname", "device", "mount", "scope", "slice", "snapshot", "swap"].map(
      (type) => [`foo@1.${type}`, `invalid unit type for template: "${type}"`] as const,
    ),
    ["foo%.service", "invalid character '%' in unit name"],
    ["foo$asd.service", "invalid character '$' in unit name"],
    ["hello##.mount", "invalid character '#' in unit name"],
    ["yes/no.service", "invalid character '/' in unit name"],
    ["this+that.mount", "invalid character '+' in unit name"],
    ["it's.service", "invalid character '\\'' in unit name"],
    ["a\nb.service", "invalid character '\\n' in unit name"],
    ["smile😀.service", "invalid character '😀' in unit name"],
    ["@foo.service", 'unit name cannot start in "@"'],
  ] as const) {
    it(`refuses ${JSON.stringify(name.slice(0, 40))} with fleet's words`, () => {
      const error = failure(() => validateUnitName(name));
      expect(error).to.include({ code: "unit-name-invalid", message });
      expect(error.hint).to.be.a("string").and.not.equal("");
      expect(isUnitName(name)).to.equal(false);
    });
  }

  it("never fail with anything but a PlatformError", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        try {
          validateUnitName(name);
        } catch (error) {
          expect(error).to.be.instanceOf(PlatformError);
        }
      }),
    );
  });
});

describe("the parts of a name", () => {
  for (const [name, parts] of [
    ["foo.service", { stem: "foo", prefix: "foo", type: "service" }],
    ["foo@.service", { stem: "foo@", prefix: "foo", type: "service", template: "foo@.service" }],
    [
      "foo@bar.service",
      { stem: "foo@bar", prefix: "foo", type: "service", template: "foo@.service", instance: "bar" },
    ],
    [
      "foo@bar@baz.service",
      { stem: "foo@bar@baz", prefix: "foo", type: "service", template: "foo@.service", instance: "bar@baz" },
    ],
    ["foo.1@.service", { stem: "foo.1@", prefix: "foo.1", type: "service", template: "foo.1@.service" }],
    [
      "foo.1@2.service",
      { stem: "foo.1@2", prefix: "foo.1", type: "service", template: "foo.1@.service", instance: "2" },
    ],
    ["ssh@.socket", { stem: "ssh@", prefix: "ssh", type: "socket", template: "ssh@.socket" }],
    [
      "ssh@1.socket",
      { stem: "ssh@1", prefix: "ssh", type: "socket", template: "ssh@.socket", instance: "1" },
    ],
  ] as const) {
    it(`of ${name} are read as fleet read them`, () => {
      expect(nameParts(name)).to.deep.equal({ name, ...parts });
    });
  }

  it("do not exist without a type", () => {
    expect(nameParts("foo")).to.equal(undefined);
    expect(nameParts("bar@baz")).to.equal(undefined);
  });

  it("tell templates, instances and plain names apart", () => {
    expect([isTemplate("web@.service"), templateOf("web@.service")]).to.deep.equal([true, undefined]);
    expect([isTemplate("web@1.service"), templateOf("web@1.service")]).to.deep.equal([false, "web@.service"]);
    expect([isTemplate("web.service"), templateOf("web.service")]).to.deep.equal([false, undefined]);
  });
});

describe("a command's argument", () => {
  for (const [argument, name] of [
    ["foo", "foo.service"],
    ["foo.service", "foo.service"],
    ["foo.socket", "foo.socket"],
    ["foo.timer", "foo.timer"],
    ["foo.path", "foo.path"],
    ["foo.device", "foo.device"],
    ["foo.mount", "foo.mount"],
    ["foo.automount", "foo.automount"],
    ["foo.target", "foo.target.service"],
    ["foo.swap", "foo.swap.service"],
    ["foo.link", "foo.link.service"],
    ["web@1", "web@1.service"],
    ["units/web@1.service", "web@1.service"],
    ["/srv/units/web/", "web.service"],
    ["../web", "web.service"],
  ] as const) {
    it(`"${argument}" means ${name}`, () => {
      expect(mangleUnitName(argument)).to.equal(name);
    });
  }
});

describe("an instance's name", () => {
  it("puts the instance into the template and is taken apart again", () => {
    expect(instanceName("web@.service", "1")).to.equal("web@1.service");
    expect(templateOf(instanceName("web@.service", "eu-1"))).to.equal("web@.service");
  });

  it("is refused for what is no template, for no instance and for a bad one", () => {
    expect(failure(() => instanceName("web.service", "1")).message).to.equal(
      'Cannot make an instance of "web.service": not a template',
    );
    expect(failure(() => instanceName("web@1.service", "1")).code).to.equal("unit-name-invalid");
    expect(failure(() => instanceName("web@.service", "")).code).to.equal("unit-name-invalid");
    expect(failure(() => instanceName("web@.service", "a b")).message).to.equal(
      "invalid character ' ' in unit name",
    );
  });
});
