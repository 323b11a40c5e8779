import type { LogRecord } from './logs-input.ts';

/** A record as it is told, and how often it was repeated: `lastMs` is when the last of them was written. */
export interface Row {
  record: LogRecord;
  looks: number;
  lastMs: number;
}

/** What is written again with every look, as long as nothing changes. */
const REPEATED: readonly string[] = ['key_held', 'person_asked', 'key_rested'];

/** So many keys are folded at a time. */
const MOST_OPEN = 1_000;

/**
 * Makes one row of what is repeated, for each key on its own. Rows come in the order in which they begin: whatever else is told
 * ends those that are open.
 */
export class Folding {
  readonly #open = new Map<string, Row & { what: string }>();

  /** @returns the rows that are complete now. */
  take(record: LogRecord): Row[] {
    const row = { record, looks: 1, lastMs: record.atMs };
    if (!REPEATED.includes(record.event)) return [...this.end(), row];
    const { key, code } = record.fields;
    const name = String(key);
    const what = JSON.stringify([record.event, code]);
    const open = this.#open.get(name);
    if (open?.what === what) {
      open.looks += 1;
      open.lastMs = record.atMs;
      return [];
    }
    const complete = open || this.#open.size >= MOST_OPEN ? this.end() : [];
    this.#open.set(name, { ...row, what });
    return complete;
  }

  /** All that is open. */
  end(): Row[] {
    const rows = [...this.#open.values()];
    this.#open.clear();
    return rows;
  }
}
