import { callRotateKeys } from '../../shared/clients/rotate-keys-call.ts';
import type { LeakAnswer } from '../../shared/incidents/answer.ts';
import type { ReportedLeak } from '../../shared/incidents/leak-report.ts';
import { respondToLeak } from '../../shared/incidents/respond.ts';
import { tellPeople } from '../../shared/incidents/tell-people.ts';
import { ToldLately } from '../../shared/incidents/told-lately.ts';
import type { LeakContext } from '../../shared/incidents/world.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Settings } from '../../shared/runtime/settings.ts';

interface RespondContext {
  settings: Settings;
  clock: Clock;
  /** Its lines carry the request's id and the sender. */
  log: Log;
  /** When the request came, in epoch milliseconds. */
  startMs: number;
}

/** Senders wait for 10 s at most, and what an answer takes to reach them is not ours. */
const ANSWER_WITHIN_MS = 8_000;
/** An instance of the function takes many requests. */
const toldLately = new ToldLately();

/** Kept back for closing the matter at the sender. */
const RESOLVING_MS = 1_000;

/**
 * Finds the keys of the leaks, contains them, has `rotate-keys` replace them, and says what was done.
 * @throws ManifestError or KeyrotaError where the manifest cannot be read.
 */
export async function respond(leaks: readonly ReportedLeak[], context: RespondContext): Promise<FunctionResponse> {
  const manifest = readManifest(context.settings);
  const answers = await Promise.all(leaks.map((leak) => respondToOne(leak, manifest, context)));
  return responseOf(answers);
}

async function respondToOne(
  { report, resolve }: ReportedLeak,
  manifest: Manifest,
  context: RespondContext,
): Promise<LeakAnswer> {
  const { settings, clock, log, startMs } = context;
  const deadlineMs = startMs + ANSWER_WITHIN_MS;
  const answer = await respondToLeak(report, {
    settings,
    manifest,
    clock,
    log,
    signal: new AbortController().signal,
    deadlineMs: resolve ? deadlineMs - RESOLVING_MS : deadlineMs,
    poke: (names, incidents) => poke(names, incidents, context),
    notify: (facts, signal) => tellPeople(facts, manifest, context, signal),
    toldLately,
  });
  if (resolve && isDealtWith(answer)) await close(resolve, deadlineMs, context);
  return answer;
}

/** A run answers when it has ended, seconds later: that it began is enough, and is known before telling is given up. */
const POKE_MS = 1_500;

/** @throws KeyrotaError where `rotate-keys` was not told: then its timer finds the leak. */
async function poke(
  names: readonly string[],
  incidents: Parameters<LeakContext['poke']>[1],
  { settings, clock }: RespondContext,
): Promise<void> {
  const call = await callRotateKeys({ only: names, incidents }, { settings, clock, http: {}, waitMs: POKE_MS });
  if (call.outcome === 'not-configured')
    throw new KeyrotaError('not_configured', 'KEYROTA_ROTATE_KEYS_URL or KEYROTA_TRIGGER_TOKEN is missing.');
  if (call.outcome === 'failed') throw new KeyrotaError('poke_failed', call.why);
}

/** Every key is out of use, or was never there any more. */
const isDealtWith = ({ body }: LeakAnswer): boolean =>
  'incidents' in body && body.incidents.every(({ outcome }) => outcome === 'contained' || outcome === 'gone');

async function close(
  resolve: NonNullable<ReportedLeak['resolve']>,
  deadlineMs: number,
  { clock, log }: RespondContext,
): Promise<void> {
  const finished = new AbortController();
  const timeUp = new AbortController();
  clock.sleep(Math.max(deadlineMs - clock.nowMs(), 1), finished.signal).then(
    () => timeUp.abort(new KeyrotaError('time_is_up', 'There was no time left.')),
    () => undefined, // it was quicker
  );
  try {
    await resolve(timeUp.signal);
  } catch (error) {
    log.warn('alert_not_resolved', 'the key is out of use, and the alert is still open at its sender', { error });
  } finally {
    finished.abort();
  }
}

/** Of several reports in one delivery, the answer that asks for another delivery, if there is one. */
function responseOf(answers: readonly LeakAnswer[]): FunctionResponse {
  const [worst] = answers.toSorted((one, other) => other.status - one.status);
  const incidents = answers.flatMap(({ body }) => ('incidents' in body ? body.incidents : []));
  const retryAfterSeconds = worst?.retryAfterSeconds ?? null;
  const headers = retryAfterSeconds === null ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } };
  const body = worst && 'code' in worst.body ? worst.body : { incidents };
  return { status: worst?.status ?? 202, ...headers, body };
}
