import { ApiError, isApiError } from '../clients/api-error.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import { formatKeyName, newOp } from '../keys/key-name.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { CreatedKey, IssuerKey, Obstacle } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { hashesOf } from '../keys/value-hashes.ts';
import { messageOf } from '../runtime/errors.ts';
import { markDead } from './change-record.ts';
import { observationAfterMint } from './foresee.ts';
import { alarmWithout, recordFailure, removeByName, removeOwn } from './mint-cleanup.ts';
import type { OwnKey } from './mint-cleanup.ts';
import { metadataOfMint } from './mint-record.ts';
import type { Attempt } from './mint-record.ts';
import { guardName } from './observation.ts';
import { withMetadata } from './observe.ts';
import type { Observation, SeenSecret } from './observation.ts';
import { groupMissing, nameTakenElsewhere, roleMissing } from './obstacles.ts';
import type { Ports } from './ports.ts';
import { timeText } from './record.ts';
import type { MintReason } from './record.ts';
import { LEASE_MS, MINT_LIMIT_MS } from './situation.ts';
import { verifyNewKey } from './verification.ts';

/** Our clock and the issuer's, which dates to the minute, may differ by this much: the limit of a mint rests on both. */
const CLOCKS_DIFFER_MS = 2 * MINUTE_MS;

/** How a mint ended. */
export type MintOutcome =
  /** The new key is current. `seen` is what a look would show now, where that is known without one. */
  | { outcome: 'stored'; keyId: string; op: string; seen?: Observation }
  /** The store was refused, for another run's version or a consumer's lock; our key is deleted. */
  | { outcome: 'lost-race'; why: string }
  /** Nothing is stored, and the next attempt waits. */
  | { outcome: 'failed'; code: string; why: string }
  /** The answer to the store did not come: the next observation knows. */
  | { outcome: 'unclear'; why: string; keyId: string }
  /** Nothing was created: a person must act first. */
  | { outcome: 'ask'; obstacle: Obstacle };

/**
 * Creates the next key, proves it, and stores it: check, claim, create, verify, store, look. Whatever happens, at the end
 * the key is stored, or gone, or known by its name to the next observation.
 */
export async function mint(
  key: ManagedKey,
  seen: Observation,
  { reason, removes = null }: MintWish,
  ports: Ports,
): Promise<MintOutcome> {
  const [obstacle] = await ports.kindOf(key).obstacles(key, seen.keyCount, ports.signal);
  if (obstacle) return { outcome: 'ask', obstacle };
  const steady = removes === null ? ports : uninterrupted(ports);
  const attempt: Attempt = { key, op: newOp(ports.randomBytes), reason, removes, secret: seen.secret, ports: steady };
  const notClaimed = await claim(attempt);
  if (notClaimed) return notClaimed;
  const created = await create(attempt);
  if ('outcome' in created) return created;
  const unfit = await whyUnfit(attempt, created);
  if (unfit) return giveUp(attempt, created, unfit);
  const latest = await withLatestMetadata(attempt);
  const late = whyTooOld(latest, created);
  if (late) return giveUp(latest, created, late);
  return store(latest, created, seen);
}

/**
 * What is stored replaces the metadata of the secret, and minutes have passed since that was read: a leak may have been written down
 * there meanwhile. Where it cannot be read, what is known is as good as it gets.
 */
async function withLatestMetadata(attempt: Attempt): Promise<Attempt> {
  const { secret, ports } = attempt;
  if (!secret) return attempt;
  try {
    return { ...attempt, secret: withMetadata(secret, await ports.secrets.get(secret.id, ports.signal)) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return attempt;
  }
}

/**
 * Between the old key and the new one the owner has none, so nobody who stops the run stops that. Each call has its time limit, and
 * what waits heeds the end of the run.
 */
const uninterrupted = (ports: Ports): Ports => ({ ...ports, signal: new AbortController().signal });

/** What a mint is for. */
export interface MintWish {
  reason: MintReason;
  /** The key that goes first, where its owner can have one only. Default: none. */
  removes?: string | null;
}

const currentKeyIdOf = (secret: SeenSecret | null): string | undefined =>
  secret?.versions.find(({ alias }) => alias === 'current')?.record?.key_id;

/** Our guard lock on the current version: others hold for its lease, and of two stores one is refused. */
async function claim({ key, op, removes, secret, ports }: Attempt): Promise<MintOutcome | null> {
  const current = secret?.versions.find((version) => version.alias === 'current');
  if (!secret || !current) return null; // the first version is claimed by creating the secret
  const until = timeText(ports.clock.nowMs() + LEASE_MS);
  const attributes = { deployment: key.deployment, op, until, ...(removes !== null && { removes }) };
  const lock = { name: guardName(key.deployment), attributes, freesPrevious: false };
  try {
    await ports.secrets.lockVersion(secret.id, current.id, lock, ports.signal);
    return null;
  } catch (error) {
    if (isApiError(error, 'forbidden'))
      return { outcome: 'ask', obstacle: roleMissing(key, 'lock versions', ports.kindOf(key).facts) };
    if (!(error instanceof ApiError)) throw error;
    return { outcome: 'failed', code: 'claim_failed', why: error.message };
  }
}

/** One attempt. After an unclear answer the key may exist, but nobody has its value: it is looked for and removed. */
async function create(attempt: Attempt): Promise<CreatedKey | MintOutcome> {
  const { key, op, removes, secret, ports } = attempt;
  const kind = ports.kindOf(key);
  const name = formatKeyName({ deployment: key.deployment, name: key.name, op });
  const description = `Made by Keyrota (${key.deployment}) for ${key.name}; its value is in secret ${key.secret.name}.`;
  const expiresAtMs = ports.clock.nowMs() + key.policy.expiresAfterMs;
  try {
    const predecessorId = currentKeyIdOf(secret) ?? key.adopt[0] ?? null;
    const request = { name, description, expiresAtMs, predecessorId, removes };
    const created = await kind.create(key, request, ports.signal);
    ports.log.info('key_created', `created key ${created.id}`, { keyId: created.id, op, reason: attempt.reason });
    return created;
  } catch (error) {
    if (error instanceof PersonNeeded) return askAfter(attempt, error);
    if (!(error instanceof ApiError)) throw error;
    const isForbidden = error.code === 'forbidden';
    const obstacle = kind.obstacleOf(key, error) ?? (isForbidden ? roleMissing(key, 'create keys', kind.facts) : null);
    const isOver = error.effect !== 'unknown';
    if (obstacle) {
      const asked: MintOutcome = { outcome: 'ask', obstacle };
      const isRefused = error.effect === 'none';
      // A person may settle it with a key made by hand, which must not be taken for a left-over of this attempt.
      if (isRefused && kind.facts.keysPerOwner === 'many') return asked;
      return recordFailure(attempt, asked, { isOver, isRefused });
    }
    if (error.effect !== 'none') await removeByName(attempt, name);
    return recordFailure(attempt, { outcome: 'failed', code: 'create_failed', why: error.message }, { isOver });
  }
}

/** Where a key was made for nothing, the next attempt waits as after any failed mint: it would end alike. */
async function askAfter(attempt: Attempt, { obstacle, leftOver }: PersonNeeded): Promise<MintOutcome> {
  const asked: MintOutcome = { outcome: 'ask', obstacle };
  if (!leftOver) return asked;
  await removeOwn(attempt, leftOver);
  return recordFailure(attempt, asked);
}

/** Why a new key must not be stored, or null. Never throws: whatever goes wrong here, the key must not be left behind. */
async function whyUnfit({ key, ports }: Attempt, created: CreatedKey): Promise<{ code: string; why: string } | null> {
  const aheadMs = created.createdAtMs - ports.clock.nowMs();
  if (aheadMs > CLOCKS_DIFFER_MS) {
    return { code: 'clocks_differ', why: `the issuer's clock is ${Math.round(aheadMs / 1000)} s ahead of ours` };
  }
  return whyUnproven(key, created, ports);
}

/** Why a new key must not be stored any more, or null: other runs may take it for a left-over by then. */
function whyTooOld({ ports }: Attempt, created: CreatedKey): { code: string; why: string } | null {
  const ageMs = ports.clock.nowMs() - created.createdAtMs;
  if (ageMs <= MINT_LIMIT_MS) return null;
  return { code: 'mint_too_slow', why: `the key is ${Math.round(ageMs / 1000)} s old, too old to be stored safely` };
}

/**
 * Why a new key is not known to work, or null. Where the owner can have one key only, its maker has logged in with it already,
 * and without it there is none: only a clear refusal speaks against it.
 */
async function whyUnproven(
  key: ManagedKey,
  { id, value }: CreatedKey,
  ports: Ports,
): Promise<{ code: string; why: string } | null> {
  const unproven = await verifyNewKey(key, value, ports).then(
    (verdict) => (verdict.outcome === 'accepted' ? null : { code: `key_${verdict.outcome}`, why: verdict.why }),
    (error: unknown) => ({ code: 'verification_failed', why: messageOf(error) }),
  );
  const isClear = unproven?.code === 'key_refused' || ports.signal.aborted;
  if (!unproven || isClear || ports.kindOf(key).facts.keysPerOwner === 'many') return unproven;
  ports.log.warn(
    'key_not_verified',
    `key ${id} has logged in once, and is stored without another proof: ${unproven.why}`,
    {
      keyId: id,
    },
  );
  return null;
}

/** Nothing was stored, so the key can go at once. */
async function giveUp(
  attempt: Attempt,
  created: OwnKey,
  { code, why }: { code: string; why: string },
): Promise<MintOutcome> {
  await removeOwn(attempt, created);
  return recordFailure(attempt, { outcome: 'failed', code, why });
}

/** Sent once. Only a clear refusal says that the key is not stored, and so may go. */
async function store(attempt: Attempt, created: CreatedKey, seen: Observation): Promise<MintOutcome> {
  const { key, secret, ports } = attempt;
  const written = metadataOfMint(attempt, { ...created, ...hashesOf(...created.secrets) });
  const version = { value: created.value, ...written };
  let versionId: string | null = null;
  try {
    if (secret) versionId = await ports.secrets.storeVersion(secret.id, key.secret, version, ports.signal);
    else await ports.secrets.createSecret(key.secret, `Kept by Keyrota (${key.deployment}).`, version, ports.signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.effect === 'unknown') return { outcome: 'unclear', why: error.message, keyId: created.id };
    if (error.effect === 'none') return notStored(attempt, created, error);
    // `changed`: it is stored, only its answer was not understood.
  }
  ports.log.info('key_stored', `stored key ${created.id} as the current version`, {
    keyId: created.id,
    op: attempt.op,
  });
  const issued = await lookAfterStore(attempt, created);
  // What was reported meanwhile only another look shows.
  const isUpToDate = sameLeaks(secret, seen.secret);
  const after =
    isUpToDate && versionId && issued && observationAfterMint(attempt, seen, { versionId, written, issued });
  return { outcome: 'stored', keyId: created.id, op: attempt.op, ...(after && { seen: after }) };
}

const leaksOf = (secret: SeenSecret | null): string =>
  (secret?.summary?.compromised_keys ?? []).map((one) => one.key_id).join(' ');

const sameLeaks = (one: SeenSecret | null, other: SeenSecret | null): boolean => leaksOf(one) === leaksOf(other);

async function notStored(attempt: Attempt, created: CreatedKey, error: ApiError): Promise<MintOutcome> {
  const { key, secret, ports } = attempt;
  const nameTaken = !secret && (error.code === 'conflict' || /already exists/i.test(error.message));
  if (nameTaken && !(await ports.secrets.find(key.secret, ports.signal))) {
    await removeOwn(attempt, created);
    return { outcome: 'ask', obstacle: nameTakenElsewhere(key) };
  }
  if (error.code === 'locked' || nameTaken) {
    alarmWithout(attempt, created.id);
    await ports.kindOf(key).delete(key, created.id, ports.signal);
    // Where nobody stored meanwhile, it was not lost to another run, and the next attempt would end alike.
    return recordFailure(attempt, { outcome: 'lost-race', why: error.message });
  }
  if (!secret && error.code === 'not_found') {
    await giveUp(attempt, created, { code: 'store_failed', why: error.message });
    return { outcome: 'ask', obstacle: groupMissing(key) };
  }
  if (error.code !== 'forbidden') return giveUp(attempt, created, { code: 'store_failed', why: error.message });
  await giveUp(attempt, created, { code: 'store_forbidden', why: error.message });
  return {
    outcome: 'ask',
    obstacle: roleMissing(key, secret ? 'store versions' : 'create secrets', ports.kindOf(key).facts),
  };
}

/**
 * A run that was frozen and woken late may have stored a key that others discarded meanwhile. It heals that at once: the
 * version is marked, and the next observation replaces the key.
 * @returns the key; null where it is not seen.
 */
async function lookAfterStore(attempt: Attempt, created: CreatedKey): Promise<IssuerKey | null> {
  const { key, ports } = attempt;
  const kind = ports.kindOf(key);
  try {
    const issued = await kind.look(key, created.id, ports.signal);
    if (issued) return issued;
    // One 404 may be a stale answer; a refused login beside it is not.
    const verdict = await kind.verify(key, created.value, false, ports.signal);
    if (verdict.outcome !== 'refused') return null;
    await noteDead(attempt);
    ports.log.error('stored_key_dead', `key ${created.id} was deleted while it was being stored`, {
      keyId: created.id,
    });
  } catch (error) {
    // The regular looks find a dead current key too, only later.
    ports.log.warn('look_failed', `could not look at key ${created.id} after storing it`, { keyId: created.id, error });
  }
  return null;
}

async function noteDead({ key, op, secret, ports }: Attempt): Promise<void> {
  const stored = secret ?? (await ports.secrets.find(key.secret, ports.signal));
  if (stored) await markDead(stored.id, (_, record) => record.op === op, ports);
}
