import { Fault } from './faults.ts';
import type { SeededRandom } from './random.ts';

/** What a call may meet on a bad day, each as likely as the others; `seconds` is from 1 to 5. */
const KINDS: readonly ((seconds: number) => Partial<Fault>)[] = [
  (seconds) => ({ status: 429, retryAfterSeconds: seconds }),
  () => ({ status: 500 }),
  () => ({ status: 503 }),
  () => ({ drop: 'request' }),
  () => ({ drop: 'answer' }),
  (seconds) => ({ delayMs: 1_000 * seconds }),
];

/** Trouble that nobody asked for by name: how much there is says a switch, which call meets what says the seed. */
export class Trouble {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** What the next call meets, with the probability `rate`; null for nothing. */
  next(rate: number): Fault | null {
    if (rate === 0 || this.#random.fraction() >= rate) return null;
    const kind = KINDS[Math.floor(this.#random.fraction() * KINDS.length)];
    const seconds = 1 + Math.floor(this.#random.fraction() * 5);
    return Fault.parse({ match: '* /**', ...kind?.(seconds) });
  }
}
