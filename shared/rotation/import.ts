import { ApiError, isApiError } from '../clients/api-error.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { CreatedKey, KindFacts, Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { hashesOf } from '../keys/value-hashes.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { guardName } from './observation.ts';
import type { SeenSecret, SeenVersion } from './observation.ts';
import { observeSecret } from './observe.ts';
import { otherEntryOf } from './other-entry.ts';
import { groupMissing, nameTakenElsewhere, releaseForbidden, roleMissing } from './obstacles.ts';
import { portsFor } from './ports.ts';
import type { Ports } from './ports.ts';
import { storeKnown, storeKnownFirst, toSeeCurrent } from './store-known.ts';
import type { KnownKey, Stored } from './store-known.ts';
import { verifyRestoredKey } from './verification.ts';

export interface ImportReport {
  /** The key that is current now. */
  keyId: string;
  /** The key that is superseded now; null where there was none. */
  supersededKeyId: string | null;
}

/** Where the value goes: beside a current version of ours, or into a secret that is not there yet. */
type Target = { secret: SeenSecret; current: SeenVersion } | null;

/** Pauses before an unknown value is asked for again: one that a person made just now spreads through the world. */
const UNKNOWN_AGAIN_MS = [2_000, 4_000, 8_000];

/**
 * Stores the value of a key that a person made as the current version, by the same compare-and-set as a mint. The former
 * key retires like any superseded one. Nothing at the issuer is changed.
 * @throws KeyrotaError `import_refused`, or `import_unclear` when it is not known whether it is stored; PersonNeeded for a
 *   missing role; the ApiError of a call.
 */
export async function importKey(key: ManagedKey, value: SecretValue, allPorts: Ports): Promise<ImportReport> {
  const ports = portsFor(key, allPorts);
  const target = await findTarget(key, ports);
  const found = await identify(key, value, ports);
  if (!found) throw refused(key, 'the issuer does not know this value, or it belongs to somebody else.');
  demandNew(key, found.id, target);
  const other = await otherEntryOf(key, found.id, ports);
  if (other !== null) throw refused(key, `key ${found.id} belongs to the entry ${other}: make another one.`);
  const verdict = await verifyRestoredKey(key, found.value, ports);
  if (verdict.outcome !== 'accepted') throw refused(key, `key ${found.id} does not log in: ${verdict.why}`);
  const told = { id: found.id, createdAtMs: found.createdAtMs, ...hashesOf(...found.secrets) };
  const stored = await store(key, target, { told, value: found.value, reason: 'imported' }, ports);
  if (stored.outcome === 'unclear') {
    throw new KeyrotaError('import_unclear', `It is not known whether key ${found.id} is stored: ${stored.why}`, {
      effect: 'unknown',
      next: target ? toSeeCurrent(target.secret.id) : `See whether secret ${key.secret.name} exists, then repeat it.`,
      cause: stored.cause,
    });
  }
  ports.log.info('key_imported', `key ${found.id}, which a person made, is current`, { keyId: found.id });
  return { keyId: found.id, supersededKeyId: target?.current.record?.key_id ?? null };
}

const refused = (key: ManagedKey, why: string): KeyrotaError =>
  new KeyrotaError('import_refused', `${key.name}: ${why}`, { next: 'Nothing was changed.' });

/** Nothing but the secret is looked at: where no login works any more, that is all that can be seen. */
async function findTarget(key: ManagedKey, ports: Ports): Promise<Target> {
  if (key.state === 'retired') throw refused(key, 'the entry is retired.');
  const secret = await observeSecret(key, null, ports);
  if (!secret) return null;
  const current = secret.versions.find(({ alias }) => alias === 'current');
  if (secret.state === 'destroyed') throw refused(key, `secret ${secret.name} is destroyed; delete it first.`);
  if (!current) throw refused(key, `secret ${secret.name} has no current version.`);
  if (!current.record) {
    const why = `the current version of secret ${secret.name} is not ours: keyrota adopt ${key.name} KEY_ID takes it in`;
    throw refused(key, `${why}, or give the entry another secret name.`);
  }
  const previous = secret.versions.find(({ alias }) => alias === 'previous');
  const consumers = (previous?.locks ?? [])
    .map(({ name }) => name)
    .filter((name) => name !== guardName(key.deployment));
  if (consumers.length > 0) throw refused(key, `consumers lock the former version: ${consumers.join(', ')}.`);
  return { secret, current };
}

async function identify(key: ManagedKey, value: SecretValue, ports: Ports): Promise<CreatedKey | null> {
  const ask = () =>
    ports
      .kindOf(key)
      .identify(key, value, ports.signal)
      .catch((error: unknown) => {
        if (!isApiError(error, 'forbidden')) throw error;
        throw refused(key, 'Keyrota may not see whose key this is: it belongs to somebody else, or a role is missing.');
      });
  let found = await ask();
  for (const pauseMs of UNKNOWN_AGAIN_MS) {
    if (found) return found;
    await ports.clock.sleep(pauseMs, ports.signal);
    found = await ask();
  }
  return found;
}

/** A key that was stored before is being retired, or was reported: it does not come back this way. */
function demandNew(key: ManagedKey, keyId: string, target: Target): void {
  if (target?.current.record?.key_id === keyId) throw refused(key, `key ${keyId} is the current key already.`);
  if (target?.secret.versions.some(({ record }) => record?.key_id === keyId))
    throw refused(key, `key ${keyId} was current before: make another one, or go back to it with keyrota undo.`);
}

async function store(key: ManagedKey, target: Target, known: KnownKey, ports: Ports): Promise<Stored> {
  try {
    return await (target ? storeKnown(key, target, known, ports) : storeKnownFirst(key, known, ports));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const nameTaken = !target && (error.code === 'conflict' || /already exists/i.test(error.message));
    const overtaken = nameTaken && (await ports.secrets.find(key.secret, ports.signal)) !== null;
    if (error.code === 'locked' || overtaken)
      throw refused(key, 'another run stored a key meanwhile, or somebody locked the former version. Repeat it.');
    const obstacle = nameTaken ? nameTakenElsewhere(key) : obstacleOf(key, target, error, ports.kindOf(key).facts);
    throw obstacle ? new PersonNeeded(obstacle) : error;
  }
}

function obstacleOf(key: ManagedKey, target: Target, error: ApiError, facts: KindFacts): Obstacle | null {
  if (!target && error.code === 'not_found') return groupMissing(key);
  if (error.code !== 'forbidden') return null;
  if (error.operation === 'createSecretVersionLocksBulk') return releaseForbidden(key);
  return roleMissing(key, target ? 'store versions' : 'create secrets', facts);
}
