import { isApiError } from '../clients/api-error.ts';
import type { SecretStore, StoredSecret, StoredVersion } from '../clients/secret-store.ts';
import type { Manifest } from '../keys/manifest.ts';
import { guardName } from '../rotation/observation.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import { LedgerData, emptyLedger } from './ledger-data.ts';

/** What the ledger is read and written with. */
export interface LedgerPorts {
  secrets: SecretStore;
  signal: AbortSignal;
}

/** The ledger as it was read, and what it takes to replace it by another one only if nobody else has done so since. */
interface Read {
  data: LedgerData;
  /** Null where there is none yet. */
  place: { secret: StoredSecret; current: StoredVersion } | null;
}

type Place = Parameters<SecretStore['find']>[0];

const placeOf = ({ ledger: { name, groupId } }: Manifest): Place => ({ name, groupId, type: 'kv', field: null });

/** The ledger of a deployment; an empty one where there is none yet. @throws ApiError; SyntaxError or ZodError for one that cannot be read. */
export async function readLedger(manifest: Manifest, ports: LedgerPorts): Promise<LedgerData> {
  return (await read(placeOf(manifest), ports)).data;
}

async function read(place: Place, { secrets, signal }: LedgerPorts): Promise<Read> {
  const secret = await secrets.find(place, signal);
  if (!secret) return { data: emptyLedger(), place: null };
  const versions = await secrets.listVersions(secret.id, signal);
  const current = versions.find(({ alias }) => alias === 'current');
  if (!current) return { data: emptyLedger(), place: null };
  const value = await secrets.readValue(secret.id, current.id, place, signal);
  const data = value ? LedgerData.parse(JSON.parse(value.reveal())) : emptyLedger();
  return { data, place: { secret, current } };
}

/** Two runs that write at once: the one that comes second reads again, and adds to what the first has written. */
const MOST_ATTEMPTS = 3;

/**
 * Changes the ledger by the same compare-and-set as a mint: our guard lock on the version that was read, by its uuid, makes Secrets
 * Manager refuse a store on top of another one.
 * @param change Says what the ledger is to be. It may be asked again, of a newer one.
 * @returns What the ledger is now.
 * @throws ApiError when nothing could be written, or nobody knows.
 */
export async function changeLedger(
  manifest: Manifest,
  ports: LedgerPorts,
  change: (ledger: LedgerData) => LedgerData,
): Promise<LedgerData> {
  const place = placeOf(manifest);
  for (let attempt = 1; ; attempt += 1) {
    const found = await read(place, ports);
    const next = LedgerData.parse(change(found.data)); // the fields in one order, so that the same is seen to be the same
    if (JSON.stringify(next) === JSON.stringify(found.data)) return found.data;
    try {
      await store(manifest.deployment, place, found.place, next, ports);
      return next;
    } catch (error) {
      const isOvertaken = isApiError(error, 'locked') || isApiError(error, 'conflict');
      if (!isOvertaken || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

async function store(
  deployment: string,
  place: Place,
  found: Read['place'],
  next: LedgerData,
  { secrets, signal }: LedgerPorts,
): Promise<void> {
  const metadata = { 'keyrota-ledger': { deployment } };
  const version = {
    value: new SecretValue(JSON.stringify(next)),
    secretMetadata: { ...found?.secret.custom_metadata, ...metadata },
    versionMetadata: {},
  };
  if (!found) {
    await secrets.createSecret(place, `The ledger of Keyrota (${deployment}).`, version, signal);
    return;
  }
  const guard = { name: guardName(deployment), attributes: { deployment } };
  const { id: secretId } = found.secret;
  const locks = await secrets.listLocks(secretId, signal);
  // Left by a run that was cut off after its store: nothing can be stored while it is there.
  const isPreviousGuarded = locks.some(
    (lock) => lock.name === guard.name && lock.secret_version_id !== found.current.id,
  );
  await secrets.lockVersion(secretId, found.current.id, { ...guard, freesPrevious: isPreviousGuarded }, signal);
  const versionId = await secrets.storeVersion(secretId, place, version, signal);
  await secrets.lockVersion(secretId, versionId, { ...guard, freesPrevious: true }, signal).catch((error: unknown) => {
    if (signal.aborted) throw error; // otherwise the next write frees it
  });
}
