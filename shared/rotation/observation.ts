import type { IssuerKey, KindFacts } from '../keys/kind.ts';
import type { Summary, VersionRecord } from './record.ts';

/** A lock on a secret version. */
export interface SeenLock {
  name: string;
  attributes: Readonly<Record<string, unknown>>;
  updatedAtMs: number;
}

/** One version of the secret. */
export interface SeenVersion {
  id: string;
  alias: 'current' | 'previous' | null;
  createdAtMs: number;
  hasPayload: boolean;
  /** Somebody has read its value. */
  fetched: boolean;
  /** Null when this installation did not make it for this key. */
  record: VersionRecord | null;
  /** All metadata of the version, ours among it. */
  metadata: Readonly<Record<string, unknown>>;
  locks: readonly SeenLock[];
}

export interface SeenSecret {
  id: string;
  name: string;
  state: 'active' | 'destroyed';
  labels: readonly string[];
  /** All metadata of the secret, ours among it. */
  metadata: Readonly<Record<string, unknown>>;
  summary: Summary | null;
  /** Oldest first. */
  versions: readonly SeenVersion[];
}

/** A key that concerns this entry: ours by name, named by a version, or adopted. */
export type SeenKey = ({ exists: true; markedCompromised: boolean } & IssuerKey) | { exists: false; id: string };

/** Everything that plan decides on, asked for from `takenAtMs` on. Lists may be stale; what a step depends on is asked by id. */
export interface Observation {
  takenAtMs: number;
  /** Null when there is no such secret. */
  secret: SeenSecret | null;
  keys: readonly SeenKey[];
  /** The issuer knows the identity that the manifest names. */
  identityExists: boolean;
  /** How many keys the issuer lists of that identity, ours or not. */
  keyCount: number;
  /** Keys of that owner that are none of ours. Looked at where an owner can have one key only. */
  strangers: readonly IssuerKey[];
  /** The service credential that the identity was made for, with its keys: they live and die with it. Null for all others. */
  generatedFor: string | null;
  /** The key that Keyrota itself is logged in with; null where it logs in without one. */
  ownKeyId: string | null;
  /** A person asked for a rotation now. */
  rotationAsked: boolean;
  /** What keys of this kind can and cannot do, and words about them. */
  facts: KindFacts;
}

/** Name of our own lock on a version: it makes Secrets Manager refuse a second store. */
export const guardName = (deployment: string): string => `keyrota-guard-${deployment}`;
