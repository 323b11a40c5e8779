import { describe, expect, it } from 'vitest';
import { MINTED, held, line, told } from '../support/told-logs.ts';

describe('the story of a key', () => {
  it('has a row for each line, with its time in UTC, a verb and what happened', async () => {
    const lines = [
      MINTED,
      line(1, 'key_disabled', { message: 'disable: nobody uses it' }),
      line(2, 'key_held', { key: 'other' }),
      line(3, 'look_failed', {
        level: 'warn',
        message: 'could not look',
        error: { name: 'Error', message: 'no answer' },
      }),
    ];
    const { code, rows, summary, errors } = await told(lines, 'ingest');
    expect(rows).toEqual([
      '2026-01-05 08:00:00  mint      ApiKey-1 is current: there is no key yet',
      '2026-01-05 08:01:00  disable   nobody uses it',
      '2026-01-05 08:03:00  warn      could not look: no answer',
    ]);
    expect(summary).toBe('4 lines read, 3 of ingest, 0 skipped that Keyrota did not write, 1 failure');
    expect([code, errors]).toEqual([0, '']);
  });

  it('names the key of each row where all keys are told', async () => {
    const { rows } = await told([MINTED, line(1, 'run_finished', { key: undefined })]);
    expect(rows).toEqual([
      `2026-01-05 08:00:00  ${'ingest'.padEnd(22)}  mint      ApiKey-1 is current: there is no key yet`,
      `2026-01-05 08:01:00  ${''.padEnd(22)}  info      said by run_finished`,
    ]);
  });

  it('has the steps for a person below a question, and what an error says is to be done', async () => {
    const { rows } = await told([
      line(0, 'person_asked', { message: 'a role is missing', code: 'role_missing', steps: ['give it', 'look again'] }),
      line(1, 'key_failed', { message: 'it failed', error: { name: 'Error', message: 'failed', next: 'Try again.' } }),
      line(2, 'user_without_key', { level: 'error', message: 'none left', removed: '1', next: 'Make one.' }),
    ]);
    expect(rows.filter((row) => row.startsWith('    - '))).toEqual([
      '    - give it',
      '    - look again',
      '    - Try again.',
      '    - Make one.',
    ]);
  });

  it('tells the same hold once, with how often and since when', async () => {
    const looks = Array.from({ length: 12 }, (_, index) => held(10 + index));
    const { rows, summary } = await told(
      [...looks, line(30, 'key_disabled'), held(31, { code: 'quarantine' })],
      'ingest',
    );
    expect(rows).toEqual([
      '2026-01-05 08:10:00  hold      in grace [held since 2026-01-05 08:00:00: 12 looks, the last 2026-01-05 08:21:00]',
      '2026-01-05 08:30:00  disable   said by key_disabled',
      '2026-01-05 08:31:00  hold      in grace',
    ]);
    expect(summary).toContain('14 of ingest');
  });

  it('counts a hold from its first look where nothing tells since when, and begins anew with another reason', async () => {
    const { rows } = await told([
      held(1, { since: null }),
      held(2, { since: null }),
      held(3, { code: 'evidence' }),
      held(4),
    ]);
    expect(rows.map((row) => row.replace(/^.*hold +/, ''))).toEqual([
      'in grace [held since 2026-01-05 08:01:00: 2 looks, the last 2026-01-05 08:02:00]',
      'in grace',
      'in grace',
    ]);
  });

  it('folds the holds of several keys at the same time, in the order in which they began', async () => {
    const lines = [1, 2, 3].flatMap((minute) => [
      held(minute, { key: 'a' }),
      held(minute, { key: 'b', code: 'freeze' }),
    ]);
    const { rows } = await told([...lines, line(9, 'run_finished')]);
    expect(rows.map((row) => row.split(/ {2,}/).slice(1, 3).join(' '))).toEqual(['a hold', 'b hold', 'ingest info']);
    expect(rows.filter((row) => row.includes('3 looks'))).toHaveLength(2);
  });

  it('puts lines in order that come up to a minute late, and counts those that come later', async () => {
    const shuffled = [3, 1, 2, 0, 5, 4].map((tenSeconds) =>
      line(tenSeconds / 6, 'key_created', { message: `${tenSeconds}` }),
    );
    const inOrder = await told(shuffled, 'ingest');
    expect(inOrder.rows.map((row) => row.at(-1)).join('')).toBe('012345');
    expect(inOrder.summary).not.toContain('out of order');
    const late = await told([
      line(0, 'key_created'),
      line(9, 'key_created'),
      line(20, 'key_created'),
      line(5, 'key_created'),
    ]);
    expect(late.summary).toContain('1 out of order by more than a minute: sort them by time first');
    expect(late.rows).toHaveLength(4);
  });

  it('tells lines that say no time where they come', async () => {
    const lines = [
      line(0, 'key_created'),
      line(0, 'key_stored', { at: undefined }),
      line(1, 'key_minted', { at: 'soon' }),
    ];
    const { code, rows } = await told([...lines, line(2, 'key_held')], 'ingest');
    expect(rows.map((row) => row.slice(0, 19).trim())).toEqual([
      '2026-01-05 08:00:00',
      '(no time)',
      '(no time)',
      '2026-01-05 08:02:00',
    ]);
    expect(code).toBe(0);
  });
});

describe('where nothing is found', () => {
  it('which keys there are is said, and it ends with 1', async () => {
    const { code, errors, rows } = await told([MINTED, line(1, 'key_held', { key: 'other' })], 'nobody');
    expect(errors).toBe('keyrota: none of 2 lines is about nobody. There are lines of ingest, other.\n');
    expect([code, rows]).toEqual([1, []]);
  });

  it('of many keys it names a few', async () => {
    const lines = Array.from({ length: 5_000 }, (_, index) =>
      line(index, 'key_held', { key: `key-${index}-${'x'.repeat(300)}` }),
    );
    const { code, errors } = await told(lines, 'nobody');
    expect(errors).toMatch(/ and 980 more\.\n$/);
    expect(errors.length).toBeLessThan(20 * 210 + 200);
    expect(code).toBe(1);
  });

  it.each([
    [[], 'none of 0 lines is a log line of Keyrota.'],
    [['hello', '', '{"a":1}'], 'none of 2 lines is a log line of Keyrota.'],
  ])('%j', async (lines, message) => {
    expect(await told(lines, 'ingest')).toMatchObject({ code: 1, errors: `keyrota: ${message}\n` });
  });

  it('of an incident, a run or a key id it says so', async () => {
    expect((await told([MINTED], undefined, { incident: 'incident-1', run: 'run-9', keyId: 'ApiKey-9' })).errors).toBe(
      'keyrota: none of 1 line is about key ApiKey-9 and run run-9 and incident-1.\n',
    );
  });
});
