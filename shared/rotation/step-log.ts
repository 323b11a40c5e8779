import { incidentIdOf } from '../keys/compromise-mark.ts';
import type { Log } from '../runtime/log.ts';
import type { Applied, Change } from './apply.ts';
import { timeText } from './record.ts';
import type { Observation } from './observation.ts';
import type { Settled } from './step.ts';

/** The event of each step that was carried out. */
const DONE_EVENTS = {
  contain: 'key_contained',
  mint: 'key_minted',
  extend: 'key_extended',
  disable: 'key_disabled',
  delete: 'key_deleted',
  discard: 'key_discarded',
  release: 'version_released',
} as const satisfies Record<Change['step'], string>;

/** The leak for which a key is replaced: it is always the current one. */
function replacedIncident(step: Change, { secret }: Observation): { incident?: string } {
  if (step.step !== 'mint' || step.reason !== 'compromised') return {};
  const leaked = secret?.versions.find(({ alias }) => alias === 'current')?.record?.key_id;
  return leaked === undefined ? {} : { incident: incidentIdOf(leaked) };
}

/** One line about a step that was carried out, or was not. `seen` is what it was decided on. */
export function logApplied(step: Change, applied: Applied, seen: Observation, log: Log): void {
  const keyId = 'keyId' in step ? { keyId: step.keyId } : {};
  const incident = step.step === 'contain' ? { incident: incidentIdOf(step.keyId) } : {};
  const moves = 'moves' in step && step.moves ? { movedLocks: step.moves } : {};
  const fields = { step: step.step, why: step.why, ...keyId, ...incident, ...moves };
  const replaced = replacedIncident(step, seen);
  switch (applied.outcome) {
    case 'done':
      log.info(DONE_EVENTS[step.step], `${step.step}: ${step.why}`, fields);
      break;
    case 'taken-back':
      log.warn('step_taken_back', `${step.step} taken back: ${applied.why}`, fields);
      break;
    case 'waits':
      log.info('key_held', applied.why, { step: 'hold', code: 'consumer-lock', since: null, until: null });
      break;
    case 'stored':
      log.info('key_minted', `mint: ${step.why}`, { ...fields, ...replaced, keyId: applied.keyId, op: applied.op });
      break;
    case 'lost-race':
      log.warn(
        'mint_lost_race',
        'the store was refused, for another run stored first or a lock was set; our key is deleted',
        { ...fields, answer: applied.why },
      );
      break;
    case 'unclear':
      log.warn('store_unclear', 'no clear answer to the store; the next look tells', {
        ...fields,
        keyId: applied.keyId,
        answer: applied.why,
      });
      break;
    case 'failed':
      log.error('mint_failed', `the mint failed: ${applied.why}`, { ...fields, ...replaced, code: applied.code });
      break;
    case 'ask':
      log.warn('person_asked', applied.obstacle.problem, { ...fields, ...applied.obstacle });
      break;
    default:
      applied satisfies never;
  }
}

/** One line about a key that is left as it is. */
export function logSettled(step: Settled, log: Log): void {
  switch (step.step) {
    case 'ask':
      log.warn('person_asked', step.problem, { step: 'ask', why: step.why, code: step.code, steps: step.steps });
      break;
    case 'hold':
      log.info('key_held', step.why, {
        step: 'hold',
        code: step.code,
        since: step.sinceMs === null ? null : timeText(step.sinceMs),
        until: step.untilMs === null ? null : timeText(step.untilMs),
      });
      break;
    case 'rest':
      log.debug('key_rested', step.why, { step: 'rest' });
      break;
    default:
      step satisfies never;
  }
}
