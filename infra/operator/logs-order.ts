import type { LogRecord } from './logs-input.ts';

/** Lines of several instances arrive a little out of order: each is held back until this much later ones have come. */
const HELD_BACK_MS = 60_000;
/** Never more than so many, and so many characters. */
const MOST_HELD = 5_000;
const MOST_CHARACTERS = 8 * 1024 * 1024;
/** So many that are released may still be in memory. */
const MOST_RELEASED = 256;

interface Held<Item> {
  item: Item;
  atMs: number;
  size: number;
}

/** Puts what comes a little out of order in order of time, in little memory. What comes later than that is passed on as it comes. */
export class InOrder<Item> {
  /** In order; what stands before `#first` is released. */
  #held: Held<Item>[] = [];
  #first = 0;
  #newestMs = -Infinity;
  #size = 0;

  /** @param size How many characters it has. @returns what is due now. */
  take(item: Item, { atMs }: LogRecord, size: number): Item[] {
    // What tells no time stands where it came.
    const ownMs = Number.isNaN(atMs) ? Math.max(this.#newestMs, 0) : atMs;
    this.#newestMs = Math.max(this.#newestMs, ownMs);
    let place = this.#held.length;
    while (place > this.#first && (this.#held[place - 1]?.atMs ?? 0) > ownMs) place -= 1;
    if (place === this.#held.length) this.#held.push({ item, atMs: ownMs, size });
    else this.#held.splice(place, 0, { item, atMs: ownMs, size });
    this.#size += size;
    const due: Item[] = [];
    while (this.#isDue()) due.push(...this.#release());
    return due;
  }

  /** Nothing comes any more. */
  *rest(): Generator<Item> {
    while (this.#first < this.#held.length) yield* this.#release();
  }

  #isDue(): boolean {
    const first = this.#held[this.#first];
    if (!first) return false;
    const isOld = first.atMs <= this.#newestMs - HELD_BACK_MS;
    return isOld || this.#held.length - this.#first > MOST_HELD || this.#size > MOST_CHARACTERS;
  }

  #release(): Item[] {
    const first = this.#held[this.#first];
    if (!first) return [];
    this.#first += 1;
    this.#size -= first.size;
    if (this.#first > MOST_RELEASED) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    }
    return [first.item];
  }
}
