import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import type { FastifyReply } from "fastify";
import { goJson } from "../../api/fleet/go-json.ts";
import { firstJsonValue } from "../../api/fleet/go-json-syntax.ts";
import { encodePageToken, findPageToken } from "../../api/fleet/page-token.ts";
import { PagedLists } from "../../api/fleet/paged-lists.ts";
import { FleetRefusal } from "../../api/fleet/refusal.ts";
import { StopEcho } from "../../api/fleet/stop-echo.ts";
import { idle } from "../../api/idle.ts";
import { inheritedSockets } from "../../api/inherited-sockets.ts";
import { Outage } from "../../api/outage.ts";
import { inTime } from "../../api/request-signal.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";

describe("Go's JSON", () => {
  for (const [value, text] of [
    [{ a: "<b>&", b: undefined }, '{"a":"\\u003cb\\u003e\\u0026"}'],
    ["\u2028\u2029", '"\\u2028\\u2029"'],
    ["\b\f\n\r\t\u0001", '"\\u0008\\u000c\\n\\r\\t\\u0001"'],
    ["\\b \\f \\\\b", '"\\\\b \\\\f \\\\\\\\b"'],
    ['"é😀', '"\\"é😀"'],
  ] as const) {
    it(`writes ${JSON.stringify(value)} as ${text}`, () => {
      expect(goJson(value)).to.equal(text);
    });
  }

  it("reads back as what was written, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(goJson(value))).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("never has a character that HTML would mind", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[<>&\u2028\u2029]/.test(goJson(text))));
  });
});

describe("what is no JSON", () => {
  // Each as encoding/json of Go 1.19 has it.
  for (const [text, words] of [
    ["", "EOF"],
    [" \n", "EOF"],
    ["{", "unexpected EOF"],
    ['{"a":"x', "unexpected EOF"],
    ["tru", "unexpected EOF"],
    ["-", "unexpected EOF"],
    ["hello", "invalid character 'h' looking for beginning of value"],
    ["\ufeff{}", "invalid character 'ï' looking for beginning of value"],
    ["]", "invalid character ']' looking for beginning of value"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ["trx", "invalid character 'x' in literal true (expecting 'u')"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['{"a":01}', "invalid character '1' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['{"a":-}', "invalid character '}' in numeric literal"],
    ['{"a":1.}', "invalid character '}' after decimal point in numeric literal"],
    ['{"a":1e+}', "invalid character '}' in exponent of numeric literal"],
  ] as const) {
    it(`is told in Go's words: ${JSON.stringify(text)} is ${words}`, () => {
      expect(firstJsonValue(text)).to.deep.equal({ kind: "wrong", message: words });
    });
  }

  it("ends a value where Go ends it, whatever follows", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, rest) => {
        const text = JSON.stringify(value);
        expect(firstJsonValue(`${text} ${rest}`)).to.deep.equal({ kind: "value", text });
      }),
    );
  });

  it("is whatever JSON.parse refuses, but for what follows a value", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'[]{}",:\\u0a1-.eE+ tn\n') }), (text) => {
        const first = firstJsonValue(text);
        if (first.kind === "value") JSON.parse(first.text);
        else expect(() => JSON.parse(text)).to.throw(SyntaxError);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is not looked at deeper than the stack: a mebibyte of brackets", () => {
    expect(firstJsonValue("[".repeat(1 << 20))).to.deep.equal({ kind: "wrong", message: "unexpected EOF" });
  });
});

describe("the echo of a stop", () => {
  let clock: ManualClock;
  let echo: StopEcho;

  beforeEach(() => {
    clock = new ManualClock();
    echo = new StopEcho({ monotonic: () => clock.monotonic(), leastMs: 400, mostMs: 5_000 });
    echo.stopped("a.service");
  });

  it("is told while fleetctl has not looked for the first time, whoever else has", async () => {
    expect(echo.tell("a.service")).to.equal(true);
    await clock.advance(300);
    expect(echo.tell("a.service")).to.equal(true);
    await clock.advance(200);
    expect(echo.tell("a.service")).to.equal(false);
    expect(echo.tell("b.service")).to.equal(false);
  });

  it("is told once to a fleetctl that looks late, and not for ever", async () => {
    await clock.advance(3_000);
    expect([echo.tell("a.service"), echo.tell("a.service")]).to.deep.equal([true, false]);
    echo.stopped("a.service");
    await clock.advance(5_001);
    expect(echo.tell("a.service")).to.equal(false);
  });

  it("ends when something else is asked of the unit", () => {
    echo.forget("a.service");
    expect(echo.tell("a.service")).to.equal(false);
  });
});

describe("a page token", () => {
  it("is fleet's for every page", () => {
    expect(encodePageToken({ page: 2 })).to.equal("ZAACAA==");
    expect(encodePageToken({ page: 65_535 })).to.equal("ZAD__w==");
  });

  it("reads back as what was written", () => {
    const snapshot = fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff }), snapshot, (page, name) => {
        const token = name === undefined ? { page } : { page, snapshot: name };
        expect(findPageToken([encodePageToken(token)])).to.deep.equal(token);
      }),
    );
  });

  it("is nothing else than an error when it is no token", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const token = findPageToken([text]);
          return token !== undefined && token.page > 0;
        } catch (error) {
          return error instanceof Error && error.message !== "";
        }
      }),
    );
  });
});

describe("paged lists", () => {
  const rows = (from: number) => Array.from({ length: 250 }, (_, at) => from + at);
  let now: number;
  let lists: PagedLists;
  beforeEach(() => {
    now = 0;
    lists = new PagedLists({ monotonic: () => now, lifeMs: 1_000, most: 3 });
  });
  const first = (revision: bigint, from: number) =>
    lists.page("units", undefined, revision, () => rows(from));
  const go = (token: string | undefined, revision: bigint, from: number) =>
    lists.page("units", findPageToken([token ?? ""]), revision, () => rows(from));

  it("share a snapshot between those who begin at one revision, until the last has it all", () => {
    const [a, b] = [first(1n, 0), first(1n, 0)];
    expect(lists.kept).to.equal(1);
    const a3 = go(go(a.nextPageToken, 2n, 1_000).nextPageToken, 2n, 1_000);
    expect(a3.rows[0]).to.equal(200);
    expect(go(go(b.nextPageToken, 3n, 2_000).nextPageToken, 3n, 2_000).rows[0]).to.equal(200);
    expect(lists.kept).to.equal(0);
  });

  it("give fleet's own token again once a list is read to its end", () => {
    const a = first(1n, 0);
    expect(first(2n, 1_000).nextPageToken).not.to.equal("ZAACAA==");
    go(go(a.nextPageToken, 2n, 0).nextPageToken, 2n, 0);
    expect(first(3n, 2_000).nextPageToken).to.equal("ZAACAA==");
  });

  it("forget a snapshot after a while, and the one used longest ago when there are too many", () => {
    const named = [1n, 2n, 3n].map((revision) => first(revision, Number(revision) * 1_000));
    expect(lists.kept).to.equal(3);
    first(4n, 4_000);
    expect(lists.kept).to.equal(3);
    expect(go(named[2]?.nextPageToken, 5n, 0).rows[0]).to.equal(3_100);
    now = 1_001;
    expect(lists.kept).to.equal(0);
    expect(() => go(named[2]?.nextPageToken, 5n, 0)).to.throw(FleetRefusal, "expired");
    // fleet's own token is then answered from what is.
    expect(go("ZAACAA==", 5n, 7_000).rows[0]).to.equal(7_100);
  });

  it("never mix lists, and every page of one listing is of one snapshot, whatever others do", () => {
    const step = fc.record({
      client: fc.integer({ min: 0, max: 3 }),
      list: fc.constantFrom("units", "state"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const under = new PagedLists({ monotonic: () => 0, most: 100 });
        const seen = new Map<string, { token: string | undefined; rows: string[] }>();
        let revision = 0n;
        for (const { client, list } of steps) {
          revision += 1n;
          const key = `${client} ${list}`;
          const known = seen.get(key);
          const token = known?.token === undefined ? undefined : findPageToken([known.token]);
          const at = revision;
          const page = under.page(list, token, at, () => rows(0).map((row) => `${list} ${at} ${row}`));
          const all = known?.token === undefined ? [...page.rows] : [...known.rows, ...page.rows];
          seen.set(key, { token: page.nextPageToken, rows: all });
          const [name, from] = all[0]?.split(" ") ?? [];
          expect(name).to.equal(list);
          expect(all).to.deep.equal(
            rows(0)
              .slice(0, all.length)
              .map((row) => `${list} ${from} ${row}`),
          );
        }
      }),
    );
  });
});

describe("sockets from systemd", () => {
  for (const [environment, sockets] of [
    [{ LISTEN_PID: "7", LISTEN_FDS: "2" }, [3, 4]],
    [{ LISTEN_PID: "8", LISTEN_FDS: "1" }, []],
    [{ LISTEN_PID: "7" }, []],
    [{ LISTEN_PID: "7", LISTEN_FDS: "x" }, []],
    [{}, []],
  ] as const) {
    it(`are ${JSON.stringify(sockets)} for ${JSON.stringify(environment)}`, () => {
      expect(inheritedSockets(environment, 7)).to.deep.equal(sockets);
    });
  }
});

describe("a request's time", () => {
  /** As much of a reply as is looked at: when it closes. */
  const reply = () => ({ raw: new EventEmitter() }) as unknown as FastifyReply;
  const never = new AbortController().signal;
  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );
  /** Heeds no signal. */
  const deaf = () => new Promise<never>(() => undefined);

  it("ends work that heeds no signal", async () => {
    expect(await failure(inTime(reply(), never, deaf, 10))).to.include({
      code: "answer-late",
      retryable: true,
    });
  });

  it("ends with the client and with the server", async () => {
    const asked = reply();
    const left = failure(inTime(asked, never, deaf));
    asked.raw.emit("close");
    expect(String(await left)).to.contain("the client has gone away");
    const closing = new AbortController();
    const stopped = failure(inTime(reply(), closing.signal, deaf));
    closing.abort(new Error("stopping"));
    expect(String(await stopped)).to.contain("stopping");
  });

  it("gives what comes in time, also if it is an error", async () => {
    expect(await inTime(reply(), never, async () => 7)).to.equal(7);
    const thrown = new Error("no");
    expect(
      await failure(
        inTime(reply(), never, () => {
          throw thrown;
        }),
      ),
    ).to.equal(thrown);
  });
});

describe("an outage", () => {
  it("is one only after a while, and ends with the connection", () => {
    let now = 0;
    const outage = new Outage(() => now);
    outage.began(new Error("gone"));
    now = 1_900;
    outage.began(new Error("still gone"));
    expect(outage.problem).to.equal(undefined);
    now = 3_000;
    expect(outage.problem).to.include({ code: "store-unreachable", retryable: true });
    outage.ended();
    expect(outage.problem).to.equal(undefined);
  });
});

describe("an idle server", () => {
  it("is idle only after its last connection has been gone for a while", async () => {
    const directory = await mkdtemp(join(tmpdir(), "deis-idle-"));
    const path = join(directory, "s.sock");
    const server = createServer((socket) => socket.resume());
    const clock = new ManualClock();
    let isIdle = false;
    void idle(server, 1_000, clock).then(() => {
      isIdle = true;
    });
    server.listen(path);
    await once(server, "listening");
    await clock.advance(900);
    const accepted = once(server, "connection");
    const socket = connect(path);
    await accepted;
    await clock.advance(5_000);
    expect(isIdle).to.equal(false);
    socket.end();
    await eventually(() => clock.sleeping === 1);
    await clock.advance(900);
    expect(isIdle).to.equal(false);
    await clock.advance(200);
    expect(isIdle).to.equal(true);
    server.close();
    await rm(directory, { recursive: true });
  });
});
