import * as z from 'zod';
import type { StoredVersion } from '../clients/secret-store.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import type { KindParts } from './kinds.ts';
import type { LoginSecret } from './manifest.ts';
import { READ_MARK } from './read-mark.ts';

/** Whose key a version holds, as its record says. */
const Record = z.object({ keyrota: z.object({ key_id: z.string(), owner: z.string().default('') }) });

type Parts = Pick<KindParts, 'clock' | 'log' | 'secrets' | 'signal'>;

/**
 * A stored value that Keyrota itself logs in with, and the id of its key, where the record says so. What consumers read is
 * marked before. Null where there is none; with `owner`, also where the record does not say that the key is that owner's.
 */
export async function readStoredLogin(
  { name, formerly, secret, isForConsumers }: LoginSecret,
  parts: Parts,
  owner: string | null = null,
): Promise<{ value: SecretValue; keyId: string | null } | null> {
  const { secrets, signal } = parts;
  for (const secretName of [secret.name, ...formerly]) {
    const current = await secrets.findCurrent({ ...secret, name: secretName }, signal);
    if (!current) continue;
    const { secretId, version } = current;
    const record = Record.safeParse(version.version_custom_metadata).data?.keyrota;
    if (owner !== null && record?.owner !== owner) return null;
    if (isForConsumers) await markAsRead(name, secretId, version, parts);
    const value = await secrets.readValue(secretId, version.id, secret, signal);
    return value && { value, keyId: record?.key_id ?? null };
  }
  return null;
}

/** Before the read, so that however it ends nobody takes ours for the consumers'. */
async function markAsRead(name: string, secretId: string, version: StoredVersion, parts: Parts): Promise<void> {
  if (version.downloaded || READ_MARK in version.version_custom_metadata) return;
  const { clock, log, secrets, signal } = parts;
  const readAt = new Date(clock.nowMs()).toISOString();
  // What is written replaces all: another run may have marked the version as compromised meanwhile.
  const versions = await secrets.listVersions(secretId, signal);
  const fresh = versions.find(({ id }) => id === version.id) ?? version;
  const marked = { ...fresh.version_custom_metadata, [READ_MARK]: readAt };
  await secrets.writeVersionMetadata(secretId, version.id, marked, signal);
  log.debug('version_marked_as_read', `the version of ${name} does not count as fetched by consumers`, { name });
}
