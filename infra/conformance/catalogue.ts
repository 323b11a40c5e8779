import type { Contract, Family, OpenPoint } from './item.ts';
import { KEYS } from './keys.ts';
import { LOCKS } from './locks.ts';
import { LOGINS } from './logins.ts';
import { POLICIES } from './policies.ts';
import { RESOURCE_KEYS } from './resource-keys.ts';
import { SECRETS } from './secrets.ts';
import { USER_CREDENTIALS } from './user-credentials.ts';
import { VERSIONS } from './versions.ts';

/** Everything that a run tries, in its order. */
export const FAMILIES: readonly Family[] = [
  KEYS,
  LOGINS,
  SECRETS,
  VERSIONS,
  LOCKS,
  USER_CREDENTIALS,
  RESOURCE_KEYS,
  POLICIES,
];

export const CONTRACTS: readonly Contract[] = FAMILIES.flatMap(({ contracts }) => contracts);
export const POINTS: readonly OpenPoint[] = FAMILIES.flatMap(({ points }) => points);
