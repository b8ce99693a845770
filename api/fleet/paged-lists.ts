/**
 * Pages of one list are pages of one snapshot: fleetd read the cluster anew for each, so that units were missed or seen twice.
 *
 * A first page that is not the only one keeps its snapshot for those who go on. fleet's token has no room to say which snapshot it
 * belongs to, so the first list that is being paged gets fleet's own tokens, and one that begins meanwhile and differs gets tokens that
 * name it. Snapshots are few and do not live long. A named one that has gone is refused, for whatever we answered would not fit what the
 * client has; fleet's own token is then answered from the cluster as it is, as fleetd did.
 */
import { encodePageToken, mostPages, type PageToken, pageSize } from "./page-token.ts";
import { FleetRefusal } from "./refusal.ts";

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextPageToken: string | undefined;
}

export interface PagedListsOptions {
  /** Milliseconds on a clock that does not go back. */
  readonly monotonic: () => number;
  /** How long a snapshot is kept after its last page was asked for, in ms. Default 30 000. */
  readonly lifeMs?: number;
  /** How many are kept. Default 16; the one that was used longest ago goes. */
  readonly most?: number;
}

interface Snapshot {
  /** Which list: two that differ in their query are two. */
  readonly list: string;
  readonly revision: bigint;
  /** Undefined for the one that goes by fleet's own tokens. */
  readonly name: number | undefined;
  readonly rows: readonly unknown[];
  usedAt: number;
  /** First pages given out less last pages given out: nobody needs it any more at 0. */
  readers: number;
}

export class PagedLists {
  readonly #monotonic: () => number;
  readonly #lifeMs: number;
  readonly #most: number;
  /** The one used last stands last. */
  #snapshots: Snapshot[] = [];
  #names = 0;

  constructor({ monotonic, lifeMs = 30_000, most = 16 }: PagedListsOptions) {
    this.#monotonic = monotonic;
    this.#lifeMs = lifeMs;
    this.#most = most;
  }

  /** How many snapshots are kept at the moment. */
  get kept(): number {
    this.#forgetOld();
    return this.#snapshots.length;
  }

  /**
   * A page of the list. `read` gives all rows as they are at `revision`; it is called when no snapshot answers. Throws
   * `FleetRefusal` (410) for the token of a snapshot that is gone.
   */
  page<Row>(
    list: string,
    token: PageToken | undefined,
    revision: bigint,
    read: () => readonly Row[],
  ): Page<Row> {
    this.#forgetOld();
    const page = token?.page ?? 1;
    const snapshot =
      page === 1 ? this.#begin(list, revision, read) : this.#resume(list, token, revision, read);
    // One `read` serves one list, so that the rows of its snapshots are of its type.
    const rows = snapshot.rows as readonly Row[];
    const end = page * pageSize;
    const isLast = end >= rows.length || page === mostPages;
    if (isLast) snapshot.readers -= 1;
    if (snapshot.readers <= 0) this.#snapshots = this.#snapshots.filter((kept) => kept !== snapshot);
    const { name } = snapshot;
    const next = { page: page + 1, ...(name === undefined ? {} : { snapshot: name }) };
    return {
      rows: rows.slice(end - pageSize, end),
      nextPageToken: isLast ? undefined : encodePageToken(next),
    };
  }

  #begin<Row>(list: string, revision: bigint, read: () => readonly Row[]): Snapshot {
    const same = this.#snapshots.find((kept) => kept.list === list && kept.revision === revision);
    const snapshot = same ? this.#use(same) : this.#keep(list, revision, read());
    snapshot.readers += 1;
    return snapshot;
  }

  #resume<Row>(
    list: string,
    token: PageToken | undefined,
    revision: bigint,
    read: () => readonly Row[],
  ): Snapshot {
    const name = token?.snapshot;
    const kept = this.#snapshots.find((snapshot) => snapshot.list === list && snapshot.name === name);
    if (kept) return this.#use(kept);
    if (name === undefined) {
      const snapshot = this.#keep(list, revision, read());
      snapshot.readers += 1;
      return snapshot;
    }
    throw new FleetRefusal(410, "page token has expired: list again from the first page");
  }

  #keep(list: string, revision: bigint, rows: readonly unknown[]): Snapshot {
    const isFirst = !this.#snapshots.some((kept) => kept.list === list && kept.name === undefined);
    if (!isFirst) this.#names = (this.#names % 0xffff_ffff) + 1;
    const name = isFirst ? undefined : this.#names;
    const snapshot = { list, revision, name, rows, usedAt: this.#monotonic(), readers: 0 };
    this.#snapshots.push(snapshot);
    if (this.#snapshots.length > this.#most) this.#snapshots.shift();
    return snapshot;
  }

  #use(snapshot: Snapshot): Snapshot {
    snapshot.usedAt = this.#monotonic();
    this.#snapshots = [...this.#snapshots.filter((kept) => kept !== snapshot), snapshot];
    return snapshot;
  }

  #forgetOld(): void {
    const oldest = this.#monotonic() - this.#lifeMs;
    this.#snapshots = this.#snapshots.filter(({ usedAt }) => usedAt > oldest);
  }
}
