import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import IamPolicyManagementV1 from '@ibm-cloud/platform-services/iam-policy-management/v1.js';
import * as z from 'zod';
import type { CallOptions, Calls } from '../../../shared/clients/calls.ts';
import { freshHttpConfig, httpConfig } from '../../../shared/clients/http-options.ts';
import type { ClientOptions } from '../../../shared/clients/http-options.ts';
import { MOST_PAGES, endless } from '../../../shared/clients/paging.ts';
import { roleIdOf } from '../../../shared/clients/role-ids.ts';
import { KeyrotaError } from '../../../shared/runtime/errors.ts';

const ServiceIdAnswer = z
  .object({ id: z.string().min(1), iam_id: z.string().min(1), crn: z.string().min(1), name: z.string() })
  .transform(({ iam_id: iamId, ...serviceId }) => ({ ...serviceId, iamId }));

/** A service ID: paths name it by its `id`, policies and keys by its `iamId`. */
export type ServiceId = z.output<typeof ServiceIdAnswer>;

/** One odd service ID of somebody else must not hide all others. */
const ServiceIdsAnswer = z.object({
  serviceids: z
    .array(z.unknown())
    .transform((rows) => rows.flatMap((one) => ServiceIdAnswer.safeParse(one).data ?? [])),
  next: z.string().nullish(),
});

const PolicyAnswer = z.object({ id: z.string().min(1) });

/** What an identity is to be allowed. */
export interface Grant {
  iamId: string;
  /** By display name, or by its id. */
  role: string;
  /** As CRNs name it, for example `logs`. */
  service: string;
  /** The GUID of one instance. Default: all of them. */
  instance?: string;
  /** Default: everywhere. */
  region?: string;
  /** A part of an instance or of the account, for example a `serviceid` of `iam-identity`. */
  resource?: { type: string; id: string };
}

/**
 * Makes identities and gives them access, for an operator's command: what runs in the account by itself has no such rights.
 * https://cloud.ibm.com/apidocs/iam-identity-token-api, https://cloud.ibm.com/apidocs/iam-policy-management
 */
export class Identities {
  readonly #identity: IamIdentityV1;
  /** For what may be sent once. */
  readonly #identityForOnce: IamIdentityV1;
  readonly #policiesForOnce: IamPolicyManagementV1;
  readonly #calls: Calls;
  readonly #accountId: string;

  constructor(options: ClientOptions & { calls: Calls; accountId: string }) {
    const { serviceUrl, authenticator, http } = options;
    const forOnce = { ...freshHttpConfig(http), serviceUrl, authenticator };
    this.#identity = new IamIdentityV1({ ...httpConfig(http), serviceUrl, authenticator });
    this.#identityForOnce = new IamIdentityV1(forOnce);
    this.#policiesForOnce = new IamPolicyManagementV1(forOnce);
    this.#calls = options.calls;
    this.#accountId = options.accountId;
  }

  /** Sent once: names are not unique, and a second one would stand beside the first. */
  async createServiceId(name: string, description: string, signal: AbortSignal): Promise<ServiceId> {
    const call: CallOptions = { operation: 'createServiceId', kind: 'once', signal };
    return this.#calls.send(call, ServiceIdAnswer, (attempt) =>
      this.#identityForOnce.createServiceId({ accountId: this.#accountId, name, description, signal: attempt }),
    );
  }

  /**
   * The service ID with exactly that name, among those that are in no group; null when there is none that we may see.
   * @throws KeyrotaError `ambiguous_name` when there are several.
   */
  async findServiceId(name: string, signal: AbortSignal): Promise<ServiceId | null> {
    const found: ServiceId[] = [];
    for await (const page of this.#pagesNamed(name, signal)) found.push(...page.filter((one) => one.name === name));
    const [first = null, ...others] = found;
    if (others.length === 0) return first;
    const ids = found.map(({ id }) => id).join(', ');
    throw new KeyrotaError('ambiguous_name', `${found.length} service IDs have the name ${name}: ${ids}`, {
      next: 'Name one of these ids in the entry (`serviceId: …`), and delete the other when nobody uses it: ibmcloud iam service-id-delete ID.',
    });
  }

  /**
   * Lets an identity do what a role may. Sent once.
   * @returns the id of the policy.
   * @throws KeyrotaError `unknown_role`; ApiError `conflict` when there is the very same policy, or the identity is locked.
   */
  async createPolicy(grant: Grant, signal: AbortSignal): Promise<string> {
    const call: CallOptions = { operation: 'createPolicy', kind: 'once', signal };
    const { iamId, role, service, instance, region, resource } = grant;
    const roles = [{ role_id: roleIdOf(service, role) }];
    const subjects = [{ attributes: [{ name: 'iam_id', value: iamId }] }];
    const attributes = Object.entries({
      accountId: this.#accountId,
      serviceName: service,
      serviceInstance: instance,
      region,
      resourceType: resource?.type,
      resource: resource?.id,
    }).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
    const { id } = await this.#calls.send(call, PolicyAnswer, (attempt) =>
      this.#policiesForOnce.createPolicy({
        type: 'access',
        subjects,
        roles,
        resources: [{ attributes }],
        signal: attempt,
      }),
    );
    return id;
  }

  async *#pagesNamed(name: string, signal: AbortSignal): AsyncGenerator<ServiceId[]> {
    const call: CallOptions = { operation: 'listServiceIds', kind: 'reads', signal };
    let pagetoken: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = { accountId: this.#accountId, name, pagesize: 100, ...(pagetoken !== null && { pagetoken }) };
      const answer: z.output<typeof ServiceIdsAnswer> = await this.#calls.send(call, ServiceIdsAnswer, (attempt) =>
        this.#identity.listServiceIds({ ...page, signal: attempt }),
      );
      yield answer.serviceids;
      pagetoken = URL.parse(answer.next ?? '', 'https://iam.cloud.ibm.com')?.searchParams.get('pagetoken') ?? null;
      if (pagetoken === null) return;
    }
    throw endless(call.operation);
  }
}
