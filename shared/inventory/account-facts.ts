import { isApiError } from '../clients/api-error.ts';
import type { AccountPolicy, Policy } from '../clients/iam-policies.ts';
import { givesRole } from '../clients/iam-policies.ts';
import type { Manifest } from '../keys/manifest.ts';
import type { AccountFacts, Unseen } from './inventory.ts';
import type { InventoryWorld } from './open-inventory.ts';
import { OwnAccess, toGrant } from './own-access.ts';
import type { Sight } from './sight.ts';

type World = Pick<InventoryWorld, 'account' | 'identity' | 'login' | 'policies'>;

export interface SeenAccount {
  facts: AccountFacts;
  access: OwnAccess;
}

/** What is known of the account beside its keys, and what Keyrota may see in it. */
export async function readAccount(manifest: Manifest, world: World, sight: Sight): Promise<SeenAccount> {
  const [policies, restrictions, keysPerIdentity] = await Promise.all([
    readPolicies(world, sight),
    readRestrictions(world, sight),
    readKeyLimit(manifest, world, sight),
  ]);
  const own = policies?.get(world.login.iamId ?? '') ?? [];
  const access = new OwnAccess(own);
  if (policies && !access.seesPoliciesOnIdentity) noteHiddenPolicies(world, sight);
  const policiesOf = (iamId: string) => policies?.get(iamId) ?? [];
  const facts: AccountFacts = {
    keysPerIdentity,
    restrictsUserKeys: restrictions?.userKeys ?? null,
    restrictsServiceIds: restrictions?.serviceIds ?? null,
    hasGrant:
      policies &&
      ((iamId, service, role, instance) =>
        policiesOf(iamId).some((policy) => givesRole(policy, service, role, instance))),
    // A policy that is there and does not show would look like one that is missing.
    mayCreateUserKeys: access.seesPoliciesOnIdentity
      ? (iamId) => policiesOf(iamId).some((policy) => givesRole(policy, 'iam-identity', USER_KEY_CREATOR, null))
      : null,
  };
  return { facts, access };
}

const USER_KEY_CREATOR = 'User API key creator';

/** By IAM id, the active ones. It keeps them all: an account may have 4,020. */
async function readPolicies({ policies, login }: World, sight: Sight): Promise<Map<string, Policy[]> | null> {
  const what = 'access policies';
  const byIamId = new Map<string, Policy[]>();
  let ofVersion2 = 0;
  const take = ({ iamId, ...policy }: AccountPolicy) => {
    if (policy.roles.length === 0) ofVersion2 += 1;
    if (iamId === null || policy.state !== 'active') return;
    const known = byIamId.get(iamId);
    if (known) known.push(policy);
    else byIamId.set(iamId, [policy]);
  };
  const toAllow = toGrant(login.iamId, 'Viewer', 'iam-identity');
  const read = await sight.look({ what, toAllow }, async (signal) => {
    for await (const { rows, oddCount } of policies.pagesOfAccount(signal)) {
      for (const row of rows) take(row);
      sight.noteOdd(what, oddCount);
    }
    return byIamId;
  });
  if (ofVersion2 > 0) sight.note(placeholders(ofVersion2));
  return read.value;
}

const placeholders = (count: number): Unseen => ({
  what: `what ${count} of the access policies grant`,
  code: 'not_told',
  why: 'they are of version 2, of which version 1 of the API, which Keyrota asks, shows placeholders',
  next: '',
});

function noteHiddenPolicies({ login }: World, sight: Sight): void {
  sight.note({
    what: 'who may create API keys of users where the account restricts that',
    code: 'not_told',
    why: 'policies on IAM Identity show to who has a platform role on it, and Keyrota shows none',
    next: toGrant(login.iamId, 'Viewer', 'iam-identity'),
  });
}

async function readRestrictions({ account, login }: World, sight: Sight) {
  const what = 'settings of the account';
  const toAllow = toGrant(login.iamId, 'Editor', 'iam-identity');
  return (await sight.look({ what, toAllow }, (signal) => account.restrictions(signal))).value;
}

/** So many identities are asked for at most: one of an entry may be gone. */
const MOST_ASKED = 3;

/** The limit is the same for all: it is asked of an identity that an entry names, or of Keyrota's own. */
async function readKeyLimit({ keys }: Manifest, { identity, login }: World, sight: Sight): Promise<number | null> {
  const named = keys.flatMap((key) =>
    key.kind === 'service-id-api-key' && key.serviceId !== '' ? [`iam-${key.serviceId}`] : [],
  );
  const asked = [...named.slice(0, MOST_ASKED - 1), ...(login.iamId === null ? [] : [login.iamId])];
  const what = 'how many API keys an identity may have';
  const toAllow = toGrant(login.iamId, 'API key reviewer', 'iam-identity');
  const read = await sight.look({ what, toAllow }, async (signal) => {
    for (const iamId of asked) {
      const quota = await identity.keyQuota(iamId, signal).catch((error: unknown) => {
        if (isApiError(error, 'not_found')) return null;
        throw error;
      });
      if (quota) return quota.limit;
    }
    return null;
  });
  return read.value;
}
