import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { KeyRow } from '../../shared/report/fleet-data.ts';
import { rowsOfFleet } from '../../shared/report/fleet-rows.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { ALL, filterIn, filtered, hashOf, worstOf } from '../../shared/report/page/filter.ts';
import { lifeOf } from '../../shared/report/page/key-line.ts';
import { AHEAD_MS, BACK_MS, lineOf } from '../../shared/report/page/row-line.ts';
import { partsOf } from '../../shared/report/page/steps.ts';
import { absolute, reasonOf, relative, sentence, visible } from '../../shared/report/page/words.ts';
import { NOW_MS, finding, lookOf, manifestOfNames, summaryOf } from '../support/report-scenes.ts';

const textOf = (atMs: number): string => new Date(atMs).toISOString();

describe('words on the page', () => {
  it('show what nobody would see, by its number', () => {
    expect(visible('a\u202Egpj.exe')).toBe('a⟨U+202E⟩gpj.exe');
    expect(visible('two\nlines\u0000\u200B')).toBe('two⟨U+000A⟩lines⟨U+0000⟩⟨U+200B⟩');
    expect(visible('<img src=x onerror=alert(1)> "é" – …')).toBe('<img src=x onerror=alert(1)> "é" – …');
  });

  it('tell times in relation to the clock of the answer', () => {
    expect(relative(NOW_MS - 10_000, NOW_MS)).toBe('just now');
    expect(relative(NOW_MS - 12 * MINUTE_MS, NOW_MS)).toBe('12 min ago');
    expect(relative(NOW_MS + 5 * HOUR_MS, NOW_MS)).toBe('in 5 h');
    expect(relative(NOW_MS - 40 * DAY_MS, NOW_MS)).toBe('40 d ago');
    expect(absolute(NOW_MS)).toBe('2026-11-20 03:00 UTC');
  });

  it('make sentences of what was written for programs too', () => {
    expect(sentence('the rotation was due 2026-11-18T03:00:00.000Z')).toBe(
      'the rotation was due 2026-11-18 03:00 UTC.',
    );
    expect(sentence('Done.')).toBe('Done.');
    expect(sentence('')).toBe('');
  });
});

describe('a step for a person', () => {
  const commandsIn = (step: string) => partsOf(step).flatMap(({ text, isCommand }) => (isCommand ? [text] : []));

  it.each([
    ['ibmcloud secrets-manager secret-delete --id 7a-b', ['ibmcloud secrets-manager secret-delete --id 7a-b']],
    [
      'If nobody needs it: ibmcloud secrets-manager secret-delete --id s1. The next run then stores a new key.',
      ['ibmcloud secrets-manager secret-delete --id s1'],
    ],
    ['keyrota explain ingest, which tells what keeps it', ['keyrota explain ingest']],
    ['If it leaked, or is not to be used: keyrota rotate ingest --force', ['keyrota rotate ingest --force']],
    [
      'ibmcloud iam user-policy-create USER --roles "User API key creator" --service-name iam-identity',
      ['ibmcloud iam user-policy-create USER --roles "User API key creator" --service-name iam-identity'],
    ],
    ['ibmcloud ce sub cron list: is there one for rotate-keys, and is it ready?', ['ibmcloud ce sub cron list']],
    [
      'jq -r .apikey key.json | keyrota import ingest, and delete key.json.',
      ['jq -r .apikey key.json | keyrota import ingest'],
    ],
    [
      'List them: ibmcloud iam service-ids; ibmcloud resource service-keys',
      ['ibmcloud iam service-ids', 'ibmcloud resource service-keys'],
    ],
    ['Find out who locked it, and why.', []],
    ['Nothing, while the timer of rotate-keys runs: it deletes the key.', []],
  ])('has its commands apart: %s', (step, commands) => {
    expect(commandsIn(step)).toEqual(commands);
  });

  it('loses nothing when it is taken apart', () => {
    const words = fc.constantFrom(
      'ibmcloud',
      'keyrota',
      'explain',
      'x',
      ', ',
      ': ',
      '. ',
      "'a, b'",
      ' which ',
      ' ',
      '|',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(words), (pieces) => {
        const step = pieces.join('');
        expect(
          partsOf(step)
            .map(({ text }) => text)
            .join(''),
        ).toBe(step);
      }),
    );
  });
});

describe('the filter', () => {
  const rows = rowsOfFleet(
    manifestOfNames(['alpha', 'beta', 'gamma']),
    lookOf(manifestOfNames(['alpha', 'beta', 'gamma'])),
  );
  const names = (change: Partial<typeof ALL>, worst = new Map()) =>
    filtered(rows, { ...ALL, ...change }, worst)
      .map(({ name }) => name)
      .toSorted();

  it('finds keys by name, key id and owner, whatever their case', () => {
    const beta = rows.find(({ name }) => name === 'beta');
    expect(names({ text: 'ET' })).toEqual(['beta']);
    expect(names({ text: beta?.keyId.toUpperCase() ?? '' })).toEqual(['beta']);
    expect(names({ text: beta?.owner ?? '' })).toEqual(['beta']);
    expect(names({ text: 'nowhere' })).toEqual([]);
  });

  it('finds an id that was shortened by the whole one, and no other', () => {
    const short = rows.map((row) => ({ ...row, keyId: `${row.keyId.slice(0, 15)}…` }));
    const whole = rows[1]?.keyId ?? '';
    expect(filtered(short, { ...ALL, text: whole }, new Map()).map(({ name }) => name)).toEqual([rows[1]?.name]);
  });

  it('takes findings that are as bad as wanted, or worse', () => {
    const worst = worstOf([
      finding({ entry: 'alpha', severity: 'low' }),
      finding({ entry: 'alpha', severity: 'high' }),
      finding({ entry: 'beta', severity: 'medium' }),
    ]);
    expect(names({ severity: 'high' }, worst)).toEqual(['alpha']);
    expect(names({ severity: 'medium' }, worst)).toEqual(['alpha', 'beta']);
    expect(names({ severity: 'critical' }, worst)).toEqual([]);
  });

  it('is kept in the address, and comes back from it', () => {
    const filter = {
      text: 'a & b=<c>#é',
      state: 'ask',
      kind: 'user-api-key',
      severity: 'high',
      page: 3,
      key: 'ingest',
    } as const;
    expect(filterIn(hashOf(filter))).toEqual(filter);
    expect(hashOf(ALL)).toBe('');
    expect(filterIn('')).toEqual(ALL);
  });

  it('takes whatever is wrong in the address for not said', () => {
    expect(filterIn('#state=broken&severity=worst&page=-3&nonsense=1')).toEqual(ALL);
    expect(filterIn('#page=1.5')).toEqual(ALL);
    fc.assert(
      fc.property(fc.string(), (hash) => {
        expect(filterIn(hashOf(filterIn(hash)))).toEqual(filterIn(hash));
      }),
    );
  });
});

const [row] = rowsOfFleet(manifestOfNames(['alpha']), lookOf(manifestOfNames(['alpha'])));
const seconds = (atMs: number): number => atMs / 1_000;
const rowWith = (changes: Partial<KeyRow>): KeyRow => {
  if (!row) throw new Error('no row');
  return { ...row, ...changes };
};

describe('the timeline of a row', () => {
  it('shows the current key, the one in grace and what is due, and says the same in words', () => {
    const { spans, marks, text } = lineOf(
      rowWith({
        rotatedAt: seconds(NOW_MS - 3 * DAY_MS),
        nextDue: seconds(NOW_MS + 25 * DAY_MS),
        formerKeyId: 'ApiKey-old',
        graceOver: seconds(NOW_MS + 4 * DAY_MS),
      }),
      NOW_MS,
    );
    expect(spans).toEqual([
      { lane: 'current', fromMs: NOW_MS - 3 * DAY_MS, untilMs: NOW_MS, look: 'current' },
      { lane: 'former', fromMs: NOW_MS - 3 * DAY_MS, untilMs: NOW_MS + 4 * DAY_MS, look: 'grace' },
      { lane: 'current', fromMs: NOW_MS, untilMs: NOW_MS + 25 * DAY_MS, look: 'coming' },
    ]);
    expect(marks).toEqual([{ lane: 'current', atMs: NOW_MS + 25 * DAY_MS, look: 'due' }]);
    expect(text).toBe('current key since 3 d ago; old key ApiKey-old in grace, over in 4 d; next due in 25 d');
  });

  it('keeps to its window, whatever the times', () => {
    const anyTime = fc.option(fc.integer({ min: 0, max: 4_000_000_000 }));
    fc.assert(
      fc.property(
        anyTime,
        anyTime,
        anyTime,
        anyTime,
        anyTime,
        (rotatedAt, nextDue, graceOver, deadSince, compromisedAt) => {
          const given = rowWith({ rotatedAt, nextDue, graceOver, deadSince, compromisedAt, formerKeyId: 'ApiKey-old' });
          const { spans, marks } = lineOf(given, NOW_MS);
          const times = [
            ...spans.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]),
            ...marks.map(({ atMs }) => atMs),
          ];
          expect(times.every((atMs) => NOW_MS - BACK_MS <= atMs && atMs <= NOW_MS + AHEAD_MS)).toBe(true);
          expect(spans.every(({ fromMs, untilMs }) => fromMs < untilMs)).toBe(true);
        },
      ),
    );
  });

  it('says when a key is dead, leaked or overdue', () => {
    const { spans, marks, text } = lineOf(
      rowWith({
        rotatedAt: seconds(NOW_MS - 40 * DAY_MS),
        nextDue: seconds(NOW_MS - DAY_MS),
        deadSince: seconds(NOW_MS - 2 * HOUR_MS),
        compromisedAt: seconds(NOW_MS - 2 * HOUR_MS),
      }),
      NOW_MS,
    );
    expect(spans.map(({ look }) => look)).toEqual(['current', 'dead']);
    expect(marks.map(({ look }) => look)).toEqual(['overdue', 'leak']);
    expect(text).toBe('current key since 40 d ago; dead since 2 h ago; was due 24 h ago; a leak was reported 2 h ago');
  });
});

describe('the drawing of a whole life', () => {
  const story = (changes: Partial<KeyStory>): KeyStory => ({
    name: 'alpha',
    kind: 'service-id-api-key',
    owner: 'ServiceId-1',
    state: 'active',
    takenAt: textOf(NOW_MS),
    secret: { name: 'alpha', groupId: 'group', type: 'arbitrary', id: 's1', state: 'active' },
    decision: {
      step: 'rest',
      rule: 'rest-until-due',
      why: '',
      code: null,
      keyId: null,
      since: null,
      until: null,
      next: [],
    },
    versions: [],
    keys: [],
    incidents: [],
    past: [],
    ahead: [],
    ...changes,
  });
  const at = (days: number) => textOf(NOW_MS + days * DAY_MS);
  const event = (days: number, what: KeyStory['past'][number]['what'], keyId: string | null) => ({
    at: at(days),
    what,
    keyId,
    text: what,
  });

  it('has a line for each key, from its creation to its end', () => {
    const life = lifeOf(
      story({
        past: [
          event(-40, 'created', 'old'),
          event(-10, 'superseded', 'old'),
          event(-10, 'created', 'new'),
          event(-3, 'disabled', 'old'),
          event(-1, 'deleted', 'old'),
        ],
        ahead: [event(20, 'due', 'new'), event(80, 'expires', 'new')],
      }),
      NOW_MS,
    );
    expect(life?.keyIds).toEqual(['old', 'new']);
    const told = life?.spans.map(({ keyId, look, fromMs, untilMs }) => [
      keyId,
      look,
      (fromMs - NOW_MS) / DAY_MS,
      (untilMs - NOW_MS) / DAY_MS,
    ]);
    expect(told).toEqual([
      ['old', 'current', -40, -10],
      ['old', 'retiring', -10, -3],
      ['old', 'disabled', -3, -1],
      ['new', 'current', -10, 0],
      ['new', 'coming', 0, 20],
    ]);
    // The expiry comes long after: it would leave no room for the rest.
    expect(life?.marks.map(({ what }) => what)).not.toContain('expires');
  });

  it('is left out where nothing has a time', () => {
    expect(lifeOf(story({}), NOW_MS)).toBeNull();
  });

  it('shows the latest keys of a long history', () => {
    const past = Array.from({ length: 40 }, (_, place) => event(-400 + place * 10, 'created', `key-${place}`));
    expect(lifeOf(story({ past }), NOW_MS)?.keyIds).toEqual(
      Array.from({ length: 12 }, (_, place) => `key-${place + 28}`),
    );
  });
});

describe('the reason in a row', () => {
  it('is made from its summary where nobody looked', () => {
    const summary = { previous_key_id: 'ApiKey-old', retire_after: textOf(NOW_MS + DAY_MS) };
    const manifest = manifestOfNames(['alpha']);
    const summaries = new Map([['alpha', summaryOf('alpha', 0, summary)]]);
    const [waiting] = rowsOfFleet(manifest, lookOf(manifest, { summaries }));
    expect(waiting && reasonOf(waiting)).toBe('waits for the grace of the old key');
    expect(reasonOf(rowWith({ state: 'planned', step: 'mint' }))).toBe('the next run makes a new key');
    expect(reasonOf(rowWith({ state: 'rest' }))).toBe('');
  });
});
