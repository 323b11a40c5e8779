import type { AccountApiKey } from '../clients/iam-account-answers.ts';
import type { Order } from '../clients/iam-account.ts';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import { generatedFor } from '../keys/generated-for.ts';
import { lastUsedOf } from '../keys/iam-api-key.ts';
import { readFromBothEnds } from './both-ends.ts';
import type { Desk } from './desk.ts';
import { eachAtOnce } from './each-at-once.ts';
import type { AccountKey, LastUse } from './inventory.ts';
import { readOwnedKeys } from './owned-keys.ts';
import { toGrant } from './own-access.ts';

/** The two kinds of which IAM has a list of the whole account, and what it takes to see it. */
const LISTS = {
  'user-api-key': { type: 'user', what: 'API keys of users', role: 'Administrator' },
  'service-id-api-key': { type: 'serviceid', what: 'API keys of service IDs', role: 'API key reviewer' },
} as const;
type Kind = keyof typeof LISTS;

/** So many groups of service IDs are listed at a time. */
const GROUPS_AT_ONCE = 4;

/** A list may lack keys of entries: so many are looked for by their ids. */
const MOST_LOOKED_FOR = 20;

/** What is watched for while keys go by: those behind resource keys. */
export type OnInnerKey = (resourceKeyCrn: string) => void;

/** Whose keys were listed: of the whole account, or of the owners that entries name; and whether all of these. */
export interface Listed {
  of: 'account' | 'owners';
  isWhole: boolean;
}

/** All API keys of users or of service IDs; where we may not see these, those of the owners that entries name. */
export async function readApiKeys(kind: Kind, desk: Desk, onInnerKey: OnInnerKey = () => undefined): Promise<Listed> {
  const { world, sight, names } = desk;
  const { type, what, role } = LISTS[kind];
  const toAllow = toGrant(world.login.iamId, role, 'iam-identity');
  // Keys of users are in no group.
  const groupIds = type === 'user' ? [null] : [null, ...(names.groupIds ?? [])];
  const taker = new Taker(kind, desk, onInnerKey, groupIds.length > 1);
  let oddTotal = 0;
  const listed = await sight.look({ what, toAllow }, async (signal) => {
    await eachAtOnce(GROUPS_AT_ONCE, groupIds, async (groupId) => {
      const open = (order: Order, end: AbortSignal) => world.account.keys(type, { order, groupId }, end);
      const { oddCount } = await readFromBothEnds({ open, take: taker.take, signal });
      oddTotal += oddCount;
    });
    return true;
  });
  sight.noteOdd(what, oddTotal);
  if (listed.unseen?.code === 'forbidden' && taker.count === 0) {
    return { of: 'owners', isWhole: await readOwnedKeys(kind, desk) };
  }
  if (listed.unseen?.code === 'no_time') return { of: 'account', isWhole: false };
  const hasGroups = type === 'user' || names.groupIds !== null;
  const isRead = listed.value === true && oddTotal === 0 && hasGroups;
  return { of: 'account', isWhole: (await lookForMissing(kind, taker.missing, desk, toAllow)) && isRead };
}

/** Hands out keys as they come. It keeps the ids of current keys of entries that have not come yet. */
class Taker {
  /** How many have come. */
  count = 0;
  readonly missing: Set<string>;
  readonly #kind: Kind;
  readonly #desk: Desk;
  readonly #onInnerKey: OnInnerKey;
  /** Whether the list of a group shows no keys of others is not documented: where there are several, ids are kept. */
  readonly #seen: Set<string> | null;

  constructor(kind: Kind, desk: Desk, onInnerKey: OnInnerKey, hasSeveralLists: boolean) {
    this.missing = new Set(desk.managed.currentIds(kind));
    this.#kind = kind;
    this.#desk = desk;
    this.#onInnerKey = onInnerKey;
    this.#seen = hasSeveralLists ? new Set() : null;
  }

  take = (page: readonly AccountApiKey[]): void => {
    const fresh = page.filter(({ id }) => !this.#seen?.has(id));
    for (const { id } of fresh) {
      this.#seen?.add(id);
      this.missing.delete(id);
    }
    this.count += fresh.length;
    const keys = fresh.map((one) => accountKeyOf(this.#kind, one, this.#desk));
    for (const one of keys) if (one.generatedFor !== null) this.#onInnerKey(one.generatedFor);
    this.#desk.hand(keys);
  };
}

/**
 * Where pages begin at a place in the list, a key is passed over for each one that is deleted meanwhile: none that an entry needs is to
 * be missed so. @returns whether all were looked for.
 */
async function lookForMissing(kind: Kind, missing: ReadonlySet<string>, desk: Desk, toAllow: string): Promise<boolean> {
  // A list in which most of a fleet is missing tells of itself alone.
  if (missing.size === 0 || missing.size > MOST_LOOKED_FOR) return true;
  const subject = { what: 'keys of entries that the list of the account lacks', toAllow };
  const looked = await desk.sight.look(subject, async (signal) => {
    await eachAtOnce(MOST_LOOKED_FOR, [...missing], async (id) => {
      const found = await desk.world.identity.getApiKey(id, signal);
      if (found) desk.hand([{ ...accountKeyOf(kind, apiKeyOf(found), desk), lastUsed: useOf(found.activity) }]);
    });
    return true;
  });
  return looked.value === true;
}

function apiKeyOf(found: ApiKey): AccountApiKey {
  const { id, name, description, disabled, locked } = found;
  return {
    id,
    name,
    description,
    createdAtMs: found.created_at,
    expiresAtMs: found.expires_at ?? null,
    iamId: found.iam_id,
    disabled,
    locked,
    actionWhenLeaked: found.action_when_leaked ?? null,
  };
}

function useOf(activity: ApiKey['activity']): LastUse {
  const lastUsed = lastUsedOf(activity);
  return typeof lastUsed === 'string' ? lastUsed : { ...lastUsed, isAtLeast: false };
}

function accountKeyOf(kind: Kind, found: AccountApiKey, desk: Desk): AccountKey {
  const { id, name, iamId, createdAtMs, expiresAtMs, locked, disabled, actionWhenLeaked } = found;
  return desk.told({
    kind,
    id,
    name,
    owner: kind === 'service-id-api-key' ? iamId.replace(/^iam-/, '') : iamId,
    createdAtMs,
    expiresAtMs,
    lastUsed: desk.useOf(id, createdAtMs),
    locked,
    disabled,
    actionWhenLeaked,
    generatedFor: generatedFor(found),
  });
}
