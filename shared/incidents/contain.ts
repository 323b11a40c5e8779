import { isApiError } from '../clients/api-error.ts';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import { sha256Of } from '../keys/value-hashes.ts';
import { throughLock } from '../rotation/locked-key.ts';
import { messageOf } from '../runtime/errors.ts';
import type { LeakReport } from './leak-report.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld } from './world.ts';

/** What is to be done with a key: `disable` it, or nothing here, and why. */
export type Decision = 'disable' | 'handed-over' | 'replaced-first' | 'reported' | 'gone' | 'owner-unknown';

/** What became of a key, and when. */
export type Containment =
  /** `isNew`: this response disabled it, and no earlier one. */
  | { outcome: 'contained'; atMs: number; isNew: boolean }
  | { outcome: 'handed-over' | 'replaced-first' | 'reported' | 'gone' }
  | { outcome: 'failed'; why: string };

/**
 * Decides on one key. It is never the one that Keyrota is logged in with, or loads at its next start: without that it could
 * replace nothing. A comparison of values tells at once that it is; that it is not, only IAM tells, which may take another
 * value for the same. It is asked for keys of Keyrota's own identity alone.
 */
export async function decide(
  { apiKey, entry, isGone, isOwnerKnown }: LeakedKey,
  { credential }: LeakReport,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Decision> {
  const { containUnmanaged, containOwnKey } = world.manifest.incidents;
  if (isGone) return 'gone';
  const value = credential.by === 'value' ? credential.value : null;
  const isOwn = async ({ id, iam_id: iamId }: ApiKey) => {
    const { login } = world.settings;
    if (login.kind !== 'api-key') return false;
    if (value && sha256Of(value) === sha256Of(login.apiKey)) return true;
    return id === (await world.ownKeyId(iamId, signal));
  };
  const runsKeyrota = entry?.runsKeyrota === true || (apiKey !== null && !apiKey.disabled && (await isOwn(apiKey)));
  if (runsKeyrota && !containOwnKey) return entry ? 'replaced-first' : 'reported';
  if (entry) return apiKey ? 'disable' : 'handed-over';
  if (containUnmanaged && apiKey) return 'disable';
  return isOwnerKnown ? 'reported' : 'owner-unknown';
}

/** Puts the key out of use where that is decided and possible. A lock at the issuer that refuses it is lifted. Never throws. */
export async function contain(
  key: LeakedKey,
  decision: Decision,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Containment> {
  const { apiKey, entry } = key;
  if (decision === 'owner-unknown') return containUnknown(key, world, signal);
  if (apiKey?.disabled) return { outcome: 'contained', atMs: world.clock.nowMs(), isNew: false };
  if (decision !== 'disable' || !apiKey) return { outcome: decision === 'disable' ? 'handed-over' : decision };
  try {
    await disable(apiKey, world, signal);
    return { outcome: 'contained', atMs: world.clock.nowMs(), isNew: true };
  } catch (error) {
    // What Keyrota may not disable itself, `rotate-keys` ends otherwise: by a login of the user, or by a delete.
    if (isApiError(error, 'forbidden')) return { outcome: entry ? 'handed-over' : 'reported' };
    return { outcome: 'failed', why: messageOf(error) };
  }
}

/** What is likely an entry's is disabled, but not said to be: the same report, sent again, finds out. */
async function containUnknown(
  { apiKey, isLikelyOurs }: LeakedKey,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Containment> {
  const why = 'Secrets Manager did not tell whose key it is';
  if (!apiKey || apiKey.disabled || isLikelyOurs !== true) return { outcome: 'failed', why };
  try {
    await disable(apiKey, world, signal);
    return { outcome: 'failed', why: `${why}; the key is disabled` };
  } catch (error) {
    return { outcome: 'failed', why: `${why}; ${messageOf(error)}` };
  }
}

/** Disables a key of IAM, also one that is locked. */
export async function disable({ id }: ApiKey, { identity, log }: LeakWorld, signal: AbortSignal): Promise<void> {
  const wasUnlocked = await throughLock(
    () => identity.disableApiKey(id, signal),
    () => identity.unlockApiKey(id, signal),
  );
  if (wasUnlocked)
    log.warn('key_unlocked', `the lock of key ${id} kept it from being disabled, and was lifted`, { keyId: id });
}
