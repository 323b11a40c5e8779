import type { ApiError } from '../clients/api-error.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import type { ManagedKey } from './manifest.ts';

/** A key as its issuer shows it. Never holds a value. */
export interface IssuerKey {
  id: string;
  /** As `formatKeyName` writes it where the key is ours, however short the issuer's own names are. */
  name: string;
  description: string;
  /** 0 where the issuer does not tell. */
  createdAtMs: number;
  /** Null when it never expires. */
  expiresAtMs: number | null;
  disabled: boolean;
  /** It can be put out of use in a way that can be taken back. Where not, a delete is all there is. */
  canDisable: boolean;
  /** Protected from changes at the issuer. It still logs in. */
  locked: boolean;
  /** Belongs to the identity that the manifest names. */
  ownerMatches: boolean;
  /** The service credential that it was made for, and lives and dies with; null for all others. */
  generatedFor: string | null;
  /** When it was last disabled, as the issuer's history tells; null when that is not known. */
  disabledAtMs: number | null;
  /** When it was last enabled again; null when it never was, or that is not known. */
  enabledAtMs: number | null;
  /** Its last login; `unknown` where the issuer was not asked or does not tell. */
  lastUsed: { atMs: number } | 'never' | 'unknown';
  /** From a list that does not tell whether it is disabled: only a look does. Default: false. */
  isStateUnknown?: boolean;
}

/** A key that was just created. The only moment at which its value is known. */
export interface CreatedKey {
  id: string;
  /** The issuer's own time of creation: a mint is measured by it. */
  createdAtMs: number;
  canDisable: boolean;
  /** What is stored: a text, or the JSON of all fields where the secret holds them all. */
  value: SecretValue;
  /** The secrets in it by whose hashes a leak is found; the value itself where it is one secret. */
  secrets: readonly SecretValue[];
}

export interface KeyRequest {
  name: string;
  description: string;
  expiresAtMs: number;
  /** The key that it follows, and whose properties it keeps where its kind says so; null for the first. */
  predecessorId: string | null;
  /** The key that must go before this one can come, where the owner can have only one. */
  removes: string | null;
}

/** Whether a value works. `refused` may change to `accepted` while the key spreads; `failed` means we cannot know. */
export type Verdict = { outcome: 'accepted' } | { outcome: 'refused' | 'failed'; why: string };

/** Something that only a person can put right: what it is, and the exact steps. */
export interface Obstacle {
  code: string;
  problem: string;
  steps: string[];
}

/** A look or a change came upon something that only a person can put right. */
export class PersonNeeded extends KeyrotaError {
  override readonly name = 'PersonNeeded';
  readonly obstacle: Obstacle;
  /** The key that a creation made all the same, and that is of no use: whoever asked for it removes it. */
  readonly leftOver: Pick<CreatedKey, 'id' | 'canDisable'> | null;

  constructor(obstacle: Obstacle, leftOver: PersonNeeded['leftOver'] = null) {
    super(obstacle.code, obstacle.problem, { next: obstacle.steps.join('\n') });
    this.obstacle = obstacle;
    this.leftOver = leftOver;
  }
}

/** A key looked as if it could be disabled, and the issuer does not let us. From now on a look says that it cannot be. */
export class DisableRefused extends KeyrotaError {
  override readonly name = 'DisableRefused';
}

/** What plan and people must know about a kind: facts, and words for steps that only a person can take. Pure. */
export interface KindFacts<K extends ManagedKey = ManagedKey> {
  /** How many keys one owner can have. Where it is one, the old key goes before the new one comes, which `create` logs in with. */
  keysPerOwner: 'many' | 'one';
  /** A key is found by its id, whoever owns it. Where not, only the owner that the entry names can be asked. */
  looksAcrossOwners: boolean;
  /** What Keyrota's own identity needs at the issuer. */
  rolesNeeded(key: K): string[];
  /** The issuer does not know the owner that the entry names. */
  ownerGone(key: K): Obstacle;
  /** How a person lifts the issuer's lock from a key. */
  toUnlock(key: K, keyId: string): string;
  /** How a person deletes a key at the issuer. */
  toDelete(key: K, keyId: string): string;
}

/**
 * What a kind of key must be able to do. The reconciler knows no kind by name. Every method rejects with an ApiError when
 * the issuer does not answer clearly, and with PersonNeeded where nothing can be seen or done without a person.
 */
export interface KeyKind<K extends ManagedKey = ManagedKey> {
  readonly facts: KindFacts<K>;
  /** All keys of the owner, ours or not; null when the owner is gone. Lists may be stale: absence proves nothing. */
  list(key: K, signal: AbortSignal): Promise<IssuerKey[] | null>;
  /**
   * All keys of this kind that we may see, a page at a time: of the account, or where there is no such list, of these
   * entries' owners. Left out where a list takes a change at the issuer: then each key is looked at once a day.
   */
  survey?(keys: readonly K[], signal: AbortSignal): AsyncIterable<Pick<IssuerKey, 'id' | 'name' | 'disabled'>[]>;
  /** One key with its last use and history; null when the issuer says that it is gone. */
  look(key: K, keyId: string, signal: AbortSignal): Promise<IssuerKey | null>;
  /** What stands in the way of a new key: missing roles, a full quota. `keyCount` is how many keys `list` has shown. */
  obstacles(key: K, keyCount: number, signal: AbortSignal): Promise<Obstacle[]>;
  /** One attempt, never repeated: after an unclear answer look for the name. @throws PersonNeeded with what it leaves over. */
  create(key: K, request: KeyRequest, signal: AbortSignal): Promise<CreatedKey>;
  /** What a refused `create` asks of a person; null where another attempt may go well. */
  obstacleOf(key: K, refusal: ApiError): Obstacle | null;
  /** One fresh login, and with `withProbe` the entry's probe, where it has one. */
  verify(key: K, value: SecretValue, withProbe: boolean, signal: AbortSignal): Promise<Verdict>;
  /** The key that a person's value belongs to; null when the issuer does not know it, or it is another owner's. */
  identify(key: K, value: SecretValue, signal: AbortSignal): Promise<CreatedKey | null>;
  /** Reversible, for keys with `canDisable`. Done already counts as done; gone too. @throws DisableRefused. */
  disable(key: K, keyId: string, signal: AbortSignal): Promise<void>;
  enable(key: K, keyId: string, signal: AbortSignal): Promise<void>;
  /** Irreversible. Gone already counts as done. A locked key is refused. */
  delete(key: K, keyId: string, signal: AbortSignal): Promise<void>;
  /** Does nothing where the issuer has no locks. */
  lock(key: K, keyId: string, signal: AbortSignal): Promise<void>;
  unlock(key: K, keyId: string, signal: AbortSignal): Promise<void>;
  /** Moves the expiry, of keys that have one. */
  extend(key: K, keyId: string, expiresAtMs: number, signal: AbortSignal): Promise<void>;
  /** Takes the mark of a compromise off a key, where its issuer shows one. */
  unmark?(key: K, keyId: string, signal: AbortSignal): Promise<void>;
  /** Removes what the run needed at the issuer and does not leave there. */
  close?(signal: AbortSignal): Promise<void>;
}

/** What the description of a key at its issuer says once it was reported as compromised. */
export const COMPROMISED_MARK = '[keyrota: compromised]';
