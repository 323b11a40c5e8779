import { isApiError } from '../clients/api-error.ts';
import { DisableRefused } from '../keys/kind.ts';
import type { Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { isCurrentOf, markDead } from './change-record.ts';
import { disableThroughLock, enableThroughLock } from './locked-key.ts';
import { metadataAfterRelease } from './mint-record.ts';
import { mint } from './mint.ts';
import type { MintOutcome } from './mint.ts';
import { guardName } from './observation.ts';
import type { Observation, SeenSecret } from './observation.ts';
import { withVersions } from './observe.ts';
import { releaseForbidden, roleMissing } from './obstacles.ts';
import type { Ports } from './ports.ts';
import { readSummary } from './record.ts';
import type { Settled, Step } from './step.ts';

/** Every step that changes something. */
export type Change = Exclude<Step, Settled>;

/** What became of a step: done; or only a person can go on; or, for a mint, how it ended. */
export type Applied =
  /** `seen` is what was seen before it, with what was read again after it. */
  | { outcome: 'done'; seen?: Observation }
  /** It was overtaken, and what it did is undone; or it cannot be done after all. Another look decides. */
  | { outcome: 'taken-back'; why: string }
  /** Whoever keeps it from being done is left to end that. */
  | { outcome: 'waits'; why: string; sinceMs: number | null }
  | { outcome: 'ask'; obstacle: Obstacle }
  | MintOutcome;

/**
 * Performs exactly one step. Each is safe to repeat, or is recognised as done by the next observation.
 * @throws ApiError when the step failed or its answer did not come.
 */
export async function apply(key: ManagedKey, seen: Observation, step: Change, ports: Ports): Promise<Applied> {
  try {
    return await perform(key, seen, step, ports);
  } catch (error) {
    if (error instanceof DisableRefused) return { outcome: 'taken-back', why: error.message };
    if (!isApiError(error, 'forbidden')) throw error;
    const freesPrevious = step.step === 'release' && error.operation === 'createSecretVersionLocksBulk';
    const isLeftToConsumers = key.policy.onCompromise.consumerLocks === 'override-or-wait';
    if (freesPrevious && step.moves && isLeftToConsumers) return waitForConsumers(step.why, seen);
    const obstacle = freesPrevious
      ? releaseForbidden(key)
      : roleMissing(key, `${step.step} (${error.operation})`, ports.kindOf(key).facts);
    return { outcome: 'ask', obstacle };
  }
}

/** Since the oldest of the locks that keep it waiting. */
function waitForConsumers(why: string, { secret }: Observation): Applied {
  const locks = secret?.versions.find(({ alias }) => alias === 'previous')?.locks ?? [];
  const sinceMs = locks.length === 0 ? null : Math.min(...locks.map(({ updatedAtMs }) => updatedAtMs));
  return { outcome: 'waits', why: `${why}; Keyrota may not move them, and waits for their consumers`, sinceMs };
}

async function perform(key: ManagedKey, seen: Observation, step: Change, ports: Ports): Promise<Applied> {
  const kind = ports.kindOf(key);
  const { signal } = ports;
  switch (step.step) {
    case 'mint':
      return mint(key, seen, step, ports);
    case 'contain':
      await contain(key, seen, step.keyId, ports);
      break;
    case 'disable':
      return disable(key, seen, step, ports);
    case 'discard':
      await (step.phase === 'disable' ? kind.disable(key, step.keyId, signal) : kind.delete(key, step.keyId, signal));
      break;
    case 'delete':
      return deleteKey(key, seen, step.keyId, ports);
    case 'extend':
      await extend(key, step, ports);
      break;
    case 'release':
      await release(key, seen, step, ports);
      break;
    default:
      step satisfies never;
  }
  return { outcome: 'done' };
}

/** Whoever locked a compromised key at the issuer: it goes off. Where none can be switched off, it is deleted. */
async function contain(key: ManagedKey, { keys }: Observation, keyId: string, ports: Ports): Promise<void> {
  const kind = ports.kindOf(key);
  const found = keys.find(({ id }) => id === keyId);
  if (found?.exists && !found.canDisable) {
    if (found.locked) await kind.unlock(key, keyId, ports.signal);
    await kind.delete(key, keyId, ports.signal);
  } else await disableThroughLock(kind, key, keyId, ports.signal);
}

/**
 * An undo may have made the key current since it was looked at, and not every issuer's lock refuses to disable: then it is
 * switched on again at once, and locked as the undo left it.
 */
async function disable(
  key: ManagedKey,
  seen: Observation,
  { keyId, unlockFirst }: Extract<Change, { step: 'disable' }>,
  ports: Ports,
): Promise<Applied> {
  const kind = ports.kindOf(key);
  if (unlockFirst) await kind.unlock(key, keyId, ports.signal);
  await kind.disable(key, keyId, ports.signal);
  const after = await withVersions(key, seen, ports).catch((error: unknown) => {
    if (ports.signal.aborted) throw error;
    return null; // it is disabled all the same, and the next look is a full one
  });
  if (!after) return { outcome: 'done' };
  if (currentKeyId(seen) === keyId || currentKeyId(after) !== keyId) return { outcome: 'done', seen: after };
  await enableThroughLock(kind, key, keyId, ports.signal);
  if (unlockFirst) await kind.lock(key, keyId, ports.signal);
  return { outcome: 'taken-back', why: `an undo made key ${keyId} current in the same moment: it is enabled again` };
}

const currentKeyId = ({ secret }: Observation): string | undefined =>
  secret?.versions.find(({ alias }) => alias === 'current')?.record?.key_id;

/**
 * An undo may have made the key current since it was looked at. Where issuers have locks, its lock refuses the delete; a key that
 * cannot be disabled has none, so its versions are looked at once more, as late as can be, and after that, so that a value that
 * became current in between is replaced at once.
 */
async function deleteKey(key: ManagedKey, seen: Observation, keyId: string, ports: Ports): Promise<Applied> {
  const found = seen.keys.find(({ id }) => id === keyId);
  const exposed = found?.exists && !found.disabled && currentKeyId(seen) !== keyId ? seen.secret : null;
  const why = `an undo made key ${keyId} current in the same moment`;
  if (exposed && currentKeyId(await withVersions(key, seen, ports)) === keyId)
    return { outcome: 'taken-back', why: `${why}: it is not deleted` };
  await ports.kindOf(key).delete(key, keyId, ports.signal);
  if (!exposed || !(await markDeadIfCurrent(exposed.id, keyId, ports))) return { outcome: 'done' };
  return { outcome: 'taken-back', why: `${why}, and it is deleted: it is replaced at once` };
}

/** Whether the key is current, and is now marked as dead. Where that cannot be seen, the regular looks see it. */
async function markDeadIfCurrent(secretId: string, keyId: string, ports: Ports): Promise<boolean> {
  try {
    return await markDead(secretId, isCurrentOf(keyId), ports);
  } catch (error) {
    if (ports.signal.aborted) throw error;
    return false;
  }
}

/** Nothing can be changed of a locked key. A crash in between leaves it unlocked: it is the current one, so nothing deletes it. */
async function extend(key: ManagedKey, step: Extract<Change, { step: 'extend' }>, ports: Ports): Promise<void> {
  const kind = ports.kindOf(key);
  const { signal } = ports;
  if (step.unlockFirst) await kind.unlock(key, step.keyId, signal);
  await kind.extend(key, step.keyId, step.expiresAtMs, signal);
  if (step.unlockFirst) await kind.lock(key, step.keyId, signal);
}

/** Each lock goes with what its consumer wrote beside it. Its name is then on the new version, where the consumer finds it. */
async function moveConsumerLocks(
  { id, versions }: SeenSecret,
  { versionId, moves = [] }: Extract<Change, { step: 'release' }>,
  { secrets, signal }: Ports,
): Promise<void> {
  if (moves.length === 0) return;
  const onPrevious = versions.find(({ alias }) => alias === 'previous')?.locks ?? [];
  // What its consumer wrote on the newer version is newer.
  const onTarget = new Map((versions.find((one) => one.id === versionId)?.locks ?? []).map((one) => [one.name, one]));
  const locks = onPrevious.filter(({ name }) => moves.includes(name)).map((one) => onTarget.get(one.name) ?? one);
  await secrets.moveLocks(id, versionId, locks, signal);
}

/**
 * Moves our guard from the previous version to the observed current one. By its id, and without wiping anything, so that
 * a repeat, however late, is harmless. What is written beside it replaces all, so it is read again first: where another
 * run has stored meanwhile, its word stands.
 */
async function release(
  key: ManagedKey,
  { secret }: Observation,
  step: Extract<Change, { step: 'release' }>,
  ports: Ports,
): Promise<void> {
  if (!secret) return;
  await moveConsumerLocks(secret, step, ports);
  const lock = { name: guardName(key.deployment), attributes: { deployment: key.deployment }, freesPrevious: true };
  const previous = secret.versions.find((version) => version.alias === 'previous');
  if (previous?.locks.some(({ name }) => name === lock.name)) {
    await ports.secrets.lockVersion(secret.id, step.versionId, lock, ports.signal);
  }
  const { custom_metadata: metadata } = await ports.secrets.get(secret.id, ports.signal);
  const summary = readSummary(metadata);
  const currentKeyId = secret.versions.find(({ id }) => id === step.versionId)?.record?.key_id;
  const isOurs = summary?.key_id === currentKeyId || summary?.key_id === secret.summary?.key_id;
  if (!isOurs) return;
  const written = metadataAfterRelease(key, { ...secret, metadata, summary });
  try {
    await ports.secrets.writeMetadata(secret.id, written, ports.signal);
  } catch (error) {
    // Whether locks refuse that is not documented. The next store writes the summary anew.
    if (!isApiError(error, 'locked')) throw error;
    ports.log.warn('summary_not_written', 'locks keep the summary as it is until the next rotation', { error });
  }
}
