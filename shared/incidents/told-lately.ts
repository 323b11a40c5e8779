import { HOUR_MS } from '../keys/duration.ts';

/** More than anybody reports in an hour; what is told once too often harms nobody. */
const MOST_REMEMBERED = 1_000;

/**
 * What one instance of the function has told within the hour. On keys that no entry manages nothing is written that could tell a
 * repeat from the first report.
 */
export class ToldLately {
  readonly #toldAtMs = new Map<string, number>();

  /** Notes that something is told now. @returns false where it was within the hour. */
  note(what: string, nowMs: number): boolean {
    if (nowMs < (this.#toldAtMs.get(what) ?? -Infinity) + HOUR_MS) return false;
    this.#toldAtMs.delete(what);
    const [oldest] = this.#toldAtMs.keys();
    if (oldest !== undefined && this.#toldAtMs.size >= MOST_REMEMBERED) this.#toldAtMs.delete(oldest);
    this.#toldAtMs.set(what, nowMs);
    return true;
  }

  /** It could not be told. */
  forget(what: string): void {
    this.#toldAtMs.delete(what);
  }
}
