import { ApiError, isApiError } from '../clients/api-error.ts';
import type { IamIdentity } from '../clients/iam-identity.ts';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import { givesRole } from '../clients/iam-policies.ts';
import type { IamPolicies } from '../clients/iam-policies.ts';
import type { IamTokens } from '../clients/iam-token.ts';
import type { LogLines } from '../clients/log-line.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { unmarkDescription } from './compromise-mark.ts';
import { generatedFor } from './generated-for.ts';
import { grantOptions } from './grant-command.ts';
import type { CreatedKey, IssuerKey, Obstacle, Verdict } from './kind.ts';
import type { Grant, ServiceIdApiKey, UserApiKey } from './manifest.ts';

export interface IamApiKeyPorts {
  /** With Keyrota's own login, as the policies. */
  identity: IamIdentity;
  policies: IamPolicies;
  tokens: IamTokens;
  logLines: LogLines;
}

/** What keys of service IDs and of users have in common: both are API keys of IAM Identity. */
export function issuerKeyOf(apiKey: ApiKey, ownerIamId: string): IssuerKey {
  return {
    id: apiKey.id,
    name: apiKey.name,
    description: apiKey.description,
    createdAtMs: apiKey.created_at,
    expiresAtMs: apiKey.expires_at ?? null,
    disabled: apiKey.disabled,
    canDisable: true,
    locked: apiKey.locked,
    ownerMatches: apiKey.iam_id === ownerIamId,
    generatedFor: generatedFor(apiKey),
    ...stateChanges(apiKey),
    lastUsed: lastUsedOf(apiKey.activity),
  };
}

/** A key whose value is known: just created, or a person's. */
export const createdKeyOf = ({ id, created_at: createdAtMs }: ApiKey, value: SecretValue): CreatedKey => ({
  id,
  createdAtMs,
  canDisable: true,
  value,
  secrets: [value],
});

/**
 * When the key was last disabled, and enabled again. The words of the history are not documented: it may name these actions,
 * or tell of both as changes of one property, the latest of which brought the present state.
 */
export function stateChanges({ history, disabled }: ApiKey): Pick<IssuerKey, 'disabledAtMs' | 'enabledAtMs'> {
  const entries = history ?? [];
  const isNamed = entries.some(({ action }) => /disable/i.test(action));
  const change = isNamed ? null : latest(entries, ({ params }) => params.includes('disabled'));
  const enabledAtMs = latest(entries, ({ action }) => /enable/i.test(action)) ?? (disabled ? null : change);
  const disabledAtMs = isNamed ? latest(entries, ({ action }) => /disable/i.test(action)) : disabled ? change : null;
  // Disabled now, and enabled last by its history: that does not show the latest disabling.
  const isBehind = disabled && disabledAtMs !== null && enabledAtMs !== null && enabledAtMs > disabledAtMs;
  return { disabledAtMs: isBehind ? null : disabledAtMs, enabledAtMs };
}

type HistoryEntry = NonNullable<ApiKey['history']>[number];

/** When the history last tells of such an entry. */
function latest(history: readonly HistoryEntry[], isSuch: (entry: HistoryEntry) => boolean): number | null {
  const times = history.filter(isSuch).map(({ timestamp }) => timestamp);
  const known = times.filter((time) => time !== undefined);
  const isLatestKnown = known.length > 0 && known.length === times.length; // one that cannot be read may be the latest
  return isLatestKnown ? Math.max(...known) : null;
}

export function lastUsedOf(activity: ApiKey['activity']): IssuerKey['lastUsed'] {
  if (!activity) return 'unknown';
  if (activity.last_authn === null) return 'unknown';
  if (activity.last_authn !== undefined) return { atMs: activity.last_authn };
  return activity.authn_count === 0 ? 'never' : 'unknown';
}

/** IBM's code for a key too many of one identity. */
const KEY_LIMIT_REACHED = 'BXNIM0151E';

export const isKeyLimit = (refusal: ApiError): boolean => refusal.failure.ibmCode === KEY_LIMIT_REACHED;

/** Every identity may have so many keys, and only more by a support case: below it the limit need not be asked for. */
const LEAST_LIMIT = 20;

/** How many keys the identity has and may have, where it has as many as it may; null otherwise, or where we may not see that. */
export async function fullQuota(
  identity: IamIdentity,
  iamId: string,
  keyCount: number,
  signal: AbortSignal,
): Promise<{ count: number; limit: number } | null> {
  if (keyCount < LEAST_LIMIT) return null;
  const quota = await identity.keyQuota(iamId, signal).catch((error: unknown) => {
    // Not everybody may see the limits; the issuer itself refuses a key too many.
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  });
  return quota && quota.count >= quota.limit ? quota : null;
}

/** Who the words about grants speak of, and how a person grants. */
export interface GrantWords {
  owner: string;
  /** The CLI command, without what is granted. */
  command: string;
}

/** Roles that the manifest wants and the identity does not show. */
export async function grantObstacles(
  policies: IamPolicies,
  iamId: string,
  grants: readonly Grant[],
  words: GrantWords,
  signal: AbortSignal,
): Promise<Obstacle[]> {
  if (grants.length === 0) return [];
  const found = await policies.listPolicies(iamId, signal).catch((error: unknown) => {
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  });
  if (!found) return [policiesHidden(words)];
  return grants
    .filter(({ service, role, instance }) => !found.some((policy) => givesRole(policy, service, role, instance)))
    .map((grant) => grantMissing(grant, words));
}

function grantMissing(grant: Grant, { owner, command }: GrantWords): Obstacle {
  const { service, role } = grant;
  return {
    code: 'grant_missing',
    problem: `${owner} does not show the role ${role} on ${service}: it is missing, or Keyrota may not see it.`,
    steps: [
      `${command} ${grantOptions(grant)}`,
      `If it is there: give Keyrota's own identity the role Viewer on ${service}, so that it sees the policy.`,
      'If the role comes through an access group, which Keyrota does not look into: leave it out of `grants`, and set a probe.',
    ],
  };
}

function policiesHidden({ owner }: GrantWords): Obstacle {
  return {
    code: 'grants_not_visible',
    problem: `Keyrota may not list policies, so it cannot see whether ${owner} has its grants.`,
    steps: [
      "Give Keyrota's own identity the role Viewer on the services that `grants` names.",
      'Or leave `grants` out of the entry, and set a probe.',
    ],
  };
}

/** Logs in with the value, and with a probe ships a marked line to its address. */
export async function verifyApiKey(
  { name, probeUrl }: Pick<ServiceIdApiKey | UserApiKey, 'name' | 'probeUrl'>,
  value: SecretValue,
  withProbe: boolean,
  { tokens, logLines }: Pick<IamApiKeyPorts, 'tokens' | 'logLines'>,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    // A cached token proves nothing: each check is an exchange of its own.
    const token = await tokens.exchange({ grant: 'apikey', apiKey: value }, signal);
    if (withProbe && probeUrl) await logLines.ship(probeUrl, `Keyrota checks a new key of ${name}.`, token, signal);
    return { outcome: 'accepted' };
  } catch (error) {
    return verdictOf(error);
  }
}

/** What a check that failed says about the key. */
export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof ApiError)) throw error;
  // A token is refused with 400; of a log line that says nothing about the key.
  const isRefused =
    error.code === 'not_logged_in' ||
    error.code === 'forbidden' ||
    (error.code === 'invalid_request' && error.operation === 'getToken');
  return { outcome: isRefused ? 'refused' : 'failed', why: error.message };
}

/** Takes the mark of a compromise off its description. */
export async function unmark(identity: IamIdentity, keyId: string, signal: AbortSignal): Promise<void> {
  await identity.describeApiKey(keyId, unmarkDescription, signal);
}

export function nullWhenGone(error: unknown): null {
  if (isApiError(error, 'not_found')) return null;
  throw error;
}
