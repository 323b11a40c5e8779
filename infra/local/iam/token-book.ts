import type { Caller, CloudParts } from '../parts.ts';
import { signJwt } from './jwt.ts';

/** Whom a token is for. */
export interface TokenSubject {
  iamId: string;
  name: string;
  type: 'user' | 'serviceid' | 'profile';
}

export interface IssuedToken {
  accessToken: string;
  issuedAtSeconds: number;
  expiresAtSeconds: number;
}

/** How a token is issued. */
export interface Issue {
  grantType: string;
  scope: string;
  /** At most 3600. */
  lifeSeconds: number;
}

interface Entry {
  caller: Caller;
  issuedAtMs: number;
  expiresAtMs: number;
}

/** docs/iam, "Setting limits for IAM tokens": longer than this no token lives. */
const TOKEN_LIFE_MAX_MS = 3_600_000;

const SUB_TYPES = { user: {}, serviceid: { sub_type: 'ServiceId' }, profile: { sub_type: 'Profile' } };

/** The access tokens that are still valid. They outlive the key they were made with, but not their identity. */
export class TokenBook {
  readonly #parts: CloudParts;
  readonly #secret: string;
  /** In the order of issue. */
  readonly #entries = new Map<string, Entry>();
  readonly #tokensOf = new Map<string, Set<string>>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#secret = parts.random.hex(32);
  }

  /** How many are kept. */
  get size(): number {
    return this.#entries.size;
  }

  issue(subject: TokenSubject, { grantType, scope, lifeSeconds }: Issue): IssuedToken {
    this.#purge();
    const issuedAtSeconds = Math.floor(this.#parts.clock.nowMs() / 1_000);
    const expiresAtSeconds = issuedAtSeconds + lifeSeconds;
    const { id: accountId } = this.#parts.account;
    const claims = { iat: issuedAtSeconds, exp: expiresAtSeconds, grant_type: grantType, scope };
    const accessToken = signJwt({ ...this.#identityClaims(subject), ...claims }, this.#secret);
    const caller = { iamId: subject.iamId, accountId };
    const [issuedAtMs, expiresAtMs] = [issuedAtSeconds * 1_000, expiresAtSeconds * 1_000];
    this.#entries.set(accessToken, { caller, issuedAtMs, expiresAtMs });
    const tokens = this.#tokensOf.get(subject.iamId) ?? new Set<string>();
    this.#tokensOf.set(subject.iamId, tokens.add(accessToken));
    return { accessToken, issuedAtSeconds, expiresAtSeconds };
  }

  /** Null for a token that is unknown, expired or revoked. */
  callerOf(token: string): Caller | null {
    const entry = this.#entries.get(token);
    return entry && this.#parts.clock.nowMs() < entry.expiresAtMs ? entry.caller : null;
  }

  /** Ends all tokens of an identity at once. */
  revoke(iamId: string): void {
    for (const token of this.#tokensOf.get(iamId) ?? []) this.#entries.delete(token);
    this.#tokensOf.delete(iamId);
  }

  #identityClaims({ iamId, name, type }: TokenSubject): object {
    const { account, random } = this.#parts;
    const [realm = ''] = iamId.split('-');
    const id = iamId.slice(realm.length + 1);
    return {
      ...SUB_TYPES[type],
      iam_id: iamId,
      id: iamId,
      realmid: realm,
      identifier: id,
      jti: random.hex(16),
      name,
      sub: id,
      account: { valid: true, bss: account.id },
      iss: 'https://iam.cloud.ibm.com/identity',
      client_id: 'default',
      acr: 1,
      amr: ['pwd'],
    };
  }

  /** Keeps memory flat, however long the world runs. */
  #purge(): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const [token, { caller, issuedAtMs }] of this.#entries) {
      if (nowMs < issuedAtMs + TOKEN_LIFE_MAX_MS) return;
      this.#entries.delete(token);
      const tokens = this.#tokensOf.get(caller.iamId);
      tokens?.delete(token);
      if (tokens?.size === 0) this.#tokensOf.delete(caller.iamId);
    }
  }
}
