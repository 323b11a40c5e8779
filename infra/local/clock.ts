/** A moment's work or wait that someone holds; time stands still while any hold is open. */
export interface Hold {
  /** Lets time go on for `delayMs` virtual milliseconds, then takes the hold again. */
  sleep(delayMs: number): Promise<void>;
  /** Lets time go on until `promise` settles, then takes the hold again. */
  wait<T>(promise: Promise<T>): Promise<T>;
  /** Ends the hold. Ending it twice is harmless. */
  release(): void;
}

/** A callback that the clock will run; time stands still until what it returns has settled. */
export type Scheduled = (hold: Hold) => void | Promise<void>;

interface Entry {
  atMs: number;
  order: number;
  run: Scheduled;
}

export interface CloudClockOptions {
  /** Where virtual time begins, in epoch milliseconds. Default: the real present. */
  startMs?: number;
  /** Upper limit of virtual milliseconds that pass in a real one. `Infinity` jumps from event to event. Default 1. */
  speed?: number;
  /** What a scheduled callback's failure does. Default: rethrown, so that it ends the process. */
  onError?: (error: unknown) => void;
}

/** The end of virtual time, in epoch milliseconds: later years have more than four digits, and then dates have no form. */
export const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** How much real time the clock may make up for after it stood still, in milliseconds. */
const CATCH_UP_MS = 1_000;

/** Turns of the event loop without any hold before time may move: answers travel through a few of them. */
const QUIET_TURNS = 3;

/**
 * The time of the embedded cloud. It stands still while somebody works and otherwise moves to the next event, at most
 * at `speed`. At LAST_MS it stands for good. Work announces itself with a hold; code that only awaits answers of the cloud in this process needs none.
 */
export class CloudClock {
  #virtualMs: number;
  #wantedSpeed: number;
  readonly #speedLimits = new Set<{ speed: number }>();
  /** Real and virtual moment from which the paced time is counted. */
  #anchor: { realMs: number; virtualMs: number };
  #holds = 0;
  #order = 0;
  #entries: Entry[] = [];
  #goal: { atMs: number; reached: () => void } | undefined;
  #turnPending = false;
  #quietTurns = QUIET_TURNS;
  #wakeUp: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #moveListeners = new Set<(nowMs: number) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(options: CloudClockOptions = {}) {
    this.#virtualMs = options.startMs ?? Date.now();
    this.#wantedSpeed = options.speed ?? 1;
    this.#anchor = { realMs: performance.now(), virtualMs: this.#virtualMs };
    this.#onError =
      options.onError ??
      ((error) => {
        queueMicrotask(() => {
          throw error;
        });
      });
  }

  /** The virtual present in epoch milliseconds, whole. */
  nowMs(): number {
    // Right after work, before it is sure that nobody goes on with it, time still stands.
    const isQuiet = this.#holds === 0 && this.#quietTurns >= QUIET_TURNS;
    if (isQuiet && !this.#goal && !this.#stopped) this.#moveTo(this.#pacedMs());
    return Math.floor(this.#virtualMs);
  }

  /** Virtual milliseconds that pass in a real one at most: the slowest of what is wanted and what limits it. */
  get speed(): number {
    return Math.min(this.#wantedSpeed, ...[...this.#speedLimits].map((limit) => limit.speed));
  }

  /** Changes what is wanted from now on. */
  set speed(speed: number) {
    this.#changeSpeed(() => (this.#wantedSpeed = speed));
  }

  /** Slows time down, whatever is wanted meanwhile. Returns how to lift the limit. */
  limitSpeed(speed: number): () => void {
    const limit = { speed };
    this.#changeSpeed(() => this.#speedLimits.add(limit));
    return () => this.#changeSpeed(() => this.#speedLimits.delete(limit));
  }

  /** Whether somebody waits for `advanceTo`. */
  get isAdvancing(): boolean {
    return this.#goal !== undefined;
  }

  /** When the next scheduled callback is due, or null. */
  get nextEventMs(): number | null {
    return this.#entries[0]?.atMs ?? null;
  }

  /** Opens a hold: time stands still until it is released. */
  hold(): Hold {
    this.nowMs();
    this.#holds += 1;
    let open = true;
    const release = () => {
      if (!open) return;
      open = false;
      this.#holds -= 1;
      if (this.#holds === 0) this.#limitCatchUp();
      this.#activity();
    };
    const take = () => {
      this.nowMs();
      this.#holds += 1;
      open = true;
    };
    return {
      release,
      sleep: async (delayMs) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.at(this.nowMs() + delayMs, () => {
          take();
          resolve();
        });
        release();
        await promise;
      },
      wait: async (promise) => {
        release();
        try {
          return await promise;
        } finally {
          take();
        }
      },
    };
  }

  /** Runs `run` at `atMs` (or at once, when that is past). Returns how to cancel it. */
  at(atMs: number, run: Scheduled): () => void {
    const entry: Entry = { atMs: Math.max(atMs, this.#virtualMs), order: this.#order++, run };
    this.#entries.splice(this.#placeAfter(entry.atMs), 0, entry);
    this.#activity();
    return () => {
      const place = this.#entries.lastIndexOf(entry, this.#placeAfter(entry.atMs) - 1);
      if (place >= 0) this.#entries.splice(place, 1);
    };
  }

  /** Waits `delayMs` virtual milliseconds, outside of any hold. Rejects with the signal's reason when it aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const onAbort = () => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = this.at(this.nowMs() + delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  /** Calls `listener` with the present in whole milliseconds each time it has changed. Returns how to end that. */
  onMove(listener: (nowMs: number) => void): () => void {
    this.#moveListeners.add(listener);
    return () => {
      this.#moveListeners.delete(listener);
    };
  }

  /**
   * Moves to `atMs` as fast as possible, running what is due on the way. Throws RangeError for a time that is past or after
   * LAST_MS, and while it moves for somebody else.
   */
  async advanceTo(atMs: number): Promise<void> {
    if (atMs < this.nowMs()) throw new RangeError(`The clock cannot go back to ${new Date(atMs).toISOString()}.`);
    if (!(atMs <= LAST_MS)) throw new RangeError('The clock goes no further than the year 9999.');
    if (this.#goal) throw new RangeError('The clock is being advanced already.');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#goal = { atMs, reached: resolve };
    this.#activity();
    await promise;
  }

  /** Stops time for good. Nothing that is scheduled runs any more. */
  stop(): void {
    this.#stopped = true;
    this.#entries = [];
    clearTimeout(this.#wakeUp);
  }

  /** Where those begin that are due later, by halves: thousands may be scheduled. */
  #placeAfter(atMs: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.atMs ?? Infinity) > atMs) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #changeSpeed(change: () => void): void {
    this.nowMs();
    change();
    this.#anchor = { realMs: performance.now(), virtualMs: this.#virtualMs };
    this.#queueTurn();
  }

  #moveTo(virtualMs: number): void {
    const formerMs = Math.floor(this.#virtualMs);
    this.#virtualMs = virtualMs;
    const nowMs = Math.floor(virtualMs);
    if (nowMs === formerMs) return;
    for (const listener of this.#moveListeners) listener(nowMs);
  }

  #pacedMs(): number {
    const { speed } = this;
    if (speed === Infinity) return this.#virtualMs;
    const targetMs = this.#anchor.virtualMs + (performance.now() - this.#anchor.realMs) * speed;
    const limitMs = this.#entries[0]?.atMs ?? LAST_MS;
    return Math.max(this.#virtualMs, Math.min(targetMs, limitMs, LAST_MS));
  }

  /** Keeps a long standstill from being made up for in a rush. */
  #limitCatchUp(): void {
    const { speed } = this;
    if (speed === Infinity || speed === 0) return;
    const standsForMs = this.#anchor.realMs + (this.#virtualMs - this.#anchor.virtualMs) / speed;
    const lagMs = performance.now() - standsForMs;
    if (lagMs > CATCH_UP_MS) this.#anchor.realMs += lagMs - CATCH_UP_MS;
  }

  #activity(): void {
    this.#quietTurns = 0;
    this.#queueTurn();
  }

  #queueTurn(): void {
    if (this.#turnPending || this.#stopped || this.#holds > 0) return;
    this.#turnPending = true;
    clearTimeout(this.#wakeUp);
    setImmediate(() => {
      this.#turnPending = false;
      this.#turn();
    });
  }

  /** One turn of the event loop in which nobody holds time; after some of them the next event may run. */
  #turn(): void {
    if (this.#stopped || this.#holds > 0) return;
    this.#quietTurns += 1;
    if (this.#quietTurns < QUIET_TURNS) {
      this.#queueTurn();
      return;
    }
    const next = this.#entries[0];
    const goal = this.#goal;
    if (goal && (next === undefined || next.atMs > goal.atMs)) {
      this.#reach(goal);
      return;
    }
    if (next === undefined || next.atMs > LAST_MS) return;
    if (!goal && this.speed !== Infinity && this.#pacedMs() < next.atMs) {
      this.#waitFor(next.atMs);
      return;
    }
    this.#entries.shift();
    this.#quietTurns = 0;
    this.#moveTo(Math.max(this.#virtualMs, next.atMs));
    this.#run(next);
  }

  #reach(goal: { atMs: number; reached: () => void }): void {
    this.#moveTo(goal.atMs);
    this.#anchor = { realMs: performance.now(), virtualMs: goal.atMs };
    this.#goal = undefined;
    goal.reached();
    this.#activity();
  }

  #waitFor(atMs: number): void {
    const { speed } = this;
    if (speed === 0) return;
    const delayMs = (atMs - this.#pacedMs()) / speed;
    // A Node timer holds at most 2^31-1 ms; waking early only looks again.
    this.#wakeUp = setTimeout(() => this.#queueTurn(), Math.min(Math.ceil(delayMs), 2 ** 31 - 1));
  }

  #run(entry: Entry): void {
    const hold = this.hold();
    const fail = (error: unknown) => {
      hold.release();
      this.#onError(error);
    };
    try {
      const running = entry.run(hold);
      if (running) running.then(() => hold.release(), fail);
      else hold.release();
    } catch (error) {
      fail(error);
    }
  }
}
