import { ApiError, isApiError } from '../clients/api-error.ts';
import { givesRole } from '../clients/iam-policies.ts';
import type { IamPolicies } from '../clients/iam-policies.ts';
import type { ApiKey, IamIdentity } from '../clients/iam-identity.ts';
import type { IamTokens } from '../clients/iam-token.ts';
import type { LogLines } from '../clients/log-line.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import type { IssuerKey, KeyKind, Obstacle, Verdict } from './kind.ts';
import type { Grant, ManagedKey } from './manifest.ts';

export interface ServiceIdApiKeyPorts {
  identity: IamIdentity;
  policies: IamPolicies;
  tokens: IamTokens;
  logLines: LogLines;
}

/** API keys of service IDs. They come from IAM Identity; two and more can live at once. */
export function serviceIdApiKeys({ identity, policies, tokens, logLines }: ServiceIdApiKeyPorts): KeyKind {
  return {
    list: async (key, signal) => {
      const listed = await identity.listApiKeys(iamIdOf(key), signal).catch(nullWhenGone);
      return listed && listed.map((one) => issuerKey(key, one));
    },
    survey: (signal) => identity.pagesOfAccount(signal),
    look: async (key, keyId, signal) => {
      const found = await identity.getApiKey(keyId, signal);
      return found && issuerKey(key, found);
    },
    obstacles: async (key, keyCount, signal) => {
      const [quota, grants] = await Promise.all([
        keyCount < LEAST_LIMIT ? [] : quotaObstacles(key, identity, signal),
        grantObstacles(key, policies, signal),
      ]);
      return [...quota, ...grants];
    },
    create: async (key, request, signal) => {
      const created = await identity.createApiKey({ iamId: iamIdOf(key), ...request }, signal);
      return { id: created.key.id, createdAtMs: created.key.created_at, value: created.value };
    },
    verify: (key, value, withProbe, signal) =>
      verify(withProbe ? key.probeUrl : null, key, value, { tokens, logLines }, signal),
    disable: (keyId, signal) => identity.disableApiKey(keyId, signal),
    enable: (keyId, signal) => identity.enableApiKey(keyId, signal),
    delete: (keyId, signal) => identity.deleteApiKey(keyId, signal),
    lock: (keyId, signal) => identity.lockApiKey(keyId, signal),
    unlock: (keyId, signal) => identity.unlockApiKey(keyId, signal),
    extend: (keyId, expiresAtMs, signal) => identity.extendApiKey(keyId, expiresAtMs, signal),
  };
}

function nullWhenGone(error: unknown): null {
  if (isApiError(error, 'not_found')) return null;
  throw error;
}

/** Paths name a service ID by its id, keys and policies by this. */
const iamIdOf = (key: ManagedKey): string => `iam-${key.serviceId}`;

function issuerKey(key: ManagedKey, apiKey: ApiKey): IssuerKey {
  const { activity } = apiKey;
  return {
    id: apiKey.id,
    name: apiKey.name,
    description: apiKey.description,
    createdAtMs: apiKey.created_at,
    expiresAtMs: apiKey.expires_at ?? null,
    disabled: apiKey.disabled,
    locked: apiKey.locked,
    ownerMatches: apiKey.iam_id === iamIdOf(key),
    ...stateChanges(apiKey),
    lastUsed: lastUsedOf(activity),
  };
}

/**
 * When the key was last disabled, and enabled again. The words of the history are not documented: it may name these actions,
 * or tell of both as changes of one property, the latest of which brought the present state.
 */
function stateChanges({ history, disabled }: ApiKey): Pick<IssuerKey, 'disabledAtMs' | 'enabledAtMs'> {
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

function lastUsedOf(activity: ApiKey['activity']): IssuerKey['lastUsed'] {
  if (!activity) return 'unknown';
  if (activity.last_authn === null) return 'unknown';
  if (activity.last_authn !== undefined) return { atMs: activity.last_authn };
  return activity.authn_count === 0 ? 'never' : 'unknown';
}

/** Every identity may have so many keys, and only more by a support case: below it the limit need not be asked for. */
const LEAST_LIMIT = 20;

async function quotaObstacles(key: ManagedKey, identity: IamIdentity, signal: AbortSignal): Promise<Obstacle[]> {
  const quota = await identity.keyQuota(iamIdOf(key), signal).catch((error: unknown) => {
    // Not everybody may see the limits; the issuer itself refuses a key too many.
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  });
  return quota && quota.count >= quota.limit ? [quotaReached(key, quota)] : [];
}

function quotaReached(key: ManagedKey, { count, limit }: { count: number; limit: number }): Obstacle {
  return {
    code: 'key_limit_reached',
    problem: `${key.serviceId} has ${count} API keys of at most ${limit}.`,
    steps: [
      `ibmcloud iam service-api-keys ${key.serviceId}`,
      `Delete what nobody uses: ibmcloud iam service-api-key-delete KEY_ID ${key.serviceId}`,
    ],
  };
}

async function grantObstacles(key: ManagedKey, policies: IamPolicies, signal: AbortSignal): Promise<Obstacle[]> {
  if (key.grants.length === 0) return [];
  const found = await policies.listPolicies(iamIdOf(key), signal).catch((error: unknown) => {
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  });
  if (!found) return [policiesHidden(key)];
  return key.grants
    .filter(({ service, role, instance }) => !found.some((policy) => givesRole(policy, service, role, instance)))
    .map((grant) => grantMissing(key, grant));
}

function grantMissing(key: ManagedKey, { service, role, instance }: Grant): Obstacle {
  const where = instance === null ? '' : ` --service-instance ${instance}`;
  return {
    code: 'grant_missing',
    problem: `${key.serviceId} does not show the role ${role} on ${service}: it is missing, or Keyrota may not see it.`,
    steps: [
      `ibmcloud iam service-policy-create ${key.serviceId} --service-name ${service}${where} --roles ${role}`,
      `If it is there: give Keyrota's own identity the role Viewer on ${service}, so that it sees the policy.`,
      'If the role comes through an access group, which Keyrota does not look into: leave it out of `grants`, and set a probe.',
    ],
  };
}

function policiesHidden(key: ManagedKey): Obstacle {
  return {
    code: 'grants_not_visible',
    problem: `Keyrota may not list policies, so it cannot see whether ${key.serviceId} has its grants.`,
    steps: [
      "Give Keyrota's own identity the role Viewer on the services that `grants` names.",
      'Or leave `grants` out of the entry, and set a probe.',
    ],
  };
}

async function verify(
  probeUrl: string | null,
  key: ManagedKey,
  value: SecretValue,
  { tokens, logLines }: Pick<ServiceIdApiKeyPorts, 'tokens' | 'logLines'>,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    // A cached token proves nothing: each check is an exchange of its own.
    const token = await tokens.exchange({ grant: 'apikey', apiKey: value }, signal);
    if (probeUrl) await logLines.ship(probeUrl, `Keyrota checks a new key of ${key.name}.`, token, signal);
    return { outcome: 'accepted' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A token is refused with 400; of a log line that says nothing about the key.
    const isRefused =
      error.code === 'not_logged_in' ||
      error.code === 'forbidden' ||
      (error.code === 'invalid_request' && error.operation === 'getToken');
    return { outcome: isRefused ? 'refused' : 'failed', why: error.message };
  }
}
