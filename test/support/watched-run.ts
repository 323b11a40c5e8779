import type { Manifest } from '../../shared/keys/manifest.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { inProcess } from './in-process.ts';
import type { Laboratory } from './laboratory.ts';
import type { Deed, Trial } from './trial.ts';

/** A call of a run that is about to be sent. */
export interface Call {
  /** Counted from 1. */
  index: number;
  /** Of calls that change something, counted from 1; 0 for a read. */
  write: number;
  method: string;
  path: string;
}

/** Of classic keys one is added by a GET. */
export const isWrite = (call: string): boolean =>
  call.includes('/addApiAuthenticationKey') || !/^GET |^POST \/identity\/token/.test(call);

/** What becomes of a call; without trouble it is sent. */
export type Passage = (call: Call, send: () => Promise<object>, run: WatchedRun) => Promise<object>;

const NEVER = new Promise<never>(() => undefined);

/** One run in a laboratory, all of whose calls pass by here and may meet trouble. */
export class WatchedRun {
  /** Every call that the run made, in order: `METHOD /path`. */
  readonly calls: string[] = [];
  readonly #lab: Laboratory;
  readonly #passage: Passage;
  readonly #killed = new AbortController();

  constructor(lab: Laboratory, passage: Passage = (_, send) => send()) {
    this.#lab = lab;
    this.#passage = passage;
  }

  /** The process dies: nothing that it has begun goes on, and nothing more is sent. */
  kill(): Promise<never> {
    this.#killed.abort(new Error('killed'));
    return NEVER;
  }

  /** Does what the trial is about. A run in trouble may fail: what it leaves behind is what counts. Says whether it came to its end. */
  run(trial: Trial, deed = trial.deed): Promise<boolean> {
    return this.perform(trial.manifest, (changes) => deed(trial, changes));
  }

  /** The same of whatever else is done with a manifest. */
  async perform(manifest: Manifest, deed: (changes: Partial<RunContext>) => Promise<unknown>): Promise<boolean> {
    const adapter = inProcess(this.#lab.cloud);
    const { settings } = this.#lab.context(manifest, {
      // A process that stands still does not see its time limits pass.
      KEYROTA_CALL_TIMEOUT_SECONDS: '60',
      KEYROTA_RUN_SECONDS: '110',
    });
    const http = { adapter: (config: unknown) => this.#pass(config as { method: string; url: string }, adapter) };
    const changes: Partial<RunContext> = { settings, http, signal: this.#killed.signal };
    return deed(changes).then(
      () => !this.#killed.signal.aborted,
      () => false,
    );
  }

  #pass(config: { method: string; url: string }, adapter: (config: unknown) => Promise<object>): Promise<object> {
    if (this.#killed.signal.aborted) return NEVER;
    const method = config.method.toUpperCase();
    const path = new URL(config.url).pathname;
    const call = `${method} ${path}`;
    this.calls.push(call);
    const write = isWrite(call) ? this.calls.filter(isWrite).length : 0;
    return this.#passage({ index: this.calls.length, write, method, path }, () => adapter(config), this);
  }
}

/** A run that stands still before its nth call until `meanwhile` is over. */
export function frozenRun(lab: Laboratory, at: number, meanwhile: () => Promise<unknown>): WatchedRun {
  return new WatchedRun(lab, async ({ index }, send) => {
    if (index === at) await meanwhile();
    return send();
  });
}

/** Who may send a call, in turn: the first run so many calls, the second so many, then the first until it ends, then the second. */
export interface Turns {
  first: number;
  second: number;
}

/** Two runs at once that send their calls in these turns. */
export async function interleavedRuns(
  trial: Trial,
  turns: Turns,
  deeds: readonly Deed[] = [trial.deed, trial.deed],
): Promise<WatchedRun[]> {
  const order = [
    { who: 0, left: turns.first },
    { who: 1, left: turns.second },
    { who: 0, left: Infinity },
  ];
  const ended = new Set<number>();
  const waiting: { who: number; go: () => void }[] = [];
  const isTurnOf = (who: number) => {
    while (order[0] && (order[0].left === 0 || ended.has(order[0].who))) order.shift();
    return order[0] === undefined || order[0].who === who;
  };
  const proceed = () => {
    for (let next = waiting.findIndex(({ who }) => isTurnOf(who)); next >= 0;) {
      const [one] = waiting.splice(next, 1);
      if (order[0]) order[0].left -= 1;
      one?.go();
      next = waiting.findIndex(({ who }) => isTurnOf(who));
    }
  };
  const runs = [0, 1].map(
    (who) =>
      new WatchedRun(trial.lab, async (_, send) => {
        await new Promise<void>((go) => {
          waiting.push({ who, go });
          proceed();
        });
        return send();
      }),
  );
  const running = runs.map((run, who) =>
    run.run(trial, deeds[who]).finally(() => {
      ended.add(who);
      proceed();
    }),
  );
  await Promise.all(running);
  return runs;
}
