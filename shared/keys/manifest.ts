import { createHash } from 'node:crypto';
import { KeyrotaError } from '../runtime/errors.ts';
import { DAY_MS } from './duration.ts';
import { faultsOf } from './manifest-faults.ts';
import type { Fault } from './manifest-faults.ts';
import { SPREAD, longestLifeMs, nameFaults, policyFaults } from './manifest-rules.ts';
import { ManifestFile } from './manifest-schema.ts';
import type { EntryFile, PolicyFile } from './manifest-schema.ts';

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
  freeze: { fromMs: number; untilMs: number; reason: string }[];
}

/** A role on a service that the identity of a key must have. */
export interface Grant {
  service: string;
  role: string;
  /** GUID of the one instance; null for any. */
  instance: string | null;
}

interface SecretPlace {
  name: string;
  groupId: string;
  type: 'arbitrary' | 'kv';
  /** For `kv`: the field that holds the value. */
  field: string;
}

/** What the manifest says of one key, complete: defaults filled in, times in milliseconds. */
export interface ManagedKey {
  kind: 'service-id-api-key';
  deployment: string;
  name: string;
  /** Names that the entry had before; keys and secrets made under them are its own. */
  formerly: string[];
  state: 'active' | 'retired';
  /** Ids of keys that existed before Keyrota: predecessors of the first. */
  adopt: string[];
  secret: SecretPlace;
  /** Where to ship a marked line with a new key, or null. */
  probeUrl: string | null;
  policy: Policy;
  serviceId: string;
  grants: Grant[];
}

export interface Manifest {
  deployment: string;
  keys: ManagedKey[];
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
  const { deployment, defaults } = file.data;
  const keys = file.data.keys.map((entry) => managedKey(deployment, defaults, entry));
  const faults = [...keys.flatMap(policyFaults), ...nameFaults(keys)];
  if (faults.length > 0) throw new ManifestError(source, faults);
  return { deployment, keys };
}

function managedKey(deployment: string, defaults: PolicyFile, entry: EntryFile): ManagedKey {
  return {
    kind: entry.kind,
    deployment,
    name: entry.name,
    formerly: entry.formerly,
    state: entry.state,
    adopt: entry.adopt,
    secret: {
      name: entry.secret.name ?? entry.name,
      groupId: entry.secret.group,
      type: entry.secret.type,
      field: entry.secret.field,
    },
    probeUrl: entry.probe?.url ?? null,
    policy: policyOf(entry.name, defaults, entry),
    serviceId: entry.serviceId,
    grants: entry.grants.map(({ service, role, instance }) => ({ service, role, instance: instance ?? null })),
  };
}

/** A number from 0 up to, and without, 1 that stays the same for a name. */
export function spreadOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}

function policyOf(name: string, defaults: PolicyFile, entry: PolicyFile): Policy {
  const given = { ...defaults, ...entry };
  const evidence = { ...defaults.evidence, ...entry.evidence };
  const hold = { ...defaults.hold, ...entry.hold };
  const life = {
    rotateEveryMs: given.rotateEvery ?? 30 * DAY_MS,
    graceMs: given.grace ?? 7 * DAY_MS,
    quarantineMs: given.quarantine ?? 3 * DAY_MS,
    hold: { atMostMs: hold.atMost ?? 30 * DAY_MS, afterwards: hold.afterwards ?? ('ask' as const) },
  };
  return {
    ...life,
    dueAfterMs: Math.floor(life.rotateEveryMs * (1 - SPREAD * spreadOf(name))),
    evidence: {
      fetched: evidence.fetched ?? true,
      unused: evidence.unused ?? true,
      noConsumerLock: evidence.noConsumerLock ?? true,
    },
    consumersRefreshWithinMs: given.consumersRefreshWithin ?? DAY_MS,
    unusedForMs: given.unusedFor ?? 3 * DAY_MS,
    expiresAfterMs: given.expiresAfter ?? longestLifeMs(life),
    paused: given.paused ?? false,
    freeze: (given.freeze ?? []).map(({ from, until, reason }) => ({
      fromMs: Date.parse(from),
      untilMs: Date.parse(until),
      reason: reason ?? 'freeze window',
    })),
  };
}
