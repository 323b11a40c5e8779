import type { Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';

/** Keyrota's own identity may not do something. */
export function roleMissing(key: ManagedKey, what: string): Obstacle {
  return {
    code: 'role_missing',
    problem: `Keyrota may not ${what} for ${key.name}.`,
    steps: [
      `On Secrets Manager it needs Writer on secret group ${key.secret.groupId}:`,
      `ibmcloud iam trusted-profile-policy-create PROFILE --roles Writer --service-name secrets-manager --resource-type secret-group --resource ${key.secret.groupId}`,
      `On IAM Identity it needs Operator on ${key.serviceId}:`,
      `ibmcloud iam trusted-profile-policy-create PROFILE --roles Operator --service-name iam-identity --resource-type serviceid --resource ${key.serviceId}`,
    ],
  };
}

/** The identity that the manifest names does not exist at its issuer. */
export function identityGone(key: ManagedKey): Obstacle {
  return {
    code: 'identity_gone',
    problem: `${key.serviceId} does not exist.`,
    steps: [
      `ibmcloud iam service-id ${key.serviceId}`,
      'Name the right service ID in the entry, or say `state: retired`.',
    ],
  };
}
