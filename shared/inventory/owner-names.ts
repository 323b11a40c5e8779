import type { NamedServiceId } from '../clients/iam-account-answers.ts';
import { readFromBothEnds } from './both-ends.ts';
import { eachAtOnce } from './each-at-once.ts';
import type { InventoryWorld } from './open-inventory.ts';
import { toGrant } from './own-access.ts';
import type { Sight } from './sight.ts';

/** What people call the owners of keys. It keeps a name for each service ID and each user of the account. */
export interface OwnerNames {
  /** Of a service ID by its id, of a user by the IAM id; empty where nothing tells. */
  of: (owner: string) => string;
  /** Groups of service IDs, which have lists of their own; null where these are not known. */
  groupIds: readonly string[] | null;
}

type World = Pick<InventoryWorld, 'account' | 'login' | 'users'>;

/** So many groups are listed at a time. */
const GROUPS_AT_ONCE = 4;

/** A key without the name of its owner is a key all the same. */
export async function readOwnerNames(world: World, sight: Sight): Promise<OwnerNames> {
  const names = new Map<string, string>();
  const groupsAndNames = async () => {
    const groupIds = await readGroups(world, sight);
    await readServiceIds([null, ...(groupIds ?? [])], names, world, sight);
    return groupIds;
  };
  const [groupIds] = await Promise.all([groupsAndNames(), readUsers(names, world, sight)]);
  return { of: (owner) => names.get(owner) ?? '', groupIds };
}

async function readGroups({ account, login }: World, sight: Sight): Promise<string[] | null> {
  const what = 'keys of service IDs that are in groups';
  const toAllow = toGrant(login.iamId, 'Viewer', 'iam-identity');
  return (await sight.look({ what, toAllow }, (signal) => account.serviceIdGroups(signal))).value;
}

async function readServiceIds(
  groupIds: readonly (string | null)[],
  names: Map<string, string>,
  { account, login }: World,
  sight: Sight,
): Promise<void> {
  const what = 'names of service IDs';
  const toAllow = toGrant(login.iamId, 'Viewer', 'iam-identity');
  const take = (page: readonly NamedServiceId[]) => {
    for (const { id, name } of page) names.set(id, name);
  };
  await sight.look({ what, toAllow }, (signal) =>
    eachAtOnce(GROUPS_AT_ONCE, groupIds, async (groupId) => {
      const open = (order: 'asc' | 'desc', end: AbortSignal) => account.serviceIds({ order, groupId }, end);
      const { oddCount } = await readFromBothEnds({ open, take, signal });
      sight.noteOdd(what, oddCount);
    }),
  );
}

async function readUsers(names: Map<string, string>, { users, login }: World, sight: Sight): Promise<void> {
  const what = 'names of users';
  const toAllow = toGrant(login.iamId, 'Viewer', 'user-management');
  await sight.look({ what, toAllow }, async (signal) => {
    for await (const { rows, oddCount } of users.pages(signal)) {
      for (const { iamId, userId } of rows) names.set(iamId, userId);
      sight.noteOdd(what, oddCount);
    }
  });
}
