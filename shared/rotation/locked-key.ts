import { isRefusedByLock } from '../clients/api-error.ts';
import type { KeyKind } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';

/** Enables a key that is locked at its issuer. Where its lock refuses that, it is lifted, and put back. */
export async function enableThroughLock(
  kind: KeyKind,
  key: ManagedKey,
  keyId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await kind.enable(key, keyId, signal);
  } catch (error) {
    if (!isRefusedByLock(error)) throw error;
    await kind.unlock(key, keyId, signal);
    await kind.enable(key, keyId, signal);
    await kind.lock(key, keyId, signal);
  }
}

/**
 * Disables a key that may be locked at its issuer, and leaves it unlocked if its lock refused that. Some issuers refuse any
 * change of a locked key, some do not.
 * @returns whether the lock had to go.
 */
export function disableThroughLock(
  kind: KeyKind,
  key: ManagedKey,
  keyId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const disable = () => kind.disable(key, keyId, signal);
  return throughLock(disable, () => kind.unlock(key, keyId, signal));
}

/** Makes a change, and where a lock refuses it, once more without the lock. @returns whether the lock had to go. */
export async function throughLock(change: () => Promise<void>, unlock: () => Promise<void>): Promise<boolean> {
  try {
    await change();
    return false;
  } catch (error) {
    if (!isRefusedByLock(error)) throw error;
    await unlock();
    await change();
    return true;
  }
}
