import type { ManagedKey } from '../keys/manifest.ts';
import type { Summary } from '../rotation/record.ts';

/** When a key was last used. `isAtLeast`: not earlier than that; the issuer told only that it was used since. */
export type LastUse = { atMs: number; isAtLeast: boolean } | 'never' | 'unknown';

/**
 * What a key is to an entry of the manifest. `unknown`: it is ours by its name, and no version names it. `untold`: it is ours by its name,
 * and whether a version names it could not be seen.
 */
export type ManagedAs = 'current' | 'former' | 'unknown' | 'untold';

/** One key of the account, whoever made it. Never holds a value. */
export interface AccountKey {
  kind: ManagedKey['kind'];
  /** As its issuer names it: `ApiKey-…`, the GUID of a resource key, the number of a classic key. */
  id: string;
  name: string;
  /** IAM id of a user, id of a service ID, or GUID of a service instance. */
  owner: string;
  /** What people call the owner; empty where nothing tells. */
  ownerName: string;
  /** Epoch milliseconds; null where the issuer does not tell. */
  createdAtMs: number | null;
  /** Epoch milliseconds; null when it never expires. */
  expiresAtMs: number | null;
  lastUsed: LastUse;
  /** Null where keys of that kind cannot be, or the issuer does not tell. */
  locked: boolean | null;
  disabled: boolean | null;
  /** What IBM does with the key when it finds it in public: `none`, `disable` or `delete`; null where nothing tells. */
  actionWhenLeaked: string | null;
  /** CRN of the resource key that it was made for, and lives and dies with; null for all others. */
  generatedFor: string | null;
  /** The entry that it belongs to; null for keys that Keyrota does not manage. */
  managed: { entry: string; as: ManagedAs } | null;
}

/** One secret of the Secrets Manager instance. Never holds a value. */
export interface AccountSecret {
  id: string;
  name: string;
  groupId: string;
  type: string;
  /** 1 is active, 5 is destroyed. */
  state: number;
  createdAtMs: number | null;
  /** When its data or metadata changed last. */
  updatedAtMs: number | null;
  /** When its value is destroyed; null for never. */
  expiresAtMs: number | null;
  /** When somebody last read its value; null for never, or where nothing tells. */
  readAtMs: number | null;
  /** How many locks stand on its versions. */
  lockCount: number;
  /** It has the label of Keyrota. */
  isLabelled: boolean;
  summary: Summary | null;
  /** The entry whose value it holds; null for all others. */
  entry: string | null;
}

/** Something that exists and could not be seen, or that nothing shows: it is said, and not left out. */
export interface Unseen {
  /** What is missing, for example `keys of users`. */
  what: string;
  /** Stable: `forbidden`, `failed`, `no_time`, `not_told`. */
  code: string;
  why: string;
  /** The exact step that makes it visible; empty where there is none. */
  next: string;
}

/** Takes what the inventory finds, a page at a time: nothing of it is kept. */
export interface InventoryVisitor {
  keys(page: readonly AccountKey[]): void;
  secrets(page: readonly AccountSecret[]): void;
}

/** What is known of the account beside its keys. */
export interface AccountFacts {
  /** How many API keys an identity may have; null where that may not be seen. */
  keysPerIdentity: number | null;
  /** `RESTRICTED`, `NOT_RESTRICTED` or `NOT_SET`; null where the settings may not be seen. */
  restrictsUserKeys: string | null;
  restrictsServiceIds: string | null;
  /** Whether an identity shows a role on a service (in one instance, or any); null where policies may not be seen. */
  hasGrant: ((iamId: string, service: string, role: string, instance: string | null) => boolean) | null;
  /** Whether an identity may create user API keys where that is restricted; null where policies may not be seen. */
  mayCreateUserKeys: ((iamId: string) => boolean) | null;
}

/** What an inventory came to. */
export interface Inventory {
  keyCounts: Readonly<Record<AccountKey['kind'], number>>;
  secretCount: number;
  /**
   * Kinds whose keys were all listed, to the end; where we may only see those of single owners, those of all owners that entries name. Of
   * these alone absence says something.
   */
  complete: ReadonlySet<AccountKey['kind']>;
  facts: AccountFacts;
  unseen: Unseen[];
}
