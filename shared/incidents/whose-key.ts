import { timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '../clients/iam-identity-answers.ts';
import type { StoredSecret } from '../clients/secret-store.ts';
import { generatedFor } from '../keys/generated-for.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import type { Summary } from '../rotation/record.ts';
import { isNamedFor } from '../rotation/situation.ts';
import type { ListedSecret } from './world.ts';

/** A key that a report is about. */
export interface LeakedKey {
  /** As its entry names it: of an API key that is proven to stand behind a resource key, the GUID of that. */
  keyId: string;
  /** As IAM shows it; null for a key of another kind, one that is gone, and one that we may not see. */
  apiKey: ApiKey | null;
  isGone: boolean;
  /** The entry that it belongs to; null for none. */
  entry: ManagedKey | null;
  /** False where only Secrets Manager could tell whether an entry has it, and did not answer. */
  isOwnerKnown: boolean;
  /** Its value was shown, and it says that it stands behind a credential of ours, which only Secrets Manager could confirm. */
  isLikelyOurs?: boolean;
  /** Its secret, where the list of all was needed to find the key; null where that is still to be looked for. */
  secret: StoredSecret | null;
}

/** Whether an entry's keys are API keys of IAM themselves. */
export const isOfIam = ({ kind }: ManagedKey): boolean => kind === 'service-id-api-key' || kind === 'user-api-key';

/** The CRN of a resource key: its account and its GUID. */
export const RESOURCE_KEY_CRN = /^crn:(?:[^:\s]*:){5}a\/([^:\s]+):[^:\s]*:resource-key:([\w-]+)$/;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The GUID of the resource key of our account that an API key says it stands behind; null where it says nothing. Anybody
 * who makes or edits an API key can say so: it is to be proven.
 */
export function claimedResourceKey(apiKey: ApiKey, accountId: string): string | null {
  const [, account, guid = ''] = RESOURCE_KEY_CRN.exec(generatedFor(apiKey) ?? '') ?? [];
  return account === accountId && GUID.test(guid) ? guid : null;
}

/** Whether a key belongs to the identity of an entry. */
const isOwnersKey = ({ iam_id: iamId }: ApiKey, { owner }: ManagedKey): boolean =>
  iamId === owner || iamId === `iam-${owner}`;

/** The entries whose keys are API keys of that key's identity. */
export const entriesOfIdentity = (apiKey: ApiKey, { keys }: Manifest): ManagedKey[] =>
  keys.filter((key) => isOfIam(key) && isOwnersKey(apiKey, key));

/** The entry whose manifest takes in the key. */
export const adoptingInManifest = ({ id }: ApiKey, { keys }: Manifest): ManagedKey | null =>
  keys.find((key) => isOfIam(key) && key.adopt.includes(id)) ?? null;

/** The entry of the same identity whose name the key bears. Names are free: on another identity they mean nothing. */
export const namedEntry = (apiKey: ApiKey, manifest: Manifest): ManagedKey | null =>
  entriesOfIdentity(apiKey, manifest).find((key) => isNamedFor(key, apiKey.name)) ?? null;

/** The entry of this installation whose summary names the key, current or former, and its secret. */
export function entryBySummary(
  keyId: string,
  listed: readonly ListedSecret[],
  manifest: Manifest,
): { entry: ManagedKey; secret: StoredSecret } | null {
  for (const { secret, summary } of listed) {
    if (summary.key_id !== keyId && summary.previous_key_id !== keyId) continue;
    const entry = entryOf(summary, manifest);
    if (entry) return { entry, secret };
  }
  return null;
}

export function entryOf(
  { deployment, name }: { deployment: string; name: string },
  manifest: Manifest,
): ManagedKey | null {
  if (deployment !== manifest.deployment) return null;
  return manifest.keys.find((key) => key.name === name || key.formerly.includes(name)) ?? null;
}

/** The secret of a key: the one that names it, else the one where its entry has its place. */
export function secretOf(
  { keyId, entry, secret }: Pick<LeakedKey, 'keyId' | 'entry' | 'secret'>,
  listed: readonly ListedSecret[],
): StoredSecret | null {
  if (secret || !entry) return secret;
  const own = listed.filter(
    ({ summary }) => summary.deployment === entry.deployment && [entry.name, ...entry.formerly].includes(summary.name),
  );
  const naming = own.find(({ summary }) => summary.key_id === keyId || summary.previous_key_id === keyId);
  const rank = ({ secret: one }: ListedSecret) =>
    (one.name === entry.secret.name ? 0 : 1) + (one.secret_group_id === entry.secret.groupId ? 0 : 2);
  const [placed] = own.toSorted((one, other) => rank(one) - rank(other));
  return (naming ?? placed)?.secret ?? null;
}

/** The key of a secret, current or former, that has the hash; null for none. */
export function keyOfHash(by: 'sha256' | 'hmsl', hash: string, summary: Summary): string | null {
  const isCurrent = isAmong(summary[by], hash);
  const isFormer = isAmong(summary[`previous_${by}`], hash);
  return (isCurrent && summary.key_id) || (isFormer && summary.previous_key_id) || null;
}

/** A summary has a hash of each secret of a key, with blanks between. */
const isAmong = (hashes: string, hash: string): boolean =>
  hashes.split(' ').filter((one) => isEqual(one, hash)).length > 0;

/** In constant time for texts of one length. */
function isEqual(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && first.length > 0 && timingSafeEqual(first, second);
}
