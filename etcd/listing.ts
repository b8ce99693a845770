/** Reading a whole range, page by page, at one revision. */
import { hasCode } from "../cluster/errors.ts";
import type { CallLimits, EtcdClient, Header, KeyRange, KeyValue } from "./protocol.ts";

/**
 * Entries a page. Not fewer: etcd 3.4 walks its index to the end of the range for every page, so many small pages cost it the square of
 * the range. Not all at once: it would hold the whole answer in memory.
 */
const pageSize = 10_000;
/** How often a listing is begun again when etcd compacts its revision away meanwhile. */
const restarts = 3;

export interface Listing {
  /** Of the first page; its revision is that of all entries. */
  readonly header: Header;
  /** One list per range asked for, each sorted by key. */
  readonly entries: readonly (readonly KeyValue[])[];
}

/**
 * All entries of the ranges at one revision: the newest (a linearizable read), or the given one. Rejects with `revision-compacted` if
 * etcd does not keep that one.
 */
export async function listRanges(
  client: EtcdClient,
  ranges: readonly KeyRange[],
  limits: CallLimits,
  revision?: bigint,
): Promise<Listing> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await listOnce(client, ranges, limits, revision);
    } catch (error) {
      const given = revision !== undefined;
      if (!hasCode(error, "revision-compacted") || attempt === restarts || given) throw error;
    }
  }
}

async function listOnce(
  client: EtcdClient,
  ranges: readonly KeyRange[],
  limits: CallLimits,
  revision: bigint | undefined,
): Promise<Listing> {
  let header: Header | undefined;
  const lists: KeyValue[][] = [];
  for (const range of ranges) {
    const entries: KeyValue[] = [];
    let rest: KeyRange | undefined = range;
    while (rest) {
      const at: bigint | undefined = revision ?? header?.revision;
      const page = await client.range(rest, {
        ...limits,
        ...(at === undefined ? {} : { revision: at }),
        limit: pageSize,
      });
      header ??= page.header;
      for (const entry of page.entries) entries.push(entry);
      const last = page.entries.at(-1);
      rest =
        page.more && last && range.end !== undefined ? { key: `${last.key}\0`, end: range.end } : undefined;
    }
    lists.push(entries);
  }
  if (!header) throw new Error("a listing needs at least one range");
  return { header, entries: lists };
}
