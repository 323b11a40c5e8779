import { parseManifest } from '../../shared/keys/manifest.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { IssuerKey } from '../../shared/keys/kind.ts';
import { SERVICE_ID_FACTS } from '../../shared/keys/service-id-api-key.ts';
import { guardName } from '../../shared/rotation/observation.ts';
import type { Observation, SeenKey, SeenLock, SeenSecret, SeenVersion } from '../../shared/rotation/observation.ts';
import { NO_LEAK, readSummary, timeText } from '../../shared/rotation/record.ts';
import type { Summary, VersionRecord } from '../../shared/rotation/record.ts';

/** The present in these tests. */
export const NOW_MS = Date.UTC(2026, 5, 15, 12);
export const daysAgo = (days: number): number => NOW_MS - days * DAY_MS;
export const hoursAgo = (hours: number): number => NOW_MS - hours * HOUR_MS;

const SERVICE_ID = 'ServiceId-11111111-1111-4111-8111-111111111111';

/** An entry as the manifest gives it, with the defaults of the product; others stand beside it. */
export function managedKey(entry: object = {}, others: readonly object[] = []): ManagedKey {
  const ofServiceId = { kind: 'service-id-api-key', serviceId: SERVICE_ID };
  const written = { name: 'ingest', ...('kind' in entry ? {} : ofServiceId), ...entry };
  const [key] = parseManifest({ deployment: 'demo', keys: [written, ...others] }, 'test').keys;
  if (!key) throw new Error('the manifest has no key');
  return key;
}

const nameOf = (id: string): string =>
  `keyrota-demo-ingest-${id
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .padEnd(12, '0')
    .slice(0, 12)}`;

/** A key that exists: made 40 days ago, never used, in order. */
export function keyThat(id: string, facts: Partial<IssuerKey> & { markedCompromised?: boolean } = {}): SeenKey {
  return {
    exists: true,
    markedCompromised: false,
    id,
    name: nameOf(id),
    description: '',
    createdAtMs: daysAgo(40),
    expiresAtMs: NOW_MS + 60 * DAY_MS,
    disabled: false,
    canDisable: true,
    locked: false,
    ownerMatches: true,
    generatedFor: null,
    disabledAtMs: null,
    enabledAtMs: null,
    lastUsed: 'never',
    ...facts,
  };
}

export const gone = (id: string): SeenKey => ({ exists: false, id });

export const guard = (attributes: Record<string, unknown> = {}): SeenLock => ({
  name: guardName('demo'),
  attributes: { deployment: 'demo', ...attributes },
  updatedAtMs: daysAgo(1),
});

export const consumerLock = (name: string): SeenLock => ({ name, attributes: {}, updatedAtMs: daysAgo(2) });

export function recordOf(keyId: string, facts: Partial<VersionRecord> = {}): VersionRecord {
  return {
    deployment: 'demo',
    name: 'ingest',
    kind: 'service-id-api-key',
    key_id: keyId,
    owner: SERVICE_ID,
    op: 'aaaaaaaaaaaa',
    key_created_at: '',
    reason: 'due',
    sha256: '',
    hmsl: '',
    predecessors: [],
    idle: [],
    restored: false,
    undo_at: '',
    ...NO_LEAK,
    dead_at: '',
    ...facts,
  };
}

type VersionFacts = Partial<Omit<SeenVersion, 'record'>> & { record?: Partial<VersionRecord> | null };

/** A version of ours that holds a key. */
export function version(keyId: string, createdAtMs: number, facts: VersionFacts = {}): SeenVersion {
  const { record, ...rest } = facts;
  return {
    id: `version-of-${keyId}`,
    alias: null,
    createdAtMs,
    hasPayload: true,
    fetched: true,
    metadata: {},
    locks: [],
    ...rest,
    record: record === null ? null : recordOf(keyId, record),
  };
}

/** A secret with these versions, oldest first; the last two get their aliases. */
export function secretWith(
  versions: SeenVersion[],
  facts: Partial<SeenSecret> & { summaryOf?: Partial<Summary> } = {},
): SeenSecret {
  const { summaryOf, ...rest } = facts;
  const aliased = versions.map((one, index): SeenVersion => {
    const fromEnd = versions.length - 1 - index;
    return {
      ...one,
      alias: fromEnd === 0 ? 'current' : fromEnd === 1 ? 'previous' : null,
      hasPayload: fromEnd < 2 && one.hasPayload,
    };
  });
  const metadata = summaryOf
    ? { keyrota: { deployment: 'demo', name: 'ingest', kind: 'service-id-api-key', key_id: '', ...summaryOf } }
    : {};
  return {
    id: 'secret-1',
    name: 'ingest',
    state: 'active',
    labels: ['keyrota'],
    metadata,
    summary: readSummary(metadata),
    versions: aliased,
    ...rest,
  };
}

export function observation(facts: Partial<Observation> = {}): Observation {
  return {
    takenAtMs: NOW_MS,
    secret: null,
    keys: [],
    identityExists: true,
    keyCount: 2,
    strangers: [],
    generatedFor: null,
    ownKeyId: null,
    facts: SERVICE_ID_FACTS,
    rotationAsked: false,
    ...facts,
  };
}

export const isoIn = (ms: number): string => timeText(NOW_MS + ms);
