import { isApiError } from '../clients/api-error.ts';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import { incidentIdOf, markDescription } from '../keys/compromise-mark.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import { timeText } from '../rotation/record.ts';
import type { Sibling } from './answer.ts';
import { disable } from './contain.ts';
import type { LeakReport } from './leak-report.ts';
import { entryByName, keyIdOf } from './whose-key.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld } from './world.ts';

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
  // Nobody had the key before it was made, whatever the sender says.
  const sinceMs = Math.max(report.leakedAtMs ?? 0, apiKey.created_at);
  const ours = new Set(listed.flatMap(({ summary }) => [summary.key_id, summary.previous_key_id]));
  const isOurs = (one: ApiKey) =>
    one.id === apiKey.id || ours.has(keyIdOf(one)) || entryByName(one, world.manifest) !== null;
  const found = keys.filter((one) => one.created_at + DATE_PRECISION_MS > sinceMs && !isOurs(one));
  const contains = entry?.policy.onCompromise.siblings === 'contain';
  return Promise.all(
    found.map(async (one) => {
      const { id: keyId, name } = one;
      const contained = one.disabled || (contains && (await containSibling(one, key, report, world, signal)));
      const why = `key ${keyId} of the same identity was made since key ${key.keyId} leaked, and not by Keyrota`;
      world.log.warn('sibling_found', why, { keyId, leakedKeyId: key.keyId, contained });
      return { keyId, name, createdAt: timeText(one.created_at), contained };
    }),
  );
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

/** Its description says for which incident. Never the key that Keyrota is logged in with. */
async function containSibling(
  sibling: ApiKey,
  leaked: LeakedKey,
  { sender: by }: LeakReport,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<boolean> {
  const fields = { keyId: sibling.id, leakedKeyId: leaked.keyId };
  try {
    if ((await world.ownKeyId(sibling.iam_id, signal)) === sibling.id) return false;
    await disable(sibling, world, signal);
  } catch (error) {
    world.log.error('sibling_not_contained', `key ${sibling.id} could not be disabled`, { ...fields, error });
    return false;
  }
  const mark = { atMs: world.clock.nowMs(), incident: incidentIdOf(leaked.keyId), by };
  await world.identity
    .describeApiKey(sibling.id, (description) => markDescription(description, mark), signal)
    .catch((error: unknown) => {
      world.log.warn('mark_failed', `key ${sibling.id} is disabled, and could not be marked`, { ...fields, error });
    });
  return true;
}
