import type { CreatedKey } from '../keys/kind.ts';
import { metadataAfterFailure } from './mint-record.ts';
import type { Attempt, Failure } from './mint-record.ts';
import { readSummary } from './record.ts';

/** A key that the mint made, and that nobody has the value of. */
export type OwnKey = Pick<CreatedKey, 'id' | 'canDisable'>;

/**
 * Without a secret the key stays, disabled where it can be, for its quarantine: it is what tells the next run to wait. But
 * where an owner can have one key only, it would be taken for somebody else's.
 */
export async function removeOwn(attempt: Attempt, { id: keyId, canDisable }: OwnKey): Promise<void> {
  const { key, secret, ports } = attempt;
  const kind = ports.kindOf(key);
  alarmWithout(attempt, keyId);
  try {
    if (secret || kind.facts.keysPerOwner === 'one') await kind.delete(key, keyId, ports.signal);
    else if (canDisable) await kind.disable(key, keyId, ports.signal);
  } catch (error) {
    ports.log.warn('cleanup_failed', `key ${keyId} of a failed mint is left at the issuer for now`, { keyId, error });
  }
}

/** Where the owner can have one key only, its consumers have none that works once the new one goes unstored. */
export function alarmWithout({ key, secret, removes, ports }: Attempt, keyId: string): void {
  if (!secret || ports.kindOf(key).facts.keysPerOwner === 'many') return;
  ports.log.error(
    'user_without_key',
    `${key.owner} has no key whose value is stored: ${removes === null ? '' : `key ${removes} was removed, and `}key ${keyId} could not be stored`,
    {
      owner: key.owner,
      removed: removes,
      keyId,
      next: `The next ticks try again. By hand: make a key for ${key.owner}, and then keyrota import ${key.name}.`,
    },
  );
}

/** The same of all keys of that name, which an attempt without an answer may have made. */
export async function removeByName(attempt: Attempt, name: string): Promise<void> {
  const { key, ports } = attempt;
  try {
    const left = ((await ports.kindOf(key).list(key, ports.signal)) ?? []).filter((one) => one.name === name);
    for (const one of left) await removeOwn(attempt, one);
  } catch (error) {
    // Once it is old enough, any run discards it.
    ports.log.warn('cleanup_failed', `a key named ${name} may be left at the issuer for now`, { error });
  }
}

/**
 * Writes down that a mint failed, so that not every run creates and deletes a key. What is written replaces all, so it is
 * read again first: where another run has stored meanwhile, its word stands.
 */
export async function recordFailure<Failed>(
  attempt: Attempt,
  failed: Failed,
  known: Omit<Failure, 'isDead'> = { isOver: true },
): Promise<Failed> {
  const { secret, ports } = attempt;
  if (!secret) return failed;
  const isDead = await isRemoved(attempt);
  try {
    const { custom_metadata: metadata } = await ports.secrets.get(secret.id, ports.signal);
    const summary = readSummary(metadata);
    if (summary?.key_id !== secret.summary?.key_id) return failed;
    const written = metadataAfterFailure(attempt, { ...secret, metadata, summary }, { ...known, isDead });
    await ports.secrets.writeMetadata(secret.id, written, ports.signal);
  } catch (error) {
    ports.log.warn('failure_not_recorded', 'could not write down that the mint failed; its claim makes others wait', {
      error,
    });
  }
  return failed;
}

/** Whether the key that was to go first is gone. Where that cannot be told now it counts as gone: the next look knows. */
async function isRemoved({ key, removes, ports }: Attempt): Promise<boolean> {
  if (removes === null) return false;
  try {
    return (await ports.kindOf(key).look(key, removes, ports.signal)) === null;
  } catch {
    return true;
  }
}
