import * as z from 'zod';
import { SecretValue } from '../runtime/secret-value.ts';
import { isApiError } from './api-error.ts';
import { understood } from './calls.ts';
import type { CallOptions, Calls } from './calls.ts';
import { freshHttpConfig, httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';
import { SecretsManagerV2 } from './secrets-manager.ts';

/** The label of every secret that Keyrota keeps. */
export const LABEL = 'keyrota';

type Metadata = Record<string, unknown>;
/** Without a value: left out or null; which of these is not documented. */
const Metadata = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((metadata): Metadata => metadata ?? {});

const Instant = z.string().transform((text, context): number => {
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) context.addIssue('is not a date');
  return atMs;
});

export const SecretAnswer = z.object({
  id: z.string(),
  name: z.string(),
  secret_group_id: z.string(),
  secret_type: z.string(),
  labels: z
    .array(z.string())
    .nullish()
    .transform((labels) => labels ?? []),
  custom_metadata: Metadata,
  /** 1 is active, 5 is destroyed. */
  state: z.number(),
});

/** A secret without its value. */
export type StoredSecret = z.infer<typeof SecretAnswer>;

const VersionAnswer = z.object({
  id: z.string(),
  alias: z.enum(['current', 'previous']).optional(),
  created_at: Instant,
  payload_available: z.boolean(),
  downloaded: z.boolean().default(false),
  version_custom_metadata: Metadata,
});

/** A version without its value; `created_at` in epoch milliseconds. */
export type StoredVersion = z.infer<typeof VersionAnswer>;

const LockAnswer = z.object({
  name: z.string(),
  secret_version_id: z.string(),
  attributes: Metadata,
  updated_at: Instant,
});

/** A lock on one version; `updated_at` in epoch milliseconds. */
export type StoredLock = z.infer<typeof LockAnswer>;

const Total = { total_count: z.number() };
/** Each is checked when its turn comes: a checked copy of a whole page would take as much memory again. */
const SecretsAnswer = z.object({ secrets: z.array(z.unknown()), ...Total });
const VersionsAnswer = z.object({ versions: z.array(VersionAnswer) });
const LocksAnswer = z.object({ locks: z.array(LockAnswer), ...Total });
const Named = z.object({ name: z.string() });
const Created = z.object({ id: z.string() });
const ValueAnswer = z.object({ payload: z.string().optional(), data: z.record(z.string(), z.unknown()).optional() });

/** Where a value is kept: the type of the secret and, for `kv`, the field; null where the value is the JSON of all fields. */
export interface Place {
  name: string;
  groupId: string;
  type: 'arbitrary' | 'kv';
  field: string | null;
}

function bodyOf({ type, field }: Place, value: SecretValue): { payload: string } | { data: Metadata } {
  if (type === 'arbitrary') return { payload: value.reveal() };
  return { data: field === null ? (JSON.parse(value.reveal()) as Metadata) : { [field]: value.reveal() } };
}

function prototypeOf(place: Place, value: SecretValue) {
  const body = bodyOf(place, value);
  return 'data' in body ? { secret_type: 'kv' as const, ...body } : { secret_type: 'arbitrary' as const, ...body };
}

function valueIn(data: Metadata | undefined, { field }: Place): unknown {
  return field === null ? data && JSON.stringify(data) : data?.[field];
}

/** Shorter texts in a credential are no secrets: they would only make a message unreadable. */
const SHORTEST_SECRET = 8;

/** What must not be seen of a value, should the service repeat a part of it. */
function secretsIn({ type, field }: Place, value: SecretValue): SecretValue[] {
  if (type === 'arbitrary' || field !== null) return [value];
  const textsIn = (part: unknown): string[] => {
    if (typeof part === 'string') return part.length >= SHORTEST_SECRET ? [part] : [];
    return typeof part === 'object' && part !== null ? Object.values(part).flatMap(textsIn) : [];
  };
  return textsIn(JSON.parse(value.reveal())).map((text) => new SecretValue(text));
}

/** What is stored with a value. Metadata is always sent whole: whether a patch merges is not documented. */
export interface NewVersion {
  value: SecretValue;
  secretMetadata: Metadata;
  versionMetadata: Metadata;
}

/** The most that a page of secrets or locks holds. */
export const PAGE = 1_000;
const LONGEST_SEARCH = 128;

function noneWhenGone(error: unknown): [] {
  if (isApiError(error, 'not_found')) return [];
  throw error;
}

const listCall = (signal: AbortSignal): CallOptions => ({ operation: 'listSecrets', kind: 'reads', signal });

/** The secrets of one Secrets Manager instance, as Keyrota uses them. https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2 */
export class SecretStore {
  readonly #sdk: SecretsManagerV2;
  /** For what may be sent once. */
  readonly #sdkForOnce: SecretsManagerV2;
  readonly #calls: Calls;

  constructor(options: ClientOptions & { calls: Calls }) {
    const { serviceUrl, authenticator, http } = options;
    this.#sdk = new SecretsManagerV2({ ...httpConfig(http), serviceUrl, authenticator });
    this.#sdkForOnce = new SecretsManagerV2({ ...freshHttpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
  }

  /** Every secret with our label, one after the other, 1,000 a call. Those that are not understood are left out. */
  async *listOwn(signal: AbortSignal): AsyncGenerator<StoredSecret> {
    for await (const secret of this.#list({ matchAllLabels: [LABEL] }, signal)) {
      const parsed = SecretAnswer.safeParse(secret);
      // One must not end the run of all. Nor is it hushed up: an entry without a secret looks for it by name, and says why.
      if (parsed.success) yield parsed.data;
    }
  }

  /**
   * The secret of that type and name, labelled or not; null when there is none.
   * @throws ApiError `unexpected_answer` for one of that name that is not understood.
   */
  async find(place: Place, signal: AbortSignal): Promise<StoredSecret | null> {
    const filter = { search: place.name.slice(0, LONGEST_SEARCH), secretTypes: [place.type] };
    const namesakes: StoredSecret[] = [];
    for await (const secret of this.#list(filter, signal)) {
      const named = Named.safeParse(secret);
      if (named.data?.name === place.name) namesakes.push(understood(listCall(signal), SecretAnswer, secret));
    }
    // Whether names are unique in the instance or in a group only is not documented.
    return namesakes.find((secret) => secret.secret_group_id === place.groupId) ?? namesakes[0] ?? null;
  }

  /** The secret as it is now. @throws ApiError `not_found`. */
  async get(secretId: string, signal: AbortSignal): Promise<StoredSecret> {
    const call: CallOptions = { operation: 'getSecretMetadata', kind: 'reads', signal };
    return this.#calls.send(call, SecretAnswer, (attempt) =>
      this.#sdk.getSecretMetadata({ id: secretId, signal: attempt }),
    );
  }

  /** All versions that are known, at most 50, oldest first by date. */
  async listVersions(secretId: string, signal: AbortSignal): Promise<StoredVersion[]> {
    const call: CallOptions = { operation: 'listSecretVersions', kind: 'reads', signal };
    const { versions } = await this.#calls.send(call, VersionsAnswer, (attempt) =>
      this.#sdk.listSecretVersions({ secretId, signal: attempt }),
    );
    // The order is not promised. Equal dates keep theirs; the aliases say which two are the latest.
    const rank = ({ alias }: StoredVersion) => (alias === 'current' ? 2 : alias === 'previous' ? 1 : 0);
    return versions.toSorted((one, other) => rank(one) - rank(other) || one.created_at - other.created_at);
  }

  /** The current version that still has its value, with the id of its secret; null where there is none of either. */
  async findCurrent(place: Place, signal: AbortSignal): Promise<{ secretId: string; version: StoredVersion } | null> {
    const secret = await this.find(place, signal);
    const versions = secret ? await this.listVersions(secret.id, signal).catch(noneWhenGone) : [];
    const version = versions.find(({ alias }) => alias === 'current');
    return secret && version?.payload_available ? { secretId: secret.id, version } : null;
  }

  /** All locks on all versions. */
  async listLocks(secretId: string, signal: AbortSignal): Promise<StoredLock[]> {
    const call: CallOptions = { operation: 'listSecretLocks', kind: 'reads', signal };
    const locks: StoredLock[] = [];
    for (;;) {
      const page = await this.#calls.send(call, LocksAnswer, (attempt) =>
        this.#sdk.listSecretLocks({ id: secretId, offset: locks.length, limit: PAGE, signal: attempt }),
      );
      locks.push(...page.locks);
      if (page.locks.length === 0 || locks.length >= page.total_count) return locks;
    }
  }

  /**
   * Puts a lock on one version, by its id; a lock of that name is replaced. With `freesPrevious` locks of that name leave
   * the previous version; nothing is wiped.
   */
  async lockVersion(
    secretId: string,
    versionId: string,
    lock: { name: string; attributes: Metadata; freesPrevious: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const call: CallOptions = { operation: 'createSecretVersionLocksBulk', kind: 'repeatable', signal };
    const { name, attributes, freesPrevious } = lock;
    await this.#calls.send(call, z.unknown(), (attempt) =>
      this.#sdk.createSecretVersionLocksBulk({
        secretId,
        id: versionId,
        locks: [{ name, description: 'Keyrota keeps the value of the former key until that key is gone.', attributes }],
        ...(freesPrevious && { mode: 'remove_previous' as const }),
        signal: attempt,
      }),
    );
  }

  /** Puts locks of others, that stand on the previous version, on another one, by its id: there they are replaced, here they go. */
  async moveLocks(
    secretId: string,
    versionId: string,
    locks: readonly { name: string; attributes: Readonly<Metadata> }[],
    signal: AbortSignal,
  ): Promise<void> {
    const call: CallOptions = { operation: 'createSecretVersionLocksBulk', kind: 'repeatable', signal };
    const description = 'Moved by Keyrota from a version whose key leaked.';
    await this.#calls.send(call, z.unknown(), (attempt) =>
      this.#sdk.createSecretVersionLocksBulk({
        secretId,
        id: versionId,
        locks: locks.map(({ name, attributes }) => ({ name, description, attributes })),
        mode: 'remove_previous' as const,
        signal: attempt,
      }),
    );
  }

  /** Creates the secret with its first version. Sent once. @throws ApiError `conflict` when the name is taken. */
  async createSecret(place: Place, description: string, version: NewVersion, signal: AbortSignal): Promise<void> {
    const { secretMetadata, versionMetadata, value } = version;
    const secret = secretsIn(place, value);
    const call: CallOptions = { operation: 'createSecret', kind: 'once', signal, secret };
    const common = {
      name: place.name,
      description,
      secret_group_id: place.groupId,
      labels: [LABEL],
      custom_metadata: secretMetadata,
      version_custom_metadata: versionMetadata,
    };
    const secretPrototype = { ...common, ...prototypeOf(place, value) };
    await this.#calls.send(call, Created, (attempt) =>
      this.#sdkForOnce.createSecret({ secretPrototype, signal: attempt }),
    );
  }

  /** Stores a new current version and tells its id. Sent once. @throws ApiError `locked` when the previous version is. */
  async storeVersion(secretId: string, place: Place, version: NewVersion, signal: AbortSignal): Promise<string> {
    const { secretMetadata, versionMetadata, value } = version;
    const secret = secretsIn(place, value);
    const call: CallOptions = { operation: 'createSecretVersion', kind: 'once', signal, secret };
    const metadata = { custom_metadata: secretMetadata, version_custom_metadata: versionMetadata };
    const secretVersionPrototype = { ...metadata, ...bodyOf(place, value) };
    const { id } = await this.#calls.send(call, Created, (attempt) =>
      this.#sdkForOnce.createSecretVersion({ secretId, secretVersionPrototype, signal: attempt }),
    );
    return id;
  }

  /** Replaces the secret's metadata, and with `labels` these too. Last writer wins. */
  async writeMetadata(secretId: string, metadata: Metadata, signal: AbortSignal, labels?: string[]): Promise<void> {
    const call: CallOptions = { operation: 'updateSecretMetadata', kind: 'once', signal };
    const secretMetadataPatch = { custom_metadata: metadata, ...(labels && { labels }) };
    await this.#calls.send(call, z.unknown(), (attempt) =>
      this.#sdkForOnce.updateSecretMetadata({ id: secretId, secretMetadataPatch, signal: attempt }),
    );
  }

  /** Replaces the metadata of one version. Last writer wins. */
  async writeVersionMetadata(
    secretId: string,
    versionId: string,
    metadata: Metadata,
    signal: AbortSignal,
  ): Promise<void> {
    const call: CallOptions = { operation: 'updateSecretVersionMetadata', kind: 'repeatable', signal };
    await this.#calls.send(call, z.unknown(), (attempt) =>
      this.#sdk.updateSecretVersionMetadata({
        secretId,
        id: versionId,
        versionCustomMetadata: metadata,
        signal: attempt,
      }),
    );
  }

  /**
   * Reads a value, which marks the version as fetched: for the operator's undo, and for logins as a user, never to see
   * what consumers have. Null when the version has no such value any more.
   */
  async readValue(secretId: string, versionId: string, place: Place, signal: AbortSignal): Promise<SecretValue | null> {
    const call: CallOptions = { operation: 'getSecretVersion', kind: 'reads', signal };
    const reading = this.#calls.send(call, ValueAnswer, (attempt) =>
      this.#sdk.getSecretVersion({ secretId, id: versionId, signal: attempt }),
    );
    const { payload, data } = await reading.catch((error: unknown) => {
      if (isApiError(error, 'not_found')) return { payload: undefined, data: undefined };
      throw error;
    });
    const value = place.type === 'arbitrary' ? payload : valueIn(data, place);
    return typeof value === 'string' && value !== '' ? new SecretValue(value) : null;
  }

  /** Names of the fields of a `kv` version. It reads the value, as `readValue` does. */
  async fieldNames(secretId: string, versionId: string, signal: AbortSignal): Promise<string[]> {
    const call: CallOptions = { operation: 'getSecretVersion', kind: 'reads', signal };
    const { data = {} } = await this.#calls.send(call, ValueAnswer, (attempt) =>
      this.#sdk.getSecretVersion({ secretId, id: versionId, signal: attempt }),
    );
    return Object.keys(data);
  }

  /** A page of all secrets, labelled or not, from that place on, oldest first; and how many there are. Whoever takes a row checks it. */
  async page(offset: number, signal: AbortSignal): Promise<{ rows: unknown[]; total: number }> {
    const { secrets, total_count: total } = await this.#page({}, offset, signal);
    return { rows: secrets, total };
  }

  async *#list(filter: object, signal: AbortSignal): AsyncGenerator {
    for (let offset = 0; ;) {
      const { secrets, total_count: total } = await this.#page(filter, offset, signal);
      yield* secrets;
      offset += secrets.length;
      if (secrets.length === 0 || offset >= total) return;
    }
  }

  #page(filter: object, offset: number, signal: AbortSignal): Promise<z.infer<typeof SecretsAnswer>> {
    return this.#calls.send(listCall(signal), SecretsAnswer, (attempt) =>
      this.#sdk.listSecrets({ ...filter, offset, limit: PAGE, sort: 'created_at', signal: attempt }),
    );
  }
}
