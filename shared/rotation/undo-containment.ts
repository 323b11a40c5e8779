import type { ManagedKey } from '../keys/manifest.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import { changeRecord, isCurrentOf } from './change-record.ts';
import { enableThroughLock } from './locked-key.ts';
import type { Observation } from './observation.ts';
import type { Ports } from './ports.ts';
import { NO_LEAK, readSummary, timeText, writeRecord } from './record.ts';
import { isCompromised, situationOf } from './situation.ts';

/** Whether the current key is out of use, or about to be, for a leak that was reported or because somebody disabled it. */
export function isContained(key: ManagedKey, seen: Observation, nowMs: number): boolean {
  const { currentKey, secret } = situationOf(key, seen, nowMs);
  return currentKey?.exists === true && (currentKey.disabled || isCompromised(currentKey, secret));
}

/**
 * The operator's way back from a false report, while the key is not replaced. First the marks go, then the key is enabled: cut off
 * in between, it counts as disabled by somebody, and is replaced.
 * @returns the key's id.
 * @throws KeyrotaError `undo_refused` while its replacement is under way, or where it is gone; or the ApiError of a call.
 */
export async function undoContainment(key: ManagedKey, seen: Observation, ports: Ports): Promise<string> {
  const { currentKey, secret, lease } = situationOf(key, seen, ports.clock.nowMs());
  if (!secret || !currentKey?.exists) throw refused('there is no current key.');
  const keyId = currentKey.id;
  if (lease) {
    throw refused(`the replacement of key ${keyId} is under way since ${timeText(lease.sinceMs)}.`);
  }
  const kind = ports.kindOf(key);
  await changeRecord(secret.id, isCurrentOf(keyId), ports, (record) => ({
    ...record,
    ...NO_LEAK,
    dismissed_at: timeText(ports.clock.nowMs()),
    dead_at: '',
  }));
  await clearSummary(secret.id, keyId, ports);
  await kind.unmark?.(key, keyId, ports.signal);
  if (currentKey.disabled) await enableThroughLock(kind, key, keyId, ports.signal);
  const looked = await kind.look(key, keyId, ports.signal);
  if (!looked || looked.disabled)
    throw refused(`key ${keyId} is ${looked ? 'still disabled' : 'gone'}, and will be replaced.`);
  ports.log.info('containment_undone', `key ${keyId} is enabled again, and counts as one that did not leak`, { keyId });
  return keyId;
}

async function clearSummary(secretId: string, keyId: string, { secrets, signal }: Ports): Promise<void> {
  const { custom_metadata: metadata } = await secrets.get(secretId, signal);
  const summary = readSummary(metadata);
  if (summary?.key_id !== keyId) return;
  const others = summary.compromised_keys.filter((one) => one.key_id !== keyId);
  const compromised_at = others.length === 0 ? '' : summary.compromised_at;
  const cleared = writeRecord(metadata, { ...summary, compromised_at, compromised_keys: others, dead_since: '' });
  await secrets.writeMetadata(secretId, cleared, signal);
}

const refused = (why: string): KeyrotaError =>
  new KeyrotaError('undo_refused', `The containment is not undone: ${why}`, {
    effect: 'unknown',
    next: 'keyrota plan shows what comes next.',
  });
