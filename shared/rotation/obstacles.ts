import type { Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';

/** Keyrota's own identity may not do something. PROFILE is its trusted profile. */
export function roleMissing(key: ManagedKey, what: string): Obstacle {
  return {
    code: 'role_missing',
    problem: `Keyrota may not ${what} for ${key.name}.`,
    steps: [
      `On Secrets Manager it needs Writer on secret group ${key.secret.groupId}:`,
      grantCommand(
        `--roles Writer --service-name secrets-manager --resource-type secret-group --resource ${key.secret.groupId}`,
      ),
      `On IAM Identity it needs Operator on ${key.serviceId}:`,
      grantCommand(
        `--roles Operator --service-name iam-identity --resource-type serviceid --resource ${key.serviceId}`,
      ),
      'Where Keyrota logs in with the API key of a service ID: service-policy-create and that service ID instead.',
    ],
  };
}

const grantCommand = (rest: string): string => `ibmcloud iam trusted-profile-policy-create PROFILE ${rest}`;

/** Taking our own lock off the former version is refused: Writer may set locks, not remove them. */
export function releaseForbidden(key: ManagedKey): Obstacle {
  return {
    code: 'release_forbidden',
    problem: `Keyrota may not take its lock off the former version of ${key.name}, so nothing new can be stored.`,
    steps: [
      'Its role needs the action secrets-manager.secret-version-locks.delete: a custom role with it, or Manager.',
      grantCommand(
        `--roles Manager --service-name secrets-manager --resource-type secret-group --resource ${key.secret.groupId}`,
      ),
    ],
  };
}

/** Somebody locked a key at its issuer, and nothing can be changed there. */
export function lockedAtIssuer(key: ManagedKey, keyId: string, problem: string): Obstacle {
  return {
    code: 'locked_at_issuer',
    problem,
    steps: [
      'Find out who locked it, and why.',
      `When nobody needs the lock any more: ibmcloud iam service-api-key-unlock ${keyId} ${key.serviceId}`,
    ],
  };
}

/** Names of secrets are unique in the whole instance, and Keyrota sees only its own groups. */
export function nameTakenElsewhere({ secret }: ManagedKey): Obstacle {
  return {
    code: 'secret_name_taken',
    problem: `Another secret of type ${secret.type} has the name ${secret.name} already, in a group that Keyrota does not see.`,
    steps: [
      'Give the entry another secret name in the manifest (`secret: { name: … }`), or rename the other secret.',
      `ibmcloud secrets-manager secrets --search ${secret.name}`,
    ],
  };
}

/** The secret group that the manifest names is not there for us. */
export function groupMissing({ secret }: ManagedKey): Obstacle {
  return {
    code: 'secret_group_missing',
    problem: `Secret group ${secret.groupId} does not exist, or Keyrota may not see it.`,
    steps: ['ibmcloud secrets-manager secret-groups', 'Name the right group in the entry (`secret: { group: … }`).'],
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
