import { AsyncLocalStorage } from 'node:async_hooks';

type Callback = (...args: unknown[]) => void;

/** Node takes any other delay for 1 ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;
const delayOf = (delayMs: unknown) => {
  const ms = Number(delayMs);
  return ms >= 1 && ms <= DELAY_MS_MAX ? Math.trunc(ms) : 1;
};

/** What `setTimeout` and `setInterval` return: it answers as Node's `Timeout` does. */
export class VirtualTimeout {
  readonly id: number;
  readonly delayMs: number;
  readonly repeats: boolean;
  readonly run: () => void;
  atMs = 0;
  readonly #timers: VirtualTimers;
  #hasRef = true;

  constructor(timers: VirtualTimers, id: number, delayMs: number, repeats: boolean, run: () => void) {
    this.#timers = timers;
    this.id = id;
    this.delayMs = delayMs;
    this.repeats = repeats;
    this.run = run;
  }

  ref(): this {
    this.#hasRef = true;
    return this;
  }

  /** Changes nothing but `hasRef`: an instance does not end by itself. */
  unref(): this {
    this.#hasRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.#hasRef;
  }

  refresh(): this {
    this.#timers.start(this);
    return this;
  }

  close(): this {
    this.#timers.clear(this);
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.id;
  }

  [Symbol.dispose](): void {
    this.#timers.clear(this);
  }
}

export interface VirtualTimersOptions {
  nowMs: () => number;
  /** Called when timers were set, cleared or run. */
  onChange: () => void;
  /** Runs a callback in a later turn of the event loop. */
  later: (run: () => void) => void;
}

/** The timers of one worker. They never run by themselves, only in `runDue`. */
export class VirtualTimers {
  readonly #options: VirtualTimersOptions;
  #waiting: VirtualTimeout[] = [];
  #lastId = 0;

  constructor(options: VirtualTimersOptions) {
    this.#options = options;
  }

  /** When the next timer is due, or null. */
  get nextAtMs(): number | null {
    return this.#waiting[0]?.atMs ?? null;
  }

  set(callback: unknown, delayMs: unknown, args: unknown[], repeats: boolean): VirtualTimeout {
    if (typeof callback !== 'function') {
      const error = new TypeError('The "callback" argument must be of type function.');
      throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
    }
    const inContext = AsyncLocalStorage.snapshot();
    const run = () => inContext(callback as Callback, ...args);
    this.#lastId += 1;
    const timeout = new VirtualTimeout(this, this.#lastId, delayOf(delayMs), repeats, run);
    this.start(timeout);
    return timeout;
  }

  /** Lets the timeout's delay begin now. */
  start(timeout: VirtualTimeout): void {
    this.#remove(timeout);
    timeout.atMs = this.#options.nowMs() + timeout.delayMs;
    const before = this.#waiting.findLastIndex(({ atMs }) => atMs <= timeout.atMs);
    this.#waiting.splice(before + 1, 0, timeout);
    this.#options.onChange();
  }

  /** Takes a timeout or its number; ignores anything else, as Node does. */
  clear(handle: unknown): void {
    const isNumber = typeof handle === 'number' || typeof handle === 'string';
    const numbered = isNumber ? this.#waiting.find(({ id }) => id === Number(handle)) : undefined;
    const timeout = handle instanceof VirtualTimeout ? handle : numbered;
    if (timeout) this.#remove(timeout);
    this.#options.onChange();
  }

  /** Runs what is due, in order, each timer in a turn of its own, so that its promises go on before the next. */
  runDue(): void {
    const [timeout] = this.#waiting;
    if (!timeout || timeout.atMs > this.#options.nowMs()) return;
    this.#waiting.shift();
    if (timeout.repeats) this.start(timeout);
    const next = this.#waiting[0];
    if (next && next.atMs <= this.#options.nowMs()) this.#options.later(() => this.runDue());
    this.#options.onChange();
    timeout.run();
  }

  #remove(timeout: VirtualTimeout): void {
    this.#waiting = this.#waiting.filter((other) => other !== timeout);
  }
}
