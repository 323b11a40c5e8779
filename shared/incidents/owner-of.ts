import type { ApiKey } from '../clients/iam-identity-answers.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import { sha256Of } from '../keys/value-hashes.ts';
import { readVersionRecord, timeOf } from '../rotation/record.ts';
import type { VersionRecord } from '../rotation/record.ts';
import { isNamedFor } from '../rotation/situation.ts';
import { withTimeLimit } from '../runtime/clock.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import {
  adoptingInManifest,
  claimedResourceKey,
  entriesOfIdentity,
  entryBySummary,
  keyOfHash,
  namedEntry,
  secretOf,
} from './whose-key.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld, ListedSecret } from './world.ts';

export const NOT_SHOWN = { apiKey: null, isGone: false, isOwnerKnown: true, entry: null, secret: null };

/** How long containing a key waits for each list of Secrets Manager, in milliseconds. */
const LIST_WAIT_MS = 2_000;

/** What is known of the entry of a key. */
type Found = Pick<LeakedKey, 'entry' | 'secret'> & Partial<Pick<LeakedKey, 'keyId'>>;

/**
 * Whose key it is. Its own id counts first: in the manifest, in the summaries, and on the versions of the identity's
 * entries. Its name counts only on the identity of the entry, and what its description says only once that is proven: who
 * may edit a key may write into both what he likes. Where nothing but the one entry of the identity can be meant, nobody
 * waits for Secrets Manager. `shown` is its value, null where the report does not show it.
 */
export async function leakedKeyOf(
  apiKey: ApiKey,
  shown: SecretValue | null,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<LeakedKey> {
  const { manifest } = world;
  const key: LeakedKey = { ...NOT_SHOWN, keyId: apiKey.id, apiKey };
  const adopting = adoptingInManifest(apiKey, manifest);
  if (adopting) return { ...key, entry: adopting };
  const named = namedEntry(apiKey, manifest);
  // The key that Keyrota runs on is spared: that one is, more than a name must tell.
  const isClear = named?.runsKeyrota === false && entriesOfIdentity(apiKey, manifest).length === 1;
  const found = isClear ? null : await recordedEntry(apiKey, shown, world, signal);
  if (found && found !== 'unknown') return { ...key, ...found };
  if (named) return { ...key, entry: named };
  return found === null ? key : { ...key, isOwnerKnown: false, isLikelyOurs: isLikelyOurs(apiKey, shown, world) };
}

/** What Secrets Manager tells; null for a key that no entry has. */
async function recordedEntry(
  apiKey: ApiKey,
  shown: SecretValue | null,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Found | 'unknown' | null> {
  const listed = await knownSecrets(world, signal);
  if (!listed) return 'unknown';
  const known = entryBySummary(apiKey.id, listed, world.manifest);
  if (known) return known;
  try {
    return await withTimeLimit(world.clock, LIST_WAIT_MS, signal, async (until) => {
      const credential = await credentialOf(apiKey, shown, listed, world, until);
      return credential ?? (await entryByVersions(apiKey, listed, world, until));
    });
  } catch (error) {
    if (signal.aborted) throw error;
    return 'unknown';
  }
}

/** Null where Secrets Manager does not answer in time. */
export async function knownSecrets(
  { clock, listed }: LeakWorld,
  signal: AbortSignal,
): Promise<readonly ListedSecret[] | null> {
  try {
    return await withTimeLimit(clock, LIST_WAIT_MS, signal, listed);
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

/**
 * The credential that an API key stands behind, as it says itself, once that is proven: the value that was shown is one of
 * the credential, or else both were made together. Null where it says nothing, or that is not proven.
 * @throws ApiError where the versions of the credential cannot be seen.
 */
export async function credentialOf(
  apiKey: ApiKey,
  shown: SecretValue | null,
  listed: readonly ListedSecret[],
  { manifest, secrets, settings }: LeakWorld,
  signal: AbortSignal,
): Promise<(Found & { keyId: string }) | null> {
  const keyId = claimedResourceKey(apiKey, settings.accountId);
  const known = keyId === null ? null : entryBySummary(keyId, listed, manifest);
  if (keyId === null || known?.entry.kind !== 'service-credential') return null;
  const { secret } = known;
  if (shown) {
    const hash = sha256Of(shown);
    const isOfIt = ({ secret: { id }, summary }: ListedSecret) =>
      id === secret.id && keyOfHash('sha256', hash, summary) === keyId;
    return listed.some(isOfIt) ? { keyId, ...known } : null;
  }
  const records = (await secrets.listVersions(secret.id, signal)).map((version) =>
    readVersionRecord(version.version_custom_metadata),
  );
  return records.some((record) => record?.key_id === keyId && isMadeWith(apiKey, record)) ? { keyId, ...known } : null;
}

/** How far apart an API key and the resource key that it stands behind may be made, whose dates come from two services. */
const MADE_TOGETHER_MS = 5 * MINUTE_MS;

function isMadeWith({ created_at: createdAtMs }: ApiKey, record: VersionRecord): boolean {
  const madeAtMs = timeOf(record.key_created_at);
  return madeAtMs !== null && Math.abs(madeAtMs - createdAtMs) <= MADE_TOGETHER_MS;
}

/** The entry of the same identity whose versions hold the key, or say that it was taken in, as the command `adopt` writes it there. */
async function entryByVersions(
  apiKey: ApiKey,
  listed: readonly ListedSecret[],
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Found | null> {
  for (const recorded of recordsOfIdentity(apiKey, listed, world, signal)) {
    const { keyIds, ...whose } = await recorded;
    if (keyIds.includes(apiKey.id)) return whose;
  }
  return null;
}

/**
 * The keys that the versions of the identity's entries name, with those that these took in.
 * @throws ApiError where they cannot be seen.
 */
export async function keyIdsOfIdentity(
  apiKey: ApiKey,
  listed: readonly ListedSecret[],
  world: LeakWorld,
  signal: AbortSignal,
): Promise<string[]> {
  const recorded = await Promise.all(recordsOfIdentity(apiKey, listed, world, signal));
  return recorded.flatMap(({ keyIds }) => keyIds);
}

function* recordsOfIdentity(
  apiKey: ApiKey,
  listed: readonly ListedSecret[],
  { manifest, secrets }: LeakWorld,
  signal: AbortSignal,
): Generator<Promise<Found & { keyIds: string[] }>> {
  for (const entry of entriesOfIdentity(apiKey, manifest)) {
    const secret = secretOf({ keyId: apiKey.id, entry, secret: null }, listed);
    if (!secret) continue;
    yield secrets.listVersions(secret.id, signal).then((versions) => {
      const records = versions.flatMap((version) => readVersionRecord(version.version_custom_metadata) ?? []);
      const keyIds = records.flatMap((record) => [record.key_id, ...record.predecessors.map((one) => one.key_id)]);
      return { entry, secret, keyIds };
    });
  }
}

/** Whoever says so falsely has a leaked key disabled that he holds: the answer says no more than that it is to be reported again. */
const isLikelyOurs = (apiKey: ApiKey, shown: SecretValue | null, { manifest, settings }: LeakWorld): boolean =>
  shown !== null &&
  claimedResourceKey(apiKey, settings.accountId) !== null &&
  manifest.keys.some((key) => key.kind === 'service-credential' && isNamedFor(key, apiKey.name));
