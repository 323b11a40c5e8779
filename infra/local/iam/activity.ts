/** What reads tell about the use of a key or an identity. */
export interface Use {
  authnCount: number;
  /** Null before the first login. */
  lastAuthnMs: number | null;
}

/** The logins of one key or identity. Those younger than the reporting delay are counted but not shown. */
export class Activity {
  #shown: Use = { authnCount: 0, lastAuthnMs: null };
  #recent: number[] = [];

  record(nowMs: number, delayMs: number): void {
    this.#settle(nowMs - delayMs);
    this.#recent.push(nowMs);
  }

  /** What a read at `nowMs` shows. */
  shown(nowMs: number, delayMs: number): Use {
    this.#settle(nowMs - delayMs);
    return this.#shown;
  }

  /** What really happened. */
  actual(): Use {
    const { authnCount, lastAuthnMs } = this.#shown;
    return { authnCount: authnCount + this.#recent.length, lastAuthnMs: this.#recent.at(-1) ?? lastAuthnMs };
  }

  #settle(untilMs: number): void {
    const young = this.#recent.findIndex((atMs) => atMs > untilMs);
    const settled = young === -1 ? this.#recent.length : young;
    if (settled === 0) return;
    const lastAuthnMs = this.#recent[settled - 1] ?? null;
    this.#shown = { authnCount: this.#shown.authnCount + settled, lastAuthnMs };
    this.#recent = this.#recent.slice(settled);
  }
}
