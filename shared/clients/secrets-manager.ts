import { BaseService, constructServiceUrl, getAuthenticatorFromEnvironment, validateParams } from 'ibm-cloud-sdk-core';
import type { UserOptions } from 'ibm-cloud-sdk-core';
import type * as Sm from './secrets-manager-types.ts';

/** One operation of the API. Parameters are named as in JavaScript; on the wire they are in snake case. */
interface Operation {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api/v2`. What stands in braces is a required parameter. */
  path: string;
  query?: readonly string[];
  /** Parameters that are fields of the body, or the one that is the body. */
  body?: readonly string[] | string;
  /** Required ones, beside those in the path. */
  required?: readonly string[];
  /** Whether it answers without a body. */
  isEmpty?: boolean;
}

const VERSION = '/secrets/{secret_id}/versions/{id}';
const LISTING = ['offset', 'limit', 'sort', 'search'];

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camelCase = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The parameters named in braces in a path. */
const namesIn = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => camelCase(name));

/**
 * Secrets Manager API v2, of one instance: IBM's official class of the same name, for the operations that we use, with the
 * same parameters, requests and answers. https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2
 *
 * Each method rejects before any request for a missing or unknown parameter (`Parameter validation errors: …`), and
 * otherwise with an error that carries `status`, `result` (the body) and `headers`; without an answer there is no `status`.
 * Nothing is repeated unless the caller enables it.
 */
export class SecretsManagerV2 extends BaseService {
  static override DEFAULT_SERVICE_URL =
    'https://provide-here-your-smgr-instanceuuid.us-south.secrets-manager.appdomain.cloud';
  static override DEFAULT_SERVICE_NAME = 'secrets_manager';
  static PARAMETERIZED_SERVICE_URL = 'https://{instance_id}.{region}.secrets-manager.appdomain.cloud';

  /** Takes the authenticator and `serviceUrl`; reads no external configuration. */
  constructor(options: UserOptions) {
    super(options);
    this.setServiceUrl(options?.serviceUrl || SecretsManagerV2.DEFAULT_SERVICE_URL);
  }

  /** The public URL of an instance, from `instance_id` and `region`. Throws for any other variable. */
  static constructServiceUrl(variables: Map<string, string> | null): string {
    const defaults = new Map([
      ['instance_id', 'provide-here-your-smgr-instanceuuid'],
      ['region', 'us-south'],
    ]);
    return constructServiceUrl(SecretsManagerV2.PARAMETERIZED_SERVICE_URL, defaults, variables);
  }

  /** A client configured from outside (`SECRETS_MANAGER_URL`, `…_AUTH_TYPE` and so on) where `options` say nothing. */
  static newInstance(options: UserOptions = {}): SecretsManagerV2 {
    const serviceName = (options['serviceName'] as string | undefined) ?? SecretsManagerV2.DEFAULT_SERVICE_NAME;
    const authenticator = options.authenticator ?? getAuthenticatorFromEnvironment(serviceName);
    const service = new SecretsManagerV2({ ...options, serviceName, authenticator });
    service.configureService(serviceName);
    if (options.serviceUrl) service.setServiceUrl(options.serviceUrl);
    return service;
  }

  createSecretGroup(params: Sm.CreateSecretGroupParams): Promise<Sm.Response<Sm.SecretGroup>> {
    const body = ['name', 'description'];
    return this.#call({ method: 'POST', path: '/secret_groups', body, required: ['name'] }, params);
  }

  listSecretGroups(params?: Sm.ListSecretGroupsParams): Promise<Sm.Response<Sm.SecretGroupCollection>> {
    return this.#call({ method: 'GET', path: '/secret_groups' }, params);
  }

  getSecretGroup(params: Sm.GetSecretGroupParams): Promise<Sm.Response<Sm.SecretGroup>> {
    return this.#call({ method: 'GET', path: '/secret_groups/{id}' }, params);
  }

  /** Answers 409 when a secret of that type has the name. */
  createSecret(params: Sm.CreateSecretParams): Promise<Sm.Response<Sm.Secret>> {
    const body = 'secretPrototype';
    return this.#call({ method: 'POST', path: '/secrets', body, required: [body] }, params);
  }

  listSecrets(params?: Sm.ListSecretsParams): Promise<Sm.Response<Sm.SecretMetadataPaginatedCollection>> {
    const query = [...LISTING, 'groups', 'secretTypes', 'matchAllLabels'];
    return this.#call({ method: 'GET', path: '/secrets', query }, params);
  }

  /** Returns the data, and marks it as read. */
  getSecret(params: Sm.GetSecretParams): Promise<Sm.Response<Sm.Secret>> {
    return this.#call({ method: 'GET', path: '/secrets/{id}' }, params);
  }

  /** Returns the data, and marks it as read. */
  getSecretByNameType(params: Sm.GetSecretByNameTypeParams): Promise<Sm.Response<Sm.Secret>> {
    const path = '/secret_groups/{secret_group_name}/secret_types/{secret_type}/secrets/{name}';
    return this.#call({ method: 'GET', path }, params);
  }

  /** Answers 412 while any version is locked. */
  deleteSecret(params: Sm.DeleteSecretParams): Promise<Sm.Response<unknown>> {
    return this.#call({ method: 'DELETE', path: '/secrets/{id}', query: ['forceDelete'], isEmpty: true }, params);
  }

  getSecretMetadata(params: Sm.GetSecretMetadataParams): Promise<Sm.Response<Sm.SecretMetadata>> {
    return this.#call({ method: 'GET', path: '/secrets/{id}/metadata' }, params);
  }

  /** A merge patch; the last writer wins. */
  updateSecretMetadata(params: Sm.UpdateSecretMetadataParams): Promise<Sm.Response<Sm.SecretMetadata>> {
    const body = 'secretMetadataPatch';
    return this.#call({ method: 'PATCH', path: '/secrets/{id}/metadata', body, required: [body] }, params);
  }

  /** Rotates: current becomes previous, and previous loses its data. Answers 412 while previous is locked. */
  createSecretVersion(params: Sm.CreateSecretVersionParams): Promise<Sm.Response<Sm.SecretVersion>> {
    const body = 'secretVersionPrototype';
    return this.#call({ method: 'POST', path: '/secrets/{secret_id}/versions', body, required: [body] }, params);
  }

  listSecretVersions(params: Sm.ListSecretVersionsParams): Promise<Sm.Response<Sm.SecretVersionMetadataCollection>> {
    return this.#call({ method: 'GET', path: '/secrets/{secret_id}/versions' }, params);
  }

  /** Returns the data while it exists, and marks it as read. */
  getSecretVersion(params: Sm.GetSecretVersionParams): Promise<Sm.Response<Sm.SecretVersion>> {
    return this.#call({ method: 'GET', path: VERSION }, params);
  }

  getSecretVersionMetadata(params: Sm.GetSecretVersionMetadataParams): Promise<Sm.Response<Sm.SecretVersionMetadata>> {
    return this.#call({ method: 'GET', path: `${VERSION}/metadata` }, params);
  }

  /** A merge patch; the last writer wins. */
  updateSecretVersionMetadata(
    params: Sm.UpdateSecretVersionMetadataParams,
  ): Promise<Sm.Response<Sm.SecretVersionMetadata>> {
    return this.#call({ method: 'PATCH', path: `${VERSION}/metadata`, body: ['versionCustomMetadata'] }, params);
  }

  /** Locks the current version, whichever that is by then; a lock of the same name is replaced. */
  createSecretLocksBulk(params: Sm.CreateSecretLocksBulkParams): Promise<Sm.Response<Sm.SecretLocks>> {
    return this.#call({ ...createLocks, path: '/secrets/{id}/locks_bulk' }, params);
  }

  /** Locks one version; a lock of the same name is replaced. Answers 400 when its data is gone. */
  createSecretVersionLocksBulk(params: Sm.CreateSecretVersionLocksBulkParams): Promise<Sm.Response<Sm.SecretLocks>> {
    return this.#call({ ...createLocks, path: `${VERSION}/locks_bulk` }, params);
  }

  /** Deletes the named locks, and without names all of them, whoever made them. */
  deleteSecretLocksBulk(params: Sm.DeleteSecretLocksBulkParams): Promise<Sm.Response<Sm.SecretLocks>> {
    return this.#call({ method: 'DELETE', path: '/secrets/{id}/locks_bulk', query: ['name'] }, params);
  }

  /** Deletes the named locks of one version, and without names all of them, whoever made them. */
  deleteSecretVersionLocksBulk(params: Sm.DeleteSecretVersionLocksBulkParams): Promise<Sm.Response<Sm.SecretLocks>> {
    return this.#call({ method: 'DELETE', path: `${VERSION}/locks_bulk`, query: ['name'] }, params);
  }

  /** The locks on all versions of a secret. */
  listSecretLocks(params: Sm.ListSecretLocksParams): Promise<Sm.Response<Sm.SecretLocksPaginatedCollection>> {
    return this.#call({ method: 'GET', path: '/secrets/{id}/locks', query: LISTING }, params);
  }

  listSecretVersionLocks(
    params: Sm.ListSecretVersionLocksParams,
  ): Promise<Sm.Response<Sm.SecretLocksPaginatedCollection>> {
    return this.#call({ method: 'GET', path: `${VERSION}/locks`, query: LISTING }, params);
  }

  listSecretsLocks(params?: Sm.ListSecretsLocksParams): Promise<Sm.Response<Sm.SecretsLocksPaginatedCollection>> {
    const query = ['offset', 'limit', 'search', 'groups'];
    return this.#call({ method: 'GET', path: '/secrets_locks', query }, params);
  }

  #call<T>(operation: Operation, params: object = {}): Promise<Sm.Response<T>> {
    const given: Record<string, unknown> = { ...params };
    const { method, path, query = [], body = [], required = [] } = operation;
    const inPath = namesIn(path);
    const known = [...inPath, ...query, ...[body].flat(), 'signal', 'headers'];
    const problem = validateParams(given, [...inPath, ...required], known);
    if (problem) return Promise.reject(problem);
    const wired = (names: readonly string[]) => Object.fromEntries(names.map((name) => [snakeCase(name), given[name]]));
    return this.createRequest({
      options: {
        method,
        url: `/api/v2${path}`,
        path: wired(inPath),
        qs: wired(query),
        ...(body.length > 0 && { body: typeof body === 'string' ? given[body] : wired(body) }),
      },
      defaultOptions: {
        ...this.baseOptions,
        headers: { ...this.baseOptions.headers, ...headersOf(operation), ...(given['headers'] as object | undefined) },
        axiosOptions: { signal: given['signal'] },
      },
    }) as Promise<Sm.Response<T>>;
  }
}

const createLocks = { method: 'POST', query: ['mode'], body: ['locks'], required: ['locks'] } as const;

function headersOf({ method, isEmpty }: Operation): Record<string, string> {
  const accept = isEmpty ? {} : { Accept: 'application/json' };
  if (method === 'PATCH') return { ...accept, 'Content-Type': 'application/merge-patch+json' };
  return method === 'POST' ? { ...accept, 'Content-Type': 'application/json' } : accept;
}
