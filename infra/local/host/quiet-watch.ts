import { createHook } from 'node:async_hooks';

/** Turns of the event loop without anything happening before the worker counts as quiet. */
const QUIET_TURNS = 2;

/** Work that is under way outside of JavaScript or in a later turn, and ends by itself: files, lookups. */
const ONE_SHOT =
  /^(Immediate|FSREQCALLBACK|FSREQPROMISE|FILEHANDLECLOSEREQ|GETADDRINFOREQWRAP|GETNAMEINFOREQWRAP|QUERYWRAP)$/;

/** Work in other places that ends by itself, but may take any time: connections that are being made, processes, threads. */
const ELSEWHERE = /^(TCPCONNECTWRAP|PIPECONNECTWRAP|PROCESSWRAP|WORKER)$/;

const CRYPTO_JOB = /^(?!HTTPCLIENT).*REQUEST$/;

/** A job of node:crypto. One that is over when it returns answers with a list, one that goes on beside JavaScript does not. */
interface CryptoJob {
  run: (...args: unknown[]) => unknown;
}

interface ZlibHandle {
  write: (...args: unknown[]) => unknown;
}

/**
 * Calls `onQuiet` each time nothing in this thread moves any more by itself, except for timers, open requests and work in
 * other places.
 */
export class QuietWatch {
  readonly #onQuiet: () => void;
  /** Ids of what is under way. */
  readonly #pending = new Set<number>();
  readonly #elsewhere = new Set<number>();
  readonly #setImmediate = setImmediate;
  #turnQueued = false;
  #queueing = false;
  #quietTurns = 0;

  constructor(onQuiet: () => void) {
    this.#onQuiet = onQuiet;
    const ended = (id: number) => {
      if (this.#pending.delete(id) || this.#elsewhere.delete(id)) this.touch();
    };
    const init = (id: number, type: string, _trigger: number, resource: object) => {
      if (type === 'ZLIB') this.#watchZlib(id, resource as ZlibHandle);
      else if (CRYPTO_JOB.test(type)) this.#watchCryptoJob(id, resource as CryptoJob);
      else if (ELSEWHERE.test(type)) this.#begunElsewhere(id);
      else if (ONE_SHOT.test(type) && !this.#queueing) this.#pending.add(id);
    };
    // Not `after`: in its callback a compressor may have begun the next piece.
    const hooks = { init, before: ended, destroy: ended, trackPromises: false };
    createHook(hooks).enable();
  }

  /** Marks of the work that goes on in other places while this thread is quiet. */
  elsewhere(): string[] {
    return [...this.#elsewhere].map((id) => `elsewhere ${id}`);
  }

  /** Something happened: quiet begins anew. */
  touch(): void {
    this.#quietTurns = 0;
    this.#queueTurn();
  }

  #queueTurn(): void {
    if (this.#turnQueued || this.#pending.size > 0) return;
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
    if (this.#pending.size > 0) return;
    if (this.#quietTurns < QUIET_TURNS) this.#queueTurn();
    else this.#onQuiet();
  }

  #begunElsewhere(id: number): void {
    this.#elsewhere.add(id);
    this.touch();
  }

  #watchCryptoJob(id: number, job: CryptoJob): void {
    const { run } = job;
    job.run = (...args) => {
      const result = run.apply(job, args);
      if (!Array.isArray(result)) this.#pending.add(id);
      return result;
    };
  }

  /** One compressor does many pieces of work, each of them begun by `write` and ended by a callback. */
  #watchZlib(id: number, handle: ZlibHandle): void {
    const { write } = handle;
    handle.write = (...args) => {
      this.#pending.add(id);
      return write.apply(handle, args);
    };
  }
}
