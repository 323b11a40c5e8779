import { isApiError } from '../clients/api-error.ts';
import type { StoredSecret } from '../clients/secret-store.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import { apply } from './apply.ts';
import type { Applied, Change } from './apply.ts';
import { whyUnapproved } from './approved-step.ts';
import type { ApprovedStep } from './approved-step.ts';
import { fingerprintOfWorld } from './fingerprint.ts';
import { observationAfter } from './foresee.ts';
import { extensionOf } from './mint-rules.ts';
import { writeNotes } from './notes.ts';
import type { Observation } from './observation.ts';
import { observe, withSecret } from './observe.ts';
import { notProvisioned, roleMissing } from './obstacles.ts';
import { plan } from './plan.ts';
import { seenIncidents } from './seen-incidents.ts';
import type { SeenIncident } from './seen-incidents.ts';
import { portsFor } from './ports.ts';
import type { Ports } from './ports.ts';
import { timeText } from './record.ts';
import type { MintReason } from './record.ts';
import { situationOf } from './situation.ts';
import { logApplied, logSettled } from './step-log.ts';
import { isSettled } from './step.ts';
import type { Settled, Step } from './step.ts';
import { leastMintMs } from './verification.ts';

/** `reason`: why a key was made. `movedLocks`: names of consumers' locks that went to the new version. */
interface TakenStep {
  step: Step['step'];
  why: string;
  keyId?: string;
  reason?: MintReason;
  movedLocks?: readonly string[];
}

/** What one run did with one key, and how it left it. */
export interface KeyReport {
  name: string;
  /** The steps taken, in order. In a dry run: the step that would be taken. */
  steps: TakenStep[];
  /**
   * `rest`, `hold`, `ask`: settled. `planned`: a dry run. `failed`: an error stopped it, the next run tries again.
   * `left`: there was no time.
   */
  outcome: 'rest' | 'hold' | 'ask' | 'planned' | 'failed' | 'left';
  why: string;
  /** Since when it waits, ISO; null when it does not wait, or nothing tells. */
  since: string | null;
  /** When it goes on, ISO; null when that depends on somebody. */
  until: string | null;
  /** Stable code of what it waits for, asks or failed with; null at rest. */
  code: string | null;
  /** For `ask`: the exact steps. */
  next: string[];
  /** For `failed`: the step that failed, where it was one. */
  failedStep?: Step['step'];
  /** Leaks of its keys, as the last look showed them. Left out where there are none. */
  incidents?: readonly SeenIncident[];
  /** In a dry run: what that was decided on. Left out where it could not be seen. */
  fingerprint?: string;
}

export interface ReconcileOptions {
  secret: StoredSecret | null;
  /** When the list that showed it was read, in epoch milliseconds. */
  listedAtMs: number;
  /** Rotate now, due or not. */
  force: boolean;
  dryRun: boolean;
  /** Takes only this step, and only where a look right before it shows the same world. Default: whatever is to be done. */
  approved?: ApprovedStep;
}

/** No life of a key takes more steps in a row; a bug that would is stopped by it. */
const MOST_STEPS = 10;

/** What a step is decided on must not be older than this when it is carried out. */
const FRESH_MS = 30_000;

/**
 * What a list told of a secret is taken for true until it is older than this. No run of a function gets so old; one of a job does,
 * and others have worked meanwhile.
 */
const LIST_FRESH_MS = 120_000;

/** Why a key is left by a run that was asked to end. */
export const STOPPED = 'the run was asked to end';

/** The least time in which any step but a mint can be observed and carried out. */
const SHORTEST_STEP_MS = 5_000;

/** Observes, plans and applies, one step at a time, until the key rests or the time is up. Never throws. */
export async function reconcile(key: ManagedKey, options: ReconcileOptions, allPorts: Ports): Promise<KeyReport> {
  const ports = portsFor(key, allPorts);
  const found: Found = { steps: [], incidents: [], applying: null, fingerprint: null };
  const end = await workOn(key, options, ports, found).catch((error: unknown) => endWith(key, error, ports));
  const { steps, incidents, applying, fingerprint } = found;
  const failedStep = end.outcome === 'failed' && applying ? { failedStep: applying } : {};
  const optional = { ...(incidents.length > 0 && { incidents }), ...(fingerprint !== null && { fingerprint }) };
  return { name: key.name, steps, ...end, ...failedStep, ...optional };
}

/** What is told of a run with one key, however it ends. */
interface Found {
  steps: TakenStep[];
  incidents: readonly SeenIncident[];
  /** The step that is being carried out, or was when it failed. */
  applying: Step['step'] | null;
  /** Of the world, in a dry run. */
  fingerprint: string | null;
}

function endWith(key: ManagedKey, error: unknown, ports: Ports): End {
  if (ports.signal.aborted) return left('the time was up in the middle', 'no_time');
  const obstacle = obstacleOf(key, error, ports);
  if (obstacle) {
    ports.log.warn('person_asked', obstacle.problem, { ...obstacle });
    return asked(obstacle);
  }
  const why = messageOf(error);
  ports.log.error('key_failed', `${key.name}: ${why}`, { error });
  return { outcome: 'failed', why, since: null, until: null, code: codeOf(error), next: [] };
}

function obstacleOf(key: ManagedKey, error: unknown, ports: Ports): Obstacle | null {
  if (error instanceof PersonNeeded) return error.obstacle;
  return isApiError(error, 'forbidden') ? roleMissing(key, `look (${error.operation})`, ports.kindOf(key).facts) : null;
}

type End = Omit<KeyReport, 'name' | 'steps' | 'incidents' | 'failedStep' | 'fingerprint'>;

/** What a run remembers of one key between two steps. */
interface Work {
  key: ManagedKey;
  ports: Ports;
  /** The secret without its versions; `isListed` while a list told it, which may be late. */
  secret: StoredSecret | null;
  isListed: boolean;
  /** What a look would show after the last step, where that is known without one. */
  expected: Observation | null;
  rotationAsked: boolean;
  /** What was found is written down. Once: whatever becomes of a note, it must not keep us from working. */
  isNoted: boolean;
  /** Steps that were carried out. */
  done: Set<string>;
  /** Stores that were refused. */
  lostRaces: number;
}

async function workOn(
  key: ManagedKey,
  { secret, listedAtMs, force, dryRun, approved }: ReconcileOptions,
  ports: Ports,
  found: Found,
): Promise<End> {
  const { steps } = found;
  if (key.owner === '' && key.state === 'retired') return rested('retired, and it never had an owner');
  if (key.owner === '') return asked(notProvisioned(key));
  const { clock, deadlineMs } = ports;
  const done = new Set<string>();
  const work: Work = {
    key,
    ports,
    secret,
    isListed: true,
    expected: null,
    rotationAsked: force,
    isNoted: dryRun || approved !== undefined,
    done,
    lostRaces: 0,
  };
  if (clock.nowMs() - listedAtMs > LIST_FRESH_MS) await refresh(work, { secret });
  for (let round = 0; round < MOST_STEPS; round += 1) {
    const { seen, step } = await lookAndPlan(work);
    found.incidents = seenIncidents(key, seen, clock.nowMs());
    if (dryRun) found.fingerprint = fingerprintOfWorld(seen);
    const unapproved = approved ? whyUnapproved(approved, step, seen, steps.length > 0) : null;
    if (unapproved) return left(unapproved.why, unapproved.code);
    if (isSettled(step)) return settled(step, ports);
    if (done.has(identityOf(step))) return doneAlready(step);
    if (dryRun) return await planned(key, seen, step, ports, steps);
    if (ports.stopping?.aborted) return left(STOPPED, 'no_time');
    const neededMs = step.step === 'mint' ? leastMintMs('removes' in step, ports.runMs) : SHORTEST_STEP_MS;
    if (clock.nowMs() + neededMs > deadlineMs) return left(`there is no time left to ${step.step}`, 'no_time');
    if (clock.nowMs() - seen.takenAtMs > FRESH_MS) {
      await refresh(work, seen); // the look took too long to act on
      continue;
    }
    found.applying = step.step;
    const applied = await apply(key, seen, step, ports);
    if (applied.outcome !== 'failed') found.applying = null;
    logApplied(step, applied, seen, ports.log);
    if (step.step === 'mint' && applied.outcome === 'ask' && !approved) await extendMeanwhile(key, seen, ports, steps);
    if (applied.outcome === 'done' || applied.outcome === 'stored') steps.push(toldOf(step, applied));
    if (applied.outcome === 'done') done.add(identityOf(step)); // a mint is never done: each is another
    if (applied.outcome === 'lost-race') work.lostRaces += 1;
    const end = work.lostRaces > 1 ? left(STORE_REFUSED, 'store_refused') : endOf(applied);
    if (end) return end;
    if (step.step === 'mint') work.rotationAsked = false;
    work.expected = await observationAfter(key, seen, step, applied, ports);
    if (!work.expected) await refresh(work, seen);
  }
  return left(`it took more than ${MOST_STEPS} steps`, 'too_many_steps');
}

async function lookAndPlan(work: Work): Promise<{ seen: Observation; step: Step }> {
  const { key, ports } = work;
  const expected = await planAsExpected(work);
  if (expected) return expected;
  const seen = await observe(key, work.secret, work.rotationAsked, ports);
  const step = plan(key, seen, ports.clock.nowMs());
  if (!work.isNoted && step.step !== 'contain' && (await writeNotes(key, seen, ports))) {
    work.isNoted = true;
    await refresh(work, seen);
    return lookAndPlan(work);
  }
  if (step.step !== 'mint' || !work.isListed || !seen.secret) return { seen, step };
  // The list of secrets may be older than another run's store, which the summary tells.
  const fresh = withSecret(seen, await ports.secrets.get(seen.secret.id, ports.signal));
  return { seen: fresh, step: plan(key, fresh, ports.clock.nowMs()) };
}

/**
 * What a step has changed need not be asked for again: where nothing follows from it, or a release, which harms nobody
 * however late it comes, that is decided at once. Everything else is decided on another look.
 */
async function planAsExpected(work: Work): Promise<{ seen: Observation; step: Step } | null> {
  const { key, ports, expected } = work;
  if (!expected) return null;
  work.expected = null;
  const step = plan(key, expected, ports.clock.nowMs());
  if (isSettled(step) || step.step === 'release') return { seen: expected, step };
  await refresh(work, expected);
  return null;
}

async function refresh(work: Work, { secret }: { secret: { id: string } | null }): Promise<void> {
  work.secret = secret && (await work.ports.secrets.get(secret.id, work.ports.signal));
  work.isListed = false;
}

/** While a person is asked, the key that is to be replaced must not expire. */
async function extendMeanwhile(key: ManagedKey, seen: Observation, ports: Ports, steps: TakenStep[]): Promise<void> {
  const step = extensionOf(situationOf(key, seen, ports.clock.nowMs()));
  if (step?.step !== 'extend') return;
  const applied = await apply(key, seen, step, ports);
  logApplied(step, applied, seen, ports.log);
  if (applied.outcome === 'done') steps.push(toldOf(step));
}

function toldOf(step: Change, applied?: Applied): TakenStep {
  const keyId = applied?.outcome === 'stored' ? applied.keyId : 'keyId' in step ? step.keyId : undefined;
  const reason = step.step === 'mint' ? { reason: step.reason } : {};
  const movedLocks = step.step === 'release' && step.moves ? { movedLocks: step.moves } : {};
  return { step: step.step, why: step.why, ...(keyId !== undefined && { keyId }), ...reason, ...movedLocks };
}

const textOf = (atMs: number | null): string | null => (atMs === null ? null : timeText(atMs));

function settled(step: Settled, ports: Ports): End {
  logSettled(step, ports.log);
  if (step.step === 'ask') return asked(step);
  const until = textOf(step.untilMs);
  if (step.step === 'rest') return { outcome: 'rest', why: step.why, since: null, until, code: null, next: [] };
  return { outcome: 'hold', why: step.why, since: textOf(step.sinceMs), until, code: step.code, next: [] };
}

/** What a run would do. Whether a mint could begin is asked too: that changes nothing either. */
async function planned(
  key: ManagedKey,
  seen: Observation,
  step: Change,
  ports: Ports,
  steps: TakenStep[],
): Promise<End> {
  const [obstacle] = step.step === 'mint' ? await ports.kindOf(key).obstacles(key, seen.keyCount, ports.signal) : [];
  if (obstacle) return asked(obstacle);
  steps.push(toldOf(step));
  return { outcome: 'planned', why: step.why, since: null, until: null, code: null, next: [] };
}

const rested = (why: string): End => ({ outcome: 'rest', why, since: null, until: null, code: null, next: [] });

const asked = ({ problem, code, steps }: Obstacle): End => ({
  outcome: 'ask',
  why: problem,
  since: null,
  until: null,
  code,
  next: steps,
});

const STORE_REFUSED = 'another run stored first, or somebody locked the former version';

/** What is done to which key or version. */
const identityOf = (step: Change): string =>
  `${step.step} ${'keyId' in step ? step.keyId : 'versionId' in step ? step.versionId : ''}`;

/** A list that lags behind asks for the same step again: it is done, and a later run sees it. */
function doneAlready(step: Change): End {
  const why = `${step.step} is done, and lists do not show it yet`;
  return { outcome: 'hold', why, since: null, until: null, code: 'not-visible-yet', next: [] };
}

type LeftCode = 'no_time' | 'too_many_steps' | 'store_refused' | 'world_moved' | 'not_in_plan';

const left = (why: string, code: LeftCode): End => ({
  outcome: 'left',
  why,
  since: null,
  until: null,
  code,
  next: [],
});

/** Null when the next observation decides how to go on. */
function endOf(applied: Applied): End | null {
  switch (applied.outcome) {
    case 'done':
    case 'stored':
    case 'taken-back':
    case 'unclear':
    case 'lost-race':
      return null;
    case 'waits':
      return {
        outcome: 'hold',
        why: applied.why,
        since: textOf(applied.sinceMs),
        until: null,
        code: 'consumer-lock',
        next: [],
      };
    case 'ask':
      return asked(applied.obstacle);
    case 'failed':
      return { outcome: 'failed', why: applied.why, since: null, until: null, code: applied.code, next: [] };
    default:
      return applied satisfies never;
  }
}
