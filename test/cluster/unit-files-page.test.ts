import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parseCalendar } from "../../cluster/calendar.ts";
import { containerNames, serviceNames } from "../../cluster/container-options.ts";
import { containerSpecifiers } from "../../cluster/specifiers.ts";
import { checkUnitFile } from "../../cluster/unit.ts";

const page = readFileSync(new URL("../../docs/unit-files.md", import.meta.url), "utf8");

describe("the page about timers", () => {
  it("shows a unit that can be submitted", () => {
    const timers = readFileSync(new URL("../../docs/timers.md", import.meta.url), "utf8");
    const [, name = "", text = ""] = /```ini\n# (\S+)\n(.*?)```/s.exec(timers) ?? [];
    expect(checkUnitFile(name, text).warnings).to.deep.equal([]);
  });

  it("shows expressions that are read", () => {
    const timers = readFileSync(new URL("../../docs/timers.md", import.meta.url), "utf8");
    const rows = [...timers.matchAll(/^\| (`.*?) \| (?!ticks)/gm)].map(([, cell = ""]) => cell);
    expect(rows.length).to.be.greaterThan(3);
    for (const [, expression = ""] of rows.join().matchAll(/`([^`]+)`/g)) parseCalendar(expression);
  });
});

describe("the page about unit files", () => {
  const examples = [...page.matchAll(/```ini\n# (\S+)\n(.*?)```/gs)].map(([, name = "", text = ""]) => ({
    name,
    text,
  }));

  it("has examples", () => {
    expect(examples.map(({ name }) => name)).to.include("web@.service");
  });

  for (const { name, text } of examples) {
    it(`shows a ${name} that can be submitted`, () => {
      expect(checkUnitFile(name, text).warnings).to.deep.equal([]);
    });
  }

  for (const name of [...containerNames, ...serviceNames]) {
    it(`tells what ${name}= is`, () => {
      expect(page).to.contain(`\`${name}=`);
    });
  }

  it("lists the specifiers", () => {
    for (const specifier of containerSpecifiers) expect(page).to.contain(specifier);
  });
});
