import type { NewClassicUser } from '../../../infra/local/classic/classic-book.ts';
import type { Switches } from '../../../infra/local/switches.ts';
import { IamCloud } from './iam-cloud.ts';

/** A user of classic infrastructure, and how to log in as it. */
export interface ClassicPerson {
  id: number;
  iamId: string;
  username: string;
  apiKey: string;
  /** An `Authorization` header with a token of IAM. */
  bearer: string;
}

export interface ClassicAnswer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** The header of RFC 7617. */
export const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** The embedded cloud over HTTP, for tests of classic infrastructure: there is no client of IBM's that is kept up. */
export class ClassicCloud implements AsyncDisposable {
  readonly iam: IamCloud;

  private constructor(iam: IamCloud) {
    this.iam = iam;
  }

  static async start(switches: Partial<Switches> = {}): Promise<ClassicCloud> {
    return new ClassicCloud(await IamCloud.start(switches));
  }

  get switches(): Switches {
    return this.iam.cloud.switches;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.iam[Symbol.asyncDispose]();
  }

  /** A functional ID that is linked to classic infrastructure. */
  async person(terms: NewClassicUser = {}): Promise<ClassicPerson> {
    const { iamId, apiKey } = this.iam.cloud.iam.addUser('functional ID');
    const { id, username } = this.iam.cloud.classic.linkUser(iamId, terms);
    const { body } = await this.iam.logIn(apiKey);
    return { id, iamId, username, apiKey, bearer: `Bearer ${body.access_token}` };
  }

  /** A call of the REST API, below `/rest/v3.1/`. */
  async call(authorization: string | null, path: string, body?: unknown): Promise<ClassicAnswer> {
    const response = await fetch(`${this.iam.url}/rest/v3.1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...(authorization !== null && { authorization }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  whoAmI(authorization: string | null, objectMask = 'mask[id,username]'): Promise<ClassicAnswer> {
    return this.call(authorization, `SoftLayer_Account/getCurrentUser.json?objectMask=${objectMask}`);
  }

  keysOf(authorization: string, userId: number): Promise<ClassicAnswer> {
    return this.call(authorization, `SoftLayer_User_Customer/${userId}/getApiAuthenticationKeys.json`);
  }

  addKey(authorization: string, userId: number): Promise<ClassicAnswer> {
    return this.call(authorization, `SoftLayer_User_Customer/${userId}/addApiAuthenticationKey.json`);
  }

  removeKey(authorization: string, keyId: number): Promise<ClassicAnswer> {
    return this.call(authorization, 'SoftLayer_User_Customer/removeApiAuthenticationKey.json', { parameters: [keyId] });
  }

  /** A key of the person's own: its id and its value. */
  async newKey(person: ClassicPerson): Promise<{ id: number; value: string }> {
    const { body: value } = await this.addKey(person.bearer, person.id);
    const { body } = await this.keysOf(person.bearer, person.id);
    const [key] = body as { id: number }[];
    return { id: key?.id ?? 0, value: String(value) };
  }
}
