import { Worker } from 'node:worker_threads';
import type { CloudClock } from '../clock.ts';
import { Lines, textOf } from './lines.ts';
import type { FromWorker, Outcome, OutputStream, ToWorker, WorkerStart } from './messages.ts';
import type { CeParams } from './params.ts';
import { Standstill } from './standstill.ts';

export interface InstanceOptions extends WorkerStart {
  clock: CloudClock;
  /** All that `process.env` holds. */
  environment: Record<string, string>;
  maxExecutionSeconds: number;
  onLine: (line: string, stream: OutputStream) => void;
  /** Called once, when the worker is gone. */
  onExit: () => void;
}

/** How an invocation ended. */
export type Ending =
  | Outcome
  | { kind: 'load-failed'; status: 422 | 424 }
  /** Aborted at its limit. */
  | { kind: 'timed-out' }
  /** The worker ended in the middle: `process.exit`, an uncaught error, or the end of the host. */
  | { kind: 'died' };

interface Invocation {
  end: (ending: Ending) => void;
  cancelLimit: () => void;
}

/** One worker thread with one bundle. It takes one invocation at a time and keeps its module state between them. */
export class Instance {
  readonly #options: InstanceOptions;
  readonly #worker: Worker;
  readonly #standstill: Standstill;
  readonly #lines: Record<OutputStream, Lines>;
  #invocation: Invocation | undefined;
  #loaded = false;
  #ended = false;

  constructor(options: InstanceOptions) {
    this.#options = options;
    const { clock, directory, instanceId, present, environment, maxExecutionSeconds, onLine } = options;
    this.#standstill = new Standstill({
      clock,
      busyMsMax: maxExecutionSeconds * 1000,
      onTimer: () => this.#post({ kind: 'advance', turn: this.#standstill.nextTurn() }),
      onStuck: () => void this.#stop({ kind: 'timed-out' }),
    });
    this.#lines = {
      stdout: new Lines((line) => onLine(line, 'stdout')),
      stderr: new Lines((line) => onLine(line, 'stderr')),
    };
    const workerData: WorkerStart = { directory, instanceId, present };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, env: environment, execArgv: [] });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error: unknown) => this.#lines.stderr.push(`${textOf(error)}\n`));
    this.#worker.on('exit', () => this.#exited());
  }

  get isFree(): boolean {
    return !this.#invocation && !this.#ended;
  }

  /** Runs `main` once. The instance must be free. */
  invoke(params: CeParams): Promise<Ending> {
    const { clock, maxExecutionSeconds } = this.#options;
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const limitMs = clock.nowMs() + maxExecutionSeconds * 1000;
    const cancelLimit = clock.at(limitMs, () => void this.#stop({ kind: 'timed-out' }));
    this.#invocation = { end: resolve, cancelLimit };
    this.#post({ kind: 'invoke', turn: this.#standstill.nextTurn(), params });
    this.#standstill.timersRun = true;
    return promise;
  }

  requestArrived(mark: string): void {
    this.#standstill.arrived(mark);
  }

  requestDone(mark: string): void {
    this.#standstill.done(mark);
  }

  /** Ends the worker, and a running invocation as died. */
  async terminate(): Promise<void> {
    await this.#stop({ kind: 'died' });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message, []);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'loaded':
        this.#loaded = true;
        return;
      case 'load-failed':
        void this.#stop({ kind: 'load-failed', status: message.status });
        return;
      case 'status':
        this.#standstill.report(message.status);
        return;
      case 'outcome':
        this.#finish(message.outcome);
        return;
      case 'output':
        this.#lines[message.stream].push(message.text);
        return;
      default:
        message satisfies never;
    }
  }

  #finish(ending: Ending): void {
    const invocation = this.#invocation;
    this.#invocation = undefined;
    invocation?.cancelLimit();
    this.#standstill.timersRun = false;
    invocation?.end(ending);
  }

  async #stop(ending: Ending): Promise<void> {
    this.#ended = true;
    this.#standstill.end();
    this.#finish(ending);
    await this.#worker.terminate();
  }

  #exited(): void {
    this.#ended = true;
    this.#standstill.end();
    for (const lines of Object.values(this.#lines)) lines.flush();
    this.#finish(this.#loaded ? { kind: 'died' } : { kind: 'load-failed', status: 424 });
    this.#options.onExit();
  }
}
