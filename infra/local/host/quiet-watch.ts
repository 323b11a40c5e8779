import { createHook } from 'node:async_hooks';

/** Turns of the event loop without anything happening before the worker counts as quiet. */
const QUIET_TURNS = 2;

/** Work that is under way outside of JavaScript or in a later turn, and ends by itself: files, cryptography, lookups. */
const ONE_SHOT =
  /^(Immediate|FSREQCALLBACK|FSREQPROMISE|FILEHANDLECLOSEREQ|GETADDRINFOREQWRAP|GETNAMEINFOREQWRAP|QUERYWRAP|(?!HTTPCLIENT).*REQUEST)$/;

/** A job of node:crypto. Only one that runs beside JavaScript calls back; others are over when they return. */
interface CryptoJob {
  ondone?: unknown;
}

interface ZlibHandle {
  write: (...args: unknown[]) => unknown;
}

/** Calls `onQuiet` each time nothing in this thread moves any more by itself, except for timers and open requests. */
export class QuietWatch {
  readonly #onQuiet: () => void;
  /** By id, what is under way; with it the job of node:crypto that it is, or null. */
  readonly #pending = new Map<number, CryptoJob | null>();
  readonly #setImmediate = setImmediate;
  #turnQueued = false;
  #queueing = false;
  #quietTurns = 0;

  constructor(onQuiet: () => void) {
    this.#onQuiet = onQuiet;
    const ended = (id: number) => {
      if (this.#pending.delete(id)) this.touch();
    };
    const init = (id: number, type: string, _trigger: number, resource: object) => {
      if (type === 'ZLIB') this.#watchZlib(id, resource as ZlibHandle);
      else if (ONE_SHOT.test(type) && !this.#queueing)
        this.#pending.set(id, type.endsWith('REQUEST') ? resource : null);
    };
    // Not `after`: in its callback a compressor may have begun the next piece.
    const hooks = { init, before: ended, destroy: ended, trackPromises: false };
    createHook(hooks).enable();
  }

  /** Something happened: quiet begins anew. */
  touch(): void {
    this.#quietTurns = 0;
    this.#queueTurn();
  }

  #queueTurn(): void {
    if (this.#turnQueued || this.#isAnythingPending()) return;
    this.#turnQueued = true;
    this.#queueing = true;
    this.#setImmediate.call(globalThis, () => {
      this.#turnQueued = false;
      this.#turn();
    });
    this.#queueing = false;
  }

  #turn(): void {
    this.#quietTurns += 1;
    if (this.#isAnythingPending()) return;
    if (this.#quietTurns < QUIET_TURNS) this.#queueTurn();
    else this.#onQuiet();
  }

  #isAnythingPending(): boolean {
    for (const [id, job] of this.#pending) if (job && typeof job.ondone !== 'function') this.#pending.delete(id);
    return this.#pending.size > 0;
  }

  /** One compressor does many pieces of work, each of them begun by `write` and ended by a callback. */
  #watchZlib(id: number, handle: ZlibHandle): void {
    const { write } = handle;
    handle.write = (...args) => {
      this.#pending.set(id, null);
      return write.apply(handle, args);
    };
  }
}
