/**
 * Docker streams JSON objects separated by newlines, and cuts its chunks anywhere: also inside an object, also inside a
 * character of several bytes.
 */

/** The objects of a stream, each as soon as its line is complete. A last line without newline counts; empty lines do not. */
export async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  for await (const line of lines(chunks)) if (line.trim() !== "") yield JSON.parse(line);
}

/** The lines of a byte stream as text, without their newlines. */
export async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
