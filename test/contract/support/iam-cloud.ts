import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import IamPolicyManagementV1 from '@ibm-cloud/platform-services/iam-policy-management/v1.js';
import { BearerTokenAuthenticator } from 'ibm-cloud-sdk-core';
import { CloudClock } from '../../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../../infra/local/cloud.ts';
import { serve } from '../../../infra/local/server.ts';
import type { Switches } from '../../../infra/local/switches.ts';

/** Someone who is logged in, with IBM's own clients. */
export interface Person {
  iamId: string;
  token: string;
  identity: IamIdentityV1;
  policies: IamPolicyManagementV1;
}

export interface TokenAnswer {
  status: number;
  headers: Headers;
  body: {
    access_token: string;
    expires_in: number;
    expiration: number;
    scope: string;
    refresh_token: string;
    errorCode: string;
    errorMessage: string;
    errorDetails?: string;
    active: boolean;
    context: Record<string, string>;
  };
}

/** The embedded cloud over HTTP, and who uses it. */
export class IamCloud implements AsyncDisposable {
  readonly clock = new CloudClock({ startMs: Date.now(), speed: Infinity });
  readonly cloud: EmbeddedCloud;
  url = '';
  #stop: () => PromiseLike<void> = async () => undefined;

  private constructor(switches: Partial<Switches>) {
    this.cloud = new EmbeddedCloud({ clock: this.clock, switches });
  }

  /** Keys can log in at once, unless a test asks for the delay. */
  static async start(switches: Partial<Switches> = {}): Promise<IamCloud> {
    const started = new IamCloud({ firstLoginDelayMs: 0, ...switches });
    const listening = await serve({ handle: (request) => started.cloud.handle(request), port: 0 });
    started.url = listening.url;
    started.#stop = () => listening[Symbol.asyncDispose]();
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  get accountId(): string {
    return this.cloud.account.id;
  }

  /** Lets time pass. */
  async pass(delayMs: number): Promise<void> {
    await this.clock.advanceTo(this.clock.nowMs() + delayMs);
  }

  async postForm(path: string, form: Record<string, string> | [string, string][]): Promise<TokenAnswer> {
    const response = await fetch(`${this.url}${path}`, { method: 'POST', body: new URLSearchParams(form) });
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenAnswer['body'] };
  }

  /** A call without HTTP, for tests that need thousands. */
  send(method: string, path: string, token: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.cloud.handle(new Request(this.url + path, { method, headers, ...content }));
  }

  logIn(apiKey: string): Promise<TokenAnswer> {
    return this.postForm('/identity/token', {
      grant_type: 'urn:ibm:params:oauth:grant-type:apikey',
      apikey: apiKey,
      response_type: 'cloud_iam',
    });
  }

  async person(apiKey: string): Promise<Person> {
    const { body } = await this.logIn(apiKey);
    return this.withToken(body.access_token);
  }

  withToken(token: string): Person {
    const iamId = this.cloud.iam.callerOf(`Bearer ${token}`)?.iamId ?? '';
    const options = { serviceUrl: this.url, authenticator: new BearerTokenAuthenticator({ bearerToken: token }) };
    return { iamId, token, identity: new IamIdentityV1(options), policies: new IamPolicyManagementV1(options) };
  }

  /** The account owner. */
  owner(): Promise<Person> {
    return this.person(this.cloud.iam.adminApiKey);
  }

  /** A new service ID with a key and, with a role, a policy. */
  async serviceId(policy?: { roleId: string; attributes: Record<string, string> }) {
    const owner = await this.owner();
    const { result } = await owner.identity.createServiceId({
      accountId: this.accountId,
      name: 'robot',
      apikey: { name: 'robot key' },
    });
    if (policy) await this.allow(result.iam_id, policy.roleId, policy.attributes);
    const key = { id: result.apikey?.id ?? '', value: result.apikey?.apikey ?? '' };
    return { id: result.id, iamId: result.iam_id, key, person: await this.person(key.value) };
  }

  /** Grants a role by a policy of the account owner. */
  async allow(iamId: string, roleId: string, attributes: Record<string, string>): Promise<string> {
    const owner = await this.owner();
    const { result } = await owner.policies.createPolicy(this.policy(iamId, roleId, attributes));
    return result.id ?? '';
  }

  policy(iamId: string, roleId: string, attributes: Record<string, string>) {
    const all = Object.entries({ accountId: this.accountId, ...attributes });
    return {
      type: 'access',
      subjects: [{ attributes: [{ name: 'iam_id', value: iamId }] }],
      roles: [{ role_id: roleId }],
      resources: [{ attributes: all.map(([name, value]) => ({ name, value })) }],
    };
  }
}

/** What a call of IBM's SDK was refused with. */
export interface Refusal {
  status: number;
  result: {
    trace: string;
    status_code: number;
    errors: Record<'code' | 'message_code' | 'message' | 'details', string>[];
  };
}

/** The refusal of a call; throws when it was not refused. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const outcome = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome === null) throw new Error('The call was not refused.');
  return outcome as Refusal;
}

/** The status of a refusal, and the code and message code of its first error. */
export async function refused(call: Promise<unknown>): Promise<(number | string | undefined)[]> {
  const { status, result } = await refusalOf(call);
  return [status, result.errors[0]?.code, result.errors[0]?.message_code];
}

const role = (name: string): string => `crn:v1:bluemix:public:iam::::role:${name}`;

export const ROLE = {
  viewer: role('Viewer'),
  operator: role('Operator'),
  editor: role('Editor'),
  administrator: role('Administrator'),
  reader: 'crn:v1:bluemix:public:iam::::serviceRole:Reader',
  writer: 'crn:v1:bluemix:public:iam::::serviceRole:Writer',
  manager: 'crn:v1:bluemix:public:iam::::serviceRole:Manager',
  secretsReader: 'crn:v1:bluemix:public:secrets-manager::::serviceRole:SecretsReader',
  taskUpdater: 'crn:v1:bluemix:public:secrets-manager::::serviceRole:SecretTaskUpdater',
  sender: 'crn:v1:bluemix:public:logs::::serviceRole:Sender',
};
