import { isApiError } from '../clients/api-error.ts';
import type { ApiError } from '../clients/api-error.ts';
import type { IamIdentity } from '../clients/iam-identity.ts';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import type { IamTokens } from '../clients/iam-token.ts';
import { CredentialsRedacted } from '../clients/resource-keys.ts';
import type { ResourceKeys } from '../clients/resource-keys.ts';
import type { ResourceKey } from '../clients/resource-key-answers.ts';
import { roleIdOf } from '../clients/role-ids.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { apiKeyIn, innerKeyIdIn, secretsIn, storedFormOf } from './credential-value.ts';
import {
  CREDENTIAL_FACTS,
  credentialsWithheld,
  fieldMissing,
  instanceNotActive,
  refusedCreation,
  roleUnknown,
  serviceIn,
} from './credential-words.ts';
import { MINUTE_MS } from './duration.ts';
import { generatedFor } from './generated-for.ts';
import { lastUsedOf, stateChanges, verdictOf } from './iam-api-key.ts';
import { InnerApiKeys } from './inner-api-keys.ts';
import { DisableRefused, PersonNeeded } from './kind.ts';
import type { CreatedKey, IssuerKey, KeyKind, KeyRequest, Obstacle, Verdict } from './kind.ts';
import { guidOfInstance, guidOfResourceKey } from './manifest.ts';
import type { ServiceCredential } from './manifest.ts';

export interface ServiceCredentialPorts {
  resourceKeys: ResourceKeys;
  identity: IamIdentity;
  tokens: IamTokens;
  clock: Clock;
}

/** IAM may say for this long that it does not know a fresh API key. */
const INNER_KEY_SPREADS_MS = 15 * MINUTE_MS;

/**
 * Service credentials, which the API calls resource keys. They come from the Resource Controller, which cannot disable them
 * and tells nothing of their use. Where all that a credential holds is an API key of IAM that we may see, that key tells
 * both; HMAC pairs and passwords are neither tried nor watched by anybody.
 * https://cloud.ibm.com/apidocs/resource-controller/resource-controller
 */
export function serviceCredentials(ports: ServiceCredentialPorts): KeyKind<ServiceCredential> {
  return new ServiceCredentials(ports);
}

class ServiceCredentials implements KeyKind<ServiceCredential> {
  readonly facts = CREDENTIAL_FACTS;
  readonly #ports: ServiceCredentialPorts;
  readonly #inner: InnerApiKeys;
  /** Whose value it is, of what this run has created or identified, and whether that has an API key of IAM. */
  readonly #ownerOf = new WeakMap<SecretValue, { id: string; hasInnerKey: boolean }>();
  /** Credentials whose inner API keys are not ours to change. */
  readonly #notOurs = new Set<string>();
  /** Services by the GUIDs of their instances. */
  readonly #serviceOf = new Map<string, string>();

  constructor(ports: ServiceCredentialPorts) {
    this.#ports = ports;
    this.#inner = new InnerApiKeys(ports.identity);
  }

  /** One call a page: of the inner API keys, which have the state, only a look asks. */
  async list(key: ServiceCredential, signal: AbortSignal): Promise<IssuerKey[] | null> {
    const listed = await this.#ports.resourceKeys.keysOfInstance(key.owner, signal);
    return (
      listed &&
      listed.map((one) => ({
        ...plainIssuerKey(key, one),
        canDisable: one.innerApiKeyId !== null && this.#mayDisable(one),
        ...(one.hasOtherSecrets !== true && { isStateUnknown: true }),
      }))
    );
  }

  survey(_: readonly ServiceCredential[], signal: AbortSignal): ReturnType<NonNullable<KeyKind['survey']>> {
    return this.#ports.resourceKeys.pagesOfAccount(signal);
  }

  async look(key: ServiceCredential, keyId: string, signal: AbortSignal): Promise<IssuerKey | null> {
    const found = await this.#ports.resourceKeys.getKey(guidOfResourceKey(keyId), signal);
    if (!found) return null;
    const plain = plainIssuerKey(key, found);
    // With other secrets in it neither the use nor the state of the API key says anything about the whole.
    if (found.hasOtherSecrets !== false) return plain;
    const inner = await this.#inner.look(found, signal);
    if (inner === 'hidden') return plain;
    if (inner === 'gone') return this.#hasSpread(found) ? asDead(plain) : plain;
    return { ...plain, ...stateOf(inner), canDisable: this.#mayDisable(found) };
  }

  async obstacles(key: ServiceCredential, _: number, signal: AbortSignal): Promise<Obstacle[]> {
    const instance = await this.#ports.resourceKeys.getInstance(key.owner, signal);
    if (!instance) return [CREDENTIAL_FACTS.ownerGone(key)];
    this.#serviceOf.set(key.owner, serviceIn(instance.crn) ?? '');
    if (instance.state !== 'active') return [instanceNotActive(key, instance.state)];
    const role = await this.#roleFor(key, signal);
    return typeof role === 'string' || role === null ? [] : [role];
  }

  /** Without a role in the entry none is sent: services with IAM demand one, and say so; the others take none. */
  async create(key: ServiceCredential, { name }: KeyRequest, signal: AbortSignal): Promise<CreatedKey> {
    const role = await this.#roleFor(key, signal);
    if (typeof role !== 'string' && role !== null) throw new PersonNeeded(role);
    const wish = { name, instanceId: key.owner, role, parameters: key.parameters };
    const created = await this.#ports.resourceKeys.createKey(wish, signal).catch((error: unknown) => {
      if (!(error instanceof CredentialsRedacted)) throw error;
      throw new PersonNeeded(credentialsWithheld(key, error), { id: error.keyId, canDisable: false });
    });
    const { id, createdAtMs } = created.key;
    const canDisable = this.#mayDisable(created.key) && created.key.innerApiKeyId !== null;
    const stored = storedFormOf(key, created.credentials);
    if (!stored.value) throw new PersonNeeded(fieldMissing(key, stored.fieldNames), { id, canDisable });
    if (canDisable) this.#inner.learn(created.key);
    this.#ownerOf.set(stored.value, { id, hasInnerKey: created.key.innerApiKeyId !== null });
    return { id, createdAtMs, canDisable, ...stored };
  }

  obstacleOf(key: ServiceCredential, refusal: ApiError): Obstacle | null {
    return refusedCreation(key, refusal);
  }

  /**
   * One login with the API key in it. Where there is none, nothing can be tried: HMAC pairs and passwords are good at their
   * service alone. Then the resource key must be there; of a value that was read back not even the id of that is known.
   */
  async verify(key: ServiceCredential, value: SecretValue, _: boolean, signal: AbortSignal): Promise<Verdict> {
    const owner = this.#ownerOf.get(value);
    const apiKey = owner?.hasInnerKey === false ? null : apiKeyIn(key, value);
    try {
      // A cached token proves nothing: each check is an exchange of its own.
      if (apiKey) await this.#ports.tokens.exchange({ grant: 'apikey', apiKey }, signal);
      else if (owner) return await this.#isThere(key, owner.id, signal);
      return { outcome: 'accepted' };
    } catch (error) {
      return verdictOf(error);
    }
  }

  /** By the API key in it, for which IAM tells the resource key that it was made for. Without one there is nothing to go by. */
  async identify(key: ServiceCredential, value: SecretValue, signal: AbortSignal): Promise<CreatedKey | null> {
    const isThis = await this.#finderOf(key, value, signal);
    const found = isThis && (await this.#ports.resourceKeys.keysOfInstance(key.owner, signal))?.find(isThis);
    if (!found) return null;
    this.#ownerOf.set(value, { id: found.id, hasInnerKey: true });
    const { id, createdAtMs } = found;
    return { id, createdAtMs, canDisable: this.#mayDisable(found), value, secrets: secretsIn(key, value) };
  }

  /** Of the inner API key. @throws DisableRefused where that is not ours to change, or not all that there is. */
  async disable(_: ServiceCredential, keyId: string, signal: AbortSignal): Promise<void> {
    const inner = await this.#innerOf(keyId, signal);
    if (!inner) return;
    if (inner.id !== null) {
      const isOurs = await this.#ports.identity.disableApiKey(inner.id, signal).then(() => true, falseWhenForbidden);
      if (isOurs) return;
    }
    this.#notOurs.add(keyId);
    throw new DisableRefused('cannot_disable', `credential ${keyId} cannot be disabled by us: only a delete ends it`);
  }

  async enable(_: ServiceCredential, keyId: string, signal: AbortSignal): Promise<void> {
    const inner = await this.#innerOf(keyId, signal);
    if (inner && inner.id !== null) return this.#ports.identity.enableApiKey(inner.id, signal);
    throw new KeyrotaError('cannot_enable', `credential ${keyId} has no API key in IAM that we could enable`, {
      next: 'Enable the API key that its field iam_apikey_id names.',
    });
  }

  delete(_: ServiceCredential, keyId: string, signal: AbortSignal): Promise<void> {
    return this.#ports.resourceKeys.deleteKey(keyId, signal);
  }

  /** The Resource Controller has no locks. */
  lock(): Promise<void> {
    return Promise.resolve();
  }

  /** Somebody may have locked the inner API key. */
  async unlock(_: ServiceCredential, keyId: string, signal: AbortSignal): Promise<void> {
    const inner = await this.#innerOf(keyId, signal);
    if (inner && inner.id !== null) await this.#ports.identity.unlockApiKey(inner.id, signal);
  }

  /** None of them expires. */
  extend(): Promise<void> {
    return Promise.resolve();
  }

  /** Not one whose inner API key was refused to us in this run. */
  #mayDisable({ id, hasOtherSecrets }: ResourceKey): boolean {
    return hasOtherSecrets === false && !this.#notOurs.has(id);
  }

  /** IAM may not know a fresh API key everywhere yet. */
  #hasSpread({ createdAtMs }: ResourceKey): boolean {
    return this.#ports.clock.nowMs() >= createdAtMs + INNER_KEY_SPREADS_MS;
  }

  /** What is sent as the role, or what is wrong with it. Which service it is, an instance tells that is named by its GUID. */
  async #roleFor(key: ServiceCredential, signal: AbortSignal): Promise<string | Obstacle | null> {
    if (key.role === null || key.role === 'NONE') return key.role;
    try {
      return roleIdOf(await this.#serviceFor(key, signal), key.role);
    } catch (error) {
      if (error instanceof KeyrotaError && error.code === 'unknown_role') return roleUnknown(error);
      throw error;
    }
  }

  async #serviceFor({ owner, instance }: ServiceCredential, signal: AbortSignal): Promise<string> {
    const known = serviceIn(instance) ?? this.#serviceOf.get(owner);
    if (known !== undefined) return known;
    const found = await this.#ports.resourceKeys.getInstance(owner, signal);
    return serviceIn(found?.crn ?? '') ?? '';
  }

  async #isThere(key: ServiceCredential, keyId: string, signal: AbortSignal): Promise<Verdict> {
    if (await this.#ports.resourceKeys.getKey(keyId, signal)) return { outcome: 'accepted' };
    // A fresh one is listed before it is found by its id.
    const isListed = (await this.#ports.resourceKeys.keysOfInstance(key.owner, signal))?.some(({ id }) => id === keyId);
    return isListed
      ? { outcome: 'failed', why: `credential ${keyId} is not known everywhere yet` }
      : { outcome: 'refused', why: `credential ${keyId} is gone` };
  }

  /** How to tell the resource key that a value belongs to; null for a value that tells nothing. */
  async #finderOf(
    key: ServiceCredential,
    value: SecretValue,
    signal: AbortSignal,
  ): Promise<((one: ResourceKey) => boolean) | null> {
    const apiKey = apiKeyIn(key, value);
    if (!apiKey) return null;
    try {
      const inner = await this.#ports.identity.keyOfValue(apiKey, signal);
      return inner && (({ innerApiKeyId, crn }) => innerApiKeyId === inner.id || crn === generatedFor(inner));
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
      const said = innerKeyIdIn(key, value);
      return said === null ? null : ({ innerApiKeyId }) => innerApiKeyId === said;
    }
  }

  /** The id of the inner API key, null where we do not know it or it is not all that there is; null for a credential that is gone. */
  async #innerOf(keyId: string, signal: AbortSignal): Promise<{ id: string | null } | null> {
    // It may be so new that it is not found by its id.
    const learned = this.#inner.learnedIdOf(keyId);
    if (learned !== null) return { id: learned };
    const found = await this.#ports.resourceKeys.getKey(keyId, signal);
    if (!found) return null;
    return { id: found.hasOtherSecrets === false ? await this.#inner.idOf(found, signal) : null };
  }
}

/** As the resource controller alone tells of it. */
function plainIssuerKey({ owner }: ServiceCredential, found: ResourceKey): IssuerKey {
  return {
    id: found.id,
    name: found.name,
    description: '',
    createdAtMs: found.createdAtMs,
    expiresAtMs: null,
    disabled: false,
    canDisable: false,
    locked: false,
    ownerMatches: guidOfInstance(found.sourceCrn) === owner,
    generatedFor: null,
    disabledAtMs: null,
    enabledAtMs: null,
    lastUsed: 'unknown',
  };
}

const stateOf = (inner: ApiKey) => ({
  disabled: inner.disabled,
  locked: inner.locked,
  ...stateChanges(inner),
  lastUsed: lastUsedOf(inner.activity),
});

/** All that it holds is an API key that somebody deleted: it cannot be enabled again, and since when it is so nobody tells. */
const asDead = (plain: IssuerKey): IssuerKey => ({ ...plain, disabled: true, disabledAtMs: plain.createdAtMs });

function falseWhenForbidden(error: unknown): false {
  if (isApiError(error, 'forbidden')) return false;
  throw error;
}
