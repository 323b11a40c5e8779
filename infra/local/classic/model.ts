/** How a user of classic infrastructure stands. Who is neither active nor pending cannot log in. */
export type ClassicStatus = 'ACTIVE' | 'PENDING' | 'DISABLED' | 'VPN_ONLY';

/** A user of classic infrastructure: the other side of a user of the account. */
export interface ClassicUser {
  readonly id: number;
  readonly iamId: string;
  /** The account's number and the e-mail address. */
  readonly username: string;
  readonly email: string;
  readonly status: ClassicStatus;
  /** Whoever made the user; null for the account's first one. */
  readonly parentId: number | null;
  /** The classic permission to manage API keys, the own one included. */
  readonly managesApiKeys: boolean;
}

/** A classic API key. */
export interface ClassicKey {
  /** Digits. */
  readonly id: string;
  readonly userId: number;
  readonly value: string;
  readonly createdAtMs: number;
}
