/** One call as the embedded cloud saw it. */
export interface Call {
  n: number;
  atMs: number;
  method: string;
  path: string;
  query: string;
  /** HTTP status, or what became of the connection. */
  outcome: number | 'refused' | 'reset';
  /** The caller's IAM ID, null before login. */
  iamId: string | null;
  /** Virtual milliseconds from the request to its answer. */
  tookMs: number;
}

/** The path of a request without the value of a key, should somebody send it where the id belongs. */
export const pathToTell = (path: string): string =>
  path
    .replace(/^(\/v1\/apikeys\/)(?!ApiKey-|details(?:\/|$))[^/]+/, '$1[value]')
    .replace(/^(\/v1\/config\/keys\/)(?![0-9a-f]{24}(?:\/|$))[^/]+/, '$1[value]')
    .replace(/^(\/notices\/slack\/).+/, '$1[value]')
    .replace(/(?<=^\/rest\/.*)[a-z0-9]{64}/g, '[value]');

const KEPT_CALLS = 10_000;

/** The latest calls, and how many there were of all. Log lines are only counted: there are too many to keep. */
export class CallLog {
  #calls: Call[] = [];
  #total = 0;
  #lines = 0;

  record(call: Omit<Call, 'n'>): void {
    this.#total += 1;
    this.#calls.push({ n: this.#total, ...call });
    if (this.#calls.length > 2 * KEPT_CALLS) this.#calls = this.#calls.slice(-KEPT_CALLS);
  }

  recordLine(): void {
    this.#lines += 1;
  }

  /** The latest calls, oldest first, from number `fromNumber` on. */
  list(fromNumber = 1): Call[] {
    return this.#calls.filter((call) => call.n >= fromNumber).slice(-KEPT_CALLS);
  }

  /** Calls of all time, without log lines. */
  get total(): number {
    return this.#total;
  }

  get lines(): number {
    return this.#lines;
  }
}
