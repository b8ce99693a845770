/**
 * fleet's page tokens: URL-safe base64 of two little-endian 16-bit numbers, the page's size and its number from 1.
 * Behind these four bytes, which are all that fleetd read, a token of ours may name the snapshot that it goes on with.
 *
 * Pure.
 */

/** How many records make a page; a client must return it as it got it. */
export const pageSize = 100;
export const mostPages = 0xffff;

export interface PageToken {
  readonly page: number;
  /** Absent: the snapshot that was begun without a name. */
  readonly snapshot?: number;
}

/** What is wrong with a token, in fleetd's words. */
export class PageTokenError extends Error {}

export function encodePageToken({ page, snapshot }: PageToken): string {
  const bytes = Buffer.alloc(snapshot === undefined ? 4 : 8);
  bytes.writeUInt16LE(pageSize, 0);
  bytes.writeUInt16LE(page, 2);
  if (snapshot !== undefined) bytes.writeUInt32LE(snapshot, 4);
  // Go's URLEncoding keeps the padding, Node's "base64url" drops it.
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** The token among the values of `nextPageToken`, if there is one. Throws `PageTokenError`. */
export function findPageToken(values: readonly string[]): PageToken | undefined {
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1) throw new PageTokenError("too many values for page token");
  const bytes = decodeBase64Url(value);
  if (bytes.length < 4) throw new PageTokenError(bytes.length === 0 ? "EOF" : "unexpected EOF");
  if (bytes.readUInt16LE(0) !== pageSize) throw new PageTokenError(`token limit must be ${pageSize}`);
  const page = bytes.readUInt16LE(2);
  if (page === 0) throw new PageTokenError("token page must be greater than zero");
  return bytes.length >= 8 ? { page, snapshot: bytes.readUInt32LE(4) } : { page };
}

/** Decodes as strictly as Go does, with the position of the fault in its words. */
function decodeBase64Url(text: string): Buffer {
  const wrong = /[^A-Za-z0-9_-]/.exec(text.replace(/={1,2}$/, ""));
  if (wrong) throw new PageTokenError(`illegal base64 data at input byte ${wrong.index}`);
  if (text.length % 4 !== 0) {
    throw new PageTokenError(`illegal base64 data at input byte ${text.length - (text.length % 4)}`);
  }
  return Buffer.from(text, "base64url");
}
