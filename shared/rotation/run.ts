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
  /** Ends the run early. */
  signal?: AbortSignal;
  /** Nothing is to be changed: a dry run. Default: false. */
  readOnly?: boolean;
  http?: HttpOptions;
  randomBytes?: (byteCount: number) => Uint8Array;
}

/** Why the end of a run is not waited for any more. Made once: an abort without a reason makes an error, with its stack. */
const FINISHED = new Error('the run is over');

/** What a run keeps back for telling and remembering what it did, in milliseconds. */
const KEPT_BACK_MS = 10_000;

/** A shorter run needs all of its time for the keys. */
const LONG_RUN_MS = 60_000;

/** Lets `work` use the world for a shorter time than the run has left: what comes after it is not cut off with it. */
export async function withTimeKeptBack<T>(ports: Ports, work: (ports: Ports) => Promise<T>): Promise<T> {
  const { clock, signal, deadlineMs, runMs } = ports;
  if (runMs < LONG_RUN_MS) return work(ports);
  const early = { deadlineMs: deadlineMs - KEPT_BACK_MS, runMs: runMs - KEPT_BACK_MS };
  const timeUp = new AbortController();
  const finished = new AbortController();
  clock.sleep(early.deadlineMs - clock.nowMs(), finished.signal).then(
    () => timeUp.abort(new KeyrotaError('time_is_up', `The work took longer than ${early.runMs} ms.`)),
    () => undefined, // it finished in time
  );
  try {
    return await work({ ...ports, ...early, signal: AbortSignal.any([signal, timeUp.signal]) });
  } finally {
    finished.abort(FINISHED);
  }
}

/** Opens the world for one run, lets `work` use it, and ends whatever is left when the time is up. */
export async function withPorts<T>(context: RunContext, work: (ports: Ports) => Promise<T>): Promise<T> {
  const { settings, manifest, clock, log, http, randomBytes, readOnly = false } = context;
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
    const ports = await openPorts({ settings, keys, clock, log, signal, deadlineMs, readOnly, ...optional });
    try {
      return await work(ports);
    } finally {
      await ports.close();
    }
  } finally {
    finished.abort(FINISHED);
  }
}
