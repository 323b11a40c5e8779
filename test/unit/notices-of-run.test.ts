import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { incidentIdOf } from '../../shared/keys/compromise-mark.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Notice } from '../../shared/notices/notice.ts';
import { noticesOfRun, untold } from '../../shared/notices/of-run.ts';
import type { Told } from '../../shared/notices/of-run.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import type { SeenIncident } from '../../shared/rotation/seen-incidents.ts';
import { keyReport as report } from '../support/account.ts';

const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
const START_MS = Date.UTC(2026, 10, 20, 3);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const manifestOf = (names: readonly string[]) =>
  parseManifest(
    {
      deployment: 'prod',
      defaults: { hold: { atMost: '30d' } },
      keys: names.map((name) => ({ kind: 'service-id-api-key', name, serviceId: `ServiceId-${name}` })),
    },
    'test',
  );

const REST = report();
const ASK = report({ outcome: 'ask', code: 'role_missing', why: 'A role is missing.', next: ['ibmcloud iam …'] });
const FAILED = report({ outcome: 'failed', code: 'service_failed', why: 'createApiKey: status 500' });
const hold = (changes: Partial<KeyReport>) =>
  report({ outcome: 'hold', code: 'evidence', why: 'it waits', ...changes });
const stepped = (...steps: KeyReport['steps']) => report({ steps });

/** Runs of one installation, one a minute, that remember what was told. */
class Life {
  told: Told = {};
  nowMs = START_MS;
  readonly #manifest;

  constructor(names: readonly string[] = ['ingest', 'other']) {
    this.#manifest = manifestOf(names);
  }

  run(...reports: KeyReport[]) {
    this.nowMs += MINUTE_MS;
    const outcome = noticesOfRun(reports, this.told, this.nowMs, { accountId: ACCOUNT_ID, manifest: this.#manifest });
    this.told = outcome.told;
    return outcome;
  }

  /** The types of the notices of each run. */
  types(...runs: KeyReport[]): string[][] {
    return runs.map((one) => this.run(one).notices.map(({ type }) => type));
  }
}

const MINT = { step: 'mint', why: 'the rotation was due', keyId: 'ApiKey-2' } as const;

describe('what was done', () => {
  it.each(['first', 'due', 'asked', 'moved', 'expired', 'undo', 'adopted', 'imported'] as const)(
    'is a rotation where a new key came because of: %s',
    (reason) => {
      expect(new Life().types(stepped({ ...MINT, reason }))).toEqual([['key.rotated']]);
    },
  );

  it.each(['compromised', 'disabled', 'lost'] as const)(
    'is a replacement where a new key came because of: %s',
    (reason) => {
      const [notice] = new Life().run(stepped({ ...MINT, reason })).notices;
      expect(notice).toMatchObject({ type: 'key.replaced', keyId: 'ApiKey-2', details: { reason } });
      expect(notice?.next).toEqual([expect.stringContaining('secret ingest')]);
    },
  );

  it('is told with key, account, actions, time and the next step', () => {
    const contain = { step: 'contain', why: 'key ApiKey-1 was reported as compromised', keyId: 'ApiKey-1' } as const;
    const mint = { ...MINT, reason: 'compromised', why: 'key ApiKey-1 was reported as compromised' } as const;
    const { notices } = new Life().run(stepped(contain, mint));
    expect(notices.map(({ type }) => type)).toEqual(['key.contained', 'key.replaced']);
    expect(notices[0]).toEqual({
      type: 'key.contained',
      id: expect.stringMatching(/^notice_[0-9a-f]{32}$/) as string,
      atMs: START_MS + MINUTE_MS,
      deployment: 'prod',
      name: 'ingest',
      keyId: 'ApiKey-1',
      incident: incidentIdOf('ApiKey-1'),
      why: 'key ApiKey-1 was reported as compromised',
      next: [
        'Its successor will be in secret ingest: have every consumer fetch that anew.',
        'Find where key ApiKey-1 leaked, and who used it: tokens that were got with it may work for a while.',
      ],
      details: {
        account: ACCOUNT_ID,
        kind: 'service-id-api-key',
        owner: 'ServiceId-ingest',
        secret: 'ingest',
        steps: ['contain ApiKey-1', 'mint ApiKey-2'],
      },
    });
  });

  it('has the same id whoever tells it, and another for another key', () => {
    const idOf = (keyId: string, life = new Life()) => life.run(stepped({ ...MINT, keyId })).notices[0]?.id;
    const late = new Life();
    late.nowMs += DAY_MS;
    expect(idOf('ApiKey-2', late)).toBe(idOf('ApiKey-2'));
    expect(idOf('ApiKey-3')).not.toBe(idOf('ApiKey-2'));
  });

  it('is told again of a key that was enabled again, and contained on another day', () => {
    const life = new Life();
    const contained = stepped({ step: 'contain', why: 'it leaked', keyId: 'ApiKey-1' });
    const first = life.run(contained).notices[0]?.id;
    expect(life.run(contained).notices[0]?.id).toBe(first);
    life.nowMs += DAY_MS;
    expect(life.run(contained).notices[0]?.id).not.toBe(first);
  });

  it.each(['extend', 'disable', 'delete', 'discard', 'release'] as const)(
    'is no news where a key went its way: %s',
    (step) => {
      expect(new Life().types(stepped({ step, why: 'as planned', keyId: 'ApiKey-1' }))).toEqual([[]]);
    },
  );

  it('is nothing in a dry run, nor with a key that is in the manifest no more', () => {
    const planned = { ...stepped({ ...MINT, reason: 'due' }), outcome: 'planned' } as const;
    expect(new Life().types(planned, report({ name: 'gone', steps: [MINT] }))).toEqual([[], []]);
  });
});

describe('a person who is asked', () => {
  it('is asked once, as long as it lasts, with the exact steps', () => {
    const life = new Life();
    const [notice] = life.run(ASK).notices;
    expect(notice).toMatchObject({
      type: 'key.asked',
      keyId: null,
      why: 'A role is missing.',
      next: ['ibmcloud iam …'],
    });
    expect(life.types(ASK, ASK, ASK)).toEqual([[], [], []]);
  });

  it('is asked again when it was over and came back, under another id', () => {
    const life = new Life();
    const first = life.run(ASK).notices[0]?.id;
    expect(life.types(REST)).toEqual([[]]);
    const second = life.run(ASK).notices[0]?.id;
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
  });

  it('is asked for another thing beside', () => {
    expect(new Life().types(ASK, { ...ASK, code: 'quota_full' }, ASK)).toEqual([
      ['key.asked'],
      ['key.asked'],
      ['key.asked'],
    ]);
  });

  it.each<[string, KeyReport]>([
    ['fails', FAILED],
    ['had no time', report({ outcome: 'left', code: 'no_time' })],
    ['sees a mint under way', hold({ code: 'mint-under-way' })],
    ['sees a list that lags', hold({ code: 'not-visible-yet' })],
    ['waits after a failure', hold({ code: 'back-off' })],
  ])('is not asked again after a run that %s', (_, between) => {
    expect(new Life().types(ASK, between, ASK)).toEqual([['key.asked'], [], []]);
  });

  it('is not asked again where a run did not look at the key', () => {
    const life = new Life();
    expect(life.types(ASK, report({ name: 'other' }), ASK)).toEqual([['key.asked'], [], []]);
  });
});

describe('a key that waits', () => {
  const since = new Date(START_MS - 30 * DAY_MS).toISOString();
  const later = new Date(START_MS + DAY_MS).toISOString();

  it('is told when a person is asked for it', () => {
    expect(new Life().types({ ...ASK, code: 'held_too_long' })).toEqual([['key.held_too_long']]);
  });

  it('is told once when it has waited longer than hold.atMost, and not before', () => {
    const young = hold({ code: 'consumer-lock', since: new Date(START_MS - 29 * DAY_MS).toISOString() });
    const old = hold({ code: 'consumer-lock', since });
    expect(new Life().types(young, old, old, REST)).toEqual([[], ['key.held_too_long'], [], []]);
  });

  it('is told at once where its current key is out of use, once', () => {
    const leaked: SeenIncident = {
      incident: 'incident-1',
      name: 'ingest',
      kind: 'service-id-api-key',
      keyId: 'ApiKey-1',
      owner: 'ServiceId-1',
      reports: [],
      reportedAt: since,
      containedAt: since,
      replacedBy: '',
      replacedAt: '',
      deletedAt: '',
    };
    const dead = hold({ code: 'consumer-lock', incidents: [leaked] });
    const gone = { ...leaked, replacedBy: 'ApiKey-2', replacedAt: since };
    expect(new Life().types(dead, dead, REST)).toEqual([['key.held_too_long'], [], []]);
    expect(new Life().types(hold({ code: 'mint-under-way', incidents: [leaked] }))).toEqual([[]]);
    expect(new Life().types(hold({ code: 'consumer-lock', incidents: [gone] }))).toEqual([['key.replaced']]);
  });

  it('is no news where it ends by itself at a known time, or nobody knows since when', () => {
    const life = new Life();
    expect(life.types(hold({ since, until: later, code: 'grace' }), hold({ since: null, code: 'paused' }))).toEqual([
      [],
      [],
    ]);
  });
});

describe('a failure', () => {
  it('is told when it came twice in a row, and once as long as it lasts', () => {
    const life = new Life();
    expect(life.types(FAILED, FAILED, FAILED, REST, FAILED)).toEqual([[], ['key.failed'], [], [], []]);
    expect(life.run(FAILED).notices[0]).toMatchObject({
      why: 'createApiKey: status 500',
      next: [expect.stringContaining('keyrota plan ingest')],
      details: { code: 'service_failed' },
    });
  });

  it('comes in a row though the key waits between two attempts', () => {
    const wait = hold({ code: 'back-off' });
    expect(new Life().types(FAILED, wait, wait, FAILED, wait, FAILED)).toEqual([[], [], [], ['key.failed'], [], []]);
  });

  it('of another kind is the second in a row too, and is told beside the first', () => {
    const other = { ...FAILED, code: 'throttled' };
    expect(new Life().types(FAILED, other, FAILED, other)).toEqual([[], ['key.failed'], ['key.failed'], []]);
  });

  it('is told at once where a leak is contained', () => {
    const contained = { ...FAILED, steps: [{ step: 'contain', why: 'it leaked', keyId: 'ApiKey-1' }] } as const;
    expect(new Life().types({ ...contained, steps: [...contained.steps] })).toEqual([['key.contained', 'key.failed']]);
    expect(new Life().types({ ...FAILED, failedStep: 'contain' })).toEqual([['key.failed']]);
  });
});

describe('many notices alike', () => {
  const NAMES = Array.from({ length: 300 }, (_, index) => `key-${index}`);

  it('are one that counts and names the keys', () => {
    const { notices, told } = new Life(NAMES).run(...NAMES.map((name) => ({ ...ASK, name })));
    expect(notices).toMatchObject([{ type: 'key.asked', name: null, details: { code: 'role_missing', count: 300 } }]);
    expect(notices[0]?.why).toBe('300 keys. The first, key-0: A role is missing.');
    expect(Object.keys(told)).toHaveLength(300);
  });

  it('are told one by one where keys leaked', () => {
    const reports = NAMES.map((name) => ({ ...stepped({ step: 'contain', why: 'it leaked', keyId: name }), name }));
    expect(new Life(NAMES).run(...reports).notices).toHaveLength(300);
  });

  it('are told one by one where they are few', () => {
    const reports = ['key-1', 'key-2', 'key-3', 'key-4', 'key-5'].map((name) => ({ ...ASK, name }));
    expect(new Life(NAMES).run(...reports).notices.map(({ name }) => name)).toEqual(reports.map(({ name }) => name));
  });
});

describe('what was told', () => {
  it('is forgotten with the entry', () => {
    const life = new Life(['ingest']);
    life.told = { 'gone key.asked role_missing': new Date(START_MS).toISOString() };
    life.run(REST);
    expect(life.told).toEqual({});
  });

  it('never grows beyond what it may hold; what finds no room is counted, and told once there is room', () => {
    const names = Array.from({ length: 1_200 }, (_, index) => `key-${index}`);
    const life = new Life(names);
    const asks = names.map((name) => ({ ...ASK, name }));
    const { notices, unsaidCount } = life.run(...asks);
    expect([notices[0]?.details['count'], Object.keys(life.told).length, unsaidCount]).toEqual([1_000, 1_000, 200]);
    expect(life.run(...asks).notices).toEqual([]);
    life.run(...names.slice(0, 300).map((name) => ({ ...REST, name })));
    expect(life.run(...asks.slice(1_000)).notices[0]?.details['count']).toBe(200);
    expect(Buffer.byteLength(JSON.stringify(life.told))).toBeLessThan(100_000);
  });

  it('is told by the next run under the same id where nobody could be told', () => {
    const life = new Life();
    const outcome = life.run(ASK);
    life.told = untold(outcome, outcome.notices);
    expect(life.run(ASK).notices.map(({ id }) => id)).toEqual(outcome.notices.map(({ id }) => id));
    expect(life.run(ASK).notices).toEqual([]);
  });

  it('is told by the next run too where it was one of many, and not where it is over by then', () => {
    const names = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    const life = new Life(names);
    const asks = names.map((name) => ({ ...ASK, name }));
    const outcome = life.run(...asks);
    life.told = untold(outcome, outcome.notices);
    expect(life.run({ ...REST, name: 'key-0' }, ...asks.slice(1)).notices).toMatchObject([{ details: { count: 29 } }]);
  });
});

describe('any life', () => {
  const names = ['a1', 'b2', 'c3'];
  const since = new Date(START_MS - 40 * DAY_MS).toISOString();
  const states: KeyReport[] = [
    REST,
    ASK,
    { ...ASK, code: 'held_too_long' },
    FAILED,
    { ...FAILED, code: 'throttled' },
    hold({ since, code: 'consumer-lock' }),
    hold({ code: 'back-off' }),
    hold({ code: 'mint-under-way' }),
    report({ outcome: 'left', code: 'no_time' }),
  ];
  const runs = fc.array(
    fc.record({
      states: fc.tuple(...names.map((name) => fc.option(fc.constantFrom(...states).map((one) => ({ ...one, name }))))),
      isUndelivered: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  const isOver = ({ outcome, code }: KeyReport, of: Notice) =>
    outcome === 'rest' || ((outcome === 'ask' || code === 'consumer-lock') && code !== of.details['code']);

  it('tells no fact twice: between two notices of one state it was over', () => {
    fc.assert(
      fc.property(runs, (all) => {
        const life = new Life(names);
        const open = new Map<string, Notice>();
        const seen = new Set<string>();
        for (const { states: given, isUndelivered } of all) {
          const reports = given.filter((one) => one !== null);
          for (const [what, notice] of open) {
            if (reports.some((one) => one.name === notice.name && isOver(one, notice))) open.delete(what);
          }
          const outcome = life.run(...reports);
          if (isUndelivered) {
            life.told = untold(outcome, outcome.notices);
            continue;
          }
          for (const notice of outcome.notices) {
            const what = `${notice.name} ${notice.type} ${String(notice.details['code'])}`;
            expect([open.has(what), seen.has(notice.id)]).toEqual([false, false]);
            open.set(what, notice);
            seen.add(notice.id);
          }
        }
      }),
    );
  });

  it('shows no failure that came alone', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(REST, ASK), { maxLength: 20 }), (others) => {
        const life = new Life();
        for (const other of others) expect(life.types(FAILED, other).flat()).not.toContain('key.failed');
      }),
    );
  });
});
