import type { Manifest } from '../keys/manifest.ts';
import { readAccount } from './account-facts.ts';
import { readApiKeys } from './api-keys.ts';
import type { Listed } from './api-keys.ts';
import { CredentialPairs, noteHiddenCredentials, readCredentials } from './credentials.ts';
import { Desk, KINDS } from './desk.ts';
import type { AccountKey, Inventory, InventoryVisitor, Unseen } from './inventory.ts';
import { readLastUses } from './last-uses.ts';
import { ManagedKeys } from './managed-keys.ts';
import type { InventoryWorld } from './open-inventory.ts';
import { noteHiddenOwners, readOwnedKeys } from './owned-keys.ts';
import { toGrant } from './own-access.ts';
import type { OwnAccess } from './own-access.ts';
import { readOwnerNames } from './owner-names.ts';
import { readSecrets } from './secrets.ts';
import type { SeenSecrets } from './secrets.ts';
import { Sight } from './sight.ts';

type Kind = AccountKey['kind'];

/**
 * What there is in the account: its keys, whoever made them, its secrets, and what is known beside. Pages go to the visitor and are
 * forgotten; each source says what it keeps. What cannot be seen is said in `unseen`, and the rest goes on. Nothing is changed, but that
 * IAM builds a report on the use of keys, and Log Analysis lends a key where entries name its instances.
 * @throws KeyrotaError when Keyrota cannot log in; the reason of the run's end.
 */
export async function takeInventory(
  manifest: Manifest,
  visitor: InventoryVisitor,
  world: InventoryWorld,
): Promise<Inventory> {
  await world.login.ready(world.signal);
  const sight = new Sight(world);
  const managed = new ManagedKeys(manifest);
  const account = readAccount(manifest, world, sight);
  account.catch(() => undefined); // is awaited below, unless something else fails before
  // All that a key is told with must be there before the first one comes by.
  const [secrets, names, uses] = await Promise.all([
    readSecrets(manifest, managed, visitor, world, sight),
    readOwnerNames(world, sight),
    readLastUses(world, sight),
  ]);
  const desk = new Desk({ manifest, world, sight, managed, names, uses }, visitor);
  const listed = await readKeys(desk);
  const { facts, access } = await account;
  noteSilentLists(desk, access, secrets, listed);
  return {
    keyCounts: desk.counts,
    secretCount: secrets.count,
    complete: completeKinds(listed, access),
    facts,
    unseen: sight.unseen,
  };
}

/** How far each list came. */
interface ListedKeys {
  user: Listed;
  serviceId: Listed;
  credentials: boolean;
  classic: boolean;
  logging: boolean;
}

/** Side by side: none of them needs another. */
async function readKeys(desk: Desk): Promise<ListedKeys> {
  const pairs = new CredentialPairs();
  const [credentials, user, serviceId, classic, logging] = await Promise.all([
    readCredentials(desk, pairs),
    readApiKeys('user-api-key', desk),
    readApiKeys('service-id-api-key', desk, (crn) => pairs.addInnerKey(crn)),
    readOwnedKeys('classic-api-key', desk),
    readOwnedKeys('logging-key', desk),
  ]);
  if (credentials.isWhole) await noteHiddenCredentials(desk, pairs);
  noteHiddenOwners(desk, credentials.hasLoggingInstances);
  return { user, serviceId, credentials: credentials.isWhole, classic, logging };
}

/** A list of what one may see lacks what a role was lost on: only where nothing can be hidden does absence say something. */
function completeKinds(listed: ListedKeys, access: OwnAccess): Set<Kind> {
  const { user, serviceId, credentials, classic, logging } = listed;
  const isComplete: Record<Kind, boolean> = {
    'user-api-key': user.isWhole,
    'service-id-api-key': serviceId.isWhole && (serviceId.of === 'owners' || access.seesAllApiKeys),
    'service-credential': credentials && access.seesAllCredentials,
    'classic-api-key': classic,
    'logging-key': logging,
  };
  return new Set(KINDS.filter((kind) => isComplete[kind]));
}

/** Some lists show what one may see, and not that there is more. Where nothing tells that they are whole, that is said. */
function noteSilentLists({ sight, world }: Desk, access: OwnAccess, secrets: SeenSecrets, listed: ListedKeys): void {
  const { iamId } = world.login;
  if (secrets.isWhole && !access.seesAllSecrets(secrets.instance)) {
    const toAllow = toGrant(iamId, 'Viewer,Reader', 'secrets-manager', secrets.instance);
    sight.note(silent('secrets of other groups', 'Secrets Manager', toAllow));
  }
  if (listed.credentials && !access.seesAllCredentials) {
    sight.note(silent('service credentials of other instances', 'The resource controller', toGrant(iamId, 'Viewer')));
  }
  if (listed.serviceId.of === 'account' && !access.seesAllApiKeys) {
    const toAllow = toGrant(iamId, 'Viewer,API key reviewer', 'iam-identity');
    sight.note(silent('API keys of other service IDs', 'IAM', toAllow));
  }
}

const silent = (what: string, service: string, next: string): Unseen => ({
  what,
  code: 'not_told',
  why: `${service} lists what Keyrota may see, and does not tell whether there is more`,
  next,
});
