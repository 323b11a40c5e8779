import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { LOGS_COMMAND } from '../../infra/operator/logs-command.ts';
import type { LogsOptions } from '../../infra/operator/logs.ts';
import { incidentIdOf } from '../../shared/keys/compromise-mark.ts';
import { MINTED, line, told } from '../support/told-logs.ts';

describe('which lines are told', () => {
  const other = { key: 'other', keyId: 'ApiKey-9' };
  const lines = [
    line(0, 'leak_reported', { key: undefined, run: undefined, request: 'request-1', message: 'a report came' }),
    line(0, 'leak_reported', { key: undefined, run: undefined, request: 'request-2', message: 'another report came' }),
    line(1, 'key_contained', { request: 'request-1', keyId: 'ApiKey-1', incident: incidentIdOf('ApiKey-1') }),
    line(1, 'key_contained', { ...other, request: 'request-2', incident: incidentIdOf('ApiKey-9') }),
    line(1, 'poke_failed', { key: undefined, run: undefined, request: 'request-1', level: 'warn' }),
    line(2, 'sibling_found', { key: undefined, keyId: 'ApiKey-5', leakedKeyId: 'ApiKey-1', request: 'request-1' }),
    line(3, 'key_deleted', { keyId: 'ApiKey-1', run: 'run-2' }),
    line(4, 'key_minted', { ...other, run: 'run-2' }),
    line(5, 'mint_failed', { level: 'error', run: 'run-3' }),
  ];
  const toldOf = async (name: string | undefined, options: LogsOptions) =>
    (await told(lines, name, { ...options, json: true })).rows.map((row) => {
      const { event, key, request } = JSON.parse(row) as Record<string, unknown>;
      return [event, key ?? request].join(' ');
    });

  it('of a key, also those of its report that name none', async () => {
    expect(await toldOf('ingest', {})).toEqual([
      'leak_reported request-1',
      'key_contained ingest',
      'poke_failed request-1',
      'key_deleted ingest',
      'mint_failed ingest',
    ]);
    expect(await toldOf(undefined, { key: 'ingest' })).toEqual(await toldOf('ingest', { key: 'ingest' }));
  });

  it('of an incident, whatever names it or its key', async () => {
    const incident = incidentIdOf('ApiKey-1');
    expect(await toldOf(undefined, { incident })).toEqual([
      'leak_reported request-1',
      'key_contained ingest',
      'poke_failed request-1',
      'sibling_found request-1',
      'key_deleted ingest',
    ]);
  });

  it('of the id of a key, of a run, of both a run and a key', async () => {
    expect(await toldOf(undefined, { keyId: 'ApiKey-5' })).toEqual(expect.arrayContaining(['sibling_found request-1']));
    expect(await toldOf(undefined, { run: 'run-2' })).toEqual(['key_deleted ingest', 'key_minted other']);
    expect(await toldOf('other', { run: 'run-2' })).toEqual(['key_minted other']);
  });

  it('of failures alone: errors, and whatever did not succeed', async () => {
    expect(await toldOf(undefined, { failures: true })).toEqual(['poke_failed request-1', 'mint_failed ingest']);
    expect(await told([line(0, 'made_up', { level: 'error' }), MINTED], 'ingest', { failures: true })).toMatchObject({
      rows: [expect.stringContaining('said by made_up')],
      summary: expect.stringContaining('1 of ingest') as string,
    });
  });

  it.each<[string, number]>([
    ['1436m', 5],
    ['2026-01-05T08:04', 2],
    ['2026-01-05 08:04:00Z', 2],
    ['2026-01-05T10:04:00+02:00', 2],
    ['2026-01-05', 9],
    ['2d', 9],
  ])('since %s', async (since, count) => {
    expect(await toldOf(undefined, { since })).toHaveLength(count === 5 ? 2 : count);
  });

  it('where nothing is left of what was found, that is no failure of the command', async () => {
    expect(await told(lines, 'other', { failures: true })).toMatchObject({ code: 0, rows: [] });
    expect(await told(lines, 'other', { since: '2026-02-01' })).toMatchObject({ code: 0, rows: [] });
  });

  it.each<[string | undefined, LogsOptions, RegExp]>([
    ['ingest', { key: 'other' }, /name different keys/],
    [' ', {}, /^key: is empty/],
    [undefined, { run: '' }, /^run: is empty/],
    [undefined, { since: 'yesterday' }, /^--since: must be a duration such as/],
    [undefined, { since: '2026-13-45' }, /^--since: must be/],
    [undefined, { since: '2026-01-05T25:00' }, /^--since: must be/],
  ])('%j %j is wrong input', async (name, options, message) => {
    await expect(told([MINTED], name, options)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('what Commander is told', () => {
  /** What the action is given for such a command line. */
  const given = async (...words: string[]) => {
    const ran: (() => Promise<number>)[] = [];
    const command = new Command('logs').exitOverride().configureOutput({ writeErr: () => undefined });
    LOGS_COMMAND.define(command, (work) => {
      ran.push(work);
      return Promise.resolve();
    });
    await command.parseAsync(words, { from: 'user' });
    return {
      options: command.opts(),
      args: command.args,
      ran: ran.length,
      flags: command.options.map(({ long }) => long),
    };
  };

  it('has the options of the command, which the page has as well', async () => {
    const words = 'ingest --key ingest --key-id ApiKey-1 --run run-1 --incident incident-1 --failures --since 7d';
    const { options, args, ran, flags } = await given(...words.split(' '));
    const wanted: Required<Omit<LogsOptions, 'json'>> = {
      key: 'ingest',
      keyId: 'ApiKey-1',
      run: 'run-1',
      incident: 'incident-1',
      failures: true,
      since: '7d',
    };
    expect({ options, args, ran }).toEqual({ options: wanted, args: ['ingest'], ran: 1 });
    const page = readFileSync('docs/logs.md', 'utf8');
    expect([...flags, '--json'].filter((flag) => !page.includes(`\`${flag}`))).toEqual([]);
    expect(page).toContain(LOGS_COMMAND.examples[0]?.line);
  });

  it('takes one name', async () => {
    await expect(given('one', 'two')).rejects.toThrow('too many arguments');
    expect((await given()).ran).toBe(1);
  });
});
