import { generatedFor } from './generated-for.ts';
import { grantCommand } from './grant-command.ts';
import {
  createdKeyOf,
  fullQuota,
  grantObstacles,
  isKeyLimit,
  issuerKeyOf,
  nullWhenGone,
  verifyApiKey,
  unmark,
} from './iam-api-key.ts';
import type { IamApiKeyPorts } from './iam-api-key.ts';
import type { KeyKind, KindFacts, Obstacle } from './kind.ts';
import type { ServiceIdApiKey } from './manifest.ts';

/** Paths name a service ID by its id, keys and policies by this. */
const iamIdOf = (key: ServiceIdApiKey): string => `iam-${key.serviceId}`;

export const SERVICE_ID_FACTS: KindFacts<ServiceIdApiKey> = {
  keysPerOwner: 'many',
  looksAcrossOwners: true,
  rolesNeeded: ({ serviceId }) => [
    `On IAM Identity it needs Operator on ${serviceId}:`,
    grantCommand(`--roles Operator --service-name iam-identity --resource-type serviceid --resource ${serviceId}`),
  ],
  ownerGone: ({ serviceId }) => ({
    code: 'identity_gone',
    problem: `${serviceId} does not exist.`,
    steps: [`ibmcloud iam service-id ${serviceId}`, 'Name the right service ID in the entry, or say `state: retired`.'],
  }),
  toUnlock: ({ serviceId }, keyId) => `ibmcloud iam service-api-key-unlock ${keyId} ${serviceId}`,
  toDelete: ({ serviceId }, keyId) => `ibmcloud iam service-api-key-delete ${keyId} ${serviceId}`,
};

/** API keys of service IDs. They come from IAM Identity; two and more can live at once. */
export function serviceIdApiKeys({ identity, policies, ...checks }: IamApiKeyPorts): KeyKind<ServiceIdApiKey> {
  return {
    facts: SERVICE_ID_FACTS,
    list: async (key, signal) => {
      const listed = await identity.listApiKeys(iamIdOf(key), signal).catch(nullWhenGone);
      return listed && listed.map((one) => issuerKeyOf(one, iamIdOf(key)));
    },
    survey: (_, signal) => identity.pagesOfAccount('serviceid', signal),
    look: async (key, keyId, signal) => {
      const found = await identity.getApiKey(keyId, signal);
      return found && issuerKeyOf(found, iamIdOf(key));
    },
    obstacles: async (key, keyCount, signal) => {
      const words = { owner: key.serviceId, command: `ibmcloud iam service-policy-create ${key.serviceId}` };
      const [quota, grants] = await Promise.all([
        fullQuota(identity, iamIdOf(key), keyCount, signal),
        grantObstacles(policies, iamIdOf(key), key.grants, words, signal),
      ]);
      return [...(quota ? [quotaReached(key, `${quota.count} API keys of at most ${quota.limit}`)] : []), ...grants];
    },
    create: async (key, request, signal) => {
      const created = await identity.createApiKey({ iamId: iamIdOf(key), ...request }, signal);
      return createdKeyOf(created.key, created.value);
    },
    obstacleOf: (key, refusal) => {
      if (isKeyLimit(refusal)) return quotaReached(key, 'as many API keys as it may');
      return refusal.code === 'not_found' ? SERVICE_ID_FACTS.ownerGone(key) : null;
    },
    verify: (key, value, withProbe, signal) => verifyApiKey(key, value, withProbe, checks, signal),
    identify: async (key, value, signal) => {
      const found = await identity.keyOfValue(value, signal);
      return found?.iam_id === iamIdOf(key) && generatedFor(found) === null ? createdKeyOf(found, value) : null;
    },
    disable: (_, keyId, signal) => identity.disableApiKey(keyId, signal),
    enable: (_, keyId, signal) => identity.enableApiKey(keyId, signal),
    delete: (_, keyId, signal) => identity.deleteApiKey(keyId, signal),
    lock: (_, keyId, signal) => identity.lockApiKey(keyId, signal),
    unlock: (_, keyId, signal) => identity.unlockApiKey(keyId, signal),
    extend: (_, keyId, expiresAtMs, signal) => identity.extendApiKey(keyId, expiresAtMs, signal),
    unmark: (_, keyId, signal) => unmark(identity, keyId, signal),
  };
}

function quotaReached({ serviceId }: ServiceIdApiKey, has: string): Obstacle {
  return {
    code: 'key_limit_reached',
    problem: `${serviceId} has ${has}.`,
    steps: [
      `ibmcloud iam service-api-keys ${serviceId}`,
      `Delete what nobody uses: ibmcloud iam service-api-key-delete KEY_ID ${serviceId}`,
    ],
  };
}
