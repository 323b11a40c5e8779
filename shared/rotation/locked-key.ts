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
export async function disableThroughLock(
  kind: KeyKind,
  key: ManagedKey,
  keyId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await kind.disable(key, keyId, signal);
    return false;
  } catch (error) {
    if (!isRefusedByLock(error)) throw error;
    await kind.unlock(key, keyId, signal);
    await kind.disable(key, keyId, signal);
    return true;
  }
}
