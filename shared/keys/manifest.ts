import { createHash } from 'node:crypto';
import { KeyrotaError } from '../runtime/errors.ts';
import { DAY_MS } from './duration.ts';
import { checkPolicyOf } from './check-policy.ts';
import type { CheckPolicy } from './check-policy.ts';
import { faultsOf } from './manifest-faults.ts';
import type { Fault } from './manifest-faults.ts';
import { maintenanceWindow } from './maintenance-window.ts';
import type { MaintenanceWindow } from './maintenance-window.ts';
import type { Incidents } from './incident-schema.ts';
import type { NamedEntry } from './manifest-rules.ts';
import {
  SPREAD,
  USE_IS_NEVER_TOLD,
  kindFaults,
  windowFaults,
  loginFaults,
  longestLifeMs,
  nameFaults,
  policyFaults,
} from './manifest-rules.ts';
import { ManifestFile } from './manifest-schema.ts';
import type { EntryFile, LoggingEntry, PolicyFile, UserEntry } from './manifest-schema.ts';

/** When a key is replaced and when an old one may go. All times in milliseconds. */
export interface Policy {
  rotateEveryMs: number;
  /** Age at which the current key is replaced: `rotateEvery` less a part that differs by name, so that keys spread. */
  dueAfterMs: number;
  graceMs: number;
  quarantineMs: number;
  evidence: { fetched: boolean; unused: boolean; noConsumerLock: boolean };
  hold: { atMostMs: number; afterwards: 'ask' | 'disable' };
  /** The longest time that a consumer keeps a fetched value. */
  consumersRefreshWithinMs: number;
  unusedForMs: number;
  expiresAfterMs: number;
  paused: boolean;
  onCompromise: {
    consumerLocks: 'override' | 'override-or-wait' | 'wait';
    replaceFirst: boolean;
    disabledByOthers: 'replace' | 'ask';
    siblings: 'report' | 'contain';
  };
  freeze: { fromMs: number; untilMs: number; reason: string }[];
}

/** A role on a service that the identity of a key must have. */
export interface Grant {
  service: string;
  role: string;
  /** GUID of the one instance; null for any. */
  instance: string | null;
}

/** The secret that holds the value of a key. */
interface SecretPlace {
  name: string;
  groupId: string;
  type: 'arbitrary' | 'kv';
  /** The field that holds the value; null where the secret, of type `kv`, is all fields of a credential. */
  field: string | null;
}

/** What the manifest says of a key of any kind, complete: defaults filled in, times in milliseconds. */
interface AnyKey {
  deployment: string;
  name: string;
  /** Names that the entry had before; keys and secrets made under them are its own. */
  formerly: string[];
  state: 'active' | 'retired';
  /** Ids of keys that existed before Keyrota: predecessors of the first. */
  adopt: string[];
  secret: SecretPlace;
  policy: Policy;
  /** Who the key belongs to at its issuer: the id of an identity or of a service instance. */
  owner: string;
  /** Keyrota itself loads this key from its secret at each start. */
  runsKeyrota: boolean;
  /** When an owner that can have one key only may go without for a moment; null for any time. */
  window: MaintenanceWindow | null;
}

/** A key that logs in at IAM. */
interface IamKey extends AnyKey {
  /** Where to ship a marked line with a new key, or null. */
  probeUrl: string | null;
  grants: Grant[];
}

export interface ServiceIdApiKey extends IamKey {
  kind: 'service-id-api-key';
  /** Empty until an operator has provisioned it. */
  serviceId: string;
  /** What a service ID that is made for the entry is for. */
  description: string;
}

export interface UserApiKey extends IamKey {
  kind: 'user-api-key';
  iamId: string;
  /** Secrets of working keys of that user, to log in with: first the one that only Keyrota reads, others as a last resort. */
  logins: LoginSecret[];
}

/** A secret whose value logs in as a user. */
export interface LoginSecret {
  /** Name of its entry. */
  name: string;
  /** Names that the entry had before: the secret may still have one of them. */
  formerly: string[];
  secret: SecretPlace;
  /** Consumers read it too: that Keyrota does must not look like their fetching. */
  isForConsumers: boolean;
}

export interface ServiceCredential extends AnyKey {
  kind: 'service-credential';
  /** CRN or GUID. */
  instance: string;
  /** Null for what the service takes by default. */
  role: string | null;
  parameters: Readonly<Record<string, unknown>>;
}

export interface LoggingKey extends AnyKey {
  kind: 'logging-key';
  /** CRN or GUID. */
  instance: string;
  use: 'ingestion' | 'service';
  /** Secrets of service keys of that instance: they open it where what it hands out is dead. */
  serviceKeys: LoginSecret[];
  apiUrl: string;
  ingestionUrl: string | null;
}

export interface ClassicApiKey extends AnyKey {
  kind: 'classic-api-key';
  iamId: string;
  logins: LoginSecret[];
}

/** One entry of the manifest that has keys. */
export type ManagedKey = ServiceIdApiKey | UserApiKey | ServiceCredential | LoggingKey | ClassicApiKey;

/** An entry that needs no key: its workload logs in as a trusted profile. */
export interface KeylessEntry {
  name: string;
  profileId: string;
}

export interface Manifest {
  deployment: string;
  keys: ManagedKey[];
  keyless: KeylessEntry[];
  incidents: Incidents;
  /** Where the ledger is kept: a secret of type `kv`. */
  ledger: { name: string; groupId: string };
  /** What the daily check looks for. */
  check: CheckPolicy;
}

/** The manifest cannot be used. Each fault names its path, what was found there and what is allowed. */
export class ManifestError extends KeyrotaError {
  override readonly name = 'ManifestError';
  readonly faults: Fault[];

  constructor(source: string, faults: Fault[]) {
    const lines = faults.map((fault) => `${source}: ${fault.path}: found ${fault.found}, allowed: ${fault.allowed}`);
    super('manifest_invalid', lines.join('\n'), { next: 'Mend the manifest; docs/manifest.md explains every field.' });
    this.faults = faults;
  }
}

/**
 * Checks a manifest that was read from `source` (a file name, for the messages) and completes it.
 * @throws ManifestError with every fault.
 */
export function parseManifest(value: unknown, source: string): Manifest {
  const file = ManifestFile.safeParse(value, { reportInput: true });
  if (!file.success) throw new ManifestError(source, faultsOf(file.error.issues, value));
  const { deployment, defaults, incidents, check, keys: entries } = file.data;
  const users = Map.groupBy(entries.filter(isUserEntry), ({ iamId }) => iamId);
  const serviceKeys = Map.groupBy(entries.filter(isServiceKeyEntry), ({ instance }) => guidOfInstance(instance));
  const { group: groupId, name = `keyrota-ledger-${deployment}` } = file.data.ledger;
  const manifest: Manifest = {
    deployment,
    keys: [],
    keyless: [],
    incidents,
    ledger: { name, groupId },
    check: checkPolicyOf(check),
  };
  const faults: Fault[] = [];
  const named: NamedEntry[] = [];
  for (const [index, entry] of entries.entries()) {
    const place = `keys[${index}]`;
    if (entry.kind === 'trusted-profile') {
      manifest.keyless.push({ name: entry.name, profileId: entry.profileId });
      named.push({ place, name: entry.name, key: null });
      continue;
    }
    const siblings = 'iamId' in entry ? (users.get(entry.iamId) ?? []) : [];
    const openers = 'instance' in entry ? (serviceKeys.get(guidOfInstance(entry.instance)) ?? []) : [];
    const key = managedKey(deployment, defaults, entry, siblings, openers);
    manifest.keys.push(key);
    named.push({ place, name: entry.name, key });
    faults.push(
      ...policyFaults(key, place),
      ...kindFaults(key, place),
      ...loginFaults(entry, siblings, place),
      ...windowFaults(entry, place),
    );
  }
  faults.push(...nameFaults(named));
  if (faults.length > 0) throw new ManifestError(source, faults);
  return manifest;
}

const isUserEntry = (entry: ManifestFile['keys'][number]): entry is UserEntry => entry.kind === 'user-api-key';

const isServiceKeyEntry = (entry: ManifestFile['keys'][number]): entry is LoggingEntry =>
  entry.kind === 'logging-key' && entry.use === 'service' && entry.state === 'active';

function managedKey(
  deployment: string,
  defaults: PolicyFile,
  entry: EntryFile,
  siblings: readonly UserEntry[],
  openers: readonly LoggingEntry[],
): ManagedKey {
  const common = {
    deployment,
    name: entry.name,
    formerly: entry.formerly,
    state: entry.state,
    adopt: entry.adopt,
    secret: placeOf(entry),
    policy: policyOf(entry, defaults),
    runsKeyrota: 'runsKeyrota' in entry && entry.runsKeyrota,
    window: null,
  };
  switch (entry.kind) {
    case 'service-id-api-key': {
      const { kind, name, serviceId = '' } = entry;
      const { description = `Its key is ${name}, rotated by Keyrota (${deployment}).` } = entry;
      return { ...common, ...iamFields(entry), kind, owner: serviceId, serviceId, description };
    }
    case 'user-api-key': {
      const { kind, iamId } = entry;
      return { ...common, ...iamFields(entry), kind, owner: iamId, iamId, logins: loginsOf(entry, siblings) };
    }
    case 'service-credential': {
      const { kind, instance, role = null, parameters } = entry;
      const adopted = entry.adopt.map(guidOfResourceKey);
      return { ...common, kind, adopt: adopted, owner: guidOfInstance(instance), instance, role, parameters };
    }
    case 'logging-key': {
      const { kind, instance, use, apiUrl, ingestionUrl = null } = entry;
      const own = openers.map((one) => loginSecretOf(one, true));
      return {
        ...common,
        kind,
        owner: guidOfInstance(instance),
        instance,
        use,
        serviceKeys: own,
        apiUrl,
        ingestionUrl,
      };
    }
    case 'classic-api-key': {
      const { kind, iamId, window } = entry;
      const times = window === 'any' ? null : maintenanceWindow(window.from, window.until, window.days);
      return { ...common, kind, owner: iamId, iamId, logins: loginsOf(entry, siblings), window: times };
    }
    default:
      return entry satisfies never;
  }
}

/** Of `crn:v1:bluemix:public:<service>:<region>:a/<account>:<guid>::`, or a GUID as it is. */
export const guidOfInstance = (instance: string): string => instance.split(':')[7] || instance;

/** Of `crn:…:resource-key:<guid>`, or a GUID as it is. */
export const guidOfResourceKey = (id: string): string => id.slice(id.lastIndexOf(':') + 1);

function iamFields({
  probe,
  grants,
}: Extract<EntryFile, { grants: unknown }>): Pick<ServiceIdApiKey, 'probeUrl' | 'grants'> {
  return {
    probeUrl: probe?.url ?? null,
    grants: grants.map(({ service, role, instance }) => ({ service, role, instance: instance ?? null })),
  };
}

function placeOf({ kind, name, secret }: EntryFile): SecretPlace {
  const field = secret.field ?? (kind === 'service-credential' && secret.type === 'kv' ? null : 'apikey');
  return { name: secret.name ?? name, groupId: secret.group, type: secret.type, field };
}

/** Keys of the same user: the login first; the others, should that be dead. */
function loginsOf(entry: { name: string; login?: string | undefined }, siblings: readonly UserEntry[]): LoginSecret[] {
  const login = entry.login ?? entry.name;
  const ranked = [...siblings.filter(({ name }) => name === login), ...siblings.filter(({ name }) => name !== login)];
  return ranked.map((one) => loginSecretOf(one, one.login !== undefined));
}

const loginSecretOf = (entry: EntryFile, isForConsumers: boolean): LoginSecret => {
  const { name, formerly } = entry;
  return { name, formerly, secret: placeOf(entry), isForConsumers };
};

/** A number from 0 up to, and without, 1 that stays the same for a name. */
export function spreadOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}

function policyOf(entry: EntryFile, defaults: PolicyFile): Policy {
  const given = { ...defaults, ...entry };
  const evidence = { ...defaults.evidence, ...entry.evidence };
  const hold = { ...defaults.hold, ...entry.hold };
  const onCompromise = { ...defaults.onCompromise, ...entry.onCompromise };
  const life = {
    rotateEveryMs: given.rotateEvery ?? 30 * DAY_MS,
    graceMs: given.grace ?? 7 * DAY_MS,
    quarantineMs: given.quarantine ?? 3 * DAY_MS,
    hold: { atMostMs: hold.atMost ?? 30 * DAY_MS, afterwards: hold.afterwards ?? ('ask' as const) },
  };
  return {
    ...life,
    dueAfterMs: Math.floor(life.rotateEveryMs * (1 - SPREAD * spreadOf(entry.name))),
    evidence: {
      fetched: evidence.fetched ?? true,
      // What `defaults` want of all keys is not wanted of those of which it cannot be had.
      unused: USE_IS_NEVER_TOLD.has(entry.kind) ? (entry.evidence?.unused ?? false) : (evidence.unused ?? true),
      noConsumerLock: evidence.noConsumerLock ?? true,
    },
    consumersRefreshWithinMs: given.consumersRefreshWithin ?? DAY_MS,
    unusedForMs: given.unusedFor ?? 3 * DAY_MS,
    expiresAfterMs: given.expiresAfter ?? longestLifeMs(life),
    paused: given.paused ?? false,
    onCompromise: {
      consumerLocks: onCompromise.consumerLocks ?? 'override',
      replaceFirst: onCompromise.replaceFirst ?? false,
      disabledByOthers: onCompromise.disabledByOthers ?? 'replace',
      siblings: onCompromise.siblings ?? 'report',
    },
    freeze: (given.freeze ?? []).map(({ from, until, reason }) => ({
      fromMs: Date.parse(from),
      untilMs: Date.parse(until),
      reason: reason ?? 'freeze window',
    })),
  };
}
