import type { Manifest } from '../../shared/keys/manifest.ts';
import { inProcess } from './in-process.ts';
import type { Laboratory } from './laboratory.ts';

/** A call of a run that is about to be sent. */
interface Call {
  /** Counted from 1. */
  index: number;
  method: string;
  path: string;
}

/** What becomes of a call; without trouble it is sent. */
type Passage = (call: Call, send: () => Promise<object>, run: WatchedRun) => Promise<object>;

/** One run in a laboratory, all of whose calls pass by here and may meet trouble. */
export class WatchedRun {
  /** Every call that the run made, in order: `METHOD /path`. */
  readonly calls: string[] = [];
  readonly #lab: Laboratory;
  readonly #passage: Passage;
  readonly #killed = new AbortController();

  constructor(lab: Laboratory, passage: Passage) {
    this.#lab = lab;
    this.#passage = passage;
  }

  /** The process dies: nothing that it has begun goes on, and nothing more is sent. */
  kill(): void {
    this.#killed.abort(new Error('killed'));
  }

  /** A look at the key and whatever follows from it. A run in trouble may fail: what it leaves behind is what counts. */
  async tick(manifest: Manifest): Promise<void> {
    const { settings } = this.#lab.context(manifest, {
      // A process that stands still does not see its time limits pass.
      KEYROTA_CALL_TIMEOUT_SECONDS: '60',
      KEYROTA_RUN_SECONDS: '110',
    });
    const adapter = inProcess(this.#lab.cloud);
    const http = { adapter: (config: unknown) => this.#pass(config as { method: string; url: string }, adapter) };
    const changes = { settings, http, signal: this.#killed.signal };
    await this.#lab.tick(manifest, { only: ['ingest'] }, changes).catch(() => undefined);
  }

  #pass(config: { method: string; url: string }, adapter: (config: unknown) => Promise<object>): Promise<object> {
    const method = config.method.toUpperCase();
    const path = new URL(config.url).pathname;
    this.calls.push(`${method} ${path}`);
    return this.#passage({ index: this.calls.length, method, path }, () => adapter(config), this);
  }
}

/** A run that nothing happens to. */
export const untroubledRun = (lab: Laboratory): WatchedRun => new WatchedRun(lab, (_, send) => send());

/** Trouble as the embedded cloud makes it for one call. */
type Trouble = { drop: 'request' | 'answer' } | { status: number };

/** A run whose nth call meets trouble, or all from the nth on. */
export function troubledRun(lab: Laboratory, at: number, trouble: Trouble, scope: 'once' | 'from then on'): WatchedRun {
  return new WatchedRun(lab, ({ index, method, path }, send) => {
    const isHit = scope === 'once' ? index === at : index >= at;
    // The cloud uses the fault up in this very moment: no other call can meet it.
    if (isHit) lab.fault({ match: `${method} ${path}`, ...trouble });
    return send();
  });
}

/** A run whose process dies when it is about to send its nth call. */
export function killedRun(lab: Laboratory, at: number): WatchedRun {
  return new WatchedRun(lab, ({ index }, send, run) => {
    if (index !== at) return send();
    run.kill();
    return new Promise<never>(() => undefined);
  });
}

/** A run that stands still before its nth call until `meanwhile` is over. */
export function frozenRun(lab: Laboratory, at: number, meanwhile: () => Promise<unknown>): WatchedRun {
  return new WatchedRun(lab, async ({ index }, send) => {
    if (index === at) await meanwhile();
    return send();
  });
}
