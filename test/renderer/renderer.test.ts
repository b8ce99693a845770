/** Passes of a renderer on keys in memory, with commands that the test answers. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { PlatformError } from "../../cluster/errors.ts";
import { systemClock } from "../../loop/clock.ts";
import type { Outcome } from "../../renderer/command.ts";
import type { RendererEvent } from "../../renderer/events.ts";
import { MachineWorld } from "../../renderer/machine-world.ts";
import { Renderer } from "../../renderer/renderer.ts";
import { parseResource } from "../../renderer/resource.ts";
import type { LiveKeys } from "../../renderer/source.ts";
import { eventually } from "../support/eventually.ts";

const never = new AbortController().signal;

class MemoryKeys implements LiveKeys {
  readonly synced = true;
  revision = 1n;
  readonly values = new Map<string, string>();
  #changed = new Set<string>();

  put(key: string, value: string): void {
    this.values.set(key, value);
    this.#changed.add(key);
    this.revision += 1n;
  }
  delete(key: string): void {
    this.values.delete(key);
    this.#changed.add(key);
  }
  get(key: string): string | undefined {
    return this.values.get(key);
  }
  keys(): Iterable<string> {
    return this.values.keys();
  }
  takeChanges(): Iterable<string> {
    const taken = this.#changed;
    this.#changed = new Set();
    return taken;
  }
  onChange(): () => void {
    return () => undefined;
  }
  async close(): Promise<void> {
    this.values.clear();
  }
}

const good: Outcome = { output: "", failure: undefined, durationMs: 0 };
const bad: Outcome = { ...good, failure: new PlatformError("command-failed", "exit status 1") };

describe("a renderer", () => {
  let directory: string;
  let keys: MemoryKeys;
  let events: RendererEvent[];
  let commands: string[];
  let rings: number;
  let answer: (command: string) => Outcome | Promise<Outcome>;
  let renderer: Renderer;
  let settled: bigint[];

  const open = (options: Partial<{ once: boolean; noop: boolean; syncOnly: boolean }> = {}) =>
    new Renderer({
      world: new MachineWorld(),
      run: async (command) => {
        commands.push(command);
        return answer(command);
      },
      clock: systemClock,
      tell: (event) => events.push(event),
      noop: false,
      syncOnly: false,
      keepStageFile: false,
      once: false,
      ring: () => {
        rings += 1;
      },
      onSettled: (revision) => settled.push(revision),
      identity: {
        uid: process.geteuid?.() ?? 0,
        gid: process.getegid?.() ?? 0,
        mayGiveAway: process.geteuid?.() === 0,
      },
      ...options,
    });
  const use = async (entries: Readonly<Record<string, readonly [template: string, more: string]>>) => {
    const resources = [];
    for (const [name, [template, more]] of Object.entries(entries)) {
      await writeFile(join(directory, "templates", name), template);
      const text = `[template]\nsrc = "${name}"\ndest = "${join(directory, name)}"\nkeys = ["/"]\n${more}`;
      resources.push(
        parseResource(text, `${name}.toml`, {
          templateDirectory: join(directory, "templates"),
          prefix: "",
          missingKey: "error",
        }),
      );
    }
    return renderer.setResources(resources);
  };
  const shown = (name: string) => readFile(join(directory, name), "utf8").catch(() => undefined);
  const pass = () => renderer.pass(keys, never);
  const kinds = (kind: RendererEvent["kind"]) => events.filter((event) => event.kind === kind).length;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-renderer-"));
    await mkdir(join(directory, "templates"));
    keys = new MemoryKeys();
    events = [];
    commands = [];
    rings = 0;
    settled = [];
    answer = () => good;
    renderer = open();
  });
  afterEach(async () => {
    await renderer.close(never);
    await rm(directory, { recursive: true, force: true });
  });

  it("is settled at a revision once its files are in place and made known, and tells each once", async () => {
    keys.put("/a", "1");
    await use({ a: ['{{getv "/a"}}', 'reload_cmd = "one"\nmin_reload_interval = "1ms"'] });
    let finish: (outcome: Outcome) => void = () => undefined;
    answer = () => new Promise((resolve) => (finish = resolve));
    await pass();
    expect(settled, "while the reload runs").to.deep.equal([]);
    await eventually(() => commands.length === 1);
    keys.put("/a", "2");
    await pass();
    expect(settled, "while the reload of an older revision runs").to.deep.equal([]);
    const before = rings;
    finish(good);
    await eventually(() => rings > before);
    await pass();
    expect(settled, "the older one").to.deep.equal([2n]);
    await eventually(async () => {
      await pass();
      return commands.length === 2;
    });
    finish(good);
    await eventually(async () => {
      await pass();
      return settled.at(-1) === 3n;
    });
    await pass();
    expect(settled).to.deep.equal([2n, 3n]);
    keys.put("/b", "read by nobody, but selected");
    await pass();
    expect(settled).to.deep.equal([2n, 3n, 4n]);
  });

  it("is held up by nothing that fails", async () => {
    keys.put("/a", "1");
    answer = () => bad;
    await use({
      a: ['{{getv "/a"}}', ""],
      b: ['{{getv "/b"}}', ""],
      c: ['{{getv "/a"}}', 'check_cmd = "no"'],
      d: ['{{getv "/a"}}', 'reload_cmd = "no"'],
    });
    await pass();
    await eventually(() => kinds("reload-failed") === 1);
    await pass();
    expect(settled).to.deep.equal([2n]);
  });

  it("puts all resources of a revision in place before it reloads, once for a command that several share", async () => {
    keys.put("/a", "1");
    const seen: (string | undefined)[][] = [];
    answer = async () => {
      seen.push([await shown("a"), await shown("b"), await shown("c")]);
      return good;
    };
    await use({
      a: ['{{getv "/a"}}', 'reload_cmd = "one"'],
      b: ['{{getv "/a"}}', 'reload_cmd = "one"'],
      c: ['{{getv "/a"}}', 'reload_cmd = "two"'],
    });
    await pass();
    await eventually(() => kinds("reloaded") === 2);
    expect([...commands].sort()).to.deep.equal(["one", "two"]);
    expect(seen).to.deep.equal([
      ["1", "1", "1"],
      ["1", "1", "1"],
    ]);
  });

  it("renders only those whose last render read what changed", async () => {
    keys.put("/a", "1");
    keys.put("/l/x", "1");
    await use({ a: ['{{getv "/a"}}', ""], b: ['{{getv "/b" "none"}}', ""], l: ['{{ls "/l"}}', ""] });
    await pass();
    expect(kinds("rendered")).to.equal(3);
    const renderedBy = async (change: () => void) => {
      events = [];
      change();
      await pass();
      return events.flatMap((event) =>
        event.kind === "rendered" ? [event.dest.slice(directory.length + 1)] : [],
      );
    };
    expect(await renderedBy(() => keys.put("/other", "x"))).to.deep.equal([]);
    expect(await renderedBy(() => keys.put("/a", "1"))).to.deep.equal([]);
    expect(await renderedBy(() => keys.put("/a", "2"))).to.deep.equal(["a"]);
    expect(await renderedBy(() => keys.put("/b", "now"))).to.deep.equal(["b"]);
    expect(await renderedBy(() => keys.put("/l/x", "2"))).to.deep.equal([]);
    expect(await renderedBy(() => keys.put("/l/y", "1"))).to.deep.equal(["l"]);
    expect(await renderedBy(() => keys.delete("/b"))).to.deep.equal(["b"]);
    expect(await shown("b")).to.equal("none");
  });

  it("checks every staged file before the first is put in place, and leaves out the one that fails", async () => {
    keys.put("/a", "1");
    answer = async (command) => {
      expect(await shown("b")).to.equal(undefined);
      return command.startsWith("bad") ? bad : good;
    };
    await use({ a: ["x", 'check_cmd = "bad {{.src}}"'], b: ["y", 'check_cmd = "good {{.src}}"'] });
    const failures = await pass();
    expect(failures.length).to.equal(1);
    expect([await shown("a"), await shown("b")]).to.deep.equal([undefined, "y"]);
    expect(renderer.dueInMs).to.be.a("number");
    expect(commands.find((command) => command.startsWith("bad"))).to.match(/^bad .*\/\.a\d+$/);
  });

  it("lets a slow check hold up no other resource, and puts its file in place when it has passed", async () => {
    let release: (outcome: Outcome) => void = () => undefined;
    answer = () => new Promise((resolve) => (release = resolve));
    await use({ a: ["x", 'check_cmd = "slow"'], b: ["y", ""] });
    await pass();
    expect([await shown("a"), await shown("b")]).to.deep.equal([undefined, "y"]);
    release(good);
    await eventually(async () => (await shown("a")) === "x");
    expect(kinds("updated")).to.equal(2);
    expect(rings).to.be.greaterThan(0);
  });

  it("restores the last good file of every resource when their reload fails, and reloads what it restored", async () => {
    keys.put("/a", "1");
    await use({ a: ['a{{getv "/a"}}', 'reload_cmd = "r"'], b: ['b{{getv "/a"}}', 'reload_cmd = "r"'] });
    await pass();
    await eventually(() => kinds("reloaded") === 1);
    answer = () => bad;
    keys.put("/a", "2");
    await pass();
    await eventually(async () => {
      renderer.dueInMs === 0 && (await pass());
      return kinds("restored") === 2;
    });
    expect([await shown("a"), await shown("b")]).to.deep.equal(["a1", "b1"]);
    await eventually(() => commands.length === 3);
    answer = () => good;
    await eventually(
      async () => {
        await pass();
        return (await shown("a")) === "a2" && kinds("reloaded") === 2;
      },
      { within: 8_000, every: 50 },
    );
  }).timeout(20_000);

  it("runs a failed reload again when there is no former file to restore", async () => {
    answer = () => bad;
    await use({ a: ["x", 'reload_cmd = "r"'] });
    await pass();
    await eventually(() => kinds("reload-failed") === 1);
    expect(await shown("a")).to.equal("x");
    answer = () => good;
    await eventually(
      async () => {
        await pass();
        return kinds("reloaded") === 1;
      },
      { within: 8_000, every: 50 },
    );
  }).timeout(20_000);

  it("fills in reload_cmd where a resource asks for it, and never else", async () => {
    await use({
      a: ["x", 'reload_cmd = "r {{.dest}}"\nreload_template = true'],
      b: ["x", 'reload_cmd = "r {{.dest}}"'],
    });
    await pass();
    await eventually(() => commands.length === 2);
    expect([...commands].sort()).to.deep.equal([`r ${join(directory, "a")}`, "r {{.dest}}"].sort());
  });

  it("runs nothing with sync-only, and changes nothing with noop", async () => {
    renderer = open({ syncOnly: true });
    await use({ a: ["x", 'check_cmd = "c"\nreload_cmd = "r"'] });
    await pass();
    expect([await shown("a"), commands.length]).to.deep.equal(["x", 0]);
    renderer = open({ noop: true });
    await use({ b: ["x", ""] });
    await pass();
    expect([await shown("b"), kinds("left-alone")]).to.deep.equal([undefined, 1]);
  });

  it("leaves the new file when the reload of a single run fails, as confd does", async () => {
    await writeFile(join(directory, "a"), "old");
    answer = () => bad;
    renderer = open({ once: true });
    await use({ a: ["new", 'reload_cmd = "r"'] });
    expect((await pass()).length).to.equal(1);
    expect(await shown("a")).to.equal("new");
  });

  it("keeps the mode of a file that is there, and sets it where a resource says", async () => {
    await writeFile(join(directory, "a"), "old", { mode: 0o600 });
    await use({ a: ["new", ""], b: ["new", 'mode = "0640"'] });
    await pass();
    const modes = await Promise.all(
      ["a", "b"].map(async (name) => (await stat(join(directory, name))).mode & 0o777),
    );
    expect(modes).to.deep.equal([0o600, 0o640]);
  });

  it("keeps what it knows of resources that stay when others come and go", async () => {
    keys.put("/a", "1");
    await use({ a: ['{{getv "/a"}}', ""] });
    await pass();
    expect(await use({ a: ['{{getv "/a"}}', ""], b: ['{{getv "/a"}}!', ""] })).to.equal(1);
    events = [];
    await pass();
    expect(kinds("rendered")).to.equal(1);
    expect(await shown("b")).to.equal("1!");
  });

  it("forgets keys that went away while it looked at another view", async () => {
    keys.put("/a", "1");
    keys.put("/b", "2");
    await use({ a: ['{{ls "/"}}', ""] });
    await pass();
    keys = new MemoryKeys();
    keys.put("/b", "2");
    await pass();
    expect(await shown("a")).to.equal("[b]");
  });
});
