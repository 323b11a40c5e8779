import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { fingerprintOfWorld } from '../../shared/rotation/fingerprint.ts';
import type { Observation, SeenVersion } from '../../shared/rotation/observation.ts';
import {
  NOW_MS,
  consumerLock,
  daysAgo,
  gone,
  guard,
  isoIn,
  keyThat,
  observation,
  secretWith,
  version,
} from '../support/observations.ts';

type Facts = Parameters<typeof version>[2];

/** K1 was superseded by K2 ten days ago, and is guarded. */
const worldWith = ({
  previous = {},
  current = {},
  secret = {},
  ...facts
}: Partial<Omit<Observation, 'secret'>> & {
  previous?: Facts;
  current?: Facts;
  secret?: Parameters<typeof secretWith>[1];
} = {}): Observation =>
  observation({
    secret: secretWith(
      [version('K1', daysAgo(40), { locks: [guard()], ...previous }), version('K2', daysAgo(10), current)],
      { summaryOf: { key_id: 'K2', previous_key_id: 'K1' }, ...secret },
    ),
    keys: [keyThat('K1'), keyThat('K2')],
    ...facts,
  });

const print = fingerprintOfWorld(worldWith());

const summaryOf = { key_id: 'K2', previous_key_id: 'K1' };
const renamed = (facts: Partial<SeenVersion>): Observation => {
  const world = worldWith();
  const versions = world.secret?.versions.map((one) => (one.alias === 'current' ? { ...one, ...facts } : one));
  return { ...world, secret: world.secret && { ...world.secret, versions: versions ?? [] } };
};

describe('the fingerprint of a world', () => {
  it.each<[string, Observation]>([
    ['it is looked at some minutes later', worldWith({ takenAtMs: NOW_MS + 5 * 60_000 })],
    ['a list has the keys in another order', worldWith({ keys: [keyThat('K2'), keyThat('K1')] })],
    ['a key has logged in', worldWith({ keys: [keyThat('K1', { lastUsed: { atMs: NOW_MS } }), keyThat('K2')] })],
    ['somebody has fetched the value', worldWith({ current: { fetched: false } })],
    ['others write beside what is ours', renamed({ metadata: { team: 'logs' } })],
    [
      'a lock is set once more',
      worldWith({ previous: { locks: [{ ...guard({ note: 'again' }), updatedAtMs: NOW_MS }] } }),
    ],
    ['the same leak is reported once more', worldWith({ secret: { summaryOf: { ...summaryOf, reported_keys: [] } } })],
    ['others have made a key of the same identity', worldWith({ keyCount: 3, strangers: [issuerKey('K9')] })],
  ])('stays when %s', (_, world) => {
    expect(fingerprintOfWorld(world)).toBe(print);
  });

  it.each<[string, Observation]>([
    ['a key is disabled', worldWith({ keys: [keyThat('K1', { disabled: true }), keyThat('K2')] })],
    ['a key is locked at its issuer', worldWith({ keys: [keyThat('K1', { locked: true }), keyThat('K2')] })],
    ['a key is gone', worldWith({ keys: [gone('K1'), keyThat('K2')] })],
    ['there is another key', worldWith({ keys: [keyThat('K1'), keyThat('K2'), keyThat('K3')] })],
    ['a key is marked as leaked', worldWith({ keys: [keyThat('K1'), keyThat('K2', { markedCompromised: true })] })],
    ['the expiry of a key is moved', worldWith({ keys: [keyThat('K1'), keyThat('K2', { expiresAtMs: null })] })],
    ['a key belongs to somebody else', worldWith({ keys: [keyThat('K1', { ownerMatches: false }), keyThat('K2')] })],
    ['another version is current', renamed({ id: 'version-of-K3' })],
    ['a version lost its alias', renamed({ alias: null })],
    ['a value is gone', worldWith({ previous: { hasPayload: false } })],
    ['a version is not ours any more', worldWith({ current: { record: null } })],
    ['a version says that its key leaked', worldWith({ current: { record: { compromised_at: isoIn(0) } } })],
    ['a report was taken back', worldWith({ current: { record: { dismissed_at: isoIn(0) } } })],
    ['a consumer locks the former version', worldWith({ previous: { locks: [guard(), consumerLock('agent')] } })],
    ['our guard is gone', worldWith({ previous: { locks: [] } })],
    ['a mint has claimed the version', worldWith({ current: { locks: [guard({ op: 'bbbbbbbbbbbb' })] } })],
    ['the secret is destroyed', worldWith({ secret: { summaryOf, state: 'destroyed' } })],
    ['there is no secret', { ...worldWith(), secret: null }],
    [
      'a mint has failed',
      worldWith({ secret: { summaryOf: { ...summaryOf, failures: 1, not_before: isoIn(HOUR_MS) } } }),
    ],
    ['the identity is gone', worldWith({ identityExists: false })],
    ['Keyrota is logged in with the key', worldWith({ ownKeyId: 'K2' })],
    ['a rotation is asked for', worldWith({ rotationAsked: true })],
  ])('changes when %s', (_, world) => {
    expect(fingerprintOfWorld(world)).not.toBe(print);
  });

  it('tells since when a key is disabled, for its quarantine counts from there', () => {
    const disabledAt = (disabledAtMs: number) =>
      fingerprintOfWorld(worldWith({ keys: [keyThat('K1', { disabled: true, disabledAtMs }), keyThat('K2')] }));
    expect(disabledAt(daysAgo(2))).toBe(disabledAt(daysAgo(2)));
    expect(disabledAt(daysAgo(2))).not.toBe(disabledAt(daysAgo(1)));
  });

  it('knows strangers where the owner has one place for a key', () => {
    const facts = { ...observation().facts, keysPerOwner: 'one' as const };
    const alone = fingerprintOfWorld(worldWith({ facts }));
    expect(fingerprintOfWorld(worldWith({ facts, strangers: [issuerKey('K9')] }))).not.toBe(alone);
  });

  it('is of one length, and says nothing of what is in it', () => {
    expect(print).toMatch(/^[0-9a-f]{64}$/);
  });
});

function issuerKey(id: string) {
  const seen = keyThat(id, { createdAtMs: NOW_MS - DAY_MS });
  if (!seen.exists) throw new Error('it exists');
  return seen;
}
