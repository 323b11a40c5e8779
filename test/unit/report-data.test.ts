import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { dataOf } from '../../shared/report/fleet-report.ts';
import { rowsOfFleet } from '../../shared/report/fleet-rows.ts';
import type { KeyLook } from '../../shared/report/key-looks.ts';
import type { Look } from '../../shared/report/look.ts';
import { rowsOf, shortened, tableOf } from '../../shared/report/row-table.ts';
import { timeText } from '../../shared/rotation/record.ts';
import type { Summary } from '../../shared/rotation/record.ts';
import type { Step } from '../../shared/rotation/step.ts';
import {
  NOW_MS,
  finding,
  incident,
  ledgerWith,
  lookOf,
  manifestOfNames,
  nameOf,
  reportOf,
  summaryOf,
} from '../support/report-scenes.ts';

const containing = (text: string): string => expect.stringContaining(text) as string;

const at = (offsetMs: number): string => timeText(NOW_MS + offsetMs);
const ONE = manifestOfNames(['key-0']);
const summaries = (changes: Partial<Summary>) => new Map([['key-0', summaryOf('key-0', 0, changes)]]);
const looked = (step: Step): Pick<Look, 'looks'> => ({ looks: new Map([['key-0', { step, incidents: [] }]]) });
const unlooked = (reason: 'no_time' | 'not_allowed' | 'failed', isSuspicious = false): Pick<Look, 'looks'> => {
  const look: KeyLook = { step: null, reason, why: 'a made-up reason', isSuspicious };
  return { looks: new Map([['key-0', look]]) };
};
const rowWith = (changes: Partial<Look>) => rowsOfFleet(ONE, lookOf(ONE, changes))[0];
const ask: Step = {
  step: 'ask',
  why: 'why',
  code: 'secret_destroyed',
  problem: 'Secret key-0 (s1) is destroyed.',
  steps: ['ibmcloud secrets-manager secret-delete --id s1'],
};
const hold = (code: 'grace' | 'evidence', sinceMs: number, untilMs: number | null): Step => ({
  step: 'hold',
  why: 'it waits',
  code,
  sinceMs,
  untilMs,
});
const due: Step = { step: 'mint', why: 'the rotation is due', reason: 'due' };

describe('a row', () => {
  it('rests until it is due where its summary says so', () => {
    expect(rowWith({})).toMatchObject({ state: 'rest', keyId: summaryOf('key-0', 0).key_id, code: '', why: '' });
  });

  it.each<[string, Partial<Summary>, object]>([
    ['a former key in grace', { previous_key_id: 'old', retire_after: at(DAY_MS) }, { state: 'hold', code: 'grace' }],
    ['one whose grace is over', { previous_key_id: 'old', retire_after: at(-1) }, { state: 'hold', code: 'retiring' }],
    ['a rotation that is due', { next_due: at(-HOUR_MS) }, { state: 'planned', step: 'mint' }],
    ['failures', { failures: 1, not_before: at(HOUR_MS) }, { state: 'hold', code: 'back-off', failures: 1 }],
    ['a second failure', { failures: 2, not_before: at(HOUR_MS) }, { state: 'failed', code: 'back-off' }],
    ['a dead key', { dead_since: at(-HOUR_MS) }, { state: 'planned', step: 'mint' }],
    ['a leak', { compromised_at: at(-HOUR_MS) }, { state: 'planned', step: 'contain', code: 'compromised' }],
  ])('says what its summary does, of %s', (_, summary, expected) => {
    expect(rowWith({ summaries: summaries(summary) })).toMatchObject(expected);
  });

  it('is not seen where there is no summary, or one of another entry', () => {
    expect(rowWith({ summaries: new Map() })).toMatchObject({ state: 'unseen', code: 'no_secret' });
    expect(rowWith({ summaries: summaries({ name: 'other' }) })).toMatchObject({ state: 'unseen', keyId: '' });
    expect(rowWith({ summaries: summaries({ deployment: 'other' }) })).toMatchObject({ state: 'unseen', keyId: '' });
  });

  it('goes by a look where there was one', () => {
    expect(rowWith(looked(ask))).toMatchObject({
      state: 'ask',
      code: 'secret_destroyed',
      why: ask.step === 'ask' && ask.problem,
    });
    expect(rowWith(looked(hold('evidence', NOW_MS - DAY_MS, null)))).toMatchObject({
      state: 'hold',
      code: 'evidence',
      since: (NOW_MS - DAY_MS) / 1_000,
      until: null,
    });
    expect(rowWith(looked(due))).toMatchObject({ state: 'planned', step: 'mint' });
  });

  it('never looks well where the issuer shows something else and nobody could look', () => {
    expect(rowWith(unlooked('failed', true))).toMatchObject({ state: 'unseen', code: 'suspicious' });
    expect(rowWith(unlooked('failed'))).toMatchObject({ state: 'rest' });
    expect(rowWith(unlooked('failed'))?.why).toContain('not looked at');
  });

  it('asks where people were told that it does, and nothing was seen since that says otherwise', () => {
    const ledger = ledgerWith({ told: { 'key-0 key.asked key_limit_reached': at(-HOUR_MS) } });
    expect(rowWith({ ledger, ...looked(due) })).toMatchObject({ state: 'ask', code: 'key_limit_reached' });
    expect(rowWith({ ledger })).toMatchObject({ state: 'ask', since: (NOW_MS - HOUR_MS) / 1_000 });
    expect(rowWith({ ledger, ...looked({ step: 'rest', why: 'all is well', untilMs: null }) })).toMatchObject({
      state: 'rest',
    });
    const again = ledgerWith({ told: { 'key-0 again:key.failed no_answer': at(-HOUR_MS), 'key-0 failing x': at(0) } });
    expect(rowWith({ ledger: again, ...looked(due) })).toMatchObject({ state: 'failed', code: 'no_answer' });
  });

  it('of an entry without a key says that there is none', () => {
    const keyless = { name: 'job', kind: 'trusted-profile', profileId: 'Profile-1' };
    const manifest = parseManifest({ deployment: 'lab', keys: [keyless] }, 'test');
    expect(rowsOfFleet(manifest, lookOf(manifest))).toMatchObject([{ name: 'job', state: 'keyless' }]);
  });

  it('stands before those that are less urgent', () => {
    const names = ['rest', 'grace', 'asks', 'dead', 'due'].map((name) => `key-${name}`);
    const manifest = manifestOfNames(names);
    const of = (name: string, changes: Partial<Summary>) =>
      [`key-${name}`, summaryOf(`key-${name}`, 0, changes)] as const;
    const rows = rowsOfFleet(
      manifest,
      lookOf(manifest, {
        summaries: new Map([
          of('rest', {}),
          of('grace', { previous_key_id: 'old', retire_after: at(DAY_MS) }),
          of('asks', {}),
          of('dead', { dead_since: at(-DAY_MS) }),
          of('due', { next_due: at(-1) }),
        ]),
        looks: new Map([['key-asks', { step: ask, incidents: [] }]]),
      }),
    );
    expect(rows.map(({ name }) => name)).toEqual(['key-dead', 'key-asks', 'key-due', 'key-grace', 'key-rest']);
  });
});

/** What is told of one entry. */
const toldOf = (changes: Partial<Look>, manifest = ONE) => {
  const { attention, status, headline, unseen, lastRun, lastCheck, incidents } = reportOf(manifest, changes);
  return {
    attention,
    status,
    headline,
    unseen,
    lastRun,
    lastCheck,
    incidents,
    whats: attention.map(({ what, level }) => `${level} ${what}`),
  };
};

describe('what needs a person', () => {
  it('is nothing where all is well, and the headline says so', () => {
    expect(toldOf({})).toMatchObject({
      attention: [],
      status: 'ok',
      headline: 'You have to do nothing now. All of 1 entry are well.',
    });
  });

  it('is a question with its exact steps', () => {
    const { attention, status, headline } = toldOf(looked(ask));
    expect(attention).toMatchObject([
      {
        level: 'high',
        what: 'ask',
        entries: ['key-0'],
        why: 'Secret key-0 (s1) is destroyed.',
        next: ['ibmcloud secrets-manager secret-delete --id s1'],
      },
    ]);
    expect([status, headline]).toEqual(['act', '1 thing needs you now.']);
  });

  it('takes the steps from the check where only a run knows what is asked', () => {
    const ledger = ledgerWith({ told: { 'key-0 key.asked grant_missing': at(-HOUR_MS) } });
    ledger.check.findings = [
      finding({ entry: 'key-0', rule: 'policy-missing', severity: 'high', next: ['ibmcloud iam x'] }),
    ];
    const { attention } = toldOf({ ledger, ...looked(due) });
    expect(attention).toMatchObject([{ what: 'ask', next: ['ibmcloud iam x'], also: [containing('policy-missing')] }]);
  });

  it.each([
    ['is not out of use', incident(), 'critical leak'],
    ['is replaced at once', incident({ contained_at: at(-MINUTE_MS), reported_at: at(-MINUTE_MS) }), 'watch leak'],
    ['is not replaced after a while', incident({ contained_at: at(-HOUR_MS) }), 'critical leak'],
    ['no entry manages, and works', incident({ name: '' }), 'critical leak'],
  ])('is a leaked key that %s', (_, one, expected) => {
    expect(toldOf({ ledger: ledgerWith({ incidents: [one] }) }).whats).toEqual([expected]);
  });

  it.each([
    ['is contained and replaced', incident({ contained_at: at(0), replaced_at: at(0) })],
    ['was reported by mistake', incident({ dismissed_at: at(0) })],
    ['no entry manages, and is out of use', incident({ name: '', contained_at: at(0) })],
  ])('is no leaked key that %s', (_, one) => {
    expect(toldOf({ ledger: ledgerWith({ incidents: [one] }) }).whats).toEqual([]);
  });

  it('is a leak that only the summary tells of, while the ledger cannot be read', () => {
    const changes = { ledger: null, summaries: summaries({ compromised_at: at(-HOUR_MS) }) };
    expect(toldOf(changes).whats).toEqual(['critical leak']);
    // An earlier leak of the entry that is over says nothing of this one.
    const earlier = ledgerWith({ incidents: [incident({ deleted_at: at(-DAY_MS), replaced_at: at(-DAY_MS) })] });
    expect(toldOf({ ...changes, ledger: earlier }).whats).toEqual(['critical leak']);
  });

  it('is a dead key that nothing has replaced', () => {
    expect(toldOf({ summaries: summaries({ dead_since: at(-HOUR_MS) }) }).whats).toEqual(['critical dead']);
    expect(toldOf({ summaries: summaries({ dead_since: at(-MINUTE_MS) }) }).whats).toEqual(['watch dead']);
  });

  it('is a rotation that should have been done by now', () => {
    const late = summaries({ next_due: at(-DAY_MS) });
    expect(toldOf({ summaries: late, ...looked(due) }).whats).toEqual(['high overdue']);
    expect(toldOf({ summaries: late }).whats).toEqual(['watch overdue']);
    expect(toldOf({ summaries: summaries({ next_due: at(-MINUTE_MS) }), ...looked(due) }).whats).toEqual([]);
  });

  it('is work that fails again and again', () => {
    const failing = summaries({ failures: 4, not_before: at(HOUR_MS), failed_at: at(-HOUR_MS) });
    expect(toldOf({ summaries: failing })).toMatchObject({ attention: [{ level: 'high', what: 'failed' }] });
  });

  it('is a wait that is longer than the policy wants, to be watched', () => {
    expect(toldOf(looked(hold('evidence', NOW_MS - 31 * DAY_MS, null))).whats).toEqual(['watch held']);
    expect(toldOf(looked(hold('evidence', NOW_MS - 29 * DAY_MS, null))).whats).toEqual([]);
    expect(toldOf(looked(hold('grace', NOW_MS - 31 * DAY_MS, NOW_MS + DAY_MS))).whats).toEqual([]);
  });

  it('is a critical or high finding, but not one that a look of now has overtaken', () => {
    const ledger = ledgerWith({});
    ledger.check.findings = [
      finding({ severity: 'critical', rule: 'functional-id-lockout' }),
      finding({ severity: 'medium' }),
      finding({ severity: 'high', rule: 'work-failed', entry: 'key-0' }),
    ];
    expect(toldOf({ ledger }).whats).toEqual(['critical finding', 'high finding']);
    expect(toldOf({ ledger, ...looked({ step: 'rest', why: '', untilMs: null }) }).whats).toEqual(['critical finding']);
  });

  it('is a timer that does not call any more', () => {
    const { attention, lastRun } = toldOf({ lastRunMs: NOW_MS - HOUR_MS });
    expect(attention).toMatchObject([{ level: 'critical', what: 'silent' }]);
    expect(lastRun).toEqual({ at: at(-HOUR_MS), isKnown: true, isLate: true });
    expect(toldOf({ lastRunMs: null })).toMatchObject({
      attention: [],
      lastRun: { at: null, isKnown: false, isLate: false },
    });
  });

  it('is a check that does not come any more, and one that never came is said', () => {
    const late = ledgerWith({});
    late.check.at = at(-4 * DAY_MS);
    expect(toldOf({ ledger: late })).toMatchObject({ whats: ['watch silent'], lastCheck: { isLate: true } });
    const never = ledgerWith({});
    never.check.at = '';
    expect(toldOf({ ledger: never })).toMatchObject({ status: 'watch', unseen: [{ code: 'never_checked' }] });
  });

  it('is whoever takes no more notices, what nobody could be told, and entries that are gone', () => {
    const ledger = ledgerWith({ disabled_targets: { slack: at(-DAY_MS) } });
    expect(toldOf({ ledger, unlisted: ['gone-1', 'gone-2'] })).toMatchObject({
      whats: ['watch untold', 'watch unlisted'],
      status: 'watch',
      headline: 'You have to do nothing now. 2 things to keep an eye on.',
    });
  });

  it('is one thing where many entries have the same trouble', () => {
    const names = Array.from({ length: 300 }, (_, place) => nameOf(place));
    const manifest = manifestOfNames(names);
    const looks = new Map(names.map((name) => [name, { step: ask, incidents: [] }]));
    const [first, ...others] = reportOf(manifest, { looks }).attention;
    expect(first).toMatchObject({ what: 'ask', entryCount: 300, title: 'Waits for a person: 300 times' });
    expect(first?.entries).toHaveLength(20);
    expect(others).toEqual([]);
  });

  it('comes with the most urgent first', () => {
    const ledger = ledgerWith({ incidents: [incident({ contained_at: at(-HOUR_MS) })] });
    ledger.check.findings = [
      finding({ severity: 'high', since: at(-DAY_MS) }),
      finding({ severity: 'critical', subject: 'x' }),
    ];
    const { attention } = reportOf(ONE, { ledger, lastRunMs: NOW_MS - HOUR_MS, unlisted: ['gone'] });
    expect(attention.map(({ level }) => level)).toEqual(['critical', 'critical', 'critical', 'high', 'watch']);
  });
});

describe('what cannot be seen', () => {
  const blind = { what: 'the ledger', code: 'forbidden', why: 'may not', next: 'Give it the role.', isEssential: true };

  it('never looks like all is well', () => {
    const { status, headline, attention } = reportOf(ONE, { unseen: [blind], ledger: null });
    expect(status).toBe('blind');
    expect(headline).toBe('Nobody can say whether you have to do anything. 1 part of the whole could not be seen.');
    expect(attention).toMatchObject([
      { what: 'unseen', title: 'This report cannot see the ledger', next: ['Give it the role.'] },
    ]);
  });

  it('is said beside what is to be done', () => {
    const { status, headline } = reportOf(ONE, { unseen: [blind], ...looked(ask) });
    expect([status, headline]).toEqual(['act', '1 thing needs you now. 1 part of the whole could not be seen.']);
  });

  it('is a note where it does not matter now', () => {
    const { status, headline, attention } = reportOf(ONE, { unseen: [{ ...blind, isEssential: false }] });
    expect([status, attention]).toEqual(['watch', []]);
    expect(headline).toBe('You have to do nothing now. 1 part could not be seen, none that matters now.');
  });
});

describe('rows on their way', () => {
  it('come back as they were', () => {
    const time = fc.option(fc.integer({ min: 0, max: 4_000_000_000 }));
    const text = fc.string({ unit: 'binary' });
    const row = fc.record({
      name: text,
      kind: text,
      owner: text,
      state: fc.constantFrom('ask', 'rest', 'unseen'),
      keyId: text,
      formerKeyId: text,
      rotatedAt: time,
      nextDue: time,
      graceOver: time,
      since: time,
      until: time,
      deadSince: time,
      compromisedAt: time,
      failures: fc.nat(),
      code: text,
      step: text,
      why: text,
    });
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const table = tableOf(rows, Infinity);
        expect(rowsOf(JSON.parse(JSON.stringify(table)) as typeof table)).toEqual(rows);
      }),
    );
  });

  it('shorten ids so that people still know them', () => {
    expect(shortened('ApiKey-0a1b2c3d-1111-4222-8333-444455556666')).toBe('ApiKey-0a1b2c3d…');
    expect(shortened('762a7a7d-a3cf-4361-b8a5-10d8ba7a97d0')).toBe('762a7a7d…');
    expect(shortened('IBMid-54EBEDCE47')).toBe('IBMid-54EBEDCE…');
    expect(shortened('21772109')).toBe('21772109');
    expect(shortened('')).toBe('');
  });
});

describe('the size of an answer', () => {
  const LIMIT = 4_000_000;
  const sizeOf = (keyCount: number, changes: (names: string[]) => Partial<Look> = () => ({})) => {
    const names = Array.from({ length: keyCount }, (_, place) => nameOf(place, 60));
    const manifest = manifestOfNames(names);
    const data = dataOf(reportOf(manifest, changes(names)));
    return { bytes: Buffer.byteLength(JSON.stringify(data)), keys: data.keys, names };
  };
  const retiring = (names: string[]): Partial<Look> => ({
    summaries: new Map(
      names.map((name, place) => [
        name,
        summaryOf(name, place, {
          previous_key_id: `ApiKey-${place}-1111-4222-8333-444455556666`,
          retire_after: at(DAY_MS),
        }),
      ]),
    ),
  });
  /** As full as a ledger can be. */
  const full = () => {
    const ledger = ledgerWith({
      incidents: Array.from({ length: 100 }, (_, place) =>
        incident({ incident: `incident-${place}`, name: 'x'.repeat(256), contained_at: at(0), replaced_at: at(0) }),
      ),
    });
    ledger.check.findings = Array.from({ length: 500 }, (_, place) =>
      finding({ subject: `s-${place}`, why: 'w'.repeat(300), severity: 'critical' }),
    );
    return ledger;
  };

  it('is below 4 MB for 20,000 keys with the longest names, and all of them are in it', () => {
    const { bytes, keys, names } = sizeOf(20_000);
    expect(bytes).toBeLessThan(LIMIT);
    expect(keys.omitted).toBe(0);
    expect(new Set(rowsOf(keys).map(({ name }) => name))).toEqual(new Set(names));
  });

  it('is that also while each of them has a former key, and the ledger is full', () => {
    const { bytes, keys, names } = sizeOf(20_000, (all) => ({ ...retiring(all), ledger: full() }));
    expect(bytes).toBeLessThan(LIMIT);
    expect(keys.isShortened).toBe(true);
    expect(keys.rows.length + keys.omitted).toBe(names.length);
    expect(keys.omitted).toBeLessThan(names.length / 3);
  });

  it('is that also where each of them asks for a person', () => {
    const { bytes } = sizeOf(20_000, (names) => ({
      looks: new Map(
        names.map((name, place) => [
          name,
          { step: { ...ask, code: `code_${place}`, steps: ['x'.repeat(300)] }, incidents: [] },
        ]),
      ),
    }));
    expect(bytes).toBeLessThan(LIMIT);
  });

  it('leaves the least urgent out where they are too many, and says how many', () => {
    const { bytes, keys, names } = sizeOf(40_000, retiring);
    expect(bytes).toBeLessThan(LIMIT);
    expect(keys.omitted).toBeGreaterThan(0);
    expect(keys.rows.length + keys.omitted).toBe(names.length);
  });

  it('has whole ids for a fleet of usual size', () => {
    const { keys } = sizeOf(2_000, retiring);
    expect(keys.isShortened).toBe(false);
  });
});

it('no hash of a value is in the report', () => {
  const text = JSON.stringify(dataOf(reportOf(ONE)));
  expect(text).not.toContain('a'.repeat(64));
  expect(text).not.toContain('b'.repeat(64));
});
