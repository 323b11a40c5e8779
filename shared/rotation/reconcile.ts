import type { StoredSecret } from '../clients/secret-store.ts';
import type { Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import { apply } from './apply.ts';
import type { Applied, Change } from './apply.ts';
import { extensionOf } from './mint-rules.ts';
import type { Observation } from './observation.ts';
import { observe } from './observe.ts';
import { plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { timeText } from './record.ts';
import { situationOf } from './situation.ts';
import { logApplied, logSettled } from './step-log.ts';
import { isSettled } from './step.ts';
import type { Settled, Step } from './step.ts';
import { SHORTEST_MINT_MS } from './verification.ts';

/** What one run did with one key, and how it left it. */
export interface KeyReport {
  name: string;
  /** The steps taken, in order. In a dry run: the step that would be taken. */
  steps: { step: Step['step']; why: string; keyId?: string }[];
  /**
   * `rest`, `hold`, `ask`: settled. `planned`: a dry run. `failed`: an error stopped it, the next run tries again.
   * `left`: there was no time.
   */
  outcome: 'rest' | 'hold' | 'ask' | 'planned' | 'failed' | 'left';
  why: string;
  /** When it goes on, ISO; null when that depends on somebody. */
  until: string | null;
  /** Stable code of what it waits for, asks or failed with; null at rest. */
  code: string | null;
  /** For `ask`: the exact steps. */
  next: string[];
}

export interface ReconcileOptions {
  secret: StoredSecret | null;
  /** Rotate now, due or not. */
  force: boolean;
  dryRun: boolean;
}

/** No life of a key takes more steps in a row; a bug that would is stopped by it. */
const MOST_STEPS = 10;

/** What a step is decided on must not be older than this when it is carried out. */
const FRESH_MS = 30_000;

/** The least time in which any step but a mint can be observed and carried out. */
const SHORTEST_STEP_MS = 5_000;

/** Observes, plans and applies, one step at a time, until the key rests or the time is up. Never throws. */
export async function reconcile(key: ManagedKey, options: ReconcileOptions, allPorts: Ports): Promise<KeyReport> {
  const ports = { ...allPorts, log: allPorts.log.with({ key: key.name }) };
  const steps: KeyReport['steps'] = [];
  try {
    const end = await workOn(key, options, ports, steps);
    return { name: key.name, steps, ...end };
  } catch (error) {
    if (ports.signal.aborted) return { name: key.name, steps, ...left('the time was up in the middle') };
    ports.log.error('key_failed', `${key.name}: ${messageOf(error)}`, { error });
    return {
      name: key.name,
      steps,
      outcome: 'failed',
      why: messageOf(error),
      until: null,
      code: codeOf(error),
      next: [],
    };
  }
}

type End = Omit<KeyReport, 'name' | 'steps'>;

async function workOn(
  key: ManagedKey,
  options: ReconcileOptions,
  ports: Ports,
  steps: KeyReport['steps'],
): Promise<End> {
  const { clock, deadlineMs } = ports;
  let rotationAsked = options.force;
  let { secret } = options;
  for (let round = 0; round < MOST_STEPS; round += 1) {
    const seen = await observe(key, secret, rotationAsked, ports);
    const step = plan(key, seen, clock.nowMs());
    if (isSettled(step)) return settled(step, ports);
    if (options.dryRun) return await planned(key, step, ports, steps);
    const neededMs = step.step === 'mint' ? SHORTEST_MINT_MS : SHORTEST_STEP_MS;
    if (clock.nowMs() + neededMs > deadlineMs) return left(`there is no time left to ${step.step}`);
    if (clock.nowMs() - seen.takenAtMs > FRESH_MS) continue; // the look took too long to act on
    const applied = await apply(key, seen, step, ports);
    logApplied(step, applied, ports.log);
    const end = endOf(applied);
    if (step.step === 'mint' && applied.outcome === 'ask') await extendMeanwhile(key, seen, ports, steps);
    if (applied.outcome === 'done' || applied.outcome === 'stored') steps.push(toldOf(step, applied));
    if (end) return end;
    if (step.step === 'mint') rotationAsked = false;
    secret = seen.secret && (await ports.secrets.get(seen.secret.id, ports.signal));
  }
  return left(`it took more than ${MOST_STEPS} steps`);
}

/** While a person is asked, the key that is to be replaced must not expire. */
async function extendMeanwhile(
  key: ManagedKey,
  seen: Observation,
  ports: Ports,
  steps: KeyReport['steps'],
): Promise<void> {
  const step = extensionOf(situationOf(key, seen, ports.clock.nowMs()));
  if (!step) return;
  const applied = await apply(key, seen, step, ports);
  logApplied(step, applied, ports.log);
  if (applied.outcome === 'done') steps.push(toldOf(step));
}

function toldOf(step: Change, applied?: Applied): KeyReport['steps'][number] {
  const keyId = applied?.outcome === 'stored' ? applied.keyId : 'keyId' in step ? step.keyId : undefined;
  return { step: step.step, why: step.why, ...(keyId !== undefined && { keyId }) };
}

function settled(step: Settled, ports: Ports): End {
  logSettled(step, ports.log);
  if (step.step === 'ask') return asked(step);
  const until = step.untilMs === null ? null : timeText(step.untilMs);
  return { outcome: step.step, why: step.why, until, code: step.step === 'hold' ? step.code : null, next: [] };
}

/** What a run would do. Whether a mint could begin is asked too: that changes nothing either. */
async function planned(key: ManagedKey, step: Change, ports: Ports, steps: KeyReport['steps']): Promise<End> {
  const [obstacle] = step.step === 'mint' ? await ports.kinds[key.kind].obstacles(key, ports.signal) : [];
  if (obstacle) return asked(obstacle);
  steps.push(toldOf(step));
  return { outcome: 'planned', why: step.why, until: null, code: null, next: [] };
}

const asked = ({ problem, code, steps }: Obstacle): End => ({
  outcome: 'ask',
  why: problem,
  until: null,
  code,
  next: steps,
});

const left = (why: string): End => ({ outcome: 'left', why, until: null, code: 'no_time', next: [] });

/** Null when the next observation decides how to go on. */
function endOf(applied: Applied): End | null {
  switch (applied.outcome) {
    case 'done':
    case 'stored':
    case 'lost-race':
    case 'unclear':
      return null;
    case 'ask':
      return asked(applied.obstacle);
    case 'failed':
      return { outcome: 'failed', why: applied.why, until: null, code: applied.code, next: [] };
    default:
      return applied satisfies never;
  }
}
