import type { HttpOptions } from '../clients/http-options.ts';
import type { Manifest } from '../keys/manifest.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import { openPorts } from './ports.ts';
import type { Ports } from './ports.ts';

/** What every run, by a function or a person, is made from. */
export interface RunContext {
  settings: Settings;
  manifest: Manifest;
  clock: Clock;
  log: Log;
  /** Ends the run early, wherever it is. */
  signal?: AbortSignal;
  /** Asks the run to end: what it has begun it may still bring to its end. */
  stopping?: AbortSignal;
  /** Nothing is to be changed: a dry run. Default: false. */
  readOnly?: boolean;
  http?: HttpOptions;
  randomBytes?: (byteCount: number) => Uint8Array;
}

/** Why the end of a run is not waited for any more. Made once: an abort without a reason makes an error, with its stack. */
const FINISHED = new Error('the run is over');

/** What a run keeps back for telling and remembering what it did, in milliseconds. */
const KEPT_BACK_MS = 10_000;

/** The same for a run of a job, all of whose shards may want to write into the ledger at once, with few calls a second each. */
const KEPT_BACK_OF_A_JOB_MS = 300_000;

/** No run of a function is that long. */
const JOB_MS = 1_800_000;

/** What is begun gets so long when a run is asked to end, in milliseconds: a mint needs about that, and the platform waits 30 s in all. */
const STOPPING_MS = 20_000;

/** A shorter run needs all of its time for the keys. */
const LONG_RUN_MS = 60_000;

/** Lets `work` use the world for a shorter time than the run has left: what comes after it is not cut off with it. */
export async function withTimeKeptBack<T>(ports: Ports, work: (ports: Ports) => Promise<T>): Promise<T> {
  const { clock, signal, stopping, deadlineMs, runMs } = ports;
  if (runMs < LONG_RUN_MS) return work(ports);
  const keptBackMs = runMs < JOB_MS ? KEPT_BACK_MS : KEPT_BACK_OF_A_JOB_MS;
  const early = { deadlineMs: deadlineMs - keptBackMs, runMs: runMs - keptBackMs };
  const timeUp = new AbortController();
  const finished = new AbortController();
  clock.sleep(early.deadlineMs - clock.nowMs(), finished.signal).then(
    () => timeUp.abort(new KeyrotaError('time_is_up', `The work took longer than ${early.runMs} ms.`)),
    () => undefined, // it finished in time
  );
  const endSoon = () => {
    clock.sleep(STOPPING_MS, finished.signal).then(
      () => timeUp.abort(new KeyrotaError('time_is_up', `The work went on for ${STOPPING_MS} ms when it was to end.`)),
      () => undefined, // it ended in time
    );
  };
  stopping?.addEventListener('abort', endSoon, { once: true });
  try {
    return await work({ ...ports, ...early, signal: AbortSignal.any([signal, timeUp.signal]) });
  } finally {
    stopping?.removeEventListener('abort', endSoon);
    finished.abort(FINISHED);
  }
}

/** Opens the world for one run, lets `work` use it, and ends whatever is left when the time is up. */
export async function withPorts<T>(context: RunContext, work: (ports: Ports) => Promise<T>): Promise<T> {
  const { settings, manifest, clock, log, http, stopping, randomBytes, readOnly = false } = context;
  const timeUp = new AbortController();
  const finished = new AbortController();
  const signal = AbortSignal.any([timeUp.signal, ...(context.signal ? [context.signal] : [])]);
  const deadlineMs = clock.nowMs() + settings.runMs;
  clock.sleep(settings.runMs, finished.signal).then(
    () => timeUp.abort(new KeyrotaError('time_is_up', `The run took longer than ${settings.runMs} ms.`)),
    () => undefined, // it finished in time
  );
  try {
    const optional = { ...(http && { http }), ...(randomBytes && { randomBytes }) };
    const { keys } = manifest;
    const opened = await openPorts({ settings, keys, clock, log, signal, deadlineMs, readOnly, ...optional });
    const ports = { ...opened, ...(stopping && { stopping }) };
    try {
      return await work(ports);
    } finally {
      await ports.close();
    }
  } finally {
    finished.abort(FINISHED);
  }
}
