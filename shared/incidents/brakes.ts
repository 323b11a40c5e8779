import { isApiError } from '../clients/api-error.ts';
import { markIn } from '../keys/compromise-mark.ts';
import { generatedFor } from '../keys/generated-for.ts';
import { HOUR_MS } from '../keys/duration.ts';
import type { Incidents } from '../keys/incident-schema.ts';
import { timeOf } from '../rotation/record.ts';
import { LeakRefused } from './answer.ts';
import type { Work } from './answer.ts';
import type { LeakReport, Sender } from './leak-report.ts';
import { isWithinHour } from './mark.ts';
import { secretOf } from './whose-key.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld, ListedSecret } from './world.ts';

/** A key that a report without its value had contained. */
interface Counted {
  keyId: string;
  atMs: number;
}

/**
 * Whoever can sign reports, and shows no value, could switch off the account key by key. So each sender may be kept to some
 * identities, and has so many keys an hour. A report that shows the value proves itself, and has no brakes.
 * @throws LeakRefused `not_allowed`, `value_needed`, `too_many_keys`, or `cloud_not_answering` where nobody can tell how many there were.
 */
export async function brake(
  works: readonly Work[],
  { credential, sender }: LeakReport,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<void> {
  if (credential.by === 'value') return;
  const { incidents } = world.manifest;
  const allowed = incidents.senders[sender]?.identities;
  if (allowed && !works.every(({ key }) => key.isGone || isAmong(allowed, key)))
    throw new LeakRefused('not_allowed', 'This sender may not report keys of that identity. Nothing was touched.');
  const fresh = works.filter((work) => isFresh(work, world)).map(({ key }) => key);
  if (fresh.length === 0) return;
  const counted = await countOf(sender, fresh, world, signal).catch((cause: unknown) => {
    if (signal.aborted || cause instanceof LeakRefused) throw cause;
    const why = 'How many keys this sender has reported cannot be seen now. Nothing was touched.';
    throw new LeakRefused('cloud_not_answering', why, { cause });
  });
  const known = new Set(counted.map(({ keyId }) => keyId));
  const count = known.size + fresh.filter(({ keyId }) => !known.has(keyId)).length;
  const limit = limitOf(sender, incidents);
  if (fresh.every(({ keyId }) => known.has(keyId)) || count <= limit) return;
  const oldestMs = Math.min(world.clock.nowMs(), ...counted.map(({ atMs }) => atMs));
  const retryAfterSeconds = Math.max(1, Math.ceil((oldestMs + HOUR_MS - world.clock.nowMs()) / 1_000));
  logBraked(sender, count, limit, world);
  throw new LeakRefused('too_many_keys', `This sender may report ${limit} keys an hour. Nothing was touched.`, {
    retryAfterSeconds,
  });
}

/**
 * Counts again after containing. Reports that come in the same instant do not see each other, and may overshoot by as many
 * as run at once: then a person is alarmed all the same.
 */
export async function recount(
  works: readonly Work[],
  { credential, sender }: LeakReport,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<void> {
  if (credential.by === 'value' || !works.some((work) => isFresh(work, world))) return;
  const counted = countIn(await world.listAgain(signal), sender, world.clock.nowMs());
  const limit = limitOf(sender, world.manifest.incidents);
  const count = new Set(counted.map(({ keyId }) => keyId)).size;
  if (count > limit) logBraked(sender, count, limit, world);
}

function logBraked(sender: Sender, count: number, limit: number, { log }: LeakWorld): void {
  const why = `${sender} reports ${count} keys within an hour, and may report ${limit}: look whether it is to be trusted`;
  log.error('reports_braked', why, { sender, count, limit });
}

const limitOf = (sender: Sender, { perHour, senders }: Incidents): number => senders[sender]?.perHour ?? perHour;

const plainId = (iamId: string): string => iamId.replace(/^iam-/, '');

function isAmong(allowed: readonly string[], { apiKey, entry }: LeakedKey): boolean {
  const owner = plainId(apiKey?.iam_id ?? entry?.owner ?? '');
  return allowed.some((one) => plainId(one) === owner);
}

/** Something is to be done with it. That a key is reported again which was contained and marked before costs nothing. */
const isFresh = ({ decision, key: { apiKey } }: Work, { clock }: LeakWorld): boolean =>
  (decision === 'disable' || decision === 'handed-over' || decision === 'replaced-first') &&
  !(apiKey?.disabled === true && markIn(apiKey.description, clock.nowMs()) !== null);

const VALUE_NEEDED =
  'What reports of such a key could be counted by cannot be written: report its value. Nothing was touched.';

/** Its description may be changed: what stands behind a resource key is recognised by it, and a lock keeps it. */
const canBeMarked = ({ apiKey }: LeakedKey): boolean =>
  apiKey !== null && (apiKey.disabled || (!apiKey.locked && generatedFor(apiKey) === null));

/** Keys that the sender has reported without their values within the hour. */
async function countOf(
  sender: Sender,
  keys: readonly LeakedKey[],
  world: LeakWorld,
  signal: AbortSignal,
): Promise<Counted[]> {
  const listed = await world.listed();
  const managed = countIn(listed, sender, world.clock.nowMs());
  // Without an entry, and before the first key of one is stored, there is no summary that could tell.
  const others = keys.filter((key) => secretOf(key, listed) === null);
  if (others.length === 0) return managed;
  if (!others.every(canBeMarked)) throw new LeakRefused('value_needed', VALUE_NEEDED);
  return [...managed, ...(await countAtIssuer(listed, sender, world, signal))];
}

function countIn(listed: readonly ListedSecret[], sender: Sender, nowMs: number): Counted[] {
  return listed
    .flatMap(({ summary }) => summary.reported_keys)
    .filter(({ by }) => by === sender)
    .map(({ key_id: keyId, at }) => ({ keyId, atMs: timeOf(at) ?? 0 }))
    .filter(({ atMs }) => isWithinHour(atMs, nowMs));
}

/**
 * Of keys that no summary names only the marks at the issuer tell, also those of reports that showed values. Anybody can write
 * them on keys of their own, but a key that works was contained by nobody.
 */
async function countAtIssuer(
  listed: readonly ListedSecret[],
  sender: Sender,
  { identity, clock }: LeakWorld,
  signal: AbortSignal,
): Promise<Counted[]> {
  const managed = new Set(listed.flatMap(({ summary }) => [summary.key_id, summary.previous_key_id]));
  const ofType = async (type: 'serviceid' | 'user'): Promise<Counted[]> => {
    const counted: Counted[] = [];
    try {
      for await (const page of identity.pagesOfAccount(type, signal)) {
        for (const { id: keyId, description = '', disabled } of page) {
          const mark = managed.has(keyId) || !disabled ? null : markIn(description, clock.nowMs());
          if (mark?.by === sender && isWithinHour(mark.atMs, clock.nowMs())) counted.push({ keyId, atMs: mark.atMs });
        }
      }
    } catch (error) {
      // Who may not list the keys of users may not disable them either.
      if (type !== 'user' || !isApiError(error, 'forbidden')) throw error;
    }
    return counted;
  };
  return (await Promise.all([ofType('serviceid'), ofType('user')])).flat();
}
