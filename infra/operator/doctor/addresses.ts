import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import { ApiError } from '../../../shared/clients/api-error.ts';
import { Calls } from '../../../shared/clients/calls.ts';
import type { CallOptions } from '../../../shared/clients/calls.ts';
import { httpConfig } from '../../../shared/clients/http-options.ts';
import type { HttpOptions } from '../../../shared/clients/http-options.ts';
import { instanceInHost, isLoopback } from '../../../shared/runtime/service-url.ts';
import type { Settings } from '../../../shared/runtime/settings.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import { failed, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { DoctorWorld } from './world.ts';

interface Api {
  name: string;
  /** The setting that names its address. */
  variable: string;
  urlOf: (settings: Settings) => string;
  /** Of a call that is refused without a login. */
  path: (settings: Settings) => string;
  isNeeded: (manifest: Manifest) => boolean;
}

const always = () => true;

const APIS: readonly Api[] = [
  {
    name: 'IAM',
    variable: 'KEYROTA_IAM_URL',
    urlOf: ({ iamUrl }) => iamUrl,
    path: ({ accountId }) => `/v1/apikeys?account_id=${accountId}`,
    isNeeded: always,
  },
  {
    name: 'Secrets Manager',
    variable: 'KEYROTA_SECRETS_MANAGER_URL',
    urlOf: ({ secretsManagerUrl }) => secretsManagerUrl,
    path: () => '/api/v2/secret_groups',
    isNeeded: always,
  },
  {
    name: 'resource controller',
    variable: 'KEYROTA_RESOURCE_CONTROLLER_URL',
    urlOf: ({ resourceControllerUrl }) => resourceControllerUrl,
    path: () => '/v2/resource_instances',
    isNeeded: always,
  },
  {
    name: 'user management',
    variable: 'KEYROTA_USER_MANAGEMENT_URL',
    urlOf: ({ userManagementUrl }) => userManagementUrl,
    path: ({ accountId }) => `/v2/accounts/${accountId}/users`,
    isNeeded: always,
  },
  {
    name: 'classic infrastructure',
    variable: 'KEYROTA_CLASSIC_URL',
    urlOf: ({ classicUrl }) => classicUrl,
    path: () => '/rest/v3.1/SoftLayer_Account/getCurrentUser.json',
    isNeeded: ({ keys }) => keys.some(({ kind }) => kind === 'classic-api-key'),
  },
];

/** One call to each address, without a login: any answer will do. */
export async function checkAddresses(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const { settings, manifest } = world;
  const needed = APIS.filter(({ isNeeded }) => isNeeded(manifest));
  return Promise.all(needed.map((api) => checkAddress(api, api.urlOf(settings), world, signal)));
}

async function checkAddress(
  api: Api,
  url: string,
  { clock, ports, settings }: DoctorWorld,
  signal: AbortSignal,
): Promise<Finding> {
  const { hostname } = new URL(url);
  const network = networkOf(hostname);
  const said = network === '' ? hostname : `${hostname} (${network})`;
  // Nothing is waited for: what does not answer at once is told.
  const calls = new Calls({ clock, log: ports.log, timeoutMs: settings.callTimeoutMs, deadlineMs: clock.nowMs() });
  try {
    await new Doorbell(url, calls, ports.outward.http).ring(api.path(settings), signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status } = error.failure;
    if (status === null) return failed(`${said} does not answer: ${reasonIn(error)}`, toReach(api, url), api.name);
    if (UNWELL.has(status)) return warning(`${said} answers with status ${status}`, [SEE_STATUS], api.name);
  }
  return ok(`${said} answers`, api.name);
}

/** What stands before a service says so of it. */
const UNWELL = new Set([502, 503, 504]);

const SEE_STATUS = 'Is the service well? https://cloud.ibm.com/status';

/** What came instead of an answer, without the name of the operation. */
const reasonIn = (error: ApiError): string => error.message.replace(/^\w+: no answer: /, '');

/** Private endpoints answer within IBM Cloud alone. */
const isPrivate = (hostname: string): boolean =>
  /(^|\.)private\./.test(hostname) || hostname === 'api.service.softlayer.com';

const networkOf = (hostname: string): string => {
  if (isLoopback(hostname)) return '';
  return isPrivate(hostname) ? 'private network' : 'public network';
};

function toReach({ name, variable }: Api, url: string): string[] {
  const { hostname } = new URL(url);
  const look = `curl -sv --output /dev/null ${url}`;
  if (isPrivate(hostname)) {
    const other = url
      .replace('://private.', '://')
      .replace('.private.', '.')
      .replace('api.service.softlayer.com', 'api.softlayer.com');
    return [
      'A private address answers within IBM Cloud alone: run this there, in Code Engine or a VPC.',
      `From elsewhere, where ${name} has a public endpoint: export ${variable}=${other}`,
    ];
  }
  const guid = instanceInHost(hostname);
  if (guid === null) return [look, `Where the address is wrong: export ${variable}=https://…`];
  return [
    look,
    'Instances of Secrets Manager made since April 2025 have a private endpoint alone, unless they were made with both.',
    `Within IBM Cloud: export ${variable}=${url.replace(`${guid}.`, `${guid}.private.`)}`,
  ];
}

const Anything = z.unknown();

/** An API that is called without a login. */
class Doorbell extends BaseService {
  readonly #calls: Calls;

  constructor(serviceUrl: string, calls: Calls, http: HttpOptions) {
    super({ ...httpConfig(http), serviceUrl, authenticator: new NoAuthAuthenticator() });
    this.#calls = calls;
  }

  /** @throws ApiError for whatever is no success: its status says whether somebody answered. */
  async ring(path: string, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'get', kind: 'reads', signal };
    await this.#calls.send(call, Anything, (attempt) => this.#get(path, attempt));
  }

  #get(url: string, signal: AbortSignal): Promise<{ result: unknown }> {
    return this.createRequest({
      options: { url, method: 'GET' },
      defaultOptions: { ...this.baseOptions, axiosOptions: { signal } },
    }) as Promise<{ result: unknown }>;
  }
}
