/** A part of a list, from a place on, and how many items the whole list has. */
interface OffsetPage<T> {
  rows: T[];
  total: number;
}

export interface OffsetPagesOptions<T> {
  /** At most `limit` rows, two or more, from that place on. New ones come last. */
  page: (offset: number, signal: AbortSignal) => Promise<OffsetPage<T>>;
  limit: number;
  /** How many pages are asked for at once before anything is known of the list. */
  atOnce: number;
  /** Null for a row that has none. */
  idOf: (row: T) => string | null;
  /** Takes the rows of a page that are new. */
  take: (rows: T[]) => void;
  signal: AbortSignal;
}

/** So many pages are held at a time. */
const MOST_AT_ONCE = 4;

/** By how many rows a page reaches back into the one before it: so many may be deleted meanwhile without a gap. */
const OVERLAP = 20;

/** How often a part is asked for again that does not follow what came before. */
const MOST_REPEATS = 5;

const stepOf = (rowCount: number): number => rowCount - Math.min(OVERLAP, Math.floor(rowCount / 2));

/**
 * Reads a list that is paged by offset, several pages side by side. A deletion moves what follows to the front, past the place where the
 * next page begins: pages overlap, so that this shows, and then the part is read again. Each row that is there all the while is taken
 * exactly once. It holds a few pages, and the ids of all rows: about 100 bytes each.
 * @returns false where the list changed so much that something may be missing.
 */
export async function readOffsetPages<T>(options: OffsetPagesOptions<T>): Promise<boolean> {
  const { limit, signal, take, idOf } = options;
  const ahead = new Ahead(options);
  const seen = new Set<string>();
  const isSeen = (row: T) => seen.has(idOf(row) ?? '');
  let isWhole = true;
  for (let offset = 0, repeats = 0; ;) {
    signal.throwIfAborted();
    const { rows, total } = await ahead.take(offset);
    // All that stands before a row that was seen was seen before it.
    const first = rows.find((row) => idOf(row) !== null);
    const follows = offset === 0 || (first !== undefined && isSeen(first));
    if (!follows && repeats < MOST_REPEATS) {
      offset = Math.max(0, Math.min(offset, total) - limit);
      repeats += 1;
      continue;
    }
    isWhole &&= follows;
    const fresh = rows.filter((row) => !isSeen(row));
    for (const id of rows.map(idOf)) if (id !== null) seen.add(id);
    if (fresh.length > 0) take(fresh);
    if (offset + rows.length >= total) return isWhole;
    // A service that says that there is more and shows none: nobody knows what is missing.
    if (rows.length === 0) return false;
    repeats = 0;
    offset += ahead.next(rows.length);
  }
}

/** Asks for pages before their turn comes. */
class Ahead<T> {
  readonly #options: OffsetPagesOptions<T>;
  #asked = new Map<number, Promise<OffsetPage<T>>>();
  #step: number;
  #count: number;
  #total = Infinity;

  constructor(options: OffsetPagesOptions<T>) {
    this.#options = options;
    this.#step = stepOf(options.limit);
    this.#count = Math.min(options.atOnce, MOST_AT_ONCE);
  }

  async take(offset: number): Promise<OffsetPage<T>> {
    // Not where it was expected: what was asked for is of no use.
    if (!this.#asked.has(offset)) this.#asked = new Map();
    for (let pages = 0; pages < this.#count; pages += 1) {
      const place = offset + pages * this.#step;
      if (pages === 0 || place < this.#total) void this.#ask(place);
    }
    const page = await this.#ask(offset);
    this.#asked.delete(offset);
    this.#total = page.total;
    this.#count = MOST_AT_ONCE;
    return page;
  }

  /** How far the next page is, after one of so many rows: a service may give fewer than were asked for. */
  next(rowCount: number): number {
    this.#step = Math.max(1, stepOf(rowCount));
    return this.#step;
  }

  #ask(offset: number): Promise<OffsetPage<T>> {
    const known = this.#asked.get(offset);
    if (known) return known;
    const asked = this.#options.page(offset, this.#options.signal);
    // Where an earlier page fails nobody waits for this one any more.
    asked.catch(() => undefined);
    this.#asked.set(offset, asked);
    return asked;
  }
}
