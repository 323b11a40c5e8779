import type { StoredVersion } from '../clients/secret-store.ts';
import type { Ports } from './ports.ts';
import { readVersionRecord, timeText, writeRecord } from './record.ts';
import type { VersionRecord } from './record.ts';

/** Which version is meant. */
type Choice = (version: StoredVersion, record: VersionRecord) => boolean;

/**
 * Changes what is written on a version. What is written replaces all, so it is read again right before: a compromise may have
 * been marked meanwhile.
 * @returns whether there is such a version with a record.
 */
export async function changeRecord(
  secretId: string,
  isIt: Choice,
  { secrets, signal }: Ports,
  change: (record: VersionRecord) => VersionRecord,
): Promise<boolean> {
  for (const version of await secrets.listVersions(secretId, signal)) {
    const record = readVersionRecord(version.version_custom_metadata);
    if (!record || !isIt(version, record)) continue;
    const metadata = writeRecord(version.version_custom_metadata, change(record));
    await secrets.writeVersionMetadata(secretId, version.id, metadata, signal);
    return true;
  }
  return false;
}

/** Says that the key of a version is dead, so that the next run replaces it at once. @returns whether there is such a version. */
export function markDead(secretId: string, isIt: Choice, ports: Ports): Promise<boolean> {
  const dead_at = timeText(ports.clock.nowMs());
  return changeRecord(secretId, isIt, ports, (record) => ({ ...record, dead_at }));
}

/** The current version, if it holds that key. */
export const isCurrentOf =
  (keyId: string): Choice =>
  ({ alias }, record) =>
    alias === 'current' && record.key_id === keyId;
