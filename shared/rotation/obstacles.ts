import type { KindFacts, Obstacle } from '../keys/kind.ts';
import { grantCommand } from '../keys/grant-command.ts';
import type { ManagedKey } from '../keys/manifest.ts';

/** Keyrota's own identity may not do something. PROFILE is its trusted profile. */
export function roleMissing(key: ManagedKey, what: string, facts: KindFacts): Obstacle {
  return {
    code: 'role_missing',
    problem: `Keyrota may not ${what} for ${key.name}.`,
    steps: [
      `On Secrets Manager it needs Writer on secret group ${key.secret.groupId}:`,
      grantCommand(
        `--roles Writer --service-name secrets-manager --resource-type secret-group --resource ${key.secret.groupId}`,
      ),
      ...facts.rolesNeeded(key),
      'Where Keyrota logs in with the API key of a service ID: service-policy-create and that service ID instead.',
    ],
  };
}

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
export function lockedAtIssuer(toUnlock: string, problem: string): Obstacle {
  return {
    code: 'locked_at_issuer',
    problem,
    steps: ['Find out who locked it, and why.', `When nobody needs the lock any more: ${toUnlock}`],
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

/** The owner's one key goes before the next one comes: what it is now is stored first, so that the store is known to work. */
export function importFirst(key: ManagedKey, keyId: string, facts: KindFacts): Obstacle {
  return {
    code: 'import_first',
    problem: `${key.owner} can have one key only, and has ${keyId}: it is not removed while nothing is stored in ${key.secret.name}.`,
    steps: [
      `keyrota import ${key.name}, and type the value of ${keyId} in: from then on it is rotated like any other.`,
      `If its value is lost and nobody uses it: ${facts.toDelete(key, keyId)}`,
    ],
  };
}

/** The entry names no owner yet. */
export function notProvisioned({ name }: ManagedKey): Obstacle {
  return {
    code: 'not_provisioned',
    problem: `The entry ${name} does not name the identity that its key is for.`,
    steps: [`keyrota provision ${name}`, 'It makes the identity, and says what to write into the manifest.'],
  };
}
