import { isApiError } from '../clients/api-error.ts';
import { incidentIdOf, isPast, markDescription, markIn } from '../keys/compromise-mark.ts';
import { generatedFor } from '../keys/generated-for.ts';
import { HOUR_MS } from '../keys/duration.ts';
import { readSummary, readVersionRecord, timeOf, timeText, writeRecord } from '../rotation/record.ts';
import type { Summary, VersionRecord } from '../rotation/record.ts';
import { withTimeLimit } from '../runtime/clock.ts';
import type { Work } from './answer.ts';
import type { Containment } from './contain.ts';
import type { LeakReport } from './leak-report.ts';
import { secretOf } from './whose-key.ts';
import type { LeakedKey } from './whose-key.ts';
import type { LeakWorld } from './world.ts';

/** What is written down of a leak, and where that went well. */
export interface Marks {
  issuer: boolean;
  version: boolean;
  /** When the key was contained, as the marks tell; null where it was not, or not here. */
  containedAtMs: number | null;
  /** Nothing of it was written before. */
  isNew: boolean;
  /** The summary of its secret names it, so that the next tick looks there, whatever becomes of the other marks. */
  summary: boolean;
}

export const NOT_MARKED: Marks = {
  issuer: false,
  version: false,
  containedAtMs: null,
  isNew: false,
  summary: false,
};

/** What all marks of one key say. */
interface Leak {
  key: LeakedKey;
  report: LeakReport;
  containment: Containment;
  incident: string;
  /** When this response came to the key: later ones take the time of the first from its marks. */
  atMs: number;
  /** When the report came. */
  receivedAtMs: number;
}

/** So many reports are kept on a version. */
const MOST_REPORTS = 5;

/** How long the marks at Secrets Manager wait for the one at the issuer, whose time they repeat, in milliseconds. */
const ISSUER_WAIT_MS = 1_500;

/** How marks share what there is. */
export interface MarkLimits {
  /** When the marks must be there, in epoch milliseconds. */
  untilMs: number;
  /** Nothing is written in Secrets Manager before: keys of one entry share a secret. Never rejects. */
  turn: Promise<unknown>;
  /** When the report came, in epoch milliseconds. */
  receivedAtMs: number;
}

/**
 * Writes down what leaked: at the issuer, on the versions that hold the key, and in the summary of their secret. Side by
 * side, as far as it goes; what is there already is not written again. Never throws.
 */
export async function mark(
  { key, containment }: Pick<Work, 'key' | 'containment'>,
  report: LeakReport,
  { untilMs, turn, receivedAtMs }: MarkLimits,
  world: LeakWorld,
  parent: AbortSignal,
): Promise<Marks> {
  const { outcome } = containment ?? {};
  // Where it is not clear whether the key was put out of use, the mark has `rotate-keys` see to it.
  if (!containment || outcome === 'gone' || outcome === 'reported' || !isOurs(key, world)) return NOT_MARKED;
  const { clock, log } = world;
  const atMs = containment.outcome === 'contained' ? containment.atMs : clock.nowMs();
  const leak: Leak = { key, report, containment, incident: incidentIdOf(key.keyId), atMs, receivedAtMs };
  const inTime = async <T>(where: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | null> => {
    try {
      return await withTimeLimit(clock, Math.max(untilMs - clock.nowMs(), 1), parent, work);
    } catch (error) {
      const why = `the leak could not be written down ${where}; the regular looks see to it`;
      log.warn('mark_failed', why, { where, keyId: key.keyId, incident: leak.incident, error });
      return null;
    }
  };
  const atIssuer = inTime('at the issuer', (signal) => markAtIssuer(leak, world, signal));
  const agreed = agreedTime(atIssuer, leak, world, parent);
  const inStore = inTime('in Secrets Manager', async (signal) => {
    await turn;
    return markInStore(leak, agreed, world, signal);
  });
  const [issuer, store] = await Promise.all([atIssuer, inStore]);
  const isOut = outcome === 'contained';
  return {
    issuer: issuer !== null,
    version: store !== null && store.isMarked,
    summary: store !== null && store.isInSummary,
    // Whichever is later: what was marked first may have been contained only then.
    containedAtMs: isOut ? Math.max(issuer?.atMs ?? store?.containedAtMs ?? atMs, store?.containedAtMs ?? 0) : null,
    isNew: (issuer?.isNew ?? false) || (store?.isNew ?? false),
  };
}

/** Whether it is ours to write on: an entry's, or contained all the same. */
const isOurs = ({ entry }: LeakedKey, { manifest }: LeakWorld): boolean =>
  entry !== null || manifest.incidents.containUnmanaged;

/** The time that all marks tell: that of the mark at the issuer, which only one of several responses can write. */
async function agreedTime(
  atIssuer: Promise<{ atMs: number } | null>,
  { atMs }: Leak,
  { clock }: LeakWorld,
  signal: AbortSignal,
): Promise<number> {
  try {
    return (await withTimeLimit(clock, ISSUER_WAIT_MS, signal, () => atIssuer))?.atMs ?? atMs;
  } catch {
    return atMs; // it was slow, or the time is up
  }
}

/** So often the description is read again because somebody else changed the key meanwhile. */
const MOST_ATTEMPTS = 4;

/**
 * By its description, which only who saw the latest may change. Null where there is none to mark: what stands behind a
 * resource key is recognised by its description.
 */
async function markAtIssuer(
  { key, report, containment, incident, atMs }: Leak,
  { identity, clock }: LeakWorld,
  signal: AbortSignal,
): Promise<{ atMs: number; isNew: boolean } | null> {
  const { apiKey } = key;
  if (!apiKey || isBehindResourceKey(key) || containment.outcome === 'handed-over') return null;
  const seen = markIn(apiKey.description, clock.nowMs());
  const isNew = containment.outcome === 'contained' && containment.isNew;
  if (seen && !isNew) return { atMs: seen.atMs, isNew: false };
  const own = { atMs, incident, by: report.sender };
  const change = (description: string) => {
    const found = markIn(description, clock.nowMs());
    // A mark that was not there when we looked is that of another response to the same leak; one that was is of an earlier leak.
    return found && found.atMs !== seen?.atMs ? description : markDescription(description, own);
  };
  for (let attempts = 1; ; attempts += 1) {
    try {
      const description = await identity.describeApiKey(apiKey.id, change, signal);
      const written = markIn(description ?? '', clock.nowMs());
      return written && { atMs: written.atMs, isNew: written.atMs === atMs };
    } catch (error) {
      const isChanged = isApiError(error, 'conflict') || isApiError(error, 'locked');
      if (!isChanged || apiKey.locked || attempts === MOST_ATTEMPTS) throw error;
    }
  }
}

/** An entry's, as it is proven by then; or one that nobody manages, and that says so. */
const isBehindResourceKey = ({ keyId, apiKey, entry }: LeakedKey): boolean =>
  apiKey !== null && (keyId !== apiKey.id || (entry === null && generatedFor(apiKey) !== null));

/** On the versions and in the summary of the secret that holds the key. Null where there is none. */
async function markInStore(
  leak: Leak,
  agreed: Promise<number>,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<{ isMarked: boolean; isInSummary: boolean; isNew: boolean; containedAtMs: number | null } | null> {
  const secret = leak.key.entry && secretOf(leak.key, await world.listed());
  if (!secret) return null;
  const inVersions = markVersions(secret.id, leak, agreed, world, signal);
  const inSummary = markSummary(secret.id, leak, agreed, world, signal);
  const [versions, summary] = await Promise.allSettled([inVersions, inSummary]);
  if (versions.status === 'rejected') throw versions.reason;
  if (summary.status === 'rejected') throw summary.reason;
  return { ...versions.value, isInSummary: summary.value };
}

/** So often a mark is written in one place again that a note of another run has overwritten. */
const MOST_WRITES = 3;

/**
 * Versions whose values are gone may not be written to, and are left. What is written replaces all, and others write there too: so
 * each is written as it was read right before, and all are read again until the marks stand.
 */
async function markVersions(
  secretId: string,
  leak: Leak,
  agreed: Promise<number>,
  { secrets, clock }: LeakWorld,
  signal: AbortSignal,
): Promise<{ isMarked: boolean; isNew: boolean; containedAtMs: number | null }> {
  const atMs = await agreed;
  const writes = new Map<string, number>();
  let isNew = false;
  for (;;) {
    const seen = (await secrets.listVersions(secretId, signal)).flatMap((version) => {
      const { id, alias, version_custom_metadata: metadata } = version;
      const record = readVersionRecord(metadata);
      if (!record || alias === undefined || record.key_id !== leak.key.keyId) return [];
      const marked = markedRecord(record, leak, atMs, clock.nowMs());
      return [{ id, metadata, record, marked, isThere: JSON.stringify(marked) === JSON.stringify(record) }];
    });
    const lacking = seen.find(({ id, isThere }) => !isThere && (writes.get(id) ?? 0) < MOST_WRITES);
    if (!lacking) {
      const containedAtMs = timeOf(seen.at(-1)?.marked.contained_at ?? '');
      return { isMarked: seen.length > 0, isNew, containedAtMs };
    }
    const { id, metadata, record, marked } = lacking;
    await secrets.writeVersionMetadata(secretId, id, writeRecord(metadata, marked), signal);
    isNew ||= record.compromised_at !== marked.compromised_at || record.contained_at !== marked.contained_at;
    writes.set(id, (writes.get(id) ?? 0) + 1);
  }
}

function markedRecord(
  record: VersionRecord,
  { report, containment, incident, receivedAtMs }: Leak,
  atMs: number,
  nowMs: number,
): VersionRecord {
  const at = timeText(atMs);
  const isOut = containment.outcome === 'contained';
  const isAgain = isOut && (containment.isNew || !isPast(timeOf(record.contained_at) ?? -1, nowMs));
  const { sender: by, deliveryId: delivery } = report;
  const isTold = record.reports.some((one) => one.by === by && one.delivery === delivery);
  const reports =
    isTold || record.reports.length >= MOST_REPORTS
      ? record.reports
      : [...record.reports, { by, delivery, at: timeText(receivedAtMs) }];
  return {
    ...record,
    compromised_at: record.compromised_at || at,
    incident: record.incident || incident,
    reports,
    contained_at: isAgain ? at : record.contained_at,
  };
}

/** Also of a key that was taken in, which the summary does not speak of otherwise; and where another run has stored the next one. */
async function markSummary(
  secretId: string,
  leak: Leak,
  agreed: Promise<number>,
  { secrets, clock }: LeakWorld,
  signal: AbortSignal,
): Promise<boolean> {
  const atMs = await agreed;
  for (let writes = 0; ; writes += 1) {
    const { custom_metadata: metadata } = await secrets.get(secretId, signal);
    const summary = readSummary(metadata);
    if (!summary) return false;
    const marked = markedSummary(summary, leak, timeText(atMs), clock.nowMs());
    if (writes === MOST_WRITES || JSON.stringify(marked) === JSON.stringify(summary)) return true;
    await secrets.writeMetadata(secretId, writeRecord(metadata, marked), signal);
  }
}

/** Whether something is counted still. */
export const isWithinHour = (atMs: number | null, nowMs: number): boolean =>
  atMs !== null && atMs > nowMs - HOUR_MS && isPast(atMs, nowMs);

/** So many keys of one entry are remembered as leaked; they go as soon as they are gone. */
const MOST_COMPROMISED = 10;

function markedSummary(summary: Summary, { key, report, containment }: Leak, at: string, nowMs: number): Summary {
  const recent = summary.reported_keys.filter((one) => isWithinHour(timeOf(one.at), nowMs));
  const isAgain = containment.outcome === 'contained' && containment.isNew;
  // Whoever has it put out of use anew is counted, also where others had that done before.
  const isKnown = recent.some((one) => one.key_id === key.keyId && (one.by === report.sender || !isAgain));
  const isCounted = report.credential.by !== 'value' && !isKnown;
  const leaked = { key_id: key.keyId, at, by: report.sender, delivery: report.deliveryId };
  const isNew = !summary.compromised_keys.some((one) => one.key_id === key.keyId);
  return {
    ...summary,
    compromised_at: summary.compromised_at || at,
    ...(isNew && { compromised_keys: [...summary.compromised_keys, leaked].slice(-MOST_COMPROMISED) }),
    ...(isCounted && { reported_keys: [...recent, { by: report.sender, key_id: key.keyId, at }] }),
  };
}
