import { isRefusedByLock } from '../clients/api-error.ts';
import type { KeyKind } from '../keys/kind.ts';

/** Enables a key that is locked at its issuer. Where its lock refuses that, it is lifted, and put back. */
export async function enableThroughLock(kind: KeyKind, keyId: string, signal: AbortSignal): Promise<void> {
  try {
    await kind.enable(keyId, signal);
  } catch (error) {
    if (!isRefusedByLock(error)) throw error;
    await kind.unlock(keyId, signal);
    await kind.enable(keyId, signal);
    await kind.lock(keyId, signal);
  }
}

/**
 * Disables a key that may be locked at its issuer, and leaves it unlocked if its lock refused that. Some issuers refuse any
 * change of a locked key, some do not.
 * @returns whether the lock had to go.
 */
export async function disableThroughLock(kind: KeyKind, keyId: string, signal: AbortSignal): Promise<boolean> {
  try {
    await kind.disable(keyId, signal);
    return false;
  } catch (error) {
    if (!isRefusedByLock(error)) throw error;
    await kind.unlock(keyId, signal);
    await kind.disable(keyId, signal);
    return true;
  }
}
