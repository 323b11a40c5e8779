import { LABEL } from '../clients/secret-store.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { IssuerKey } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import { changeRecord } from './change-record.ts';
import { adoptedNow, emptySummary } from './mint-record.ts';
import { mint } from './mint.ts';
import type { MintOutcome } from './mint.ts';
import type { SeenSecret, SeenVersion } from './observation.ts';
import { observe } from './observe.ts';
import { importFirst } from './obstacles.ts';
import { isNamedForAnother, otherEntryOf } from './other-entry.ts';
import { portsFor } from './ports.ts';
import type { Ports } from './ports.ts';
import { NO_LEAK, timeText, writeRecord } from './record.ts';
import type { VersionRecord } from './record.ts';
import { predecessorsOf } from './situation.ts';

/** How a key was taken in. */
export type AdoptReport =
  /** The first key of ours was minted, and the adopted one retires. */
  | { outcome: 'minted'; mint: MintOutcome }
  /** The version that a person stored counts as ours; the next run replaces its key. */
  | { outcome: 'version-taken'; versionId: string }
  /** Noted beside the current key: it retires like any superseded one. */
  | { outcome: 'noted'; versionId: string };

/**
 * Takes a key that existed before as a predecessor: it is retired, on evidence, after the first mint. Repeating it
 * changes nothing.
 * @throws KeyrotaError `adoption_refused` when the key is none of the entry's identity; PersonNeeded where its owner can
 *   have no other beside it and nothing is stored; ApiErrors.
 */
export async function adopt(key: ManagedKey, keyId: string, allPorts: Ports): Promise<AdoptReport> {
  const ports = portsFor(key, allPorts);
  const refused = (why: string) =>
    new KeyrotaError('adoption_refused', `${keyId}: ${why}`, { next: 'Nothing was changed.' });
  const found = await ports.kindOf(key).look(key, keyId, ports.signal);
  if (!found) throw refused('there is no such key.');
  if (found.generatedFor !== null)
    throw refused(`it was made for service credential ${found.generatedFor}, and lives and dies with it.`);
  if (!found.ownerMatches) throw refused(`it does not belong to ${key.owner}.`);
  const other = isNamedForAnother(key, found.name) ? 'another entry' : await otherEntryOf(key, found.id, ports);
  if (other !== null) throw refused(`it belongs to ${other}.`);
  // A key may have been named otherwise than its issuer lists it, as by its CRN.
  const { id } = found;
  const predecessors = [...new Set([...key.adopt, id])];
  const seen = await observe({ ...key, adopt: predecessors }, null, false, ports);
  const { secret } = seen;
  if (!secret) {
    if (seen.facts.keysPerOwner === 'one') throw new PersonNeeded(importFirst(key, id, seen.facts));
    return { outcome: 'minted', mint: await mint({ ...key, adopt: predecessors }, seen, { reason: 'adopted' }, ports) };
  }
  const current = secret.versions.find((version) => version.alias === 'current');
  if (!current) throw refused(`secret ${secret.name} has no version with a value.`);
  if (!current.record) {
    const others = await otherFields(key, secret, current, ports);
    if (others.length > 0)
      throw refused(
        `secret ${secret.name} holds more than the key, which a rotation would drop: ${others.join(', ')}.`,
      );
    return takeVersion(key, secret, current, found, ports);
  }
  if (current.record.key_id === id) throw refused('it is the current key already.');
  await noteAdopted(secret, [id], ports);
  return { outcome: 'noted', versionId: current.id };
}

/** Writes beside the current key that these were taken in now, where that is not known: from then on they are superseded. */
export async function noteAdopted(secret: SeenSecret, keyIds: readonly string[], ports: Ports): Promise<void> {
  const current = secret.versions.find((version) => version.alias === 'current');
  if (!current?.record) return;
  const known = predecessorsOf(secret.versions);
  const added = adoptedNow(
    keyIds.filter((id) => !known.has(id)),
    ports.clock.nowMs(),
  );
  if (added.length === 0) return;
  await changeRecord(
    secret.id,
    ({ id }) => id === current.id,
    ports,
    (record) => ({
      ...record,
      predecessors: [...record.predecessors, ...added],
    }),
  );
}

/** Keyrota stores a `kv` secret with one field, its own, or as a whole. */
async function otherFields(key: ManagedKey, secret: SeenSecret, current: SeenVersion, ports: Ports): Promise<string[]> {
  if (key.secret.type !== 'kv' || key.secret.field === null) return [];
  const names = await ports.secrets.fieldNames(secret.id, current.id, ports.signal);
  return names.filter((name) => name !== key.secret.field);
}

/** A version that a person stored: from now on it counts as ours, with the key that the person says it holds. */
async function takeVersion(
  key: ManagedKey,
  secret: SeenSecret,
  current: SeenVersion,
  found: IssuerKey,
  ports: Ports,
): Promise<AdoptReport> {
  const record: VersionRecord = {
    deployment: key.deployment,
    name: key.name,
    kind: key.kind,
    key_id: found.id,
    owner: key.owner,
    op: '',
    key_created_at: timeText(found.createdAtMs),
    reason: 'adopted',
    sha256: '',
    hmsl: '',
    predecessors: [],
    idle: [],
    restored: false,
    undo_at: '',
    ...NO_LEAK,
    dead_at: '',
  };
  await ports.secrets.writeVersionMetadata(secret.id, current.id, writeRecord(current.metadata, record), ports.signal);
  const versions = secret.versions.map((version) => (version.id === current.id ? { ...version, record } : version));
  const summary = { ...emptySummary(key, { ...secret, versions }), next_due: timeText(ports.clock.nowMs()) };
  const labels = [...new Set([...secret.labels, LABEL])];
  await ports.secrets.writeMetadata(secret.id, writeRecord(secret.metadata, summary), ports.signal, labels);
  return { outcome: 'version-taken', versionId: current.id };
}
