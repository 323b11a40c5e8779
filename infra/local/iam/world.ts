import type { Access, CloudParts, Target } from '../parts.ts';
import type { ApiKeyBook } from './api-key-book.ts';
import type { ComputeResourceTokens } from './compute-resources.ts';
import type { GroupBook } from './group-book.ts';
import type { PolicyBook } from './policy-book.ts';
import type { ProfileBook } from './profile-book.ts';
import type { ReportBook } from './report-book.ts';
import { isServiceIamId, serviceIdOf } from './service-id-book.ts';
import type { ServiceId, ServiceIdBook } from './service-id-book.ts';
import type { SettingsBook } from './settings-book.ts';
import type { TokenBook } from './token-book.ts';
import type { TrustBook } from './trust-book.ts';
import type { UserBook } from './user-book.ts';

/** What the handlers of IAM share. */
export interface IamWorld {
  parts: CloudParts;
  access: Access;
  keys: ApiKeyBook;
  serviceIds: ServiceIdBook;
  groups: GroupBook;
  profiles: ProfileBook;
  trust: TrustBook;
  policies: PolicyBook;
  users: UserBook;
  settings: SettingsBook;
  reports: ReportBook;
  tokens: TokenBook;
  computeResources: ComputeResourceTokens;
}

/** IAM Identity in the terms of policy attributes: all of a type, or one. */
export function identityTarget(resourceType?: 'serviceid' | 'profile' | 'user', resource?: string): Target {
  return {
    serviceName: 'iam-identity',
    ...(resourceType !== undefined && { resourceType }),
    ...(resource !== undefined && { resource }),
  };
}

/** Whom a key belongs to, as the target of the right to manage it. */
export function ownerTarget(iamId: string): Target {
  return isServiceIamId(iamId) ? identityTarget('serviceid', serviceIdOf(iamId)) : identityTarget('user', iamId);
}

/** Removes a service ID, whose keys are gone, with its policies and tokens, also from the profiles that list it. */
export function removeServiceId({ policies, profiles, serviceIds, tokens }: IamWorld, { id, iamId }: ServiceId): void {
  policies.removeSubject(iamId);
  profiles.forgetServiceId(id);
  serviceIds.remove(id);
  tokens.revoke(iamId);
}

/** The CRN of something in IAM Identity. */
export function identityCrn(
  parts: CloudParts,
  type: 'apikey' | 'serviceid' | 'serviceid-group' | 'profile',
  id: string,
): string {
  return `crn:v1:bluemix:public:iam-identity::a/${parts.account.id}::${type}:${id}`;
}
