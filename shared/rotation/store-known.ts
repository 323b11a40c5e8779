import { ApiError } from '../clients/api-error.ts';
import { newOp } from '../keys/key-name.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { messageOf } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { metadataOfMint } from './mint-record.ts';
import type { NewKey } from './mint-record.ts';
import { guardName } from './observation.ts';
import type { SeenSecret, SeenVersion } from './observation.ts';
import { withMetadata } from './observe.ts';
import type { Ports } from './ports.ts';
import type { MintReason } from './record.ts';

/** A key that was not made by this run, with its value. */
export interface KnownKey {
  told: NewKey;
  value: SecretValue;
  reason: MintReason;
}

/** How a store ended that may have been carried out: `unclear` when its answer did not come. */
export type Stored = { outcome: 'stored' } | { outcome: 'unclear'; why: string; cause: ApiError };

/**
 * Stores a known key as the current version: frees the way, as a release does, and stores, once. Our guard on the version
 * that was seen as current refuses the store where another run has stored meanwhile.
 * @throws ApiError when it is clearly not stored; of the guard, or of the store.
 */
export async function storeKnown(
  key: ManagedKey,
  { secret, current }: { secret: SeenSecret; current: SeenVersion },
  { told, value, reason }: KnownKey,
  ports: Ports,
): Promise<Stored> {
  const guard = { name: guardName(key.deployment), attributes: { deployment: key.deployment }, freesPrevious: true };
  await ports.secrets.lockVersion(secret.id, current.id, guard, ports.signal);
  // A leak may have been written down since it was observed.
  const latest = withMetadata(secret, await ports.secrets.get(secret.id, ports.signal));
  const attempt = { key, op: newOp(ports.randomBytes), reason, removes: null, secret: latest, ports };
  const version = { value, ...metadataOfMint(attempt, told) };
  return onceStored(ports.secrets.storeVersion(secret.id, key.secret, version, ports.signal));
}

/** The same where there is no secret yet: its name is the claim. @throws ApiError when it is clearly not created. */
export async function storeKnownFirst(
  key: ManagedKey,
  { told, value, reason }: KnownKey,
  ports: Ports,
): Promise<Stored> {
  const attempt = { key, op: newOp(ports.randomBytes), reason, removes: null, secret: null, ports };
  const version = { value, ...metadataOfMint(attempt, told) };
  const description = `Kept by Keyrota (${key.deployment}).`;
  return onceStored(ports.secrets.createSecret(key.secret, description, version, ports.signal));
}

async function onceStored(store: Promise<unknown>): Promise<Stored> {
  try {
    await store;
  } catch (error) {
    if (!(error instanceof ApiError) || error.effect === 'none') throw error;
    // `changed`: it is stored, only its answer was not understood.
    if (error.effect !== 'changed') return { outcome: 'unclear', why: messageOf(error), cause: error };
  }
  return { outcome: 'stored' };
}

/** What a person does before an unclear store is repeated. */
export const toSeeCurrent = (secretId: string): string =>
  `Before you repeat it, see which key is current: ibmcloud secrets-manager secret-version-metadata --secret-id ${secretId} --id current`;
