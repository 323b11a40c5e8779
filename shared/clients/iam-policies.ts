import IamPolicyManagementV1 from '@ibm-cloud/platform-services/iam-policy-management/v1.js';
import * as z from 'zod';
import type { CallOptions, Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';
import { MOST_PAGES, endless } from './paging.ts';
import { readable } from './readable.ts';
import type { Readable } from './readable.ts';
import { knownRoleId } from './role-ids.ts';

const Attribute = z.object({ name: z.string(), value: z.string(), operator: z.string().default('stringEquals') });

const PolicyAnswer = z.object({
  state: z.string().default('active'),
  // A policy of version 2 stands in the list as a placeholder without these.
  roles: z.array(z.object({ role_id: z.string() })).default([]),
  resources: z.array(z.object({ attributes: z.array(Attribute).default([]) })).default([]),
});

const next = z.object({ start: z.string().nullish() }).nullish();
const ListAnswer = z.object({ policies: z.array(PolicyAnswer), next });

const Subject = z.object({ attributes: z.array(z.object({ name: z.string(), value: z.string() })).default([]) });
const AccountPolicyAnswer = PolicyAnswer.extend({ subjects: z.array(Subject).default([]) }).transform(
  ({ subjects, ...policy }) => ({ ...policy, iamId: iamIdIn(subjects) }),
);
const AccountListAnswer = z.object({ policies: readable(AccountPolicyAnswer), next });

const iamIdIn = (subjects: readonly z.infer<typeof Subject>[]): string | null =>
  subjects.flatMap(({ attributes }) => attributes).find(({ name }) => name === 'iam_id')?.value ?? null;

/** The most that a page holds. */
const PAGE = 100;

/** An access policy, as far as we look at it. */
export type Policy = z.infer<typeof PolicyAnswer>;

/** A policy of the account, and whose it is; null for one of an access group. */
export type AccountPolicy = z.infer<typeof AccountPolicyAnswer>;

/** Access policies. https://cloud.ibm.com/apidocs/iam-policy-management */
export class IamPolicies {
  readonly #sdk: IamPolicyManagementV1;
  readonly #calls: Calls;
  readonly #accountId: string;

  constructor(options: ClientOptions & { calls: Calls; accountId: string }) {
    const { serviceUrl, authenticator, http } = options;
    this.#sdk = new IamPolicyManagementV1({ ...httpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
    this.#accountId = options.accountId;
  }

  /** The active policies of one identity that we may see. */
  async listPolicies(iamId: string, signal: AbortSignal): Promise<Policy[]> {
    const call: CallOptions = { operation: 'listPolicies', kind: 'reads', signal };
    const policies: Policy[] = [];
    let start: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = start === null ? {} : { start };
      const answer: z.infer<typeof ListAnswer> = await this.#calls.send(call, ListAnswer, (attempt) =>
        this.#sdk.listPolicies({ accountId: this.#accountId, iamId, limit: PAGE, ...page, signal: attempt }),
      );
      policies.push(...answer.policies);
      start = answer.next?.start ?? null;
      if (start === null) return policies.filter((policy) => policy.state === 'active');
    }
    throw endless(call.operation);
  }

  /** All access policies of the account that we may see, whatever their state, a page at a time. */
  async *pagesOfAccount(signal: AbortSignal): AsyncGenerator<Readable<AccountPolicy>> {
    const call: CallOptions = { operation: 'listPolicies', kind: 'reads', signal };
    let start: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = { type: 'access', limit: PAGE, ...(start !== null && { start }) };
      const answer: z.infer<typeof AccountListAnswer> = await this.#calls.send(call, AccountListAnswer, (attempt) =>
        this.#sdk.listPolicies({ accountId: this.#accountId, ...page, signal: attempt }),
      );
      yield answer.policies;
      start = answer.next?.start ?? null;
      if (start === null) return;
    }
    throw endless(call.operation);
  }
}

/**
 * Whether a policy gives `role` on `service`, on that instance or, with null, on any. What cannot be decided from here,
 * such as whether an instance is in a resource group, counts as given: the check of a new key proves it, and a false alarm
 * would stop a rotation.
 */
export function givesRole(policy: Policy, service: string, role: string, instance: string | null): boolean {
  const wantedId = knownRoleId(service, role);
  const hasRole = policy.roles.some(({ role_id: id }) => id === wantedId || id.split(':').at(-1) === role);
  return hasRole && policy.resources.some(({ attributes }) => covers(attributes, service, instance));
}

type Attribute = z.infer<typeof Attribute>;

function covers(attributes: readonly Attribute[], service: string, instance: string | null): boolean {
  const valuesOf = (name: string) => attributes.filter((attribute) => attribute.name === name);
  const allFit = (name: string, wanted: string) => valuesOf(name).every((attribute) => matches(attribute, wanted));
  // A part of an instance is not what a sender needs.
  if (valuesOf('resourceType').length + valuesOf('resource').length > 0) return false;
  if (!allFit('serviceName', service) || !allFit('serviceType', 'service')) return false;
  const isAboutServices = ['serviceName', 'serviceType', 'resourceGroupId'].some((name) => valuesOf(name).length > 0);
  return isAboutServices && (instance === null || allFit('serviceInstance', instance));
}

/** Whether an attribute of a policy is about that value. */
export function matches({ value, operator }: Attribute, wanted: string): boolean {
  if (operator !== 'stringMatch') return value === wanted;
  const pattern = value
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${pattern}$`).test(wanted);
}
