/** What a request goes to: the embedded cloud in this process, or `fetch`. */
export type Send = (request: Request) => Promise<Response>;

type Json = Record<string, unknown>;

/** The account's owner, setting things up with plain requests, as a person would with the CLI. */
export class Admin {
  readonly #send: Send;
  readonly #url: string;
  readonly #accountId: string;
  readonly #apiKey: string;
  #token = '';

  constructor(send: Send, url: string, accountId: string, apiKey: string) {
    this.#send = send;
    this.#url = url;
    this.#accountId = accountId;
    this.#apiKey = apiKey;
  }

  /** Logs in when there is no valid token. @throws Error with the answer when it is not 2xx. */
  async request(method: string, path: string, body?: Json): Promise<Json> {
    let response = await this.#sendOnce(method, path, body);
    if (response.status === 401) {
      this.#token = await logInWithKey(this.#send, this.#url, this.#apiKey);
      response = await this.#sendOnce(method, path, body);
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Json);
  }

  #sendOnce(method: string, path: string, body?: Json): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
    return this.#send(new Request(this.#url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) }));
  }

  async createServiceId(name: string, description: string): Promise<{ id: string; iamId: string }> {
    const created = await this.request('POST', '/v1/serviceids', { account_id: this.#accountId, name, description });
    return { id: String(created['id']), iamId: String(created['iam_id']) };
  }

  /** Lets an identity do what `role` may, on a service, or on all that are IAM-enabled (null), with further attributes of the resource. */
  async grant(
    iamId: string,
    role: string,
    serviceName: string | null,
    attributes: Record<string, string> = {},
  ): Promise<void> {
    const place = serviceName === null ? { serviceType: 'service' } : { serviceName };
    const resource = { accountId: this.#accountId, ...place, ...attributes };
    await this.request('POST', '/v1/policies', {
      type: 'access',
      subjects: [{ attributes: [{ name: 'iam_id', value: iamId }] }],
      roles: [{ role_id: role }],
      resources: [{ attributes: Object.entries(resource).map(([name, value]) => ({ name, value })) }],
    });
  }

  async createSecretGroup(name: string): Promise<string> {
    return String((await this.request('POST', '/api/v2/secret_groups', { name }))['id']);
  }

  /** A profile that the named function of a Code Engine project may log in as. */
  async createProfile(name: string, link: { crn: string; component_type: string; component_name: string }) {
    const profile = await this.request('POST', '/v1/profiles', { account_id: this.#accountId, name });
    const id = String(profile['id']);
    await this.request('POST', `/v1/profiles/${id}/links`, { name, cr_type: 'CE', link });
    return { id, iamId: String(profile['iam_id']) };
  }
}

/** A token for an API key. @throws Error with the answer when it is refused. */
export async function logInWithKey(send: Send, url: string, apiKey: string): Promise<string> {
  return exchange(send, url, { grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: apiKey });
}

export async function exchange(send: Send, url: string, form: Record<string, string>): Promise<string> {
  const response = await send(
    new Request(`${url}/identity/token`, { method: 'POST', body: new URLSearchParams(form) }),
  );
  const answer = (await response.json()) as { access_token?: string; errorCode?: string };
  if (answer.access_token === undefined) throw new Error(`login refused: ${response.status} ${answer.errorCode ?? ''}`);
  return answer.access_token;
}

/** Roles by the ids that policies name them with. */
export const ROLE = {
  logsRouterWriter: 'crn:v1:bluemix:public:iam::::serviceRole:Writer',
  cloudLogsSender: 'crn:v1:bluemix:public:logs::::serviceRole:Sender',
  secretsWriter: 'crn:v1:bluemix:public:iam::::serviceRole:Writer',
  reader: 'crn:v1:bluemix:public:iam::::serviceRole:Reader',
  secretsReader: 'crn:v1:bluemix:public:secrets-manager::::serviceRole:SecretsReader',
  viewer: 'crn:v1:bluemix:public:iam::::role:Viewer',
  configurationReader: 'crn:v1:bluemix:public:iam::::role:ConfigReader',
  apiKeyReviewer: 'crn:v1:bluemix:public:iam-identity::::serviceRole:ApiKeyReviewer',
  eventPublisher: 'crn:v1:bluemix:public:event-notifications::::serviceRole:Event-Notification-Publisher',
  operator: 'crn:v1:bluemix:public:iam::::role:Operator',
  administrator: 'crn:v1:bluemix:public:iam::::role:Administrator',
  manager: 'crn:v1:bluemix:public:iam::::serviceRole:Manager',
} as const;
