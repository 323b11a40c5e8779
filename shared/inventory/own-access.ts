import type { Policy } from '../clients/iam-policies.ts';
import { grantCommand } from '../keys/grant-command.ts';
import { quoted } from '../runtime/shell-words.ts';

/** A service, and of which family it is: a role on all services of one family gives nothing in the other. */
interface Place {
  /** Null for all services of the family. */
  service: string | null;
  family: 'service' | 'platform_service';
  /** The one instance that there is to see; null where a role on single ones does not do. */
  instance: string | null;
}

const IAM_IDENTITY: Place = { service: 'iam-identity', family: 'platform_service', instance: null };
const ALL_SERVICES: Place = { service: null, family: 'service', instance: null };

/** Roles by the ends of their ids. */
export const PLATFORM_ROLES = ['Viewer', 'Operator', 'Editor', 'Administrator'];
export const LISTS_API_KEYS = ['Operator', 'Editor', 'Administrator', 'ApiKeyReviewer'];
export const LISTS_SECRETS = ['Reader', 'SecretsReader', 'Writer', 'Manager'];

/**
 * What Keyrota's own policies let it see. Some lists show what one may see, and not that there is more: only a role on all of it tells
 * that they are whole. A role by way of an access group does not show here.
 */
export class OwnAccess {
  readonly #policies: readonly Policy[];

  constructor(policies: readonly Policy[]) {
    this.#policies = policies;
  }

  /** Policies show to who has a platform role on their service. */
  get seesPoliciesOnIdentity(): boolean {
    return this.#has(PLATFORM_ROLES, IAM_IDENTITY);
  }

  get seesAllApiKeys(): boolean {
    return this.#has(LISTS_API_KEYS, IAM_IDENTITY);
  }

  get seesAllCredentials(): boolean {
    return this.#has(PLATFORM_ROLES, ALL_SERVICES);
  }

  /** Of that instance. */
  seesAllSecrets(instance: string | null): boolean {
    return this.#has(LISTS_SECRETS, { service: 'secrets-manager', family: 'service', instance });
  }

  #has(roles: readonly string[], place: Place): boolean {
    return this.#policies.some(
      (policy) =>
        policy.roles.some(({ role_id: id }) => roles.includes(id.split(':').at(-1) ?? '')) &&
        policy.resources.some(({ attributes }) => isWhole(attributes, place)),
    );
  }
}

type Attributes = Policy['resources'][number]['attributes'];

/** Whether a policy is about all of the place, and not about a part of it. */
function isWhole(attributes: Attributes, { service, family, instance }: Place): boolean {
  /** What an attribute must say, so that nothing of the place is left out. */
  const allowed = new Map([
    ['serviceName', service],
    ['serviceType', family],
    ['serviceInstance', instance],
  ]);
  const others = attributes.filter(({ name }) => name !== 'accountId');
  const namesPlace = others.some(({ name }) => name !== 'serviceInstance');
  return (
    namesPlace &&
    others.every(({ name, value, operator }) => operator === 'stringEquals' && allowed.get(name) === value)
  );
}

/** How a person gives Keyrota roles; on all IAM-enabled services where none is named. */
export function toGrant(iamId: string | null, roles: string, service?: string, instance?: string | null): string {
  const place = service === undefined ? '' : ` --service-name ${quoted(service)}`;
  const where = instance ? ` --service-instance ${quoted(instance)}` : '';
  return grantTo(iamId, `--roles ${quoted(roles)}${place}${where}`);
}

/** How a person gives an identity what the options say; PROFILE where it is not known, or is a user. */
export function grantTo(iamId: string | null, options: string): string {
  if (iamId?.startsWith('iam-ServiceId-')) return `ibmcloud iam service-policy-create ${iamId.slice(4)} ${options}`;
  if (iamId?.startsWith('iam-Profile-'))
    return `ibmcloud iam trusted-profile-policy-create ${iamId.slice(4)} ${options}`;
  return grantCommand(options);
}
