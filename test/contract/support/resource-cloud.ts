import ResourceControllerV2 from '@ibm-cloud/platform-services/resource-controller/v2.js';
import { BearerTokenAuthenticator } from 'ibm-cloud-sdk-core';
import type { Switches } from '../../../infra/local/switches.ts';
import { IamCloud } from './iam-cloud.ts';
import type { Person } from './iam-cloud.ts';

/** As the catalog of the embedded cloud has them. */
export const PLAN = {
  secretsManager: '7713c3a8-3be8-4a9a-81bb-ee822fcaac3d',
  objectStorage: '744bfc56-d12c-4866-88d5-dac9139e0e5d',
  objectStorageLite: '2fdf0c08-2d32-4f46-84b5-32e0c92fffd8',
  logs: 'logs-standard',
  cloudant: 'cloudant-standard',
  logdna: 'logdna-7-day',
  logdnaat: 'logdnaat-7-day',
  generic: 'generic-service-standard',
} as const;

/** Somebody with IBM's client of the resource controller. */
export interface Tenant extends Person {
  resources: ResourceControllerV2;
}

/** A key as its creation answers it. */
type NewKey = Omit<ResourceControllerV2.ResourceKey, 'guid' | 'crn' | 'credentials'> & {
  guid: string;
  crn: string;
  credentials: Record<string, unknown>;
};

/** The error body of the resource controller. */
export interface ResourceRefusal {
  status: number;
  headers: Record<string, string>;
  result: Record<'message' | 'error_code' | 'transaction_id' | 'details', string> & { status_code: number };
}

/** The embedded cloud over HTTP, for tests of the resource controller. */
export class ResourceCloud implements AsyncDisposable {
  readonly iam: IamCloud;
  owner: Tenant;

  private constructor(iam: IamCloud, owner: Person) {
    this.iam = iam;
    this.owner = this.#tenant(owner);
  }

  /** Fresh keys are found at once, unless a test asks for the delay. */
  static async start(switches: Partial<Switches> = {}): Promise<ResourceCloud> {
    const iam = await IamCloud.start({ freshResourceKeyReadDelayMs: 0, ...switches });
    return new ResourceCloud(iam, await iam.owner());
  }

  get switches(): Switches {
    return this.iam.cloud.switches;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.iam[Symbol.asyncDispose]();
  }

  /** Lets time pass, and logs the owner in again. */
  async pass(delayMs: number): Promise<void> {
    await this.iam.pass(delayMs);
    this.owner = this.#tenant(await this.iam.owner());
  }

  /** A service ID with these roles on a service, or on one instance of it. */
  async tenant(roleIds: readonly string[], serviceName: string, serviceInstance?: string): Promise<Tenant> {
    const { iamId, person } = await this.iam.serviceId();
    const attributes = { serviceName, ...(serviceInstance !== undefined && { serviceInstance }) };
    for (const roleId of new Set(roleIds)) await this.iam.allow(iamId, roleId, attributes);
    return this.#tenant(person);
  }

  /** An instance that the account's owner made. */
  async instance(
    resourcePlanId: string,
    more: Partial<ResourceControllerV2.CreateResourceInstanceParams> = {},
  ): Promise<{ guid: string; crn: string }> {
    const isStorage = resourcePlanId === PLAN.objectStorage || resourcePlanId === PLAN.objectStorageLite;
    const { result } = await this.owner.resources.createResourceInstance({
      name: 'an instance',
      target: isStorage ? 'global' : 'us-south',
      resourceGroup: this.iam.cloud.account.resourceGroupId,
      resourcePlanId,
      ...more,
    });
    return { guid: result.guid ?? '', crn: result.crn ?? '' };
  }

  /** A key that the account's owner made, by default for a writer. */
  async key(source: string, more: Partial<ResourceControllerV2.CreateResourceKeyParams> = {}): Promise<NewKey> {
    const { result } = await this.owner.resources.createResourceKey({ name: 'a key', source, role: 'Writer', ...more });
    return { ...result, guid: result.guid ?? '', crn: result.crn ?? '', credentials: result.credentials ?? {} };
  }

  #tenant(person: Person): Tenant {
    const authenticator = new BearerTokenAuthenticator({ bearerToken: person.token });
    return { ...person, resources: new ResourceControllerV2({ serviceUrl: this.iam.url, authenticator }) };
  }
}

/** The refusal of a call; throws when it was not refused. */
export async function resourceRefusalOf(call: Promise<unknown>): Promise<ResourceRefusal> {
  const outcome = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome === null) throw new Error('The call was not refused.');
  return outcome as ResourceRefusal;
}

/** The status of a refusal, and its error code. */
export async function resourceRefused(call: Promise<unknown>): Promise<[number, string]> {
  const { status, result } = await resourceRefusalOf(call);
  return [status, result.error_code];
}
