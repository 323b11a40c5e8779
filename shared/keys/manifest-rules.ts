import { DAY_MS, HOUR_MS, formatDuration } from './duration.ts';
import type { Fault } from './manifest-faults.ts';
import type { ManagedKey, Policy } from './manifest.ts';
import { maskSecrets } from '../runtime/secret-value.ts';

/** IAM tells the last use of a key with a delay that is not documented; we allow for this much. */
const REPORTING_DELAY_MS = DAY_MS;
/** A token outlives its key by this much at most. */
const TOKEN_LIFE_MS = HOUR_MS;
/** Room between the longest regular life of a key and its expiry at the issuer. */
const EXPIRY_RESERVE_MS = 30 * DAY_MS;

/** Due dates are spread over this part of `rotateEvery`, ahead of it, so that a fleet is not rotated in one hour. */
export const SPREAD = 0.1;

/** From its creation to its deletion in the slowest regular case, and 30 days: a key must not expire before that. */
export function longestLifeMs(policy: Pick<Policy, 'rotateEveryMs' | 'graceMs' | 'hold' | 'quarantineMs'>): number {
  const { rotateEveryMs, graceMs, hold, quarantineMs } = policy;
  return rotateEveryMs + graceMs + hold.atMostMs + quarantineMs + EXPIRY_RESERVE_MS;
}

/** What the fields of one policy demand of each other. */
export function policyFaults(key: ManagedKey, index: number): Fault[] {
  const { policy } = key;
  const atLeast = (field: string, isMs: number, leastMs: number, why: string): Fault[] => {
    if (isMs >= leastMs) return [];
    const wholeDaysMs = Math.ceil(leastMs / DAY_MS) * DAY_MS;
    const allowed = `at least ${formatDuration(leastMs > 3 * DAY_MS ? wholeDaysMs : leastMs)} (${why})`;
    return [{ path: `keys[${index}].${field}`, found: formatDuration(isMs), allowed }];
  };
  const refreshMs = policy.consumersRefreshWithinMs;
  return [
    ...atLeast(
      'expiresAfter',
      policy.expiresAfterMs,
      longestLifeMs(policy),
      'rotateEvery, grace, hold.atMost and quarantine, and 30 days more',
    ),
    ...atLeast(
      'unusedFor',
      policy.unusedForMs,
      REPORTING_DELAY_MS + refreshMs + TOKEN_LIFE_MS,
      'a day until IAM reports a use, consumersRefreshWithin, and an hour of token life',
    ),
    ...atLeast('grace', policy.graceMs, refreshMs + TOKEN_LIFE_MS, 'consumersRefreshWithin and an hour of token life'),
    ...atLeast(
      'rotateEvery',
      policy.rotateEveryMs,
      policy.graceMs + policy.quarantineMs + DAY_MS,
      'grace, quarantine and a day: the former key must be gone by then',
    ),
  ];
}

/** Names and secrets that two entries share. */
export function nameFaults(keys: readonly ManagedKey[]): Fault[] {
  const faults: Fault[] = [];
  const owners = new Map<string, number>();
  const claim = (index: number, field: string, what: string) => {
    const owner = owners.get(what);
    if (owner === undefined) owners.set(what, index);
    else if (owner !== index) {
      faults.push({
        path: `keys[${index}].${field}`,
        found: maskSecrets(what),
        allowed: `not what keys[${owner}] has too`,
      });
    }
  };
  for (const [index, key] of keys.entries()) {
    claim(index, 'name', JSON.stringify(key.name));
    for (const former of key.formerly) claim(index, 'formerly', JSON.stringify(former));
    claim(index, 'secret', `${key.secret.type} secret ${JSON.stringify(key.secret.name)}`);
    for (const keyId of key.adopt) claim(index, 'adopt', keyId);
  }
  return faults;
}
