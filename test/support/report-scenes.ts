import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { emptyLedger } from '../../shared/ledger/ledger-data.ts';
import type { FindingRecord, IncidentRecord, LedgerData } from '../../shared/ledger/ledger-data.ts';
import { told } from '../../shared/report/fleet-report.ts';
import type { FleetReport } from '../../shared/report/fleet-report.ts';
import type { Look } from '../../shared/report/look.ts';
import { Summary, timeText } from '../../shared/rotation/record.ts';

export const NOW_MS = Date.UTC(2026, 10, 20, 3, 0);
const TIMER_MS = MINUTE_MS;

/** Names of 60 characters are the longest. */
export const nameOf = (place: number, length = 0): string => `key-${place}`.padEnd(length, '-x').replace(/-$/, 'x');

const uuidOf = (place: number): string => `${place.toString(16).padStart(8, '0')}-1111-4222-8333-444455556666`;

/** A manifest of service IDs' keys, one each. */
export function manifestOfNames(names: readonly string[]): Manifest {
  const keys = names.map((name, place) => ({
    kind: 'service-id-api-key',
    name,
    serviceId: `ServiceId-${uuidOf(place)}`,
    secret: { group: '66666666-7777-4888-8999-aaaaaaaaaaaa' },
  }));
  return parseManifest({ deployment: 'lab', keys }, 'test');
}

/** What the summary of a key says that rests, with `changes`. */
export function summaryOf(name: string, place: number, changes: Partial<Summary> = {}): Summary {
  return Summary.parse({
    deployment: 'lab',
    name,
    kind: 'service-id-api-key',
    key_id: `ApiKey-${uuidOf(place)}`,
    rotated_at: timeText(NOW_MS - ((place % 25) + 1) * DAY_MS),
    next_due: timeText(NOW_MS + (28 - (place % 25)) * DAY_MS),
    sha256: 'a'.repeat(64),
    hmsl: 'b'.repeat(64),
    ...changes,
  });
}

/** A fleet that rests, all of which could be seen, with `changes`. */
export function lookOf(manifest: Manifest, changes: Partial<Look> = {}): Look {
  return {
    takenAtMs: NOW_MS,
    summaries: new Map(manifest.keys.map(({ name }, place) => [name, summaryOf(name, place)])),
    isListWhole: true,
    looks: new Map(),
    unlisted: [],
    ledger: ledgerWith({}),
    lastRunMs: NOW_MS - MINUTE_MS,
    unseen: [],
    ...changes,
  };
}

/** A ledger whose last check of some hours ago found nothing. */
export function ledgerWith(changes: Partial<LedgerData>): LedgerData {
  const check = { ...emptyLedger().check, at: timeText(NOW_MS - 5 * HOUR_MS) };
  return { ...emptyLedger(), check, ...changes };
}

export const reportOf = (manifest: Manifest, changes: Partial<Look> = {}): FleetReport =>
  told(manifest, lookOf(manifest, changes), TIMER_MS, NOW_MS + 800);

export const finding = (changes: Partial<FindingRecord> = {}): FindingRecord => ({
  rule: 'key-too-old',
  severity: 'medium',
  entry: '',
  subject: 'ApiKey-99999999-1111-4222-8333-444455556666',
  name: 'made-by-hand',
  owner: 'ServiceId-99999999-1111-4222-8333-444455556666',
  why: 'key ApiKey-99999999 is 412 days old, and may be 90',
  next: ['ibmcloud iam service-api-key-delete ApiKey-99999999 ServiceId-99999999'],
  since: timeText(NOW_MS - 322 * DAY_MS),
  first_seen: timeText(NOW_MS - 12 * DAY_MS),
  ...changes,
});

export const incident = (changes: Partial<IncidentRecord> = {}): IncidentRecord => ({
  incident: 'incident-0123456789abcdef',
  name: 'key-0',
  kind: 'service-id-api-key',
  key_id: 'ApiKey-77777777-1111-4222-8333-444455556666',
  owner: 'ServiceId-1',
  reports: [{ by: 'github', delivery: 'delivery-1', at: timeText(NOW_MS - 2 * HOUR_MS) }],
  reported_at: timeText(NOW_MS - 2 * HOUR_MS),
  contained_at: '',
  replaced_by: '',
  replaced_at: '',
  deleted_at: '',
  dismissed_at: '',
  time_to_contain_ms: null,
  time_to_replace_ms: null,
  tokens_valid_until: '',
  actions: [{ at: timeText(NOW_MS - 2 * HOUR_MS), action: 'reported', result: 'by github, delivery delivery-1' }],
  ...changes,
});
