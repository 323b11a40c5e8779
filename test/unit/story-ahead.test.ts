import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { plan } from '../../shared/rotation/plan.ts';
import { storyAhead } from '../../shared/report/story-ahead.ts';
import { storyPast } from '../../shared/report/story-past.ts';
import {
  NOW_MS,
  daysAgo,
  guard,
  hoursAgo,
  isoIn,
  keyThat,
  managedKey,
  observation,
  secretWith,
  version,
} from '../support/observations.ts';

type Seen = Parameters<typeof observation>[0];

const aheadOf = (seen: Seen, key: ManagedKey = managedKey()) => {
  const world = observation(seen);
  return storyAhead(key, world, plan(key, world, NOW_MS), NOW_MS);
};
const told = (seen: Seen, key?: ManagedKey) => aheadOf(seen, key).map(({ what, keyId, at }) => [what, keyId, at]);

/** K1 was superseded by K2 so many days ago. */
const superseded = (days: number, former: Parameters<typeof keyThat>[1] = {}): Seen => ({
  secret: secretWith([version('K1', daysAgo(days + 20), { locks: [guard()] }), version('K2', daysAgo(days))]),
  keys: [keyThat('K1', { expiresAtMs: null, ...former }), keyThat('K2', { expiresAtMs: null })],
});
const due = ['due', 'K2', expect.any(String)];

describe('what a story foresees', () => {
  it('of a grace is its end, with what follows', () => {
    const [first] = aheadOf(superseded(2));
    expect(first).toEqual({
      at: isoIn(5 * DAY_MS),
      what: 'grace over',
      keyId: 'K1',
      text: 'the grace of key K1 is over; then it is disabled as soon as the evidence is there, and deleted 3d later',
    });
    const [undisabled] = aheadOf(superseded(2, { canDisable: false }));
    expect(undisabled?.text).toContain('then it is deleted 3d after the evidence is there');
  });

  it('of a key that goes now is both of its steps', () => {
    expect(told(superseded(9))).toEqual([['disabled', 'K1', isoIn(0)], ['deleted', 'K1', isoIn(3 * DAY_MS)], due]);
    expect(told(superseded(12, { disabled: true, disabledAtMs: daysAgo(4) }))).toEqual([
      ['deleted', 'K1', isoIn(0)],
      due,
    ]);
  });

  it('of a quarantine is its end', () => {
    expect(told(superseded(9, { disabled: true, disabledAtMs: daysAgo(1) }))).toEqual([
      ['deleted', 'K1', isoIn(2 * DAY_MS)],
      due,
    ]);
    const idle = { record: { idle: [{ key_id: 'K1', since: isoIn(-DAY_MS) }] } };
    const secret = secretWith([version('K1', daysAgo(40), { locks: [guard()] }), version('K2', daysAgo(9), idle)]);
    const keys = [keyThat('K1', { canDisable: false, expiresAtMs: null }), keyThat('K2', { expiresAtMs: null })];
    expect(told({ secret, keys })).toEqual([['deleted', 'K1', isoIn(2 * DAY_MS)], due]);
  });

  it('of missing evidence is nothing, unless the manifest says what then', () => {
    const used = superseded(9, { lastUsed: { atMs: hoursAgo(1) } });
    expect(told(used)).toEqual([due]);
    const disables = managedKey({ hold: { atMost: '10d', afterwards: 'disable' }, expiresAfter: '90d' });
    const [first, second, third] = told(used, disables);
    expect([first, second, third]).toEqual([
      ['disabled', 'K1', isoIn(8 * DAY_MS)],
      ['deleted', 'K1', isoIn(11 * DAY_MS)],
      due,
    ]);
  });

  it('of a rotation that waits is when it goes on', () => {
    const freeze = [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS), reason: 'holidays' }];
    const seen = { secret: secretWith([version('K2', daysAgo(31))]), keys: [keyThat('K2', { expiresAtMs: null })] };
    expect(aheadOf(seen, managedKey({ freeze }))).toEqual([
      { at: isoIn(DAY_MS), what: 'due', keyId: null, text: 'what waits can go on: holidays' },
    ]);
  });

  it('of a key without a working successor is no rotation that is due', () => {
    const seen = { secret: secretWith([version('K2', daysAgo(2))]), keys: [keyThat('K2', { disabled: true })] };
    expect(told(seen).map(([what]) => what)).toEqual(['expires']);
  });

  it('is in the order of time', () => {
    const seen = superseded(2, { expiresAtMs: NOW_MS + HOUR_MS });
    const times = aheadOf(seen).map(({ at }) => at);
    expect(times).toEqual(times.toSorted());
    expect(aheadOf(seen)[0]).toMatchObject({ what: 'expires', keyId: 'K1' });
  });
});

describe('what a story tells of the past', () => {
  it('is what versions and keys show, and never that a key was made twice', () => {
    const seen = observation({
      secret: secretWith([
        version('K1', daysAgo(40), { record: { reason: 'first', key_created_at: isoIn(-40 * DAY_MS) } }),
        version('K2', daysAgo(20), { record: { reason: 'due', key_created_at: isoIn(-20 * DAY_MS) } }),
        version('K1', daysAgo(15), { record: { reason: 'undo', key_created_at: isoIn(-40 * DAY_MS) } }),
      ]),
      keys: [
        keyThat('K1'),
        keyThat('K2', { disabled: true, disabledAtMs: daysAgo(5) }),
        keyThat('K9', { createdAtMs: daysAgo(1) }),
      ],
    });
    expect(storyPast(managedKey(), seen, [], NOW_MS).map(({ what, keyId }) => `${what} ${keyId}`)).toEqual([
      'created K1',
      'stored K1',
      'created K2',
      'stored K2',
      'superseded K1',
      'stored K1',
      'superseded K2',
      'grace over K2',
      'disabled K2',
      'created K9',
    ]);
  });
});
