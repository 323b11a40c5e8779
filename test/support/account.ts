import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { AccountFacts, AccountKey, AccountSecret, Inventory } from '../../shared/inventory/inventory.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { Summary } from '../../shared/rotation/record.ts';
import { NOW_MS, daysAgo } from './observations.ts';
import { DAY_MS } from '../../shared/keys/duration.ts';

export const SERVICE_ID = 'ServiceId-11111111-1111-4111-8111-111111111111';
export const USER = 'IBMid-270000AAAA';

/** A manifest with these entries, and what `check` says. */
export const accountManifest = (keys: readonly object[], check: object = {}): Manifest =>
  parseManifest({ deployment: 'demo', check, keys }, 'test');

export const INGEST = { kind: 'service-id-api-key', name: 'ingest', serviceId: SERVICE_ID };
export const LOGIN = { kind: 'user-api-key', name: 'login', iamId: USER, secret: { group: 'private' } };

/** A key of a service ID that nobody manages: 10 days old, in use, in order. */
export const accountKey = (facts: Partial<AccountKey> = {}): AccountKey => ({
  kind: 'service-id-api-key',
  id: 'ApiKey-1',
  name: 'of somebody',
  owner: 'ServiceId-22222222-2222-4222-8222-222222222222',
  ownerName: 'reports',
  createdAtMs: daysAgo(10),
  expiresAtMs: NOW_MS + 200 * DAY_MS,
  lastUsed: { atMs: daysAgo(1), isAtLeast: false },
  locked: false,
  disabled: false,
  actionWhenLeaked: 'disable',
  generatedFor: null,
  managed: null,
  ...facts,
});

/** A secret of an entry, in order. */
export const accountSecret = (facts: Partial<AccountSecret> = {}): AccountSecret => ({
  id: 'secret-1',
  name: 'ingest',
  groupId: 'default',
  type: 'arbitrary',
  state: 1,
  createdAtMs: daysAgo(10),
  updatedAtMs: daysAgo(10),
  expiresAtMs: null,
  readAtMs: daysAgo(1),
  lockCount: 1,
  isLabelled: true,
  summary: null,
  entry: 'ingest',
  ...facts,
});

export const summaryThat = (facts: object = {}): Summary =>
  Summary.parse({
    deployment: 'demo',
    name: 'ingest',
    kind: 'service-id-api-key',
    key_id: 'ApiKey-1',
    rotated_at: new Date(daysAgo(10)).toISOString(),
    ...facts,
  });

/** A look that found the key at rest. */
export const keyReport = (changes: Partial<KeyReport> = {}): KeyReport => ({
  name: 'ingest',
  steps: [],
  outcome: 'rest',
  why: 'key ApiKey-1 is current',
  since: null,
  until: null,
  code: null,
  next: [],
  ...changes,
});

/** An account whose settings say nothing against anybody. */
export const FACTS: AccountFacts = {
  keysPerIdentity: 20,
  restrictsUserKeys: 'RESTRICTED',
  restrictsServiceIds: 'RESTRICTED',
  hasGrant: () => true,
  mayCreateUserKeys: () => true,
};

/** An inventory that saw everything. */
export const inventoryThat = (changes: Partial<Inventory> = {}): Inventory => ({
  keyCounts: {
    'service-id-api-key': 1,
    'user-api-key': 0,
    'service-credential': 0,
    'classic-api-key': 0,
    'logging-key': 0,
  },
  secretCount: 1,
  complete: new Set(['service-id-api-key', 'user-api-key', 'service-credential'] as const),
  facts: FACTS,
  unseen: [],
  ...changes,
});
