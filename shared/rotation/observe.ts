import type { StoredLock, StoredSecret, StoredVersion } from '../clients/secret-store.ts';
import { COMPROMISED_MARK } from '../keys/kind.ts';
import type { IssuerKey, KeyKind } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { Observation, SeenKey, SeenSecret, SeenVersion } from './observation.ts';
import type { Ports } from './ports.ts';
import { readSummary, readVersionRecord } from './record.ts';
import { isNamedFor } from './situation.ts';

/** State of a secret whose value is gone for good. */
const DESTROYED = 5;

/**
 * Looks at all that concerns one key: its secret's versions and locks, and the keys at the issuer. `known` is the secret
 * as a list showed it; without it the secret is looked for by name.
 * @throws ApiError when anything cannot be seen clearly: nothing is ever decided on half a picture.
 */
export async function observe(
  key: ManagedKey,
  known: StoredSecret | null,
  rotationAsked: boolean,
  ports: Ports,
): Promise<Observation> {
  const takenAtMs = ports.clock.nowMs();
  const kind = ports.kinds[key.kind];
  const [secret, listed] = await Promise.all([seenSecret(key, known, ports), kind.list(key, ports.signal)]);
  const keys = await seenKeys(key, secret, listed ?? [], kind, ports.signal);
  return { takenAtMs, secret, keys, identityExists: listed !== null, rotationAsked };
}

async function seenSecret(key: ManagedKey, known: StoredSecret | null, ports: Ports): Promise<SeenSecret | null> {
  const stored = known ?? (await findSecret(key, ports));
  if (!stored) return null;
  const [versions, locks] = await Promise.all([
    ports.secrets.listVersions(stored.id, ports.signal),
    ports.secrets.listLocks(stored.id, ports.signal),
  ]);
  return {
    id: stored.id,
    name: stored.name,
    state: stored.state === DESTROYED ? 'destroyed' : 'active',
    labels: stored.labels,
    metadata: stored.custom_metadata,
    summary: readSummary(stored.custom_metadata),
    versions: versions.map((version) => seenVersion(key, version, locks)),
  };
}

/** An entry that was renamed keeps the secret that it had under its former name. */
async function findSecret(key: ManagedKey, { secrets, signal }: Ports): Promise<StoredSecret | null> {
  for (const name of [key.secret.name, ...key.formerly]) {
    const found = await secrets.find({ ...key.secret, name }, signal);
    if (found) return found;
  }
  return null;
}

function seenVersion(key: ManagedKey, version: StoredVersion, locks: readonly StoredLock[]): SeenVersion {
  const record = readVersionRecord(version.version_custom_metadata);
  const isOurs = record?.deployment === key.deployment && [key.name, ...key.formerly].includes(record.name);
  return {
    id: version.id,
    alias: version.alias ?? null,
    createdAtMs: version.created_at,
    hasPayload: version.payload_available,
    fetched: version.downloaded,
    record: isOurs ? record : null,
    metadata: version.version_custom_metadata,
    locks: locks
      .filter((lock) => lock.secret_version_id === version.id)
      .map(({ name, attributes, updated_at: updatedAtMs }) => ({ name, attributes, updatedAtMs })),
  };
}

/**
 * The keys that concern the entry. A list may be stale, so what matters and is missing in it is asked for by id: the
 * current key, and the one of the previous version. The last use of a key that may be disabled needs a look of its own.
 */
async function seenKeys(
  key: ManagedKey,
  secret: SeenSecret | null,
  listed: readonly IssuerKey[],
  kind: KeyKind,
  signal: AbortSignal,
): Promise<SeenKey[]> {
  const versions = secret?.versions ?? [];
  const keyIdOf = (alias: SeenVersion['alias']) => versions.find((version) => version.alias === alias)?.record?.key_id;
  const currentId = keyIdOf('current');
  const known = new Set(versions.flatMap(({ record }) => (record ? [record.key_id, ...record.predecessors] : [])));
  const isKnown = (one: IssuerKey) => known.has(one.id) || key.adopt.includes(one.id);
  const ours = listed.filter((one) => isKnown(one) || isNamedFor(key, one.name));
  const mayBeDisabled = (one: IssuerKey) => !one.disabled && (one.id !== currentId || key.state === 'retired');
  // Whether a key that no version names was ever used tells a failed mint from one that was forgotten.
  const needsLook = (one: IssuerKey) => mayBeDisabled(one) || !isKnown(one);
  const missing = [currentId, keyIdOf('previous')].filter(
    (id) => id !== undefined && !ours.some((one) => one.id === id),
  );
  const toLookAt = [...ours.filter(needsLook).map((one) => one.id), ...missing.filter((id) => id !== undefined)];
  const looks = await Promise.all(
    [...new Set(toLookAt)].map(async (id): Promise<SeenKey> => {
      const found = await kind.look(key, id, signal);
      return found ? existing(found) : { exists: false, id };
    }),
  );
  const looked = new Set(looks.map((one) => one.id));
  return [...ours.filter((one) => !looked.has(one.id)).map(existing), ...looks];
}

const existing = (key: IssuerKey): SeenKey => ({
  exists: true,
  markedCompromised: key.description.includes(COMPROMISED_MARK),
  ...key,
});
