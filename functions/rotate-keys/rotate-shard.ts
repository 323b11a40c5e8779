import { randomUUID } from 'node:crypto';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { KeyrotaError, messageOf } from '../../shared/runtime/errors.ts';
import { readJobSettings } from '../../shared/runtime/job-settings.ts';
import type { JobSettings } from '../../shared/runtime/job-settings.ts';
import { createLog } from '../../shared/runtime/log.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { RotateAnswer } from './rotate.ts';

/**
 * How an instance of the job ends. Code Engine runs it again after anything but 0, so that a key that failed, waits or is left is no
 * reason: the next run goes on with it. `failed`: nothing at all could be done, or the instance was asked to end before all was done.
 */
const EXIT = { done: 0, failed: 1, wrongInput: 2 } as const;

export interface JobContext extends Pick<RunContext, 'clock' | 'http' | 'randomBytes'> {
  /** Takes a line of the log. */
  write: (line: string) => void;
  /** Aborts when the instance is asked to end; its reason says by what. */
  stopping: AbortSignal;
}

/** What an instance may take that was asked to end, in milliseconds. Kubernetes kills at 30 s; Code Engine does not say. */
const ENDING_MS = 27_000;

/** What every tick of a timer asks for. */
const ALL = { dryRun: false, incidents: [], force: false };

/**
 * One instance of the job: works on the keys of its shard until all rest or the time is up, and says how far it is. Never throws.
 * @returns the exit code of the process.
 */
export async function rotateShard(
  environment: Record<string, string | undefined>,
  context: JobContext,
): Promise<number> {
  const { clock, write } = context;
  let job: JobSettings;
  try {
    job = readJobSettings(environment);
  } catch (error) {
    logFailure(createLog({ clock, write }), error);
    return EXIT.wrongInput;
  }
  const { settings, shard, tick } = job;
  const runId = randomUUID();
  const log = createLog({ clock, write, level: settings.logLevel }, { run: runId, delivery: tick, shard: shard.index });
  warnOfMissingShards(job, log);
  try {
    const { counts } = await run(job, runId, log, context);
    const isCutShort = context.stopping.aborted && (counts['left'] || counts['failed']);
    return isCutShort ? EXIT.failed : EXIT.done;
  } catch (error) {
    logFailure(log, error);
    return isWrongManifest(error) ? EXIT.wrongInput : EXIT.failed;
  }
}

/** Keys of a shard that nobody runs are left alone, and no other sign of it is quick. */
function warnOfMissingShards({ instanceCount, shard }: JobSettings, log: Log): void {
  if (instanceCount === null || instanceCount >= shard.count) return;
  const counts = { instanceCount, shardCount: shard.count };
  log.warn(
    'shards_missing',
    `instances ${instanceCount}, shards ${shard.count}: keys of missing ones are left alone`,
    counts,
  );
}

const logFailure = (log: Log, error: unknown): void =>
  log.error('run_failed', `The run failed: ${messageOf(error)}`, { error });

const isWrongManifest = (error: unknown): boolean =>
  error instanceof KeyrotaError && error.code.startsWith('manifest_');

async function run(job: JobSettings, runId: string, log: Log, context: JobContext): Promise<RotateAnswer> {
  const { clock, stopping, http, randomBytes } = context;
  const progress = new Progress(clock, log);
  const finished = new AbortController();
  const tooLate = new AbortController();
  const onStop = () => {
    const reason = messageOf(stopping.reason);
    log.info('run_stopping', `asked to end by ${reason}: nothing else is begun`, { reason });
    clock.sleep(ENDING_MS, finished.signal).then(
      () => tooLate.abort(new KeyrotaError('time_is_up', `The run was ended ${ENDING_MS} ms after ${reason}.`)),
      () => undefined, // it ended in time
    );
  };
  if (stopping.aborted) onStop();
  else stopping.addEventListener('abort', onStop, { once: true });
  void progress.sayNowAndThen(finished.signal);
  try {
    // All that talks to IBM Cloud loads here: an instance that is refused does without.
    const { rotate } = await import('./rotate.ts');
    const { settings, shard, attempt, jobRun } = job;
    const part = { shard, attempt, jobRun, onSurvey: progress.begin, onReport: progress.step };
    const optional = { ...(http && { http }), ...(randomBytes && { randomBytes }) };
    return await rotate(ALL, runId, { settings, clock, log, stopping, signal: tooLate.signal, part, ...optional });
  } finally {
    stopping.removeEventListener('abort', onStop);
    finished.abort(FINISHED);
  }
}

/** Why nothing is waited for any more. */
const FINISHED = new Error('the run is over');

const SAY_EVERY_KEYS = 500;
const SAY_EVERY_MS = 30_000;

/** Says in the log how far a shard is. */
class Progress {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #startMs: number;
  /** Null until the list of secrets was read. */
  #total: number | null = null;
  #done = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#startMs = clock.nowMs();
  }

  /** So many keys are looked at. Bound. */
  readonly begin = (total: number): void => {
    this.#total = total;
    this.#say();
  };

  /** One of them is done. Bound. */
  readonly step = (): void => {
    this.#done += 1;
    if (this.#done % SAY_EVERY_KEYS === 0) this.#say();
  };

  /** Until the signal aborts. Never rejects. */
  async sayNowAndThen(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await this.#clock.sleep(SAY_EVERY_MS, signal);
        this.#say();
      }
    } catch {
      // It is over.
    }
  }

  #say(): void {
    if (this.#total === null) return;
    const elapsedMs = this.#clock.nowMs() - this.#startMs;
    const counts = { doneCount: this.#done, totalCount: this.#total };
    this.#log.info('job_progress', `${this.#done} of ${this.#total} keys`, { ...counts, elapsedMs });
  }
}
