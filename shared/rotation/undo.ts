import { COMPROMISED_MARK } from '../keys/kind.ts';
import type { KeyKind } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { hashesOf } from '../keys/value-hashes.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { changeRecord, isCurrentOf, markDead } from './change-record.ts';
import { disableThroughLock, enableThroughLock } from './locked-key.ts';
import { guardName } from './observation.ts';
import type { Observation, SeenSecret, SeenVersion } from './observation.ts';
import { observe } from './observe.ts';
import { portsFor } from './ports.ts';
import type { Ports } from './ports.ts';
import { timeOf, timeText } from './record.ts';
import type { VersionRecord } from './record.ts';
import { isCompromised, isLockedByUndo } from './situation.ts';
import { storeKnown, toSeeCurrent } from './store-known.ts';
import { isContained, undoContainment } from './undo-containment.ts';
import { verifyRestoredKey } from './verification.ts';

/** What an undo goes back to. */
interface Former {
  secret: SeenSecret;
  current: SeenVersion;
  version: SeenVersion;
  record: VersionRecord;
  wasDisabled: boolean;
  /** Somebody had locked the key at the issuer before. */
  wasLocked: boolean;
}

export interface UndoReport {
  /** The key that is current again, or enabled again. */
  keyId: string;
  /** The key that is superseded now; null where none is, for the current one was put out of use by mistake. */
  supersededKeyId: string | null;
}

/**
 * The operator's way back. Where the current key is out of use, and not replaced yet, it is enabled again (`undoContainment`);
 * otherwise the former one becomes current again.
 * @throws KeyrotaError `nothing_to_undo`, `undo_refused`, `undo_unclear`, or the ApiError of a call.
 */
export async function undo(key: ManagedKey, allPorts: Ports): Promise<UndoReport> {
  const ports = portsFor(key, allPorts);
  const seen = await observe(key, null, false, ports);
  if (isContained(key, seen, ports.clock.nowMs()))
    return { keyId: await undoContainment(key, seen, ports), supersededKeyId: null };
  return undoRotation(key, seen, ports);
}

/**
 * While the former key exists: makes it current again. First the issuer's lock, so that a run
 * that is about to delete the key is refused; then a look, enable, proof, store. The lock stays while the key is current.
 * Running it again after it succeeded goes forth again.
 */
async function undoRotation(key: ManagedKey, seen: Observation, ports: Ports): Promise<UndoReport> {
  const kind = ports.kindOf(key);
  const former = findFormer(key, seen, ports);
  const keyId = former.record.key_id;
  await markUndo(former, timeText(ports.clock.nowMs()), ports);
  await kind.lock(key, keyId, ports.signal);
  try {
    await enableLocked(key, former, kind, ports);
    const value = await readFormerValue(key, former, ports);
    const verdict = await verifyRestoredKey(key, value, ports);
    if (verdict.outcome !== 'accepted') {
      throw new KeyrotaError('undo_refused', `Key ${keyId} does not log in: ${verdict.why}`);
    }
    await storeAgain(key, former, value, ports);
  } catch (error) {
    const mayBeStored = error instanceof KeyrotaError && error.code === 'undo_unclear';
    if (!mayBeStored) await putBack(key, former, kind, ports);
    throw error;
  }
  await keepOn(key, former, kind, ports);
  ports.log.info('rotation_undone', `key ${keyId} is current again`, { keyId });
  return { keyId, supersededKeyId: former.current.record?.key_id ?? '' };
}

function findFormer(key: ManagedKey, seen: Observation, ports: Ports): Former {
  const nothing = (why: string) =>
    new KeyrotaError('nothing_to_undo', `${key.name}: ${why}`, { next: 'Nothing was changed.' });
  const current = seen.secret?.versions.find((version) => version.alias === 'current');
  const version = seen.secret?.versions.find((one) => one.alias === 'previous');
  if (!seen.secret || !current?.record || !version) throw nothing('there is no former version.');
  if (!version.record) throw nothing('the former version was not stored by Keyrota.');
  const { record } = version;
  if (!version.hasPayload) throw nothing('the value of the former key is gone.');
  const found = seen.keys.find((one) => one.id === record.key_id);
  if (!found?.exists) throw nothing(`the former key ${record.key_id} is deleted.`);
  const consumers = version.locks.map((lock) => lock.name).filter((name) => name !== guardName(key.deployment));
  if (consumers.length > 0) throw nothing(`consumers lock the former version: ${consumers.join(', ')}.`);
  if (isCompromised(found, seen.secret)) throw nothing(`the former key ${record.key_id} was reported as compromised.`);
  const lockedByUs = isLockedByUndo(seen.secret.versions, found.id, ports.clock.nowMs());
  const wasLocked = found.locked && !lockedByUs;
  return { secret: seen.secret, current, version, record, wasDisabled: found.disabled, wasLocked };
}

/** Says on the version that the lock at the issuer is ours, should we be cut off; with an empty text, that it is not. */
async function markUndo({ secret, version, wasLocked }: Former, undoAt: string, ports: Ports): Promise<void> {
  if (wasLocked) return;
  const isIt = ({ id }: { id: string }) => id === version.id;
  await changeRecord(secret.id, isIt, ports, (record) => {
    // Reported since it was looked at: nobody wants it back.
    if (undoAt !== '' && record.compromised_at !== '')
      throw new KeyrotaError('undo_refused', `Key ${record.key_id} was reported as compromised just now.`);
    return { ...record, undo_at: undoAt };
  });
}

/** The lock is there: look again, then enable. */
async function enableLocked(key: ManagedKey, { record }: Former, kind: KeyKind, ports: Ports): Promise<void> {
  const keyId = record.key_id;
  const looked = await kind.look(key, keyId, ports.signal);
  if (!looked) throw new KeyrotaError('undo_refused', `Key ${keyId} was deleted before it could be locked.`);
  if (looked.disabled) await enableThroughLock(kind, key, keyId, ports.signal);
}

/**
 * A run that looked before the store may have disabled the key, or lifted the lock of an earlier undo, in the same moment. It
 * looks at the versions after that, and we at the key after the store, so one of the two sees what the other did.
 */
async function keepOn(key: ManagedKey, former: Former, kind: KeyKind, ports: Ports): Promise<void> {
  const keyId = former.record.key_id;
  try {
    const looked = await kind.look(key, keyId, ports.signal);
    if (!looked) return await noteDead(former, keyId, ports);
    if (looked.description.includes(COMPROMISED_MARK)) return; // the next run replaces it
    if (looked.disabled) await enableThroughLock(kind, key, keyId, ports.signal);
    if (!looked.locked) await kind.lock(key, keyId, ports.signal);
  } catch (error) {
    ports.log.warn('undo_not_checked', `key ${keyId} is current again, and could not be looked at after that`, {
      keyId,
      error,
    });
  }
}

/** A delete was under way, and no lock held it up: said on the version, so that the next run replaces the key at once. */
async function noteDead({ secret }: Former, keyId: string, ports: Ports): Promise<void> {
  if (await markDead(secret.id, isCurrentOf(keyId), ports))
    ports.log.error('stored_key_dead', `key ${keyId} was deleted while it was being restored`, { keyId });
}

/** The one place where Keyrota reads a value back. */
async function readFormerValue(key: ManagedKey, { secret, version }: Former, ports: Ports): Promise<SecretValue> {
  const value = await ports.secrets.readValue(secret.id, version.id, key.secret, ports.signal);
  if (!value) throw new KeyrotaError('undo_refused', `The value of version ${version.id} is gone.`);
  return value;
}

async function storeAgain(key: ManagedKey, former: Former, value: SecretValue, ports: Ports): Promise<void> {
  const { secret, record } = former;
  const { sha256, hmsl } = record.sha256 === '' ? hashesOf(value) : record;
  const createdAtMs = timeOf(record.key_created_at) ?? ports.clock.nowMs();
  const told = { id: record.key_id, createdAtMs, sha256, hmsl };
  const stored = await storeKnown(key, former, { told, value, reason: 'undo' }, ports);
  if (stored.outcome === 'stored') return;
  throw new KeyrotaError(
    'undo_unclear',
    `It is not known whether key ${record.key_id} is current again: ${stored.why}`,
    { effect: 'unknown', next: toSeeCurrent(secret.id), cause: stored.cause },
  );
}

/** Nothing was stored: the former key is as it was, and its value guarded again. */
async function putBack(key: ManagedKey, former: Former, kind: KeyKind, ports: Ports): Promise<void> {
  const { record, wasDisabled, wasLocked, secret, version } = former;
  const name = guardName(key.deployment);
  const guard = { name, attributes: { deployment: key.deployment }, freesPrevious: false };
  try {
    if (version.locks.some((lock) => lock.name === name)) {
      await ports.secrets.lockVersion(secret.id, version.id, guard, ports.signal);
    }
    const isUnlocked = wasDisabled && (await disableThroughLock(kind, key, record.key_id, ports.signal));
    if (isUnlocked && wasLocked) await kind.lock(key, record.key_id, ports.signal);
    if (!isUnlocked && !wasLocked) await kind.unlock(key, record.key_id, ports.signal);
    await markUndo(former, '', ports);
  } catch (error) {
    const why = `key ${record.key_id} may be left enabled or locked; repeat the undo, or unlock it at the issuer`;
    ports.log.warn('undo_not_put_back', why, { keyId: record.key_id, error });
  }
}
