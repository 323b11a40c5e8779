import type { StoredLock, StoredSecret, StoredVersion } from '../clients/secret-store.ts';
import { COMPROMISED_MARK } from '../keys/kind.ts';
import type { IssuerKey, KeyKind } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { READ_MARK } from '../keys/read-mark.ts';
import { guardName } from './observation.ts';
import { isNamedForAnother } from './other-entry.ts';
import type { Observation, SeenKey, SeenSecret, SeenVersion } from './observation.ts';
import type { Ports } from './ports.ts';
import { readSummary, readVersionRecord } from './record.ts';
import { expiresSoon, isNamedFor, predecessorsOf } from './situation.ts';

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
  const kind = ports.kindOf(key);
  const [secret, listed, ownKeyId] = await Promise.all([
    observeSecret(key, known, ports),
    kind.list(key, ports.signal),
    ports.ownKeyId(key),
  ]);
  const keys = await seenKeys(key, secret, listed ?? [], kind, ports);
  const ours = new Set(keys.map(({ id }) => id));
  return {
    takenAtMs,
    secret,
    keys,
    identityExists: listed !== null,
    keyCount: listed?.length ?? 0,
    strangers: (listed ?? []).filter(({ id }) => !ours.has(id)),
    // Where a key of ours was stored before, the identity is one of its own, whatever it has left.
    generatedFor: secret?.versions.some(({ record }) => record !== null) ? null : madeFor(listed ?? []),
    ownKeyId,
    rotationAsked,
    facts: kind.facts,
  };
}

/** Whoever has a key of another origin was not made for a credential, but only given to one. */
function madeFor(listed: readonly IssuerKey[]): string | null {
  const [first] = listed;
  return first && listed.every(({ generatedFor }) => generatedFor !== null) ? first.generatedFor : null;
}

/** Looks at the secret alone, with its versions and locks; null where there is none. */
export async function observeSecret(
  key: ManagedKey,
  known: StoredSecret | null,
  ports: Ports,
): Promise<SeenSecret | null> {
  const stored = known ?? (await findSecret(key, ports));
  if (!stored) return null;
  const [versions, locks] = await Promise.all([
    ports.secrets.listVersions(stored.id, ports.signal),
    ports.secrets.listLocks(stored.id, ports.signal),
  ]);
  return { ...ownFields(stored), versions: versions.map((version) => seenVersion(key, version, locks)) };
}

/** The observation with the secret's own fields as they are now; versions and locks stay as they were seen. */
export function withSecret(seen: Observation, stored: StoredSecret): Observation {
  if (!seen.secret) return seen;
  return { ...seen, secret: { ...seen.secret, ...ownFields(stored) } };
}

/** The observation with the versions as they are now; their locks stay as they were seen. */
export async function withVersions(key: ManagedKey, seen: Observation, ports: Ports): Promise<Observation> {
  const { secret } = seen;
  if (!secret) return seen;
  const locks = new Map(secret.versions.map((version) => [version.id, version.locks]));
  const stored = await ports.secrets.listVersions(secret.id, ports.signal);
  const versions = stored.map((version) => ({ ...seenVersion(key, version, []), locks: locks.get(version.id) ?? [] }));
  return { ...seen, secret: { ...secret, versions } };
}

/** The secret with what is written on it now. */
export const withMetadata = (secret: SeenSecret, stored: StoredSecret): SeenSecret => ({
  ...secret,
  metadata: stored.custom_metadata,
  summary: readSummary(stored.custom_metadata),
});

function ownFields(stored: StoredSecret): Omit<SeenSecret, 'versions'> {
  return {
    id: stored.id,
    name: stored.name,
    state: stored.state === DESTROYED ? 'destroyed' : 'active',
    labels: stored.labels,
    metadata: stored.custom_metadata,
    summary: readSummary(stored.custom_metadata),
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
    fetched: version.downloaded && !(READ_MARK in version.version_custom_metadata),
    record: isOurs ? record : null,
    metadata: version.version_custom_metadata,
    locks: locks
      .filter((lock) => lock.secret_version_id === version.id)
      .map(({ name, attributes, updated_at: updatedAtMs }) => ({ name, attributes, updatedAtMs })),
  };
}

/**
 * The keys that concern the entry. A list may be stale, so every key is asked for by id on which a step may be decided: all
 * but a current one that is listed as well, with its state. So are keys that no list of this identity shows: those of the
 * current and the previous version, until that is released, and those of an identity that the entry had before.
 */
async function seenKeys(
  key: ManagedKey,
  secret: SeenSecret | null,
  listed: readonly IssuerKey[],
  kind: KeyKind,
  { clock, signal }: Ports,
): Promise<SeenKey[]> {
  const nowMs = clock.nowMs();
  const versions = secret?.versions ?? [];
  const keyIdOf = (alias: SeenVersion['alias']) => versions.find((version) => version.alias === alias)?.record?.key_id;
  const currentId = keyIdOf('current');
  const records = versions.flatMap(({ record }) => record ?? []);
  const known = new Set([...records.map((record) => record.key_id), ...predecessorsOf(versions).keys(), ...key.adopt]);
  const ours = listed.filter((one) => isNamedFor(key, one.name) || (known.has(one.id) && !isAnothers(key, one)));
  const isWell = (one: IssuerKey) =>
    one.id === currentId &&
    key.state === 'active' &&
    !one.isStateUnknown &&
    !isMarked(one) &&
    !one.disabled &&
    !expiresSoon(one, nowMs);
  const moved = records.filter(({ owner }) => owner !== '' && owner !== key.owner).map((record) => record.key_id);
  const formerId = secret && isReleased(key, secret) ? undefined : keyIdOf('previous');
  const unlisted = [currentId, formerId, ...moved].filter(
    (id) => id !== undefined && !ours.some((one) => one.id === id),
  );
  const toLookAt = [
    ...ours.filter((one) => !isWell(one)).map((one) => one.id),
    ...unlisted.filter((id) => id !== undefined),
  ];
  const looks = await Promise.all(
    [...new Set(toLookAt)].map(async (id): Promise<SeenKey> => {
      const found = await kind.look(key, id, signal);
      return found ? seenKey(found) : { exists: false, id };
    }),
  );
  const looked = new Set(looks.map((one) => one.id));
  return [...ours.filter((one) => !looked.has(one.id)).map(seenKey), ...looks];
}

/** Whatever `adopt` says: it lives and dies with a credential, or belongs to another entry. */
const isAnothers = (key: ManagedKey, one: IssuerKey): boolean =>
  one.generatedFor !== null || isNamedForAnother(key, one.name);

/** The previous version is not guarded any more, and the summary names no former key: its key was seen to be gone, by id. */
function isReleased(key: ManagedKey, { summary, versions }: SeenSecret): boolean {
  const previous = versions.find(({ alias }) => alias === 'previous');
  const current = versions.find(({ alias }) => alias === 'current');
  const isGuarded = previous?.locks.some(({ name }) => name === guardName(key.deployment)) ?? false;
  return !isGuarded && summary?.previous_key_id === '' && summary.key_id === current?.record?.key_id;
}

const isMarked = (key: IssuerKey): boolean => key.description.includes(COMPROMISED_MARK);

/** A key that exists, as plan sees it. */
export const seenKey = (key: IssuerKey): SeenKey => ({ exists: true, markedCompromised: isMarked(key), ...key });
