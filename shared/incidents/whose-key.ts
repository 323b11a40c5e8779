import type { ApiKey } from '../clients/iam-identity-answers.ts';
import type { StoredSecret } from '../clients/secret-store.ts';
import { generatedFor } from '../keys/generated-for.ts';
import { guidOfResourceKey } from '../keys/manifest.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { isNamedFor } from '../rotation/situation.ts';
import type { ListedSecret } from './world.ts';

/** A key that a report is about. */
export interface LeakedKey {
  /** As its entry names it: of an API key behind a resource key, the GUID of that. */
  keyId: string;
  /** As IAM shows it; null for a key of another kind, one that is gone, and one that we may not see. */
  apiKey: ApiKey | null;
  isGone: boolean;
  /** The entry that it belongs to; null for none. */
  entry: ManagedKey | null;
  /** False where only Secrets Manager could tell whether an entry has it, and did not answer. */
  isOwnerKnown: boolean;
  /** Its secret, where the list of all was needed to find the key; null where that is still to be looked for. */
  secret: StoredSecret | null;
}

/** Whether an entry's keys are API keys of IAM themselves. */
export const isOfIam = ({ kind }: ManagedKey): boolean => kind === 'service-id-api-key' || kind === 'user-api-key';

/** What an entry calls a key that IAM shows. */
export function keyIdOf(apiKey: ApiKey): string {
  const resourceKey = generatedFor(apiKey);
  return resourceKey === null ? apiKey.id : guidOfResourceKey(resourceKey);
}

/** The entry of a key by what IAM alone tells: its name, and what the manifest takes in. */
export function entryByName(apiKey: ApiKey, { keys }: Manifest): ManagedKey | null {
  const isInner = generatedFor(apiKey) !== null;
  const fitting = keys.filter((key) => (isInner ? key.kind === 'service-credential' : isOfIam(key)));
  const keyId = keyIdOf(apiKey);
  return fitting.find((key) => isNamedFor(key, apiKey.name) || key.adopt.includes(keyId)) ?? null;
}

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
