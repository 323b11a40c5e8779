import * as z from 'zod';
import { ApiError } from '../clients/api-error.ts';
import type { SecretStore, StoredSecret, StoredVersion } from '../clients/secret-store.ts';
import type { Manifest } from '../keys/manifest.ts';
import { guardName } from '../rotation/observation.ts';
import { LEDGER_MARK, ledgerOf, readRunMark } from '../rotation/run-mark.ts';
import type { Ports } from '../rotation/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import { LedgerData, emptyLedger, fitted, together } from './ledger-data.ts';

/** What the ledger is read and written with. */
export interface LedgerPorts {
  secrets: SecretStore;
  clock: Clock;
  signal: AbortSignal;
  /** Nothing is waited for beyond this. Epoch milliseconds. */
  deadlineMs: number;
}

/** The ledger as it was read, and what it takes to replace it by another one only if nobody else has done so since. */
interface Read {
  /** What counts, and what the current version says of it. */
  data: LedgerData;
  written: LedgerData;
  /** Null where there is none yet. */
  place: { secret: StoredSecret; current: StoredVersion; previous: StoredVersion | undefined } | null;
}

type Place = Parameters<SecretStore['find']>[0];

const placeOf = ({ ledger: { name, groupId } }: Manifest): Place => ({ name, groupId, type: 'kv', field: null });

/** On each version: the one that it was made from. */
const Origin = z.object({ from: z.string() });

/**
 * The ledger of a deployment; an empty one where there is none yet.
 * @throws ApiError; KeyrotaError `ledger_taken` for a secret that is none of ours; SyntaxError or ZodError for one that cannot be read.
 */
export async function readLedger(manifest: Manifest, ports: LedgerPorts): Promise<LedgerData> {
  return (await read(manifest, ports)).data;
}

/** When a run of `rotate-keys` was last noted on the ledger's secret, in epoch milliseconds; null where none was. @throws as `readLedger`. */
export async function lastRunMs(manifest: Manifest, { secrets, signal }: LedgerPorts): Promise<number | null> {
  const secret = await secrets.find(placeOf(manifest), signal);
  if (!secret) return null;
  refuseForeign(secret, manifest);
  return readRunMark(secret.custom_metadata);
}

async function read(manifest: Manifest, ports: LedgerPorts): Promise<Read> {
  const { secrets, signal } = ports;
  const none: Read = { data: emptyLedger(), written: emptyLedger(), place: null };
  const secret = await secrets.find(placeOf(manifest), signal);
  if (!secret) return none;
  refuseForeign(secret, manifest);
  const versions = await secrets.listVersions(secret.id, signal);
  const current = versions.find(({ alias }) => alias === 'current');
  if (!current) return none;
  const previous = versions.find(({ alias }) => alias === 'previous');
  const place = { secret, current, previous };
  const written = await dataOf(manifest, secret, current, ports);
  // Whoever stored the current version had not seen the one before it: what that one says counts as well.
  const data = previous && isTorn(place) ? together(await dataOf(manifest, secret, previous, ports), written) : written;
  return { data, written, place };
}

/** @throws KeyrotaError `ledger_taken`: nothing of others is read as a ledger, or written over. */
function refuseForeign(secret: StoredSecret, { deployment, ledger }: Manifest): void {
  const owner = ledgerOf(secret.custom_metadata);
  if (owner === deployment && secret.secret_group_id === ledger.groupId) return;
  const whose =
    owner === null
      ? `is no ledger of Keyrota`
      : owner === deployment
        ? `is in secret group ${secret.secret_group_id}`
        : `is the ledger of deployment ${owner}`;
  throw new KeyrotaError('ledger_taken', `The secret ${secret.name} (${secret.id}) ${whose}; it is left alone.`, {
    next: 'Give another name as `ledger.name` in the manifest, or the group of the ledger as `ledger.group`.',
  });
}

async function dataOf(
  manifest: Manifest,
  secret: StoredSecret,
  version: StoredVersion,
  { secrets, signal }: LedgerPorts,
): Promise<LedgerData> {
  const value = await secrets.readValue(secret.id, version.id, placeOf(manifest), signal);
  return value ? LedgerData.parse(JSON.parse(value.reveal())) : emptyLedger();
}

/** Whether the current version was made from another one than the previous. */
function isTorn({ current, previous }: Pick<NonNullable<Read['place']>, 'current' | 'previous'>): boolean {
  const origin = Origin.safeParse(current.version_custom_metadata[LEDGER_MARK]);
  return origin.success && previous !== undefined && origin.data.from !== previous.id;
}

/** How often a call may fail, or its answer get lost. */
const MOST_FAILURES = 3;

/**
 * How often others may store first. Each time one of them is through, so that as many get through at once: more than the shards of a
 * job that anybody has.
 */
const MOST_OVERTAKEN = 60;

/**
 * Changes the ledger by the same compare-and-set as a mint: our guard lock on the version that was read, by its uuid, makes Secrets
 * Manager refuse a store on top of another one. It stays there until the next write. A store from a version that the next write has
 * freed meanwhile is accepted all the same: each version says what it was made from, so that this is seen, and brought together. Who is
 * overtaken waits for a moment, longer each time and by chance: those who collide once do not go on colliding.
 * @param change Says what the ledger is to be. It may be asked again, of a newer one, or of one that has the change already.
 * @returns What the ledger is now.
 * @throws ApiError when nothing could be written, or nobody knows; what `readLedger` throws.
 */
export async function changeLedger(
  manifest: Manifest,
  ports: ChangePorts,
  change: (ledger: LedgerData) => LedgerData,
): Promise<LedgerData> {
  const tries: Tries = { failures: 0, overtaken: 0 };
  for (;;) {
    try {
      const found = await read(manifest, ports);
      const next = LedgerData.parse(fitted(change(found.data))); // the fields in one order, so that the same is seen to be the same
      if (JSON.stringify(next) === JSON.stringify(found.written)) return next;
      if (await store(manifest, found.place, next, ports)) return next;
      if (!(await mayFollow(tries, ports))) return next; // whoever reads it next brings it together
    } catch (error) {
      if (!(await isWorthRepeating(error, tries, ports))) throw error;
    }
  }
}

type ChangePorts = LedgerPorts & Pick<Ports, 'randomBytes'>;

/** How often it was in vain, and why. */
interface Tries {
  failures: number;
  overtaken: number;
}

const FAILURE_PAUSE_MS = 500;
/** About what it takes to read the ledger and to store it; in a job, where calls are few a second, longer. */
const OVERTAKEN_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 16_000;

/** The change is the same however often it is made, so that a repeat is safe where nobody knows what became of a store. */
async function isWorthRepeating(error: unknown, tries: Tries, ports: ChangePorts): Promise<boolean> {
  if (!(error instanceof ApiError) || error.code === 'forbidden' || ports.signal.aborted) return false;
  if (error.code === 'locked' || error.code === 'conflict') return mayFollow(tries, ports);
  tries.failures += 1;
  if (tries.failures > MOST_FAILURES) return false;
  return pause(error.failure.retryAfterMs ?? tries.failures * FAILURE_PAUSE_MS, ports);
}

/** Somebody else stored first. The first time nothing is waited for: two who meet by chance need no pause. */
async function mayFollow(tries: Tries, ports: ChangePorts): Promise<boolean> {
  tries.overtaken += 1;
  if (tries.overtaken >= MOST_OVERTAKEN) return false;
  const chance = Buffer.from(ports.randomBytes(4)).readUInt32BE() / 2 ** 32;
  const longestMs = Math.min(OVERTAKEN_PAUSE_MS * 2 ** tries.overtaken, LONGEST_PAUSE_MS);
  return pause(tries.overtaken === 1 ? 0 : chance * longestMs, ports);
}

/** Whether there is still time after it. */
async function pause(pauseMs: number, { clock, signal, deadlineMs }: LedgerPorts): Promise<boolean> {
  if (clock.nowMs() + pauseMs >= deadlineMs) return false;
  return clock.sleep(pauseMs, signal).then(
    () => true,
    () => false, // the run ends
  );
}

/** Whether what was stored came right after what was read. */
async function store(
  { deployment, ...manifest }: Manifest,
  found: Read['place'],
  next: LedgerData,
  { secrets, signal }: LedgerPorts,
): Promise<boolean> {
  const place = placeOf({ deployment, ...manifest });
  const version = {
    value: new SecretValue(JSON.stringify(next)),
    secretMetadata: { ...found?.secret.custom_metadata, [LEDGER_MARK]: { deployment } },
    versionMetadata: { [LEDGER_MARK]: { from: found?.current.id ?? '' } },
  };
  if (!found) {
    await secrets.createSecret(place, `The ledger of Keyrota (${deployment}).`, version, signal);
    return true;
  }
  const guard = { name: guardName(deployment), attributes: { deployment } };
  const { id: secretId } = found.secret;
  const locks = await secrets.listLocks(secretId, signal);
  // Left by the last write: nothing can be stored while it is there.
  const isPreviousGuarded = locks.some(
    (lock) => lock.name === guard.name && lock.secret_version_id !== found.current.id,
  );
  await secrets.lockVersion(secretId, found.current.id, { ...guard, freesPrevious: isPreviousGuarded }, signal);
  const versionId = await secrets.storeVersion(secretId, place, version, signal);
  const versions = await secrets.listVersions(secretId, signal);
  const current = versions.find(({ alias }) => alias === 'current');
  const previous = versions.find(({ alias }) => alias === 'previous');
  return current?.id !== versionId || !isTorn({ current, previous });
}
