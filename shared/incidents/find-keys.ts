import { isApiError } from '../clients/api-error.ts';
import type { ApiKey, SurveyedKey } from '../clients/iam-identity-answers.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import { sha256Of } from '../keys/value-hashes.ts';
import { readVersionRecord } from '../rotation/record.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { LeakRefused } from './answer.ts';
import type { LeakReport } from './leak-report.ts';
import { NOT_SHOWN, knownSecrets, leakedKeyOf } from './owner-of.ts';
import { RESOURCE_KEY_CRN, entryBySummary, entryOf, isOfIam, keyOfHash } from './whose-key.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld } from './world.ts';

const API_KEY_ID = /^ApiKey-[\w-]+$/;
const API_KEY_CRN = /^crn:[^:\s]*:[^:\s]*:[^:\s]*:iam-identity:[^:\s]*:a\/([^:\s]+)::apikey:(ApiKey-[\w-]+)$/;
const SECRET_CRN = /^crn:[^:\s]*:[^:\s]*:[^:\s]*:secrets-manager:[^:\s]*:a\/([^:\s]+):[^:\s]*:secret:([\w-]+)$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const SERVICE_ID = /^(?:iam-)?(ServiceId-[\w-]+)$/;

/** A sender's clock may be so much ahead. */
const CLOCK_SKEW_MS = MINUTE_MS;
/** IAM dates to the minute. A key whose date is this much before the detection is surely older, whatever the sender's clock shows. */
const SURELY_OLDER_MS = CLOCK_SKEW_MS + MINUTE_MS;

/** Of a secret so many of the latest versions are looked through: the keys of older ones were deleted long ago. */
const VERSIONS_LOOKED_AT = 10;

/** So many keys of one name are told apart by their dates. */
const MOST_NAMESAKES = 20;

const notIdentified = (why: string) => new LeakRefused('key_not_identified', why);

/**
 * The keys that a report is about, as they are now. Name, service ID and secret mean only keys that were there when the leak
 * was detected: a report that comes again never means the replacement. No value is read, and none is logged in with.
 * @throws LeakRefused; ApiError where IBM Cloud does not answer.
 */
export async function findKeys(
  { credential, detectedAtMs }: LeakReport,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<LeakedKey[]> {
  switch (credential.by) {
    case 'value':
      return [await byValue(credential.value, world, signal)];
    case 'id':
      return [await byId(credential.id, world, signal)];
    case 'crn':
      return [await byCrn(credential.crn, world, signal)];
    case 'name':
      return [await byName(credential.name, beforeOf(detectedAtMs, world), world, signal)];
    case 'service-id':
      return byServiceId(credential.serviceId, beforeOf(detectedAtMs, world), world, signal);
    case 'secret-crn':
      return bySecret(credential.crn, beforeOf(detectedAtMs, world), world, signal);
    case 'sha256':
    case 'hmsl':
      return [await byHash(credential.by, credential.hash, world, signal)];
    default:
      return credential satisfies never;
  }
}

/** Whether a key was surely made before the leak was detected. */
type IsOlder = (key: Pick<ApiKey, 'created_at'>) => boolean;

function beforeOf(detectedAtMs: number | null, { clock }: LeakWorld): IsOlder {
  if (detectedAtMs === null || detectedAtMs > clock.nowMs() + CLOCK_SKEW_MS) {
    const why = 'A report by name, service ID or secret must say when the leak was detected, and that is not ahead.';
    throw new LeakRefused('detection_time_needed', why);
  }
  return ({ created_at: createdAtMs }) => createdAtMs + SURELY_OLDER_MS < detectedAtMs;
}

/** What no header carries as it is could be taken for another value on its way. */
const SENDABLE = /^[\x21-\x7e]+$/;

async function byValue(value: SecretValue, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey> {
  if (!SENDABLE.test(value.reveal())) return byHash('sha256', sha256Of(value), world, signal);
  const apiKey = await world.identity.keyOfValue(value, signal).catch((error: unknown) => {
    // Whose keys we may not see may still be an entry's: a user's, who manages them by a login of its own.
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  });
  return apiKey ? ofApiKey(apiKey, value, world, signal) : byHash('sha256', sha256Of(value), world, signal);
}

async function byId(id: string, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey> {
  if (API_KEY_ID.test(id)) return byApiKeyId(id, world, signal);
  const found = entryBySummary(id, await world.listed(), world.manifest);
  const adopting = world.manifest.keys.find((key) => !isOfIam(key) && key.adopt.includes(id)) ?? null;
  if (!found && !adopting) throw notIdentified('No entry has a key of that id.');
  return { ...NOT_SHOWN, keyId: id, ...(found ?? { entry: adopting }) };
}

async function byApiKeyId(id: string, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey> {
  try {
    const apiKey = await world.identity.getApiKey(id, signal);
    if (apiKey) return await ofApiKey(apiKey, null, world, signal);
  } catch (error) {
    if (!isApiError(error, 'forbidden')) throw error;
    const hidden = entryBySummary(id, await world.listed(), world.manifest);
    if (hidden) return { ...NOT_SHOWN, keyId: id, ...hidden };
    throw new LeakRefused('key_not_visible', 'Keyrota has no role that shows the key of that id.', { cause: error });
  }
  const listed = await knownSecrets(world, signal);
  const known = entryBySummary(id, listed ?? [], world.manifest) ?? { entry: null, secret: null };
  return { ...NOT_SHOWN, keyId: id, isGone: true, ...known };
}

function byCrn(crn: string, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey> {
  const [, account, id] = API_KEY_CRN.exec(crn) ?? RESOURCE_KEY_CRN.exec(crn) ?? [];
  if (account === undefined || id === undefined) throw notIdentified('That is the CRN of no key.');
  demandAccount(account, world);
  return byId(id, world, signal);
}

function demandAccount(account: string | null | undefined, { settings }: LeakWorld): void {
  if (!account || account === settings.accountId) return;
  throw new LeakRefused('foreign_account', 'The key belongs to another account.');
}

/** The only key of that name. Of users' keys only who may manage them sees a list: what is hidden counts as not there. */
async function byName(name: string, isOlder: IsOlder, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey> {
  const types = ['serviceid', 'user'] as const;
  const found = await Promise.all(types.map((type) => idsOfName(name, type, isOlder, world, signal)));
  const ids = found.flatMap((one) => one ?? []);
  const hidden = found.includes(null) ? ' Keyrota may not list all keys of the account.' : '';
  if (ids.length > MOST_NAMESAKES) throw ambiguous();
  const keys = await Promise.all(ids.map((id) => world.identity.getApiKey(id, signal)));
  const [only, ...others] = keys.filter((key) => key !== null && isOlder(key));
  if (others.length > 0) throw ambiguous();
  if (!only) throw notIdentified(`No key of that name was there when the leak was detected.${hidden}`);
  return ofApiKey(only, null, world, signal);
}

const ambiguous = () =>
  new LeakRefused('name_ambiguous', 'Several keys have that name; report the id. None was touched.');

/** Those that were there before. Null where we may not list them. */
async function idsOfName(
  wanted: string,
  type: 'serviceid' | 'user',
  isOlder: IsOlder,
  { identity }: LeakWorld,
  signal: AbortSignal,
): Promise<string[] | null> {
  const ids: string[] = [];
  const mayBeMeant = ({ name, created_at: createdAtMs }: SurveyedKey) =>
    name === wanted && (createdAtMs === undefined || isOlder({ created_at: createdAtMs }));
  try {
    for await (const page of identity.pagesOfAccount(type, signal))
      ids.push(...page.filter(mayBeMeant).map(({ id }) => id));
    return ids;
  } catch (error) {
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  }
}

async function byServiceId(
  text: string,
  isOlder: IsOlder,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<LeakedKey[]> {
  if (!world.manifest.incidents.byServiceId)
    throw new LeakRefused('service_ids_not_allowed', 'The manifest does not let reports name a service ID.');
  const [, serviceId] = SERVICE_ID.exec(text) ?? [];
  if (serviceId === undefined) throw notIdentified('That is the id of no service ID.');
  const keys = await world.identity.listApiKeys(`iam-${serviceId}`, signal).catch((error: unknown) => {
    if (isApiError(error, 'not_found')) return [];
    if (!isApiError(error, 'forbidden')) throw error;
    throw new LeakRefused('key_not_visible', 'Keyrota has no role that shows the keys of that service ID.');
  });
  const older = keys.filter(isOlder);
  if (older.length === 0) throw notIdentified('That service ID had no key when the leak was detected.');
  return Promise.all(older.map((key) => ofApiKey(key, null, world, signal)));
}

/** Keys that the secret held, and that still exist. */
async function bySecret(crn: string, isOlder: IsOlder, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey[]> {
  const [, account, told] = SECRET_CRN.exec(crn) ?? [];
  demandAccount(account, world);
  const secretId = told ?? crn;
  if (!UUID.test(secretId)) throw notIdentified('That is the CRN of no secret.');
  const versions = await world.secrets.listVersions(secretId, signal).catch((error: unknown) => {
    if (isApiError(error, 'not_found')) return [];
    throw error;
  });
  const records = versions.slice(-VERSIONS_LOOKED_AT).flatMap((version) => {
    const record = readVersionRecord(version.version_custom_metadata);
    const createdAtMs = Date.parse(record?.key_created_at ?? '') || version.created_at;
    return record && isOlder({ created_at: createdAtMs }) ? [record] : [];
  });
  const byKey = new Map(records.map((record) => [record.key_id, record]));
  const found = await Promise.all(
    [...byKey.values()].map(async ({ key_id: keyId, ...whose }): Promise<LeakedKey> => {
      const entry = entryOf(whose, world.manifest);
      if (API_KEY_ID.test(keyId)) return { ...(await byApiKeyId(keyId, world, signal)), ...(entry && { entry }) };
      return { ...NOT_SHOWN, keyId, entry };
    }),
  );
  const existing = found.filter(({ isGone, entry }) => !isGone && entry);
  if (existing.length === 0) throw notIdentified('That secret held no key of ours that was there at the detection.');
  return existing;
}

async function byHash(by: 'sha256' | 'hmsl', hash: string, world: LeakWorld, signal: AbortSignal): Promise<LeakedKey> {
  for (const { secret, summary } of await world.listed()) {
    const keyId = keyOfHash(by, hash, summary);
    if (keyId === null) continue;
    const entry = entryOf(summary, world.manifest);
    if (!API_KEY_ID.test(keyId)) {
      if (entry) return { ...NOT_SHOWN, keyId, entry, secret };
      continue;
    }
    const found = await byApiKeyId(keyId, world, signal);
    return entry && isOfIam(entry) ? { ...found, entry, secret } : found;
  }
  throw notIdentified('No key of the account is known by that.');
}

function ofApiKey(
  apiKey: ApiKey,
  shown: SecretValue | null,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<LeakedKey> {
  demandAccount(apiKey.account_id, world);
  return leakedKeyOf(apiKey, shown, world, signal);
}
