import * as z from 'zod';
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

/** What belongs to no single key. Losing it loses history, never a key. */
export const LedgerData = z.object({
  incidents: z.array(IncidentRecord).default([]),
  /** What people were told and still holds: since when. */
  told: z.record(z.string(), z.string()).default({}),
  /** Targets of notices that want no more of them: since when. */
  disabled_targets: z.record(z.string(), z.string()).default({}),
  /** What happened and nobody could be told of: the next run tells it. */
  undelivered: z.array(NoticeRecord).default([]),
});
export type LedgerData = z.infer<typeof LedgerData>;

export const emptyLedger = (): LedgerData => ({ incidents: [], told: {}, disabled_targets: {}, undelivered: [] });

const MOST_INCIDENTS = 100;
const MOST_ACTIONS = 20;
/** Access tokens live for an hour at most. */
const TOKEN_LIFE_MS = 3_600_000;

/** The ledger with what was seen: new facts are added, what was written once is never changed. The oldest incidents go when there are too many. */
export function withIncidents(ledger: LedgerData, seen: readonly SeenIncident[]): LedgerData {
  if (seen.length === 0) return ledger;
  const byId = new Map(ledger.incidents.map((one) => [one.incident, one]));
  for (const one of seen) byId.set(one.incident, merged(byId.get(one.incident), one));
  const incidents = [...byId.values()].toSorted((one, other) => one.reported_at.localeCompare(other.reported_at));
  return { ...ledger, incidents: incidents.slice(-MOST_INCIDENTS) };
}

/** What was dismissed and is reported again begins anew; what was done before is still told. */
function merged(all: IncidentRecord | undefined, seen: SeenIncident): IncidentRecord {
  const isOver = all !== undefined && all.dismissed_at !== '' && all.dismissed_at < seen.reportedAt;
  const known = isOver ? undefined : all;
  const isNew = (report: SeenIncident['reports'][number]) =>
    !known?.reports.some(({ by, delivery }) => by === report.by && delivery === report.delivery);
  const reports = [...(known?.reports ?? []), ...seen.reports.filter(isNew)];
  const facts = {
    reported_at: known?.reported_at || seen.reportedAt,
    contained_at: known?.contained_at || seen.containedAt,
    replaced_by: known?.replaced_by || seen.replacedBy,
    replaced_at: known?.replaced_at || seen.replacedAt,
    deleted_at: known?.deleted_at || seen.deletedAt,
  };
  const record: IncidentRecord = {
    incident: seen.incident,
    name: known?.name || seen.name,
    kind: known?.kind || seen.kind,
    key_id: seen.keyId,
    owner: known?.owner || seen.owner,
    reports,
    ...facts,
    time_to_contain_ms: passed(facts.reported_at, facts.contained_at),
    time_to_replace_ms: passed(facts.reported_at, facts.replaced_at),
    tokens_valid_until: later(facts.contained_at || facts.deleted_at, TOKEN_LIFE_MS),
    dismissed_at: known?.dismissed_at ?? '',
    actions: [],
  };
  const before = isOver ? all.actions : [];
  return { ...record, actions: [...before, ...actionsOf(record, seen)].slice(-MOST_ACTIONS) };
}

/** The ledger after a person has undone the containment of a key. */
export function withDismissal(ledger: LedgerData, keyId: string, at: string): LedgerData {
  const action = { at, action: 'dismissed', result: `key ${keyId} is enabled again` };
  const incidents = ledger.incidents.map((one) =>
    one.key_id === keyId ? { ...one, dismissed_at: at, actions: [...one.actions, action].slice(-MOST_ACTIONS) } : one,
  );
  return { ...ledger, incidents };
}

/** In the order of their times. */
function actionsOf(record: IncidentRecord, { movedLocks = [] }: SeenIncident): IncidentRecord['actions'] {
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
  return actions.filter(({ at }) => at !== '').toSorted((one, other) => one.at.localeCompare(other.at));
}

const passed = (from: string, until: string): number | null =>
  from === '' || until === '' ? null : Math.max(0, Date.parse(until) - Date.parse(from));

const later = (at: string, byMs: number): string => (at === '' ? '' : new Date(Date.parse(at) + byMs).toISOString());
