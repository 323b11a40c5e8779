import { isApiError } from '../clients/api-error.ts';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import { incidentIdOf, markDescription } from '../keys/compromise-mark.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import { timeText } from '../rotation/record.ts';
import type { Sibling } from './answer.ts';
import { disable } from './contain.ts';
import type { LeakReport } from './leak-report.ts';
import { credentialOf, keyIdsOfIdentity } from './owner-of.ts';
import { adoptingInManifest, namedEntry } from './whose-key.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld, ListedSecret } from './world.ts';

/** IAM dates to the minute: what was made in that minute may have been made after. */
const DATE_PRECISION_MS = MINUTE_MS;

/**
 * Keys of the same identity that were made since the leak and are none of ours: whoever had the leaked key may have made
 * them to stay in. They are contained where the entry says so.
 * @throws ApiError where they cannot be seen.
 */
export async function findSiblings(
  key: LeakedKey,
  report: LeakReport,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Sibling[]> {
  const { apiKey, entry } = key;
  if (!apiKey) return [];
  const [keys, listed] = await Promise.all([keysOf(apiKey.iam_id, world, signal), world.listed()]);
  // Nobody had the key before it was made, whatever the sender says; and what lies ahead says nothing.
  const toldMs = report.leakedAtMs ?? 0;
  const sinceMs = Math.max(toldMs > world.clock.nowMs() ? 0 : toldMs, apiKey.created_at);
  const recent = keys.filter((one) => one.id !== apiKey.id && one.created_at + DATE_PRECISION_MS > sinceMs);
  const found = await withoutOurs(recent, apiKey, listed, world, signal);
  const contains = entry?.policy.onCompromise.siblings === 'contain' && report.credential.by === 'value';
  return Promise.all(
    found.map(async (one) => {
      const { id: keyId, name } = one;
      const contained = one.disabled || (contains && (await containSibling(one, key, report, listed, world, signal)));
      const why = `key ${keyId} of the same identity was made since key ${key.keyId} leaked, and not by Keyrota`;
      world.log.warn('sibling_found', why, {
        keyId,
        leakedKeyId: key.keyId,
        incident: incidentIdOf(key.keyId),
        contained,
      });
      return { keyId, name, createdAt: timeText(one.created_at), contained };
    }),
  );
}

/** Ours is what our records name by its own id, and what bears the name of an entry of the same identity; no description tells. */
async function withoutOurs(
  keys: readonly ApiKey[],
  leaked: ApiKey,
  listed: readonly ListedSecret[],
  world: LeakWorld,
  signal: AbortSignal,
): Promise<ApiKey[]> {
  const summarized = new Set(listed.flatMap(({ summary }) => [summary.key_id, summary.previous_key_id]));
  const unknown = keys.filter(
    (one) =>
      !summarized.has(one.id) && !adoptingInManifest(one, world.manifest) && namedEntry(one, world.manifest) === null,
  );
  if (unknown.length === 0) return [];
  const recorded = new Set(await keyIdsOfIdentity(leaked, listed, world, signal));
  return unknown.filter(({ id }) => !recorded.has(id));
}

/** Whose keys we may not list have none that we could tell of. */
async function keysOf(iamId: string, { identity }: LeakWorld, signal: AbortSignal): Promise<ApiKey[]> {
  const isUsers = !iamId.startsWith('iam-');
  try {
    return await (isUsers ? identity.listApiKeysOfUser(iamId, signal) : identity.listApiKeys(iamId, signal));
  } catch (error) {
    if (isApiError(error, 'forbidden') || isApiError(error, 'not_found')) return [];
    throw error;
  }
}

/**
 * Its description says for which incident. Never the key that Keyrota is logged in with, nor what may stand behind a
 * credential of ours on a service ID that it shares.
 */
async function containSibling(
  sibling: ApiKey,
  leaked: LeakedKey,
  { sender: by }: LeakReport,
  listed: readonly ListedSecret[],
  world: LeakWorld,
  signal: AbortSignal,
): Promise<boolean> {
  const incident = incidentIdOf(leaked.keyId);
  const fields = { keyId: sibling.id, leakedKeyId: leaked.keyId, incident };
  try {
    if ((await world.ownKeyId(sibling.iam_id, signal)) === sibling.id) return false;
    if (await credentialOf(sibling, null, listed, world, signal)) return false;
    await disable(sibling, world, signal);
  } catch (error) {
    world.log.error('sibling_not_contained', `key ${sibling.id} could not be disabled`, { ...fields, error });
    return false;
  }
  const mark = { atMs: world.clock.nowMs(), incident, by };
  await world.identity
    .describeApiKey(sibling.id, (description) => markDescription(description, mark), signal)
    .catch((error: unknown) => {
      world.log.warn('mark_failed', `key ${sibling.id} is disabled, and could not be marked`, { ...fields, error });
    });
  return true;
}
