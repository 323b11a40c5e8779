import { once } from 'node:events';
import { Chooser, isFailure } from './logs-choice.ts';
import type { LogChoice } from './logs-choice.ts';
import { Folding } from './logs-fold.ts';
import { recordsOf } from './logs-input.ts';
import type { LogRecord } from './logs-input.ts';
import { InOrder } from './logs-order.ts';
import { jsonOf, shown, textOf } from './logs-row.ts';

/** Where lines come from and go to. */
export interface LogsStreams {
  input: AsyncIterable<Uint8Array | string>;
  output: NodeJS.WritableStream;
  /** For what is no part of the story. */
  errors: { write: (text: string) => unknown };
  isColoured: boolean;
  nowMs: number;
}

const MOST_NAMES = 1_000;
const SHOWN_NAMES = 20;

interface Candidate {
  record: LogRecord;
  isNamed: boolean;
}

/** Takes lines one by one, tells those that are chosen, and sums up. */
export class Telling {
  readonly #choice: LogChoice;
  readonly #json: boolean;
  readonly #streams: LogsStreams;
  readonly #chooser: Chooser;
  readonly #inOrder = new InOrder<Candidate>();
  readonly #folding = new Folding();
  /** Names of keys that lines have, for whoever named one that none has. */
  readonly #names = new Set<string>();
  readonly #count = { read: 0, skipped: 0, records: 0, found: 0, told: 0, failures: 0, late: 0 };
  #lastMs = -Infinity;

  constructor(choice: LogChoice, json: boolean, streams: LogsStreams) {
    this.#choice = choice;
    this.#json = json;
    this.#streams = streams;
    this.#chooser = new Chooser(choice);
  }

  async take(line: string | null): Promise<void> {
    if (line?.trim() === '') return;
    this.#count.read += 1;
    const records = line === null ? [] : recordsOf(line);
    if (records.length === 0) this.#count.skipped += 1;
    for (const record of records) {
      this.#count.records += 1;
      this.#noteName(record);
      const answer = this.#chooser.look(record);
      if (answer === 'no') continue;
      const size = (line?.length ?? 0) / records.length;
      const due = this.#inOrder.take({ record, isNamed: answer === 'yes' }, record, size);
      for (const one of due) await this.#tell(one);
    }
  }

  async end(): Promise<0 | 1> {
    for (const one of this.#inOrder.rest()) await this.#tell(one);
    for (const row of this.#folding.end()) await this.#write(textOf(row, this.#style));
    if (this.#count.found === 0) {
      this.#streams.errors.write(`keyrota: ${this.#whyNothing()}\n`);
      return 1;
    }
    const summary = this.#summary();
    if (this.#json) this.#streams.errors.write(`keyrota: ${summary}\n`);
    else await this.#write(`\n${summary}`);
    return 0;
  }

  async #tell({ record, isNamed }: Candidate): Promise<void> {
    if (!isNamed && !this.#chooser.belongs(record)) return;
    this.#count.found += 1;
    if (!this.#chooser.isTold(record)) return;
    this.#count.told += 1;
    if (isFailure(record)) this.#count.failures += 1;
    if (record.atMs < this.#lastMs) this.#count.late += 1;
    this.#lastMs = Math.max(this.#lastMs, record.atMs || -Infinity);
    if (this.#json) return this.#write(jsonOf(record));
    for (const row of this.#folding.take(record)) await this.#write(textOf(row, this.#style));
  }

  get #style() {
    return { isColoured: this.#streams.isColoured, showsKey: this.#choice.key === undefined };
  }

  /** Waits where whoever reads is slower. */
  async #write(text: string): Promise<void> {
    const { output } = this.#streams;
    if (!output.write(`${text}\n`)) await once(output, 'drain');
  }

  #noteName({ fields: { key } }: LogRecord): void {
    if (typeof key === 'string' && this.#names.size < MOST_NAMES) this.#names.add(key.slice(0, 200));
  }

  #whyNothing(): string {
    const { read, records } = this.#count;
    if (records === 0) return `none of ${plural(read, 'line')} is a log line of Keyrota.`;
    const what = wordsOf(this.#choice);
    const names = [...this.#names].toSorted();
    const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : '';
    const keys = `${names.slice(0, SHOWN_NAMES).map(shown).join(', ')}${more}`;
    const others = this.#choice.key === undefined || names.length === 0 ? '' : ` There are lines of ${keys}.`;
    return `none of ${plural(records, 'line')} is about ${what}.${others}`;
  }

  #summary(): string {
    const { read, skipped, told, failures, late } = this.#count;
    return [
      `${plural(read, 'line')} read`,
      `${told} of ${wordsOf(this.#choice)}`,
      `${skipped} skipped that Keyrota did not write`,
      plural(failures, 'failure'),
      ...(late > 0 ? [`${late} out of order by more than a minute: sort them by time first`] : []),
    ].join(', ');
  }
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

function wordsOf({ key, keyId, run, incident }: LogChoice): string {
  const words = [key, keyId && `key ${keyId}`, run && `run ${run}`, incident].filter((word) => word !== undefined);
  return words.length === 0 ? 'all keys' : words.map(shown).join(' and ');
}
