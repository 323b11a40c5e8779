import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** What each method resolves to. */
export interface Response<T> {
  result: T;
  status: number;
  statusText: string;
  headers: IncomingHttpHeaders;
}

/** What each method takes beside its own parameters. */
interface CallParams {
  /** Ends the call early; the promise then rejects, and whether the call took effect is unknown. */
  signal?: AbortSignal;
  /** Sent with the request, before all other headers of the same name. */
  headers?: OutgoingHttpHeaders;
}

interface PageParams extends CallParams {
  /** Items to skip. Default 0. */
  offset?: number;
  /** Items on a page, at most 1000. Default 200 for secrets, 25 for the locks of a secret. */
  limit?: number;
}

interface IdParams extends CallParams {
  /** UUID. */
  id: string;
}

interface VersionParams extends CallParams {
  secretId: string;
  /** UUID, `current` or `previous`. */
  id: string;
}

type Json = Record<string, unknown>;

export interface SecretGroup {
  id: string;
  name: string;
  description?: string;
  created_at: string;
  created_by: string;
  updated_at: string;
}

export interface SecretGroupCollection {
  secret_groups: SecretGroup[];
  total_count: number;
}

/** A secret without its data. Instants are RFC 3339 texts. */
export interface SecretMetadata {
  id: string;
  name: string;
  description?: string;
  /** UUID or `default`. */
  secret_group_id: string;
  secret_type: string;
  labels: string[];
  crn: string;
  custom_metadata: Json;
  created_by: string;
  created_at: string;
  updated_at: string;
  /** The last read of its data by anyone; the epoch when there was none. */
  retrieved_at?: string;
  downloaded: boolean;
  locks_total: number;
  versions_total: number;
  /** 0 pre-activation, 1 active, 2 suspended, 3 deactivated, 5 destroyed. */
  state: number;
  state_description: string;
  expiration_date?: string;
}

/** A secret with the data of its current version: `payload` of type arbitrary, `data` of type kv. */
export interface Secret extends SecretMetadata {
  payload?: string;
  data?: Json;
}

/** A version without its data. */
export interface SecretVersionMetadata {
  id: string;
  /** Absent on versions older than the previous one. */
  alias?: 'current' | 'previous';
  secret_id: string;
  secret_name: string;
  secret_type: string;
  secret_group_id: string;
  created_by: string;
  created_at: string;
  auto_rotated: boolean;
  downloaded: boolean;
  /** False once the data is gone for good. */
  payload_available: boolean;
  expiration_date?: string;
  version_custom_metadata?: Json;
}

export interface SecretVersion extends SecretVersionMetadata {
  payload?: string;
  data?: Json;
}

export interface SecretVersionMetadataCollection {
  /** Oldest first, at most 50. Select by `alias`, never by position. */
  versions: SecretVersionMetadata[];
  total_count: number;
}

interface SecretLock {
  name: string;
  description?: string;
  attributes?: Json;
  created_at: string;
  updated_at: string;
  created_by: string;
  secret_group_id: string;
  secret_id: string;
  secret_version_id: string;
  secret_version_alias?: 'current' | 'previous';
}

/** The locks of a secret, by version. */
export interface SecretLocks {
  secret_id: string;
  secret_group_id: string;
  secret_type?: string;
  secret_name?: string;
  versions: { version_id: string; version_alias?: string; locks: string[]; payload_available?: boolean }[];
}

interface Page {
  total_count: number;
  limit: number;
  offset: number;
  first: { href: string };
  last: { href: string };
  /** Absent on the last page. */
  next?: { href: string };
  /** Absent on the first page. */
  previous?: { href: string };
}

export interface SecretMetadataPaginatedCollection extends Page {
  secrets: SecretMetadata[];
}

export interface SecretLocksPaginatedCollection extends Page {
  locks: SecretLock[];
}

export interface SecretsLocksPaginatedCollection extends Page {
  secrets_locks: SecretLocks[];
}

interface PrototypeFields {
  name: string;
  description?: string;
  /** UUID or `default`, which is the default. */
  secret_group_id?: string;
  labels?: string[];
  custom_metadata?: Json;
  version_custom_metadata?: Json;
}

interface VersionPrototypeFields {
  /** Becomes the custom metadata of the secret. */
  custom_metadata?: Json;
  version_custom_metadata?: Json;
}

export interface CreateSecretGroupParams extends CallParams {
  name: string;
  description?: string;
}

export type ListSecretGroupsParams = CallParams;
export type GetSecretGroupParams = IdParams;

export interface CreateSecretParams extends CallParams {
  secretPrototype: PrototypeFields &
    ({ secret_type: 'arbitrary'; payload: string; expiration_date?: string } | { secret_type: 'kv'; data: Json });
}

export interface ListSecretsParams extends PageParams {
  /** A field, after `-` for descending: id, created_at, updated_at, retrieved_at, expiration_date, secret_type, name. */
  sort?: string;
  /** A part of the id, name, description, type or a label, 2 to 128 characters. */
  search?: string;
  /** Ids of groups, or `default`. */
  groups?: string[];
  secretTypes?: string[];
  matchAllLabels?: string[];
}

export type GetSecretParams = IdParams;

export interface GetSecretByNameTypeParams extends CallParams {
  secretType: string;
  name: string;
  /** The name of the group, not its id. */
  secretGroupName: string;
}

export interface DeleteSecretParams extends IdParams {
  /** For custom credentials only. */
  forceDelete?: boolean;
}

export type GetSecretMetadataParams = IdParams;

export interface UpdateSecretMetadataParams extends IdParams {
  secretMetadataPatch: {
    name?: string;
    description?: string;
    labels?: string[];
    /** Send every key: whether it is merged or replaced is not documented. */
    custom_metadata?: Json;
    /** Null switches the expiration off. */
    expiration_date?: string | null;
  };
}

export interface CreateSecretVersionParams extends CallParams {
  secretId: string;
  secretVersionPrototype: VersionPrototypeFields & ({ payload: string } | { data: Json });
}

export interface ListSecretVersionsParams extends CallParams {
  secretId: string;
}

export type GetSecretVersionParams = VersionParams;
export type GetSecretVersionMetadataParams = VersionParams;

export interface UpdateSecretVersionMetadataParams extends VersionParams {
  versionCustomMetadata?: Json;
}

interface LocksParams {
  locks: { name: string; description?: string; attributes?: Json }[];
  /** What becomes of locks of the same name on the previous version. Default: they stay. */
  mode?: 'remove_previous' | 'remove_previous_and_delete';
}

interface LockNames {
  /** Without names, all locks are deleted. */
  name?: string[];
}

interface LockListing extends PageParams {
  /** A field, after `-` for descending: created_at, updated_at, name. */
  sort?: string;
  /** A part of the name of the lock. */
  search?: string;
}

export type CreateSecretLocksBulkParams = IdParams & LocksParams;
export type CreateSecretVersionLocksBulkParams = VersionParams & LocksParams;
export type DeleteSecretLocksBulkParams = IdParams & LockNames;
export type DeleteSecretVersionLocksBulkParams = VersionParams & LockNames;
export type ListSecretLocksParams = IdParams & LockListing;
export type ListSecretVersionLocksParams = VersionParams & LockListing;

export interface ListSecretsLocksParams extends PageParams {
  /** A part of the name of a lock. */
  search?: string;
  /** Ids of groups, or `default`. */
  groups?: string[];
}
