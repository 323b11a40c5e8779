import { ApiError } from '../clients/api-error.ts';
import type { ListPage, Order } from '../clients/iam-account.ts';
import { MINUTE_MS } from '../keys/duration.ts';

/** What is looked at of the items of a list. */
interface Dated {
  id: string;
  createdAtMs: number | null;
}

export interface BothEndsOptions<T extends Dated> {
  /** Opens the list from its oldest or from its newest item on. */
  open: (order: Order, signal: AbortSignal) => AsyncIterable<ListPage<T>>;
  /** Takes what is new of a page, in no order that tells anything. */
  take: (items: readonly T[]) => void;
  signal: AbortSignal;
}

/**
 * Reads a list whose pages come one after the other from both of its ends at once, in half of the time. Each item that is there all
 * the while is taken exactly once, whatever comes and goes meanwhile, as far as the pages of each end alone would show it.
 *
 * The ends have met when each has seen a whole page of nothing but what was seen before, has passed the date up to which the other has
 * come, and has seen what the other saw beyond its own. Dates are to the minute: what shares one is told apart by its id alone. A list
 * that turns out not to come in the order that was asked for is read from one end to the other, which is right whatever its order is.
 * It keeps the id of each item, about 100 bytes.
 * @returns how many rows could not be read. @throws what the end that is left runs into.
 */
export async function readFromBothEnds<T extends Dated>(options: BothEndsOptions<T>): Promise<{ oddCount: number }> {
  const reading = new Reading(options);
  await reading.run();
  return { oddCount: reading.oddCount };
}

const OVER = new Error('the other end has read the rest');

/** Whether an item that stands at `atMs` can come after `frontierMs`, from that end. */
const isInOrder = (order: Order, frontierMs: number, atMs: number): boolean =>
  order === 'asc' ? atMs >= frontierMs : atMs <= frontierMs;

/** Which ends have seen an item. */
const BIT_OF = { asc: 1, desc: 2 } as const;
const BOTH = 3;
const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS);

/** How far one end has come. */
class End {
  readonly order: Order;
  /** The date of the last item; null before the first. */
  frontierMs: number | null = null;
  /** Its last page held nothing that was new. */
  isAmongKnown = false;
  failure: ApiError | null = null;
  readonly #stop = new AbortController();
  readonly signal: AbortSignal;

  constructor(order: Order, signal: AbortSignal) {
    this.order = order;
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  stop(): void {
    this.#stop.abort(OVER);
  }
}

class Reading<T extends Dated> {
  readonly #options: BothEndsOptions<T>;
  readonly #oldest: End;
  readonly #newest: End;
  /** How many rows each end could not read: where both have been, both have counted. */
  readonly #odd = { asc: 0, desc: 0 };
  /** Of each item by its id the minute of its date, times four, and the bits of the ends that have seen it. */
  readonly #seen = new Map<string, number>();
  #isOver = false;
  #isSorted = true;

  constructor(options: BothEndsOptions<T>) {
    this.#options = options;
    this.#oldest = new End('asc', options.signal);
    this.#newest = new End('desc', options.signal);
  }

  get oddCount(): number {
    return this.#odd.asc + this.#odd.desc;
  }

  async run(): Promise<void> {
    const pages = this.#options.open('asc', this.#oldest.signal)[Symbol.asyncIterator]();
    // A list of one page has no other end, and whoever may not see it is refused once.
    const first = await pages.next();
    if (first.done === true) return;
    this.#look(this.#oldest, first.value);
    if (first.value.isLast) return;
    const others = this.#options.open('desc', this.#newest.signal)[Symbol.asyncIterator]();
    try {
      await Promise.all([this.#tryToRead(this.#oldest, pages), this.#tryToRead(this.#newest, others)]);
    } finally {
      this.#stopBoth();
    }
    const failure = this.#oldest.failure ?? this.#newest.failure;
    if (!this.#isOver && failure) throw failure;
  }

  /** One end that fails does no harm where the other one comes through. */
  async #tryToRead(end: End, pages: AsyncIterator<ListPage<T>>): Promise<void> {
    try {
      await this.#read(end, pages);
    } catch (error) {
      if (error === OVER) return;
      if (!(error instanceof ApiError)) throw error;
      end.failure = error;
    }
  }

  async #read(end: End, pages: AsyncIterator<ListPage<T>>): Promise<void> {
    while (!end.signal.aborted) {
      const next = await pages.next();
      end.signal.throwIfAborted();
      if (next.done !== true) this.#look(end, next.value);
      // One end that has read the whole list has seen all of it, in whatever order that came.
      if (next.done === true || next.value.isLast || this.#haveMet()) this.#end();
      else if (!this.#isSorted && !this.#oldest.failure) this.#newest.stop();
    }
    end.signal.throwIfAborted();
  }

  #end(): void {
    this.#isOver = true;
    this.#stopBoth();
  }

  #stopBoth(): void {
    this.#oldest.stop();
    this.#newest.stop();
  }

  #look(end: End, { rows, oddCount }: ListPage<T>): void {
    this.#odd[end.order] += oddCount;
    const fresh: T[] = [];
    let previousMs: number | null = null;
    const reachedMs = end.frontierMs;
    for (const item of rows) {
      const isNew = !this.#seen.has(item.id);
      this.#checkOrder(end.order, item, previousMs, isNew ? reachedMs : null);
      previousMs = item.createdAtMs ?? previousMs;
      this.#note(end.order, item);
      if (isNew) fresh.push(item);
    }
    end.frontierMs = previousMs ?? reachedMs;
    end.isAmongKnown = rows.length > 0 && fresh.length === 0;
    if (fresh.length > 0) this.#options.take(fresh);
  }

  #note(order: Order, { id, createdAtMs }: T): void {
    const noted = this.#seen.get(id) ?? minuteOf(createdAtMs ?? 0) * (BOTH + 1);
    this.#seen.set(id, noted | BIT_OF[order]);
  }

  /** What was seen before may come again on a later page, when items came or went before it; what is new may not. */
  #checkOrder(order: Order, { createdAtMs }: T, previousMs: number | null, reachedMs: number | null): void {
    const isWrong = (beforeMs: number | null) =>
      createdAtMs === null || (beforeMs !== null && !isInOrder(order, beforeMs, createdAtMs));
    if (isWrong(previousMs) || isWrong(reachedMs)) this.#isSorted = false;
  }

  #haveMet(): boolean {
    const { frontierMs: oldMs, isAmongKnown } = this.#oldest;
    const { frontierMs: newMs } = this.#newest;
    if (!this.#isSorted || oldMs === null || newMs === null) return false;
    const isMeeting = oldMs > newMs && isAmongKnown && this.#newest.isAmongKnown;
    return isMeeting && this.#agree(minuteOf(oldMs), minuteOf(newMs));
  }

  /** Whether each end has seen what the other saw of its own part: a service that mixes up the list would not come out so. */
  #agree(oldMinute: number, newMinute: number): boolean {
    for (const noted of this.#seen.values()) {
      const minute = Math.floor(noted / (BOTH + 1));
      const ends = noted & BOTH;
      if (minute < oldMinute && ends === BIT_OF.desc) return false;
      if (minute > newMinute && ends === BIT_OF.asc) return false;
    }
    return true;
  }
}
