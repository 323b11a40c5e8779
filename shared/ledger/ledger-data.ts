import * as z from 'zod';
import { SEVERITIES } from '../findings/finding.ts';
import { NOTICE_TYPES } from '../notices/notice.ts';
import type { Notice } from '../notices/notice.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';

/** An ISO time, or empty. */
const time = z.string().default('');

/** What is known of one leak, from its report to the end of the key. It never holds a value. */
const IncidentRecord = z.object({
  incident: z.string(),
  /** The entry; empty where no entry manages the key. */
  name: z.string(),
  kind: z.string(),
  key_id: z.string(),
  owner: z.string(),
  reports: z.array(z.object({ by: z.string(), delivery: z.string(), at: z.string() })).default([]),
  reported_at: time,
  contained_at: time,
  replaced_by: z.string().default(''),
  replaced_at: time,
  deleted_at: time,
  /** A person undid the containment: the report was false. */
  dismissed_at: time,
  /** From the first report until the key was out of use; null while it is not. */
  time_to_contain_ms: z.number().nullable().default(null),
  /** From the first report until its replacement was stored; null while it is not. */
  time_to_replace_ms: z.number().nullable().default(null),
  /** Access tokens that were made with the key are valid until then at the latest. */
  tokens_valid_until: time,
  /** Everything that was done, in order. */
  actions: z.array(z.object({ at: z.string(), action: z.string(), result: z.string() })).default([]),
});
export type IncidentRecord = z.infer<typeof IncidentRecord>;

/** A notice of something that happened, which nobody could be told of. */
const NoticeRecord = z.object({
  type: z.enum(NOTICE_TYPES),
  id: z.string(),
  atMs: z.number(),
  deployment: z.string(),
  name: z.string().nullable(),
  keyId: z.string().nullable(),
  incident: z.string().nullable(),
  why: z.string(),
  next: z.array(z.string()),
  details: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string()).readonly()]))
    .readonly(),
}) satisfies z.ZodType<Notice>;

/** A finding as the last check reported it. */
const FindingRecord = z.object({
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  /** The entry; empty where none is concerned. */
  entry: z.string(),
  subject: z.string(),
  name: z.string(),
  owner: z.string(),
  why: z.string(),
  next: z.array(z.string()),
  /** Since when it is so; empty where nothing tells. */
  since: time,
  /** When a check reported it first. */
  first_seen: time,
});
export type FindingRecord = z.infer<typeof FindingRecord>;

/** What the last check of the account came to. */
const CheckRecord = z.object({
  /** When it ended; empty where there was none yet. */
  at: time,
  /** How many findings there are by rule, also those that are not kept. */
  counts: z.record(z.string(), z.number()).default({}),
  /** The worst ones, as many as there is room for. */
  findings: z.array(FindingRecord).default([]),
  /** What could not be seen, as sentences. */
  unseen: z.array(z.string()).default([]),
  /** Hashes of all findings that were reported, as many as there is room for: what is in here is no news. */
  known: z.array(z.string()).default([]),
});
export type CheckRecord = z.infer<typeof CheckRecord>;

const NO_CHECK: CheckRecord = { at: '', counts: {}, findings: [], unseen: [], known: [] };

/** What belongs to no single key. Losing it loses history, never a key. */
export const LedgerData = z.object({
  incidents: z.array(IncidentRecord).default([]),
  /** What people were told and still holds: since when. */
  told: z.record(z.string(), z.string()).default({}),
  /** Targets of notices that want no more of them: since when. */
  disabled_targets: z.record(z.string(), z.string()).default({}),
  /** What happened and nobody could be told of: the next run tells it. */
  undelivered: z.array(NoticeRecord).default([]),
  check: CheckRecord.default(NO_CHECK),
});
export type LedgerData = z.infer<typeof LedgerData>;

export const emptyLedger = (): LedgerData => ({
  incidents: [],
  told: {},
  disabled_targets: {},
  undelivered: [],
  check: NO_CHECK,
});

const MOST_INCIDENTS = 100;
/** A key may be reported again with each delivery: the first and the last tell enough. */
const KEPT_REPORTS = { first: 5, last: 1 };
const KEPT_ACTIONS = { first: 15, last: 5 };
/** A value of type `kv` may have 512 KB. */
const MOST_BYTES = 400_000;
const MOST_UNDELIVERED_BYTES = 100_000;
/** Access tokens live for an hour at most. */
const TOKEN_LIFE_MS = 3_600_000;

/** The ledger with what was seen: new facts are added, what was written once is never changed. The oldest incidents go when there are too many. */
export function withIncidents(ledger: LedgerData, seen: readonly SeenIncident[]): LedgerData {
  if (seen.length === 0) return ledger;
  const byId = new Map(ledger.incidents.map((one) => [one.incident, one]));
  for (const one of seen) byId.set(one.incident, merged(byId.get(one.incident), one));
  return { ...ledger, incidents: ordered(byId.values()) };
}

const ordered = (incidents: Iterable<IncidentRecord>): IncidentRecord[] =>
  [...incidents].toSorted((one, other) => one.reported_at.localeCompare(other.reported_at)).slice(-MOST_INCIDENTS);

/** The ledger in a size that can be stored: the oldest goes. */
export function fitted(ledger: LedgerData): LedgerData {
  const undelivered = latestWithin(MOST_UNDELIVERED_BYTES, ledger.undelivered);
  const rest = { ...ledger, undelivered, incidents: [] };
  return { ...rest, incidents: latestWithin(MOST_BYTES - bytesOf(rest), ledger.incidents) };
}

const bytesOf = (part: unknown): number => Buffer.byteLength(JSON.stringify(part));

function latestWithin<T>(mostBytes: number, parts: readonly T[]): T[] {
  let leftBytes = mostBytes;
  const firstTooMany = parts.findLastIndex((part) => (leftBytes -= bytesOf(part) + 1) < 0);
  return parts.slice(firstTooMany + 1);
}

/** What was dismissed and is reported again begins anew; what was done before is still told. */
function merged(all: IncidentRecord | undefined, seen: SeenIncident): IncidentRecord {
  const isOver = all !== undefined && all.dismissed_at !== '' && all.dismissed_at < seen.reportedAt;
  const known = isOver ? undefined : all;
  const record: IncidentRecord = {
    incident: seen.incident,
    name: known?.name || seen.name,
    kind: known?.kind || seen.kind,
    key_id: seen.keyId,
    owner: known?.owner || seen.owner,
    reports: allReports(known?.reports ?? [], seen.reports),
    reported_at: known?.reported_at || seen.reportedAt,
    contained_at: known?.contained_at || seen.containedAt,
    replaced_by: known?.replaced_by || seen.replacedBy,
    replaced_at: known?.replaced_at || seen.replacedAt,
    deleted_at: known?.deleted_at || seen.deletedAt,
    ...NO_TIMES,
    dismissed_at: known?.dismissed_at ?? '',
    actions: [],
  };
  return timed({ ...record, actions: allActions(all?.actions ?? [], actionsOf(record, seen)) });
}

/**
 * Two ledgers that were written at once, as one: nothing of either is lost. What was told or delivered by one of them counts as the
 * other one has it, which at worst repeats a notice under its id.
 */
export function together(earlier: LedgerData, later: LedgerData): LedgerData {
  const byId = new Map(earlier.incidents.map((one) => [one.incident, one]));
  for (const one of later.incidents) byId.set(one.incident, both(byId.get(one.incident), one));
  const undelivered = new Map([...earlier.undelivered, ...later.undelivered].map((one) => [one.id, one]));
  return {
    incidents: ordered(byId.values()),
    told: { ...earlier.told, ...later.told },
    disabled_targets: { ...earlier.disabled_targets, ...later.disabled_targets },
    undelivered: [...undelivered.values()],
    check: earlier.check.at > later.check.at ? earlier.check : later.check,
  };
}

function both(earlier: IncidentRecord | undefined, later: IncidentRecord): IncidentRecord {
  if (!earlier) return later;
  const isOver = earlier.dismissed_at !== '' && earlier.dismissed_at < later.reported_at;
  const known = isOver ? later : earlier;
  return timed({
    ...later,
    reports: allReports(known.reports, later.reports),
    reported_at: known.reported_at || later.reported_at,
    contained_at: known.contained_at || later.contained_at,
    replaced_by: known.replaced_by || later.replaced_by,
    replaced_at: known.replaced_at || later.replaced_at,
    deleted_at: known.deleted_at || later.deleted_at,
    dismissed_at: known.dismissed_at || later.dismissed_at,
    actions: allActions(earlier.actions, later.actions),
  });
}

const NO_TIMES = { time_to_contain_ms: null, time_to_replace_ms: null, tokens_valid_until: '' };

/** With what follows from its times. */
const timed = (record: IncidentRecord): IncidentRecord => ({
  ...record,
  time_to_contain_ms: passed(record.reported_at, record.contained_at),
  time_to_replace_ms: passed(record.reported_at, record.replaced_at),
  tokens_valid_until: later(record.contained_at || record.deleted_at, TOKEN_LIFE_MS),
});

type Report = SeenIncident['reports'][number];
type Action = IncidentRecord['actions'][number];

function allReports(known: readonly Report[], seen: readonly Report[]): Report[] {
  const isNew = (report: Report) => !known.some(({ by, delivery }) => by === report.by && delivery === report.delivery);
  const reports = [...known, ...seen.filter(isNew)].toSorted(
    (one, other) => one.at.localeCompare(other.at) || one.delivery.localeCompare(other.delivery),
  );
  return firstAndLast(reports, KEPT_REPORTS);
}

/** The ledger after a person has undone the containment of a key. */
export function withDismissal(ledger: LedgerData, keyId: string, at: string): LedgerData {
  const action = { at, action: 'dismissed', result: `key ${keyId} is enabled again` };
  const incidents = ledger.incidents.map((one) =>
    one.key_id === keyId ? { ...one, dismissed_at: at, actions: allActions(one.actions, [action]) } : one,
  );
  return { ...ledger, incidents };
}

/** What has the same time is told in this order. */
const IN_ORDER = ['reported', 'contained', 'replaced', 'deleted', 'dismissed'];

function allActions(known: readonly Action[], found: readonly Action[]): Action[] {
  // Which locks were moved is seen by the run that moved them alone.
  const says = (one: Action, other: Action) =>
    one.at === other.at &&
    one.action === other.action &&
    (one.result === other.result || one.result.startsWith(`${other.result};`));
  const kept = known.filter((one) => !found.some((other) => one.result !== other.result && says(other, one)));
  const actions = [...kept, ...found.filter((one) => !kept.some((other) => says(other, one)))].toSorted(
    (one, other) => one.at.localeCompare(other.at) || IN_ORDER.indexOf(one.action) - IN_ORDER.indexOf(other.action),
  );
  return firstAndLast(actions, KEPT_ACTIONS);
}

const firstAndLast = <T>(all: readonly T[], { first, last }: { first: number; last: number }): T[] =>
  all.length <= first + last ? [...all] : [...all.slice(0, first), ...all.slice(-last)];

function actionsOf(record: IncidentRecord, { movedLocks = [] }: SeenIncident): Action[] {
  const { key_id: keyId, replaced_by: successor } = record;
  const moved = movedLocks.length === 0 ? '' : `; locks moved to it: ${movedLocks.join(', ')}`;
  const actions = [
    ...record.reports.map(({ by, delivery, at }) => ({
      at,
      action: 'reported',
      result: `by ${by}${delivery && `, delivery ${delivery}`}`,
    })),
    { at: record.contained_at, action: 'contained', result: `key ${keyId} is out of use` },
    { at: record.replaced_at, action: 'replaced', result: `key ${successor} is stored${moved}` },
    { at: record.deleted_at, action: 'deleted', result: `key ${keyId} is gone` },
  ];
  return actions.filter(({ at }) => at !== '');
}

const passed = (from: string, until: string): number | null =>
  from === '' || until === '' ? null : Math.max(0, Date.parse(until) - Date.parse(from));

const later = (at: string, byMs: number): string => (at === '' ? '' : new Date(Date.parse(at) + byMs).toISOString());
