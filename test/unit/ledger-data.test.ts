import { describe, expect, it } from 'vitest';
import { emptyLedger, fitted, together, withDismissal, withIncidents } from '../../shared/ledger/ledger-data.ts';
import type { LedgerData } from '../../shared/ledger/ledger-data.ts';
import type { Notice } from '../../shared/notices/notice.ts';
import type { SeenIncident } from '../../shared/rotation/seen-incidents.ts';

const START_MS = Date.UTC(2026, 10, 20, 3);
const at = (minutes: number): string => new Date(START_MS + minutes * 60_000).toISOString();

const seen = (changes: Partial<SeenIncident> = {}): SeenIncident => ({
  incident: 'incident-1',
  name: 'ingest',
  kind: 'service-id-api-key',
  keyId: 'ApiKey-1',
  owner: 'ServiceId-1',
  reports: [{ by: 'github', delivery: 'delivery-1', at: at(0) }],
  reportedAt: at(0),
  containedAt: at(1),
  replacedBy: '',
  replacedAt: '',
  deletedAt: '',
  ...changes,
});

const after = (...all: SeenIncident[]): LedgerData =>
  all.reduce((ledger, one) => withIncidents(ledger, [one]), emptyLedger());

const actionsIn = ({ incidents }: LedgerData) =>
  incidents.flatMap(({ actions }) => actions.map(({ action }) => action));

const notice = (id: string, why: string): Notice => ({
  type: 'key.contained',
  id,
  atMs: START_MS,
  deployment: 'lab',
  name: 'ingest',
  keyId: 'ApiKey-1',
  incident: 'incident-1',
  why,
  next: [],
  details: {},
});

describe('what was done about a leak', () => {
  it('stays told when the leak is seen again: also that it was dismissed once, and what was before', () => {
    const dismissed = withDismissal(after(seen()), 'ApiKey-1', at(5));
    const reportedAgain = seen({
      reports: [{ by: 'github', delivery: 'delivery-2', at: at(9) }],
      reportedAt: at(9),
      containedAt: at(10),
    });
    const once = withIncidents(dismissed, [reportedAgain]);
    const all = ['reported', 'contained', 'dismissed', 'reported', 'contained'];
    expect(actionsIn(once)).toEqual(all);
    expect(withIncidents(once, [reportedAgain])).toEqual(once);
    const replaced = withIncidents(once, [{ ...reportedAgain, replacedBy: 'ApiKey-2', replacedAt: at(11) }]);
    expect(actionsIn(replaced)).toEqual([...all, 'replaced']);
  });

  it('tells the locks that were moved, before and after it is seen without them', () => {
    const replaced = seen({ replacedBy: 'ApiKey-2', replacedAt: at(2) });
    const moved = { ...replaced, movedLocks: ['billing'] };
    const result = 'key ApiKey-2 is stored; locks moved to it: billing';
    for (const ledger of [after(moved, replaced), after(replaced, moved), after(moved, moved)])
      expect(ledger.incidents[0]?.actions.filter(({ action }) => action === 'replaced')).toEqual([
        { at: at(2), action: 'replaced', result },
      ]);
  });

  it('is dismissed once, however often that is written down', () => {
    const once = withDismissal(after(seen()), 'ApiKey-1', at(5));
    expect(withDismissal(once, 'ApiKey-1', at(5))).toEqual(once);
  });
});

describe('the size of the ledger', () => {
  it('does not grow with every delivery: the first reports and the last are kept, and what was done', () => {
    const reports = Array.from({ length: 3_000 }, (_, index) => ({
      by: 'github',
      delivery: `d-${index}`,
      at: at(index),
    }));
    const end = reports.reduce(
      (ledger, report) => withIncidents(ledger, [seen({ name: '', reports: [report] })]),
      emptyLedger(),
    );
    const [incident] = end.incidents;
    expect(incident?.reports.map(({ delivery }) => delivery)).toEqual(['d-0', 'd-1', 'd-2', 'd-3', 'd-4', 'd-2999']);
    expect(actionsIn(end)).toContain('contained');
    expect(JSON.stringify(end).length).toBeLessThan(5_000);
    const whole = withIncidents(end, [seen({ name: '', reports })]);
    expect(withIncidents(whole, [seen({ name: '', reports })])).toEqual(whole);
    expect(whole.incidents[0]?.reports).toEqual(incident?.reports);
  });

  it('stays below what a secret may hold: the oldest incidents go, and the oldest that nobody could be told of', () => {
    const long = 'x'.repeat(9_000);
    const incidents = Array.from({ length: 100 }, (_, index) =>
      seen({ incident: `incident-${index}`, owner: long, reportedAt: at(index) }),
    );
    const undelivered = Array.from({ length: 20 }, (_, index) => notice(`notice-${index}`, long));
    const ledger = fitted({ ...withIncidents(emptyLedger(), incidents), undelivered });
    expect(Buffer.byteLength(JSON.stringify(ledger))).toBeLessThan(400_000);
    expect(ledger.incidents.length).toBeGreaterThan(25);
    expect([ledger.incidents.at(-1)?.incident, ledger.undelivered.at(-1)?.id]).toEqual(['incident-99', 'notice-19']);
  });
});

describe('two ledgers that were written at once', () => {
  it('are one in which nothing of either is lost', () => {
    const base = after(seen());
    const one = withIncidents({ ...base, told: { a: at(1) } }, [seen({ incident: 'incident-2', keyId: 'ApiKey-7' })]);
    const replaced = withIncidents(base, [seen({ replacedBy: 'ApiKey-2', replacedAt: at(2) })]);
    const other = { ...replaced, told: { b: at(2) }, undelivered: [notice('notice-1', 'it leaked')] };
    for (const both of [together(one, other), together(other, one)]) {
      expect(both.incidents.map(({ incident }) => incident).toSorted()).toEqual(['incident-1', 'incident-2']);
      expect(both.incidents.find(({ incident }) => incident === 'incident-1')).toEqual(replaced.incidents[0]);
      expect([Object.keys(both.told).toSorted(), both.undelivered.length]).toEqual([['a', 'b'], 1]);
    }
  });

  it('keep a dismissal that only one of them has', () => {
    const dismissed = withDismissal(after(seen()), 'ApiKey-1', at(5));
    for (const both of [together(dismissed, after(seen())), together(after(seen()), dismissed)])
      expect(both).toEqual(dismissed);
  });
});
