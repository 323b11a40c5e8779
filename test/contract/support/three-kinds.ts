import type { Place } from '../../../shared/clients/secret-store.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import type { Laboratory } from '../../support/laboratory.ts';
import { productOn } from './product.ts';
import type { Product, ProductOptions } from './product.ts';

/** What is stored by the write that may be sent only once. Not of the shape of a key: nothing masks it. */
export const STORED_VALUE = 'the value that nobody may see';

export interface World {
  lab: Laboratory;
  product: Product;
  place: Place;
  secretId: string;
  versionId: string;
}

/** A secret with one version on a laboratory, and a product that is logged in. */
export async function worldOn(lab: Laboratory, options: ProductOptions = {}): Promise<World> {
  const place: Place = { name: 'ingest', groupId: lab.groupId, type: 'arbitrary', field: 'apikey' };
  const { secrets, signal } = productOn(lab);
  const first = { value: new SecretValue('the first value'), secretMetadata: {}, versionMetadata: {} };
  await secrets.createSecret(place, 'A secret.', first, signal);
  const { id: secretId, versions } = lab.secret();
  const product = productOn(lab, options);
  await product.login.ready(new AbortController().signal);
  return { lab, product, place, secretId, versionId: versions[0]?.id ?? '' };
}

type Kind = 'read' | 'repeatable write' | 'write that may be sent once';

/** A call of each kind: how the cloud sees it, and how it is made. */
export interface KindOfCall {
  kind: Kind;
  /** As faults name it. */
  match: string;
  /** As it is seen. */
  call: string;
  make: (world: World) => Promise<unknown>;
}

export const READ: KindOfCall = {
  kind: 'read',
  match: 'GET /api/v2/secrets/*/metadata',
  call: 'GET /api/v2/secrets/*/metadata',
  make: ({ product: { secrets, signal }, secretId }) => secrets.get(secretId, signal),
};

export const REPEATABLE: KindOfCall = {
  kind: 'repeatable write',
  match: 'POST /api/v2/secrets/*/versions/*/locks_bulk',
  call: 'POST /api/v2/secrets/*/versions/*/locks_bulk',
  make: ({ product: { secrets, signal }, secretId, versionId }) =>
    secrets.lockVersion(secretId, versionId, { name: 'guard', attributes: {}, freesPrevious: false }, signal),
};

export const ONCE: KindOfCall = {
  kind: 'write that may be sent once',
  match: 'POST /api/v2/secrets/*/versions',
  call: 'POST /api/v2/secrets/*/versions',
  make: ({ product: { secrets, signal }, place, secretId }) => {
    const version = { value: new SecretValue(STORED_VALUE), secretMetadata: {}, versionMetadata: {} };
    return secrets.storeVersion(secretId, place, version, signal);
  },
};

export const KINDS = [READ, REPEATABLE, ONCE] as const;
