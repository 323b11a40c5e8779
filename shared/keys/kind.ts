import type { SecretValue } from '../runtime/secret-value.ts';
import type { ManagedKey } from './manifest.ts';

/** A key as its issuer shows it. Never holds a value. */
export interface IssuerKey {
  id: string;
  name: string;
  description: string;
  createdAtMs: number;
  /** Null when it never expires. */
  expiresAtMs: number | null;
  disabled: boolean;
  /** Protected from changes at the issuer. It still logs in. */
  locked: boolean;
  /** Belongs to the identity that the manifest names. */
  ownerMatches: boolean;
  /** When it was last disabled, as the issuer's history tells; null when that is not known. */
  disabledAtMs: number | null;
  /** When it was last enabled again; null when it never was, or that is not known. */
  enabledAtMs: number | null;
  /** Its last login; `unknown` where the issuer was not asked or does not tell. */
  lastUsed: { atMs: number } | 'never' | 'unknown';
}

/** A key that was just created. The only moment at which its value is known. */
export interface CreatedKey {
  id: string;
  /** The issuer's own time of creation: a mint is measured by it. */
  createdAtMs: number;
  value: SecretValue;
}

export interface KeyRequest {
  name: string;
  description: string;
  expiresAtMs: number;
}

/** Whether a value works. `refused` may change to `accepted` while the key spreads; `failed` means we cannot know. */
export type Verdict = { outcome: 'accepted' } | { outcome: 'refused' | 'failed'; why: string };

/** Something that only a person can put right: what it is, and the exact steps. */
export interface Obstacle {
  code: string;
  problem: string;
  steps: string[];
}

/**
 * What a kind of key must be able to do. The reconciler knows no kind by name. Every method rejects with an ApiError when
 * the issuer does not answer clearly.
 */
export interface KeyKind {
  /** All keys of the identity, ours or not; null when the identity is gone. Lists may be stale: absence proves nothing. */
  list(key: ManagedKey, signal: AbortSignal): Promise<IssuerKey[] | null>;
  /** All keys of this kind in the account that we may see, a page at a time. */
  survey(signal: AbortSignal): AsyncIterable<Pick<IssuerKey, 'id' | 'name' | 'disabled'>[]>;
  /** One key with its last use and history; null when the issuer says that it is gone. */
  look(key: ManagedKey, keyId: string, signal: AbortSignal): Promise<IssuerKey | null>;
  /** What stands in the way of a new key: missing roles, a full quota. `keyCount` is how many keys `list` has shown. */
  obstacles(key: ManagedKey, keyCount: number, signal: AbortSignal): Promise<Obstacle[]>;
  /** One attempt, never repeated: after an unclear answer look for the name. */
  create(key: ManagedKey, request: KeyRequest, signal: AbortSignal): Promise<CreatedKey>;
  /** One fresh login, and with `withProbe` the entry's probe, where it has one. */
  verify(key: ManagedKey, value: SecretValue, withProbe: boolean, signal: AbortSignal): Promise<Verdict>;
  /** Reversible. Done already counts as done; gone too. */
  disable(keyId: string, signal: AbortSignal): Promise<void>;
  enable(keyId: string, signal: AbortSignal): Promise<void>;
  /** Irreversible. Gone already counts as done. A locked key is refused. */
  delete(keyId: string, signal: AbortSignal): Promise<void>;
  lock(keyId: string, signal: AbortSignal): Promise<void>;
  unlock(keyId: string, signal: AbortSignal): Promise<void>;
  /** Moves the expiry. */
  extend(keyId: string, expiresAtMs: number, signal: AbortSignal): Promise<void>;
}

/** What the description of a key at its issuer says once it was reported as compromised. */
export const COMPROMISED_MARK = '[keyrota: compromised]';
