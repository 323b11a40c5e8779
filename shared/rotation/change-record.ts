import type { SeenSecret } from './observation.ts';
import type { Ports } from './ports.ts';
import { readVersionRecord, writeRecord } from './record.ts';
import type { VersionRecord } from './record.ts';

/**
 * Changes what is written on a version. What is written replaces all, so it is read again right before: a compromise may have
 * been marked meanwhile. Does nothing where the version has no record.
 */
export async function changeRecord(
  { id: secretId }: SeenSecret,
  versionId: string,
  { secrets, signal }: Ports,
  change: (record: VersionRecord) => VersionRecord,
): Promise<void> {
  const found = (await secrets.listVersions(secretId, signal)).find(({ id }) => id === versionId);
  const record = found && readVersionRecord(found.version_custom_metadata);
  if (!found || !record) return;
  const metadata = writeRecord(found.version_custom_metadata, change(record));
  await secrets.writeVersionMetadata(secretId, versionId, metadata, signal);
}
