/** fleet's own round of each command: do it, list it, undo it, do it again, and again what is done already. */
import { expect } from "chai";
import { livesOn } from "../../support/living-units.ts";
import { useSharedCluster } from "../../support/shared-cluster.ts";
import { service } from "../../support/sleepers.ts";

const units = ["a.service", "b.service", "c.service"];

describe("every unit command", function () {
  this.timeout(60_000);
  const the = useSharedCluster();

  /** Rows of list-unit-files. */
  async function known(): Promise<readonly string[]> {
    const listed = await the.deployed.deisctl("list-unit-files", "--no-legend", "--fields=unit,dstate,state");
    return listed
      .split("\n")
      .filter((row) => row !== "")
      .map((row) => row.replaceAll(/\s+/g, " "));
  }

  /** Rows of list-units. */
  async function seen(): Promise<readonly string[]> {
    const listed = await the.deployed.deisctl("list-units", "--no-legend", "--fields=unit,load,active");
    return listed
      .split("\n")
      .filter((row) => row !== "")
      .map((row) => row.replaceAll(/\s+/g, " "));
  }

  for (const [command, undo, state, shown] of [
    ["submit", "destroy", "inactive", undefined],
    ["load", "unload", "loaded", "loaded inactive"],
    ["start", "stop", "launched", "loaded active"],
  ] as const) {
    it(`${command} of several units, its repetition, ${undo}, its repetition, and ${command} again`, async () => {
      const { deployed } = the;
      await deployed.write(Object.fromEntries(units.map((unit) => [unit, service()])));
      const wanted = units.map((unit) => `${unit} ${state} ${state}`);
      const rows = shown === undefined ? [] : units.map((unit) => `${unit} ${shown}`);
      await deployed.deisctl(command, ...units);
      expect(await known()).to.deep.equal(wanted);
      expect(await seen()).to.deep.equal(rows);

      const again = await deployed.tryDeisctl(command, ...units);
      expect({ code: again.code, stderr: again.stderr }).to.deep.equal({ code: 0, stderr: "" });
      expect(await known()).to.deep.equal(wanted);

      await deployed.deisctl(undo, ...units);
      const left = { destroy: [], unload: ["inactive"], stop: ["loaded"] }[undo];
      expect(await known()).to.deep.equal(
        left.length === 0 ? [] : units.map((unit) => `${unit} ${left} ${left}`),
      );
      const repeated = await deployed.tryDeisctl(undo, ...units);
      // A name that is unknown by now is an error here; fleetctl said so and ended with 0.
      expect(repeated.code).to.equal(undo === "destroy" ? 1 : 0);

      await deployed.deisctl(command, ...units);
      expect(await known()).to.deep.equal(wanted);
      expect(await seen()).to.deep.equal(rows);
    });
  }

  it("restart of several running units leaves each running, as another process", async () => {
    const { deployed } = the;
    await deployed.write(Object.fromEntries(units.map((unit) => [unit, service()])));
    await deployed.deisctl("start", ...units);
    const places = deployed.placements;
    const before = (await Promise.all(deployed.hosts.map(livesOn))).flat();
    await deployed.deisctl("restart", ...units);
    const after = (await Promise.all(deployed.hosts.map(livesOn))).flat();
    expect(after).to.have.length(3);
    expect(after.filter((life) => before.includes(life))).to.deep.equal([]);
    expect(deployed.placements).to.deep.equal(places);
  });

  it("with --replace takes the changed file: submit, load and start", async () => {
    const { deployed } = the;
    for (const command of ["submit", "load", "start"]) {
      const [first, second] = [service(), service({ service: `Environment=BY=${command}` })];
      await deployed.write({ "hello.service": first });
      await deployed.deisctl(command, "hello.service");
      await deployed.write({ "hello.service": second });
      const kept = await deployed.tryDeisctl(command, "hello.service");
      expect(kept.stderr, command).to.contain("differs from local unit file hello.service. Add --replace");
      expect(await deployed.deisctl("cat", "hello"), command).to.equal(first);
      await deployed.deisctl(command, "--replace", "hello.service");
      expect(await deployed.deisctl("cat", "hello"), command).to.equal(second);
      const same = await deployed.tryDeisctl(command, "--replace", "hello.service");
      expect(same.code, command).to.equal(0);
      await deployed.deisctl("destroy", "hello");
    }
  });

  it("status of a loaded unit says so, in systemctl's words and exit code", async () => {
    const { deployed } = the;
    await deployed.write({ "idle.service": service() });
    await deployed.deisctl("load", "idle.service");
    const { code, stdout } = await deployed.tryDeisctl("status", "idle");
    expect(stdout).to.contain("Loaded: loaded").and.contain("Active: inactive (dead)");
    expect(code).to.equal(3);
  });

  it("list-unit-files is in the order of names, however they came", async () => {
    const { deployed } = the;
    const names = Array.from({ length: 20 }, (_, at) => `u${String((at * 7) % 20).padStart(2, "0")}.service`);
    await deployed.write(Object.fromEntries(names.map((name) => [name, service()])));
    await deployed.deisctl("submit", ...names);
    expect((await known()).map((row) => row.split(" ")[0])).to.deep.equal([...names].sort());
  });
});
