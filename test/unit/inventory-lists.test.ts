import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/clients/api-error.ts';
import type { ListPage, Order } from '../../shared/clients/iam-account.ts';
import { readFromBothEnds } from '../../shared/inventory/both-ends.ts';
import { readOffsetPages } from '../../shared/inventory/offset-pages.ts';
import { MINUTE_MS } from '../../shared/keys/duration.ts';

interface Item {
  id: string;
  createdAtMs: number;
}

/** What somebody does to the list while it is read: at each call one thing. */
type Change = { does: 'create' } | { does: 'delete'; which: number } | { does: 'nothing' };

/** How a service gives a list out. */
interface Habits {
  pageSize: number;
  /** What a page token is: the last item of the page before, or the number of items to skip. */
  tokens: 'cursor' | 'offset';
  /** Whether items of one date come the other way round from the other end, in the same order, or in any. */
  ties: 'turned' | 'same' | 'mixed';
  /** What becomes of the order that is asked for. */
  sort:
    | 'honoured'
    | 'ignored'
    | 'always ascending'
    | 'by id'
    | 'within a page'
    | 'another one from each end'
    | 'another one from each end, and within a page';
}

const byId = (one: Item, other: Item): number => (one.id < other.id ? -1 : 1);

const backward = (id: string): string => id.split('').toReversed().join('');
const byBackwardId = (one: Item, other: Item): number => (backward(one.id) < backward(other.id) ? -1 : 1);

/** A list as a service keeps it, to which things happen while it is read. */
class ChangingList {
  readonly #initial: readonly Item[];
  /** Deleted ones too: they keep their place. */
  readonly #all: Item[];
  readonly #deleted = new Set<Item>();
  readonly #changes: Change[];

  constructor(items: readonly Item[], changes: readonly Change[]) {
    this.#initial = items;
    this.#all = [...items];
    this.#changes = [...changes];
  }

  /** Ids of what was there all the while. */
  get lasting(): string[] {
    return this.#initial.filter((item) => !this.#deleted.has(item)).map(({ id }) => id);
  }

  get all(): readonly Item[] {
    return this.#all;
  }

  get deletedCount(): number {
    return this.#deleted.size;
  }

  isThere = (item: Item): boolean => !this.#deleted.has(item);

  change(change = this.#changes.shift()): void {
    const present = this.#all.filter(this.isThere);
    if (change?.does === 'create') {
      const latestMs = Math.max(0, ...this.#all.map(({ createdAtMs }) => createdAtMs));
      const made = this.#all.length - this.#initial.length;
      this.#all.push({ id: `made-${made}`, createdAtMs: latestMs + (made % 2) * MINUTE_MS });
    }
    const victim = change?.does === 'delete' ? present[change.which % present.length] : undefined;
    if (victim) this.#deleted.add(victim);
  }
}

/** The list, paged by tokens. Each call takes some turns of the event loop. */
class TokenService {
  readonly list: ChangingList;
  calls = 0;
  readonly #habits: Habits;
  readonly #turns: number[];

  constructor(list: ChangingList, habits: Habits, turns: readonly number[]) {
    this.list = list;
    this.#habits = habits;
    this.#turns = [...turns];
  }

  async *open(order: Order): AsyncGenerator<ListPage<Item>> {
    let token: Item | number | null = null;
    for (;;) {
      this.calls += 1;
      for (let turns = this.#turns.shift() ?? 0; turns > 0; turns -= 1) await Promise.resolve();
      this.list.change();
      const page = this.#page(order, token);
      yield { rows: page.rows, oddCount: 0, isLast: page.next === null };
      token = page.next;
      if (token === null) return;
    }
  }

  #page(order: Order, token: Item | number | null): { rows: Item[]; next: Item | number | null } {
    const { pageSize, tokens, sort } = this.#habits;
    const { isThere } = this.list;
    const arranged = this.#arranged(order);
    const start = typeof token === 'number' ? token : 0;
    // Behind the last one, also where that is deleted by now.
    const behind = token === null || typeof token === 'number' ? arranged : arranged.slice(arranged.indexOf(token) + 1);
    const left = behind.filter(isThere).slice(start);
    const rows = left.slice(0, pageSize);
    const next = left.length <= pageSize ? null : tokens === 'offset' ? start + pageSize : (rows.at(-1) ?? null);
    return { rows: sort.includes('within a page') ? this.#sorted(rows, order) : rows, next };
  }

  #arranged(order: Order): Item[] {
    const { sort } = this.#habits;
    if (sort === 'honoured') return this.#sorted(this.list.all, order);
    if (sort === 'always ascending') return this.#sorted(this.list.all, 'asc');
    const ids = this.list.all.toSorted(byId);
    if (sort === 'by id') return order === 'asc' ? ids : ids.toReversed();
    return sort.startsWith('another') && order === 'desc' ? ids : [...this.list.all];
  }

  #sorted(items: readonly Item[], order: Order): Item[] {
    const { ties } = this.#habits;
    const sign = order === 'asc' ? 1 : -1;
    const compareTies = (one: Item, other: Item): number => {
      if (ties === 'turned') return sign * byId(one, other);
      return ties === 'same' || order === 'asc' ? byId(one, other) : byBackwardId(one, other);
    };
    return items.toSorted((one, other) => sign * (one.createdAtMs - other.createdAtMs) || compareTies(one, other));
  }
}

async function readBothEnds(service: Pick<TokenService, 'open'>): Promise<string[]> {
  const taken: string[] = [];
  await readFromBothEnds<Item>({
    open: (order) => service.open(order),
    take: (items) => void taken.push(...items.map(({ id }) => id)),
    signal: new AbortController().signal,
  });
  return taken;
}

/** Few dates, so that many items share one. */
const itemsOf = (dates: number, maxLength = 60) =>
  fc
    .uniqueArray(fc.nat(100_000), { maxLength })
    .chain((numbers) =>
      fc.tuple(
        ...numbers.map((number) =>
          fc.record({ id: fc.constant(`item-${number}`), createdAtMs: fc.nat(dates).map((date) => date * MINUTE_MS) }),
        ),
      ),
    );

const turns = fc.array(fc.nat(6), { maxLength: 40 });
const creation = fc.constant<Change>({ does: 'create' });
const nothing = fc.constant<Change>({ does: 'nothing' });
const deletion = fc.nat(1_000).map((which): Change => ({ does: 'delete', which }));
const creations = fc.array(fc.oneof(creation, nothing), { maxLength: 40 });
const changes = fc.array(fc.oneof(creation, deletion, nothing), { maxLength: 40 });

const habitsWith = (fixed: Partial<Habits>) =>
  fc
    .record({
      pageSize: fc.integer({ min: 1, max: 25 }),
      ties: fc.constantFrom('turned' as const, 'same' as const, 'mixed' as const),
    })
    .map((free): Habits => ({
      tokens: 'cursor',
      sort: 'honoured',
      ...free,
      ...fixed,
    }));

/** Everything that was there all the while, once; and nothing else twice. */
function expectAllOnce(taken: readonly string[], list: ChangingList): void {
  expect(taken).toHaveLength(new Set(taken).size);
  const known = new Set(list.all.map(({ id }) => id));
  expect(taken.filter((id) => !known.has(id))).toEqual([]);
  const seen = new Set(taken);
  expect(list.lasting.filter((id) => !seen.has(id))).toEqual([]);
}

describe('a list that is read from both ends', () => {
  it('shows each item once, whatever comes and goes, where a page begins behind the last item of the one before', async () => {
    const given = fc.tuple(itemsOf(8), habitsWith({}), changes, turns);
    await fc.assert(
      fc.asyncProperty(given, async ([items, habits, happening, delays]) => {
        const service = new TokenService(new ChangingList(items, happening), habits, delays);
        expectAllOnce(await readBothEnds(service), service.list);
      }),
      { numRuns: 600 },
    );
  });

  it('shows each item once while others come, where a page begins at a place', async () => {
    const given = fc.tuple(itemsOf(8), habitsWith({ tokens: 'offset' }), creations, turns);
    await fc.assert(
      fc.asyncProperty(given, async ([items, habits, happening, delays]) => {
        const service = new TokenService(new ChangingList(items, happening), habits, delays);
        expectAllOnce(await readBothEnds(service), service.list);
      }),
      { numRuns: 600 },
    );
  });

  it('loses no more items to deletions, where a page begins at a place, than there were deletions', async () => {
    const given = fc.tuple(itemsOf(8), habitsWith({ tokens: 'offset' }), changes, turns);
    await fc.assert(
      fc.asyncProperty(given, async ([items, habits, happening, delays]) => {
        const service = new TokenService(new ChangingList(items, happening), habits, delays);
        const taken = await readBothEnds(service);
        expect(taken).toHaveLength(new Set(taken).size);
        const lost = service.list.lasting.filter((id) => !taken.includes(id));
        expect(lost.length).toBeLessThanOrEqual(service.list.deletedCount);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['ignored', 'always ascending', 'by id', 'within a page'] as const)(
    'shows each item once where the order that is asked for is %s',
    async (sort) => {
      const given = fc.tuple(itemsOf(8), habitsWith({ sort }), changes, turns);
      await fc.assert(
        fc.asyncProperty(given, async ([items, habits, happening, delays]) => {
          const service = new TokenService(new ChangingList(items, happening), habits, delays);
          expectAllOnce(await readBothEnds(service), service.list);
        }),
        { numRuns: 600 },
      );
    },
  );

  it.each(['another one from each end', 'another one from each end, and within a page'] as const)(
    'shows each item once where the order that is asked for is %s',
    async (sort) => {
      // So many dates in an order of their own are not taken for sorted ones by chance.
      const dates = Array.from({ length: 60 }, (_, date) => date);
      const shuffled = fc.shuffledSubarray(dates, { minLength: 40 });
      const given = fc.tuple(shuffled, habitsWith({ sort }), turns);
      await fc.assert(
        fc.asyncProperty(given, async ([order, habits, delays]) => {
          const items = order.map((date) => ({ id: `item-${(date * 7_919) % 1_009}`, createdAtMs: date * MINUTE_MS }));
          const service = new TokenService(new ChangingList(items, []), { ...habits, pageSize: 2 }, delays);
          expectAllOnce(await readBothEnds(service), service.list);
        }),
        { numRuns: 200 },
      );
    },
  );

  it('takes half as many calls in a row, and few more in all', async () => {
    const items = Array.from({ length: 1_000 }, (_, place) => ({
      id: `item-${place}`,
      createdAtMs: place * MINUTE_MS,
    }));
    const habits: Habits = { pageSize: 10, tokens: 'cursor', ties: 'turned', sort: 'honoured' };
    const service = new TokenService(new ChangingList(items, []), habits, []);
    expect(await readBothEnds(service)).toHaveLength(1_000);
    expect(service.calls).toBeGreaterThanOrEqual(100);
    expect(service.calls).toBeLessThanOrEqual(104);
  });

  it('takes no more calls than one end where the order is not honoured, but those until it shows', async () => {
    const items = Array.from({ length: 1_000 }, (_, place) => ({
      id: `item-${place}`,
      createdAtMs: ((place * 7) % 50) * MINUTE_MS,
    }));
    const habits: Habits = { pageSize: 10, tokens: 'cursor', ties: 'turned', sort: 'ignored' };
    const service = new TokenService(new ChangingList(items, []), habits, []);
    expect(await readBothEnds(service)).toHaveLength(1_000);
    expect(service.calls).toBeLessThanOrEqual(102);
  });

  it('asks once for a list of one page', async () => {
    const habits: Habits = { pageSize: 10, tokens: 'cursor', ties: 'turned', sort: 'honoured' };
    const service = new TokenService(new ChangingList([{ id: 'item', createdAtMs: 1 }], []), habits, []);
    expect([await readBothEnds(service), service.calls]).toEqual([['item'], 1]);
  });

  it('is not taken in by a service that mixes it up so that the ends seem to meet', async () => {
    const orders = { asc: ['x0', 'y0', 'v0', 'm1', 'z0', 'w0'], desc: ['m1', 'z0', 'y0', 'w0', 'x0', 'v0'] };
    const open = async function* (order: Order): AsyncGenerator<ListPage<Item>> {
      for (const [place, id] of orders[order].entries()) {
        await Promise.resolve();
        yield { rows: [{ id, createdAtMs: Number(id[1]) * MINUTE_MS }], oddCount: 0, isLast: place === 5 };
      }
    };
    expect((await readBothEnds({ open })).toSorted()).toEqual(['m1', 'v0', 'w0', 'x0', 'y0', 'z0']);
  });

  it('asks for no date that is not told: then one end reads all', async () => {
    const pages = async function* (order: Order): AsyncGenerator<ListPage<{ id: string; createdAtMs: null }>> {
      const rows = ['a', 'b', 'c', 'd'].map((id) => ({ id, createdAtMs: null }));
      for (const [place, row] of (order === 'asc' ? rows : rows.toReversed()).entries())
        yield { rows: [row], oddCount: 0, isLast: place === 3 };
    };
    const taken: string[] = [];
    await readFromBothEnds({
      open: pages,
      take: (items) => void taken.push(...items.map(({ id }) => id)),
      signal: new AbortController().signal,
    });
    expect(taken.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});

const failure = { status: 503, ibmCode: null, retryAfterMs: null };
const broken = () => new ApiError('listApiKeys', 'service_failed', failure, 'unavailable', 'none');

/** From its `calls`-th page on this end fails. */
function failing(service: TokenService, order: Order, calls: number, error: () => Error = broken) {
  return {
    async *open(asked: Order): AsyncGenerator<ListPage<Item>> {
      let pages = 0;
      for await (const page of service.open(asked)) {
        if (asked === order && (pages += 1) >= calls) throw error();
        yield page;
      }
    },
  };
}

describe('an end of a list that fails', () => {
  const habits: Habits = { pageSize: 5, tokens: 'cursor', ties: 'turned', sort: 'honoured' };
  const service = (sort: Habits['sort'] = 'honoured') => {
    const items = Array.from({ length: 50 }, (_, place) => ({
      id: `item-${place}`,
      createdAtMs: ((place * 7) % 50) * MINUTE_MS,
    }));
    return new TokenService(new ChangingList(items, []), { ...habits, sort }, []);
  };

  it.each(['asc', 'desc'] as const)('leaves the rest to the other one: %s', async (order) => {
    expect(await readBothEnds(failing(service(), order, 3))).toHaveLength(50);
  });

  it('does no harm where the other one would have read all of it anyway', async () => {
    expect(await readBothEnds(failing(service('ignored'), 'desc', 2))).toHaveLength(50);
  });

  it('leaves the rest to the other one whatever the order of that turns out to be', async () => {
    const open = async function* (order: Order): AsyncGenerator<ListPage<Item>> {
      const dates = order === 'asc' ? [1, 2] : [9, 8, 3, 7, 1];
      for (const [place, createdAtMs] of dates.entries()) {
        if (order === 'asc' && place === 1) throw broken();
        await Promise.resolve();
        yield { rows: [{ id: `item-${createdAtMs}`, createdAtMs }], oddCount: 0, isLast: place === 4 };
      }
    };
    expect(await readBothEnds({ open })).toEqual(['item-1', 'item-9', 'item-8', 'item-3', 'item-7']);
  });

  it('fails the list with its reason where no other one is left', async () => {
    await expect(readBothEnds(failing(service(), 'asc', 1))).rejects.toMatchObject({ code: 'service_failed' });
    const both = {
      open: (order: Order) => failing(failing(service(), 'asc', 3) as TokenService, 'desc', 2).open(order),
    };
    await expect(readBothEnds(both)).rejects.toMatchObject({ code: 'service_failed' });
  });

  it('fails the list with anything that is no answer of the service, at once', async () => {
    const defect = () => new TypeError('a defect');
    await expect(readBothEnds(failing(service(), 'desc', 2, defect))).rejects.toThrow('a defect');
  });

  it('ends with the reason of the signal', async () => {
    const ended = new AbortController();
    const reading = readFromBothEnds<Item>({
      take: () => ended.abort(new Error('the time is up')),
      open: (order) => service().open(order),
      signal: ended.signal,
    });
    await expect(reading).rejects.toThrow('the time is up');
  });
});

/** The list, paged by offset, oldest first. */
class OffsetService {
  readonly list: ChangingList;
  calls = 0;
  heldAtOnce = 0;
  #held = 0;
  readonly #turns: number[];
  readonly #most: number;

  constructor(list: ChangingList, delays: readonly number[], most = Infinity) {
    this.list = list;
    this.#turns = [...delays];
    this.#most = most;
  }

  page = async (limit: number, offset: number) => {
    this.calls += 1;
    this.#held += 1;
    this.heldAtOnce = Math.max(this.heldAtOnce, this.#held);
    for (let left = this.#turns.shift() ?? 0; left > 0; left -= 1) await Promise.resolve();
    this.list.change();
    this.#held -= 1;
    const present = this.list.all.filter(this.list.isThere);
    return { rows: present.slice(offset, offset + Math.min(limit, this.#most)), total: present.length };
  };
}

async function readOffsets(service: OffsetService, limit: number, atOnce = 1) {
  const taken: string[] = [];
  const isWhole = await readOffsetPages<Item>({
    page: (offset) => service.page(limit, offset),
    limit,
    atOnce,
    idOf: ({ id }) => id,
    take: (rows) => void taken.push(...rows.map(({ id }) => id)),
    signal: new AbortController().signal,
  });
  return { taken, isWhole };
}

describe('a list that is read by offsets, several pages side by side', () => {
  const sizes = fc.record({ limit: fc.integer({ min: 2, max: 50 }), atOnce: fc.integer({ min: 1, max: 8 }) });

  it('shows each item once, whatever comes and goes, or says that something may be missing', async () => {
    const given = fc.tuple(itemsOf(3, 120), sizes, changes, turns);
    let wholeCount = 0;
    await fc.assert(
      fc.asyncProperty(given, async ([items, { limit, atOnce }, happening, delays]) => {
        const service = new OffsetService(new ChangingList(items, happening), delays);
        const { taken, isWhole } = await readOffsets(service, limit, atOnce);
        expect(taken).toHaveLength(new Set(taken).size);
        if (!isWhole) return;
        wholeCount += 1;
        expectAllOnce(taken, service.list);
      }),
      { numRuns: 600 },
    );
    expect(wholeCount).toBeGreaterThan(550);
  });

  it('is whole where only so few are deleted as pages overlap', async () => {
    const items = Array.from({ length: 300 }, (_, place) => ({ id: `item-${place}`, createdAtMs: place * MINUTE_MS }));
    const deletions = Array.from({ length: 10 }, (): Change => ({ does: 'delete', which: 0 }));
    const service = new OffsetService(new ChangingList(items, deletions), []);
    const { taken, isWhole } = await readOffsets(service, 100, 4);
    expect(isWhole).toBe(true);
    expectAllOnce(taken, service.list);
    expect(service.calls).toBe(4);
  });

  it('is read again from a place further in front where more were deleted', async () => {
    const items = Array.from({ length: 300 }, (_, place) => ({ id: `item-${place}`, createdAtMs: place * MINUTE_MS }));
    const list = new ChangingList(items, []);
    const service = new OffsetService(list, []);
    let calls = 0;
    const taken: string[] = [];
    const isWhole = await readOffsetPages<Item>({
      page: async (offset) => {
        calls += 1;
        if (calls === 2) for (let count = 0; count < 60; count += 1) list.change({ does: 'delete', which: 0 });
        return service.page(100, offset);
      },
      limit: 100,
      atOnce: 1,
      idOf: ({ id }) => id,
      take: (rows) => void taken.push(...rows.map(({ id }) => id)),
      signal: new AbortController().signal,
    });
    expect(isWhole).toBe(true);
    expectAllOnce(taken, list);
  });

  it('is read to its end where a service gives fewer rows than it was asked for', async () => {
    const items = Array.from({ length: 130 }, (_, place) => ({ id: `item-${place}`, createdAtMs: place * MINUTE_MS }));
    const service = new OffsetService(new ChangingList(items, []), [], 30);
    const { taken, isWhole } = await readOffsets(service, 100, 2);
    expect([taken.length, isWhole]).toEqual([130, true]);
  });

  it('is not whole where a service says that there is more and shows none', async () => {
    const service = new OffsetService(new ChangingList([], []), []);
    const isWhole = await readOffsetPages<Item>({
      page: async (offset) => ({ ...(await service.page(10, offset)), total: 5 }),
      limit: 10,
      atOnce: 1,
      idOf: ({ id }) => id,
      take: () => undefined,
      signal: new AbortController().signal,
    });
    expect(isWhole).toBe(false);
  });

  it('never has more than four pages at a time', async () => {
    const items = Array.from({ length: 2_000 }, (_, place) => ({
      id: `item-${place}`,
      createdAtMs: place * MINUTE_MS,
    }));
    const service = new OffsetService(
      new ChangingList(items, []),
      Array.from({ length: 100 }, () => 5),
    );
    const { taken } = await readOffsets(service, 50, 20);
    expect([taken.length, service.heldAtOnce]).toEqual([2_000, 4]);
  });
});
