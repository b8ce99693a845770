import { expect } from "chai";
import fc from "fast-check";
import { jsonLines } from "../../../agent/docker/json-lines.ts";
import { logLines, short } from "../../../agent/docker/logs.ts";

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("Docker's streams", () => {
  it("give whole objects however their bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ text: fc.string({ unit: "grapheme" }) })),
        sizes,
        async (objects, cuts) => {
          const bytes = Buffer.from(objects.map((object) => `${JSON.stringify(object)}\r\n`).join(""));
          expect(await all(jsonLines(cut(bytes, cuts)))).to.deep.equal(objects);
        },
      ),
    );
  });

  const line = fc.record({
    stream: fc.constantFrom("stdout" as const, "stderr" as const),
    text: fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text)),
  });

  it("give whole lines of a container's output however its frames are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line), sizes, async (written, cuts) => {
        const bytes = Buffer.concat(
          written.map(({ stream, text }) => frame(stream, `2026-11-20T20:43:42.5Z ${text}\n`)),
        );
        const read = await all(logLines(cut(bytes, cuts), false));
        expect(read.map(({ stream, text }) => ({ stream, text }))).to.deep.equal(written);
      }),
    );
  });

  it("join a line that came in several frames, also through a character", async () => {
    const bytes = Buffer.from("grüße\n");
    const middle = bytes.indexOf("ü") + 1;
    const stamp = Buffer.from("2026-11-20T20:43:42Z ");
    const frames = [bytes.subarray(0, middle), bytes.subarray(middle)].map((part) =>
      frame("stdout", Buffer.concat([stamp, part])),
    );
    const [read] = await all(logLines(cut(Buffer.concat(frames), [5]), false));
    expect(read?.text).to.equal("grüße");
  });

  it("are plain text from a container with a terminal", async () => {
    const bytes = Buffer.from("2026-11-20T20:43:42Z hello\r\n2026-11-20T20:43:43Z there");
    const read = await all(logLines(cut(bytes, [7]), true));
    expect(read.map(({ text }) => text)).to.deep.equal(["hello", "there"]);
  });

  it("print as journalctl does", () => {
    const written = { stream: "stdout" as const, at: new Date("2026-11-05T07:03:02.9Z"), text: "ready" };
    expect(short(written, "h1", "web@1[12]")).to.equal("Nov 05 07:03:02 h1 web@1[12]: ready");
  });
});

function frame(stream: "stdout" | "stderr", payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header[0] = stream === "stderr" ? 2 : 1;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}
