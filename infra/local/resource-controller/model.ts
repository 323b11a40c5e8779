import type { KeyIdentity } from '../iam/key-identities.ts';
import type { BrokerKeys } from '../logging/model.ts';
import type { SeededRandom } from '../random.ts';
import type { Offering } from './catalog.ts';

/** A moment, and how the API writes it. */
export interface Stamp {
  readonly atMs: number;
  /** RFC 3339 in UTC with as many of 9 decimals as it needs. */
  readonly text: string;
}

/** The moment in the nanoseconds of IBM's dates: those below a millisecond are made up. */
export function stampOf(atMs: number, random: SeededRandom): Stamp {
  const belowMs = String(Math.floor(random.fraction() * 1_000_000)).padStart(6, '0');
  const iso = new Date(atMs).toISOString().replace('Z', belowMs);
  return { atMs, text: `${iso.replace(/\.?0+$/, '')}Z` };
}

/** What instances and keys have in common. */
export interface Resource {
  /** The GUID. */
  readonly id: string;
  readonly crn: string;
  readonly name: string;
  readonly offering: Offering;
  readonly createdAt: Stamp;
  readonly createdBy: string;
  readonly updatedAt: Stamp;
  readonly updatedBy: string;
  /** Null while the resource is active. */
  readonly removal: { readonly at: Stamp; readonly by: string } | null;
}

export interface Operation {
  readonly type: 'create' | 'update' | 'lock' | 'unlock' | 'delete';
  readonly subType?: 'config' | 'plan';
}

export interface Instance extends Resource {
  readonly region: string;
  readonly planId: string;
  readonly planHistory: readonly { readonly planId: string; readonly startedAt: Stamp; readonly by: string }[];
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What keys take over at their creation: their credentials show in the create answer only. */
  readonly onetimeCredentials: boolean;
  readonly allowCleanup: boolean;
  readonly locked: boolean;
  readonly lastOperation: Operation;
  /** Whether it is one of those that the account has from the start, and other services are built on. */
  readonly builtIn: boolean;
  /** What its broker hands out with every key of the instance while they live; never shown by itself. */
  readonly brokerKeys: BrokerKeys;
}

export interface ResourceKey extends Resource {
  readonly instanceId: string;
  readonly instanceCrn: string;
  /** The CRN; null for none. */
  readonly roleId: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly onetimeCredentials: boolean;
  /** Null where the service has no IAM. */
  readonly identity: KeyIdentity | null;
  readonly credentials: Readonly<Record<string, unknown>>;
}
