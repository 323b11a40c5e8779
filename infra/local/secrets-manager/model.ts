/** The types of secret that the embedded cloud keeps. A further one begins here and in `schemas.ts`. */
export type SecretType = 'arbitrary' | 'kv' | 'username_password';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The id and the name of the group that every instance has. */
export const DEFAULT_GROUP = 'default';

export interface Group {
  id: string;
  name: string;
  description: string | undefined;
  createdBy: string;
  createdAtMs: number;
  updatedAtMs: number;
}

export interface Lock {
  name: string;
  description: string | undefined;
  attributes: JsonObject;
  createdBy: string;
  createdAtMs: number;
  updatedAtMs: number;
}

/** How passwords are generated, in fields as the API spells them. */
export interface PasswordPolicy {
  length: number;
  include_digits: boolean;
  include_symbols: boolean;
  include_uppercase: boolean;
}

/** When a secret is rotated by itself, in fields as the API spells them. */
export interface RotationPolicy {
  auto_rotate: boolean;
  interval?: number | undefined;
  unit?: 'day' | 'month' | undefined;
}

/** What only secrets of type username_password have. */
export interface UserCredentials {
  username: string;
  passwordPolicy: PasswordPolicy;
  /** Null when there is none. */
  rotation: RotationPolicy | null;
  /** When it is rotated by itself next, null when it never is. */
  nextRotationMs: number | null;
}

export interface Version {
  id: string;
  createdBy: string;
  createdAtMs: number;
  autoRotated: boolean;
  /** The secret data, in fields as the API spells them; null once it is gone. */
  data: JsonObject | null;
  downloaded: boolean;
  customMetadata: JsonObject;
  locks: readonly Lock[];
}

/** A secret is never changed in place: each write puts a new one, so that an older one can still be shown. */
export interface Secret {
  id: string;
  type: SecretType;
  name: string;
  description: string | undefined;
  groupId: string;
  labels: readonly string[];
  customMetadata: JsonObject;
  createdBy: string;
  createdAtMs: number;
  updatedAtMs: number;
  /** When data was last read, null when it never was. */
  retrievedAtMs: number | null;
  /** When the data is destroyed, null when it never is. */
  expiresAtMs: number | null;
  /** When it expired for good, null while it is active. */
  destroyedAtMs: number | null;
  /** Null for other types. */
  credentials: UserCredentials | null;
  /** Oldest first, never empty: the last is current, the last but one previous. */
  versions: readonly [Version, ...Version[]];
}

export type Alias = 'current' | 'previous';
