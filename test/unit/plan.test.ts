import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { adoptedNow } from '../../shared/rotation/mint-record.ts';
import { plan } from '../../shared/rotation/plan.ts';
import type { Step } from '../../shared/rotation/step.ts';
import {
  NOW_MS,
  consumerLock,
  daysAgo,
  gone,
  guard,
  hoursAgo,
  isoIn,
  keyThat,
  managedKey,
  observation,
  secretWith,
  version,
} from '../support/observations.ts';

const key = managedKey();
const planFor = (seen: Parameters<typeof observation>[0], entry = key, nowMs = NOW_MS): Step =>
  plan(entry, observation(seen), nowMs);

/** The guard as a mint of another run has just put it there. */
const claimFor = (ms: number) => ({ ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(ms) }), updatedAtMs: NOW_MS });

/** One version, stored so many days ago. */
const onlyVersion = (days: number, facts: Parameters<typeof version>[2] = {}) =>
  secretWith([version('K1', daysAgo(days), facts)]);

/** K1 was superseded by K2 so many days ago. */
const twoVersions = (
  days: number,
  facts: { previous?: Parameters<typeof version>[2]; current?: Parameters<typeof version>[2] } = {},
) =>
  secretWith([
    version('K1', daysAgo(days + 30), { locks: [guard()], ...facts.previous }),
    version('K2', daysAgo(days), facts.current),
  ]);

describe('without any key', () => {
  it('mints the first one', () => {
    expect(planFor({})).toMatchObject({ step: 'mint', reason: 'first' });
  });

  it('mints the first one in a freeze window too, because nothing depends on it yet', () => {
    const frozen = managedKey({ freeze: [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS) }] });
    expect(planFor({}, frozen)).toMatchObject({ step: 'mint', reason: 'first' });
  });

  it('waits while a fresh key of ours may still be in its mint', () => {
    const seen = { keys: [keyThat('K1', { createdAtMs: NOW_MS - 2 * MINUTE_MS })] };
    expect(planFor(seen)).toMatchObject({ step: 'hold', code: 'mint-under-way', untilMs: NOW_MS + 14 * MINUTE_MS });
  });

  it('waits longer after each failed first mint, as their disabled keys tell', () => {
    const failed = (id: string, hours: number) =>
      keyThat(id, { createdAtMs: hoursAgo(hours), disabled: true, disabledAtMs: hoursAgo(hours) });
    const seen = { keys: [failed('K1', 3), failed('K2', 2), failed('K3', 0.5)] };
    expect(planFor(seen)).toMatchObject({ step: 'hold', code: 'back-off', untilMs: hoursAgo(0.5) + HOUR_MS });
  });

  it('does not take a key that is in use for a failed mint when the secret was deleted', () => {
    const seen = { keys: [keyThat('K1', { lastUsed: { atMs: hoursAgo(1) } })] };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'first' });
  });

  it('leaves a key that is to be adopted alone before the first mint', () => {
    const adopting = managedKey({ adopt: ['ApiKey-old'] });
    const seen = { keys: [keyThat('ApiKey-old', { name: 'made-by-hand', lastUsed: { atMs: hoursAgo(1) } })] };
    expect(planFor(seen, adopting)).toMatchObject({ step: 'mint', reason: 'first' });
  });
});

describe('with a working current key', () => {
  it('rests until the rotation is due', () => {
    const step = planFor({ secret: onlyVersion(10), keys: [keyThat('K1')] });
    expect(step).toMatchObject({ step: 'rest', untilMs: daysAgo(10) + key.policy.dueAfterMs });
  });

  it('rotates when the key is due, never later than rotateEvery', () => {
    expect(planFor({ secret: onlyVersion(30), keys: [keyThat('K1')] })).toMatchObject({ step: 'mint', reason: 'due' });
  });

  it('rotates ahead of the expiry at the issuer', () => {
    const seen = { secret: onlyVersion(10), keys: [keyThat('K1', { expiresAtMs: NOW_MS + 10 * DAY_MS })] };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'due' });
  });

  it('rotates at once when a person asks', () => {
    const seen = { secret: onlyVersion(1), keys: [keyThat('K1')], rotationAsked: true };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'asked' });
  });

  it('rotates when the manifest names another identity', () => {
    const seen = { secret: onlyVersion(1), keys: [keyThat('K1', { ownerMatches: false })] };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'moved' });
  });

  it('replaces an adopted version with a key of ours', () => {
    const seen = { secret: onlyVersion(1, { record: { op: '', reason: 'adopted' } }), keys: [keyThat('K1')] };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'adopted' });
  });
});

describe('a rotation that is due waits', () => {
  const due = { secret: onlyVersion(30), keys: [keyThat('K1')] };

  it('through a freeze window, and says which', () => {
    const frozen = managedKey({ freeze: [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS), reason: 'year end' }] });
    expect(planFor(due, frozen)).toMatchObject({
      step: 'hold',
      code: 'freeze',
      why: 'year end',
      untilMs: NOW_MS + DAY_MS,
    });
  });

  it('from the first moment of a freeze window to the first after it', () => {
    const frozen = (fromMs: number, untilMs: number) =>
      planFor(due, managedKey({ freeze: [{ from: isoIn(fromMs), until: isoIn(untilMs) }] }));
    expect(frozen(0, DAY_MS)).toMatchObject({ step: 'hold', code: 'freeze', sinceMs: NOW_MS });
    expect(frozen(1_000, DAY_MS)).toMatchObject({ step: 'mint' });
    expect(frozen(-DAY_MS, 1_000)).toMatchObject({ step: 'hold', code: 'freeze', untilMs: NOW_MS + 1_000 });
    expect(frozen(-DAY_MS, 0)).toMatchObject({ step: 'mint' });
  });

  it('but a person who asks may rotate inside a freeze window', () => {
    const frozen = managedKey({ freeze: [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS) }] });
    expect(planFor({ ...due, rotationAsked: true }, frozen)).toMatchObject({ step: 'mint', reason: 'asked' });
  });

  it('while another run has claimed the current version', () => {
    const lease = claimFor(3 * MINUTE_MS);
    const step = planFor({ ...due, secret: onlyVersion(30, { locks: [lease] }) });
    expect(step).toMatchObject({ step: 'hold', code: 'mint-under-way', untilMs: NOW_MS + 3 * MINUTE_MS });
  });

  it('no longer than the claim lasts', () => {
    expect(planFor({ ...due, secret: onlyVersion(30, { locks: [claimFor(-1)] }) })).toMatchObject({ step: 'mint' });
  });

  it('no longer than a claim can last, whatever clock it was written by', () => {
    const lease = { ...claimFor(400 * DAY_MS), updatedAtMs: NOW_MS - 5 * MINUTE_MS };
    const seen = { ...due, secret: onlyVersion(30, { locks: [lease] }) };
    expect(planFor(seen)).toMatchObject({ step: 'hold', untilMs: NOW_MS + MINUTE_MS });
    expect(planFor(seen, key, NOW_MS + MINUTE_MS)).toMatchObject({ step: 'mint' });
  });

  it('not after failures of a run whose clock was far ahead', () => {
    const summaryOf = { failures: 1, not_before: isoIn(400 * DAY_MS) };
    expect(planFor({ ...due, secret: secretWith([version('K1', daysAgo(30))], { summaryOf }) })).toMatchObject({
      step: 'mint',
    });
  });

  it('while the summary tells of a newer key than the versions do, because lists lag behind', () => {
    const seen = (minutes: number) => ({
      ...due,
      secret: secretWith([version('K1', daysAgo(30))], {
        summaryOf: { key_id: 'K2', rotated_at: isoIn(-minutes * MINUTE_MS) },
      }),
    });
    expect(planFor(seen(14))).toMatchObject({ step: 'hold', code: 'mint-under-way', untilMs: NOW_MS + MINUTE_MS });
    expect(planFor(seen(15))).toMatchObject({ step: 'mint' });
  });

  it('for no claim that does not say whose it is, or until when', () => {
    for (const attributes of [
      { until: isoIn(HOUR_MS) },
      { op: 'bbbbbbbbbbbb' },
      { op: 'bbbbbbbbbbbb', until: 'soon' },
      { op: 'bbbbbbbbbbbb', until: NOW_MS + HOUR_MS },
    ]) {
      const secret = onlyVersion(30, { locks: [guard(attributes)] });
      expect(planFor({ ...due, secret })).toMatchObject({ step: 'mint' });
    }
  });

  it('but not after failed mints, when a person asks', () => {
    const secret = secretWith([version('K1', daysAgo(1))], { summaryOf: { failures: 2, not_before: isoIn(HOUR_MS) } });
    expect(planFor({ secret, keys: [keyThat('K1')], rotationAsked: true })).toMatchObject({
      step: 'mint',
      reason: 'asked',
    });
  });

  it('for another run’s claim and for a consumer’s lock also when a person asks', () => {
    const lease = claimFor(3 * MINUTE_MS);
    const claimed = { secret: onlyVersion(1, { locks: [lease] }), keys: [keyThat('K1')], rotationAsked: true };
    expect(planFor(claimed)).toMatchObject({ step: 'hold', code: 'mint-under-way' });
    const secret = twoVersions(1, { previous: { locks: [consumerLock('billing-agent')] } });
    expect(planFor({ secret, keys: [keyThat('K2')], rotationAsked: true })).toMatchObject({
      step: 'hold',
      code: 'consumer-lock',
      sinceMs: daysAgo(2),
    });
  });

  it('while a person is asked about the former key, whose value nothing may push out', () => {
    const seen = { secret: twoVersions(45), keys: [keyThat('K1', { lastUsed: { atMs: hoursAgo(5) } }), keyThat('K2')] };
    expect(planFor(seen)).toMatchObject({ step: 'ask', code: 'held_too_long' });
    expect(planFor({ ...seen, rotationAsked: true })).toMatchObject({ step: 'ask', code: 'held_too_long' });
  });

  it('after failed mints, until the time in the summary', () => {
    const summaryOf = { failures: 2, not_before: isoIn(10 * MINUTE_MS) };
    const secret = secretWith([version('K1', daysAgo(30))], { summaryOf });
    expect(planFor({ ...due, secret })).toMatchObject({
      step: 'hold',
      code: 'back-off',
      untilMs: NOW_MS + 10 * MINUTE_MS,
    });
  });

  it('while a consumer locks the previous version, and names the lock', () => {
    const secret = twoVersions(31, { previous: { locks: [consumerLock('billing-agent')] } });
    const step = planFor({ secret, keys: [keyThat('K2')] });
    expect(step).toMatchObject({ step: 'hold', code: 'consumer-lock' });
    expect(step.why).toContain('billing-agent');
  });

  it('while the former key is not gone, and says what that key waits for', () => {
    const secret = twoVersions(31);
    const inUse = keyThat('K1', { lastUsed: { atMs: hoursAgo(5) } });
    const step = planFor({ secret, keys: [inUse, keyThat('K2')] });
    expect(step).toMatchObject({ step: 'hold', code: 'evidence' });
  });

  it('and its key gets a later expiry when it would run out meanwhile', () => {
    const lease = claimFor(3 * MINUTE_MS);
    const seen = {
      secret: onlyVersion(30, { locks: [lease] }),
      keys: [keyThat('K1', { expiresAtMs: NOW_MS + DAY_MS })],
    };
    expect(planFor(seen)).toMatchObject({
      step: 'extend',
      keyId: 'K1',
      expiresAtMs: NOW_MS + key.policy.expiresAfterMs,
    });
  });
});

describe('a current key that does not work is replaced at once', () => {
  const current = (facts: Parameters<typeof keyThat>[1]) => ({ secret: onlyVersion(1), keys: [keyThat('K1', facts)] });

  it('when the issuer says that it is gone and its version is older than 15 minutes', () => {
    expect(planFor({ secret: onlyVersion(1), keys: [gone('K1')] })).toMatchObject({ step: 'mint', reason: 'lost' });
  });

  it('but not while a fresh key may not be visible yet', () => {
    const secret = secretWith([version('K1', NOW_MS - 10 * MINUTE_MS)]);
    expect(planFor({ secret, keys: [gone('K1')] })).toMatchObject({
      step: 'hold',
      code: 'key-not-visible',
      untilMs: NOW_MS + 5 * MINUTE_MS,
    });
  });

  it('when it was found dead right after it was stored, however young', () => {
    const secret = secretWith([version('K1', NOW_MS - MINUTE_MS, { record: { dead_at: isoIn(-1) } })]);
    expect(planFor({ secret, keys: [gone('K1')] })).toMatchObject({ step: 'mint', reason: 'lost' });
  });

  it('when it has expired', () => {
    expect(planFor(current({ expiresAtMs: NOW_MS }))).toMatchObject({ step: 'mint', reason: 'expired' });
  });

  it('when somebody else disabled it, because that counts as compromised', () => {
    expect(planFor(current({ disabled: true }))).toMatchObject({ step: 'mint', reason: 'disabled' });
  });

  it('inside a freeze window too', () => {
    const frozen = managedKey({ freeze: [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS) }] });
    expect(planFor(current({ disabled: true }), frozen)).toMatchObject({ step: 'mint' });
  });

  it('but not before a failed mint’s wait is over', () => {
    const summaryOf = { failures: 3, not_before: isoIn(HOUR_MS) };
    const secret = secretWith([version('K1', daysAgo(1))], { summaryOf });
    expect(planFor({ secret, keys: [gone('K1')] })).toMatchObject({ step: 'hold', code: 'back-off' });
    expect(planFor({ secret, keys: [gone('K1')], rotationAsked: true })).toMatchObject({
      step: 'mint',
      reason: 'lost',
    });
  });

  it('but not while another run has claimed its version', () => {
    const lease = claimFor(3 * MINUTE_MS);
    const seen = { secret: onlyVersion(1, { locks: [lease] }), keys: [keyThat('K1', { disabled: true })] };
    expect(planFor(seen)).toMatchObject({ step: 'hold', code: 'mint-under-way', sinceMs: NOW_MS });
  });

  it('but not while a consumer locks the previous version, because no store would be taken', () => {
    const secret = twoVersions(1, { previous: { locks: [guard(), consumerLock('billing-agent')] } });
    expect(planFor({ secret, keys: [keyThat('K1'), gone('K2')] })).toMatchObject({
      step: 'hold',
      code: 'consumer-lock',
    });
  });

  it('after freeing the previous version, even while an older key is still in grace', () => {
    const seen = { secret: twoVersions(2), keys: [keyThat('K1'), keyThat('K2', { disabled: true })] };
    expect(planFor(seen)).toMatchObject({ step: 'release', versionId: 'version-of-K2' });
  });

  it('and the older key in grace lives on', () => {
    const secret = twoVersions(2, { previous: { locks: [] }, current: { locks: [guard()] } });
    expect(planFor({ secret, keys: [keyThat('K1'), keyThat('K2', { disabled: true })] })).toMatchObject({
      step: 'mint',
    });
  });

  it('and nothing is retired before that', () => {
    const secret = twoVersions(20, { previous: { locks: [] } });
    const seen = { secret, keys: [keyThat('K1', { disabled: true, disabledAtMs: daysAgo(9) }), gone('K2')] };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'lost' });
  });
});

describe('a compromised key', () => {
  it('is contained before anything else, when its version is marked', () => {
    const seen = { secret: onlyVersion(1, { record: { compromised_at: isoIn(-1) } }), keys: [keyThat('K1')] };
    expect(planFor(seen)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('is contained when it is marked at the issuer', () => {
    const seen = { secret: onlyVersion(1), keys: [keyThat('K1', { markedCompromised: true })] };
    expect(planFor(seen)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('is contained although the entry is paused', () => {
    const seen = { secret: onlyVersion(1), keys: [keyThat('K1', { markedCompromised: true })] };
    expect(planFor(seen, managedKey({ paused: true }))).toMatchObject({ step: 'contain' });
  });

  it('is contained and replaced inside a freeze window', () => {
    const frozen = managedKey({ freeze: [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS) }] });
    const seen = (disabled: boolean) => ({
      secret: onlyVersion(1),
      keys: [keyThat('K1', { markedCompromised: true, disabled })],
    });
    expect(planFor(seen(false), frozen)).toMatchObject({ step: 'contain', keyId: 'K1' });
    expect(planFor(seen(true), frozen)).toMatchObject({ step: 'mint', reason: 'compromised' });
  });

  it('is contained before a person is asked about anything', () => {
    const leaked = [keyThat('K1', { markedCompromised: true }), keyThat('K2')];
    const foreign = secretWith([version('K1', daysAgo(60)), version('X', daysAgo(1), { record: null })]);
    expect(planFor({ secret: foreign, keys: leaked })).toMatchObject({ step: 'contain', keyId: 'K1' });
    expect(planFor({ secret: twoVersions(2), keys: leaked, identityExists: false })).toMatchObject({ step: 'contain' });
    expect(planFor({ keys: leaked }, managedKey({ state: 'retired' }))).toMatchObject({ step: 'contain' });
  });

  it('is contained at once also when no version names it', () => {
    const stray = keyThat('K9', { markedCompromised: true, createdAtMs: NOW_MS - MINUTE_MS });
    expect(planFor({ secret: onlyVersion(1), keys: [keyThat('K1'), stray] })).toMatchObject({
      step: 'contain',
      keyId: 'K9',
    });
  });

  it('that somebody locked at the issuer is a question, not a delete', () => {
    const leaked = keyThat('K1', {
      markedCompromised: true,
      disabled: true,
      locked: true,
      disabledAtMs: hoursAgo(1),
    });
    const step = planFor({ secret: twoVersions(0.1), keys: [leaked, keyThat('K2')] });
    expect(step).toMatchObject({
      step: 'ask',
      code: 'compromised_key_locked',
      steps: [
        expect.stringMatching(/^ibmcloud iam service-api-key-unlock K1 ServiceId-\S+$/),
        expect.stringMatching(/: ibmcloud iam service-api-key-delete K1 ServiceId-\S+$/),
      ],
    });
  });

  it('that an undo locked is unlocked, then deleted', () => {
    const leaked = keyThat('K1', { markedCompromised: true, disabled: true, locked: true, disabledAtMs: hoursAgo(1) });
    const secret = twoVersions(0.1, { previous: { locks: [guard()], record: { restored: true } } });
    expect(planFor({ secret, keys: [leaked, keyThat('K2')] })).toMatchObject({
      step: 'disable',
      keyId: 'K1',
      unlockFirst: true,
    });
  });

  it('is contained in its grace too', () => {
    const seen = { secret: twoVersions(2), keys: [keyThat('K1', { markedCompromised: true }), keyThat('K2')] };
    expect(planFor(seen)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('is replaced once it is contained', () => {
    const seen = { secret: onlyVersion(1), keys: [keyThat('K1', { markedCompromised: true, disabled: true })] };
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'compromised' });
  });

  it('is deleted as soon as it is replaced, without quarantine', () => {
    const leaked = keyThat('K1', { markedCompromised: true, disabled: true, disabledAtMs: hoursAgo(0.1) });
    expect(planFor({ secret: twoVersions(0.001), keys: [leaked, keyThat('K2')] })).toMatchObject({
      step: 'delete',
      keyId: 'K1',
    });
  });
});

describe('a superseded key', () => {
  const after = (
    days: number,
    facts: Parameters<typeof keyThat>[1] = {},
    more: Parameters<typeof twoVersions>[1] = {},
  ) => planFor({ secret: twoVersions(days, more), keys: [keyThat('K1', facts), keyThat('K2')] });

  it('stays untouched during its grace', () => {
    expect(after(6.9)).toMatchObject({
      step: 'hold',
      code: 'grace',
      sinceMs: daysAgo(6.9),
      untilMs: daysAgo(6.9) + 7 * DAY_MS,
    });
  });

  it('is disabled when its grace is over and the evidence says unused', () => {
    expect(after(7, { lastUsed: { atMs: daysAgo(3) } })).toMatchObject({
      step: 'disable',
      keyId: 'K1',
      unlockFirst: false,
    });
  });

  it('waits while nobody has fetched the new version', () => {
    const step = after(7, {}, { current: { fetched: false } });
    expect(step).toMatchObject({ step: 'hold', code: 'evidence', sinceMs: daysAgo(0) });
    expect(step.why).toContain('nobody has fetched');
  });

  it('waits while it was used less than unusedFor ago', () => {
    expect(after(8, { lastUsed: { atMs: daysAgo(2.9) } })).toMatchObject({ step: 'hold', code: 'evidence' });
  });

  it('waits when the issuer does not tell its last use: unknown counts as used', () => {
    const step = after(8, { lastUsed: 'unknown' });
    expect(step).toMatchObject({ step: 'hold', code: 'evidence' });
    expect(step.why).toContain('does not tell');
  });

  it('waits while a consumer locks the old version, and names the lock', () => {
    const step = after(8, {}, { previous: { locks: [guard(), consumerLock('billing-agent')] } });
    expect(step).toMatchObject({ step: 'hold', code: 'evidence' });
    expect(step.why).toContain('billing-agent');
  });

  it('waits for no evidence that the manifest does not want', () => {
    const careless = managedKey({ evidence: { fetched: false, unused: false, noConsumerLock: false } });
    const secret = twoVersions(7, {
      current: { fetched: false },
      previous: { locks: [guard(), consumerLock('billing-agent')] },
    });
    const seen = { secret, keys: [keyThat('K1', { lastUsed: 'unknown' }), keyThat('K2')] };
    expect(planFor(seen, careless)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('is a question for a person when it waited longer than hold.atMost', () => {
    const step = after(37, { lastUsed: { atMs: hoursAgo(1) } });
    expect(step).toMatchObject({ step: 'ask', code: 'held_too_long' });
  });

  it('is disabled all the same then, where the manifest says so', () => {
    const decided = managedKey({ hold: { afterwards: 'disable' } });
    const seen = { secret: twoVersions(37), keys: [keyThat('K1', { lastUsed: { atMs: hoursAgo(1) } }), keyThat('K2')] };
    expect(planFor(seen, decided)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('stays in quarantine after it was disabled', () => {
    const step = after(9, { disabled: true, disabledAtMs: daysAgo(1) });
    expect(step).toMatchObject({ step: 'hold', code: 'quarantine', sinceMs: daysAgo(1), untilMs: NOW_MS + 2 * DAY_MS });
  });

  it('is deleted when its quarantine is over', () => {
    expect(after(11, { disabled: true, disabledAtMs: daysAgo(3) })).toMatchObject({ step: 'delete', keyId: 'K1' });
  });

  it('has its quarantine counted from when it was superseded, if it was disabled before', () => {
    expect(after(1, { disabled: true, disabledAtMs: daysAgo(9) })).toMatchObject({
      step: 'hold',
      code: 'quarantine',
      sinceMs: daysAgo(1),
    });
  });

  it('stays in quarantine while the issuer does not tell since when it is disabled, then a person is asked', () => {
    const disabledLong = { disabled: true, locked: true, disabledAtMs: null };
    expect(after(39, disabledLong)).toMatchObject({ step: 'hold', code: 'quarantine', sinceMs: NOW_MS });
    expect(after(40, disabledLong)).toMatchObject({
      step: 'ask',
      code: 'disabled_since_unknown',
      steps: [
        expect.stringMatching(/^ibmcloud iam service-api-key-unlock K1 ServiceId-\S+$/),
        expect.stringMatching(/: ibmcloud iam service-api-key-delete K1 ServiceId-\S+$/),
      ],
    });
  });

  it('that somebody locked at the issuer is left alone until they unlock it', () => {
    expect(after(8, { locked: true })).toMatchObject({ step: 'hold', code: 'issuer-lock' });
    expect(after(12, { locked: true, disabled: true, disabledAtMs: daysAgo(4) })).toMatchObject({
      step: 'hold',
      code: 'issuer-lock',
    });
  });

  it('that an undo locked is unlocked once it is superseded again', () => {
    expect(after(8, { locked: true }, { previous: { locks: [guard()], record: { restored: true } } })).toMatchObject({
      step: 'disable',
      unlockFirst: true,
    });
  });

  it('that an undo locked is unlocked also when it was disabled before that', () => {
    const disabled = { locked: true, disabled: true, disabledAtMs: daysAgo(4) };
    const restored = { previous: { locks: [guard()], record: { restored: true } } };
    expect(after(12, disabled, restored)).toMatchObject({ step: 'disable', keyId: 'K1', unlockFirst: true });
  });

  it('is retired inside a freeze window too: only new keys wait', () => {
    const frozen = managedKey({ freeze: [{ from: isoIn(-DAY_MS), until: isoIn(DAY_MS) }] });
    const seen = { secret: twoVersions(8), keys: [keyThat('K1'), keyThat('K2')] };
    expect(planFor(seen, frozen)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('that an older version names counts from the version after the last that names it', () => {
    const restored = secretWith([
      version('K1', daysAgo(80)),
      version('K2', daysAgo(50)),
      version('K1', daysAgo(20)),
      version('K3', daysAgo(2)),
    ]);
    const step = planFor({ secret: restored, keys: [keyThat('K1'), keyThat('K3')] });
    expect(step).toMatchObject({ step: 'hold', code: 'grace', sinceMs: daysAgo(2) });
  });
});

describe('once the former key is gone', () => {
  it('the previous version is freed', () => {
    expect(planFor({ secret: twoVersions(12), keys: [gone('K1'), keyThat('K2')] })).toMatchObject({
      step: 'release',
      versionId: 'version-of-K2',
    });
  });

  it('the key rests', () => {
    const secret = twoVersions(12, { previous: { locks: [] }, current: { locks: [guard()] } });
    expect(planFor({ secret, keys: [keyThat('K2')] })).toMatchObject({ step: 'rest' });
  });

  it('a summary that still names it is put right', () => {
    const secret = secretWith([version('K2', daysAgo(12))], {
      summaryOf: { key_id: 'K2', previous_key_id: 'ApiKey-old' },
    });
    expect(planFor({ secret, keys: [keyThat('K2')] })).toMatchObject({ step: 'release' });
  });

  it('a summary that speaks of another key than the versions do releases nothing', () => {
    const secret = secretWith([version('K1', daysAgo(12))], { summaryOf: { key_id: 'K2', previous_key_id: 'K1' } });
    expect(planFor({ secret, keys: [keyThat('K1'), keyThat('K2')] }).step).not.toBe('release');
  });
});

describe('a key of ours that no version names', () => {
  const stray = (facts: Parameters<typeof keyThat>[1]) =>
    planFor({ secret: onlyVersion(10), keys: [keyThat('K1'), keyThat('K9', facts)] });

  it('is left alone while its mint may be under way', () => {
    expect(stray({ createdAtMs: NOW_MS - 15 * MINUTE_MS })).toMatchObject({ step: 'hold', code: 'mint-under-way' });
  });

  it('is disabled once it is older than any mint', () => {
    expect(stray({ createdAtMs: NOW_MS - 16 * MINUTE_MS })).toMatchObject({
      step: 'discard',
      phase: 'disable',
      keyId: 'K9',
    });
  });

  it('is discarded although its own verification logged in with it', () => {
    const createdAtMs = hoursAgo(2);
    expect(stray({ createdAtMs, lastUsed: { atMs: createdAtMs + MINUTE_MS } })).toMatchObject({
      step: 'discard',
      phase: 'disable',
    });
  });

  it('is deleted after its quarantine', () => {
    expect(stray({ disabled: true, disabledAtMs: daysAgo(3) })).toMatchObject({
      step: 'discard',
      phase: 'delete',
      keyId: 'K9',
    });
  });

  it('is never discarded when it was used after its mint: Secrets Manager may have been put back to an older day', () => {
    const step = stray({ createdAtMs: daysAgo(2), lastUsed: { atMs: hoursAgo(1) } });
    expect(step).toMatchObject({ step: 'hold', code: 'grace', sinceMs: daysAgo(2) });
  });

  it('counts as used when the issuer does not tell', () => {
    expect(stray({ createdAtMs: daysAgo(30), lastUsed: 'unknown' })).toMatchObject({ step: 'hold', code: 'evidence' });
  });

  it('keeps a due rotation from happening as long as its mint may be under way, also when a person asks', () => {
    const seen = (minutes: number) => ({
      secret: onlyVersion(30),
      keys: [keyThat('K1'), keyThat('K9', { createdAtMs: NOW_MS - minutes * MINUTE_MS, locked: true })],
    });
    expect(planFor(seen(15))).toMatchObject({ step: 'hold', code: 'mint-under-way' });
    expect(planFor({ ...seen(15), rotationAsked: true })).toMatchObject({ step: 'hold', code: 'mint-under-way' });
    expect(planFor(seen(16))).toMatchObject({ step: 'mint', reason: 'due' });
  });

  it('does not keep a dead key from being replaced', () => {
    const keys = [keyThat('K1', { disabled: true }), keyThat('K9', { createdAtMs: NOW_MS - MINUTE_MS })];
    expect(planFor({ secret: onlyVersion(3), keys })).toMatchObject({ step: 'mint', reason: 'disabled' });
  });
});

describe('before there is a secret', () => {
  const old = { createdAtMs: hoursAgo(5) };

  it('keys of failed mints are discarded, disabled first, deleted after their quarantine', () => {
    expect(planFor({ keys: [keyThat('K1', old)] })).toMatchObject({ step: 'discard', keyId: 'K1', phase: 'disable' });
    const disabled = { createdAtMs: daysAgo(4), disabled: true, disabledAtMs: daysAgo(3) };
    expect(planFor({ keys: [keyThat('K1', disabled)] })).toMatchObject({ step: 'discard', phase: 'delete' });
  });

  it('a key that was used is no left-over, whatever became of its secret', () => {
    const keys = [keyThat('K1', { ...old, lastUsed: { atMs: hoursAgo(1) } })];
    expect(planFor({ keys })).toMatchObject({ step: 'mint', reason: 'first' });
  });

  it('a failed mint makes the next one wait also where the issuer tells no last use', () => {
    const tells = (facts: object) => planFor({ keys: [keyThat('K1', { lastUsed: 'unknown', ...facts })] });
    expect(tells({ createdAtMs: NOW_MS - MINUTE_MS })).toMatchObject({ step: 'hold', code: 'mint-under-way' });
    const disabled = { disabled: true, disabledAtMs: NOW_MS - MINUTE_MS, createdAtMs: NOW_MS - 2 * MINUTE_MS };
    expect(tells(disabled)).toMatchObject({ step: 'hold', code: 'back-off', why: 'the last mint failed' });
  });
});

describe('an adopted key', () => {
  const adopting = managedKey({ adopt: ['ApiKey-old'] });
  const byHand = (facts: Parameters<typeof keyThat>[1] = {}) =>
    keyThat('ApiKey-old', { name: 'made-by-hand', ...facts });

  const adopted = (days: number) => adoptedNow(['ApiKey-old'], daysAgo(days));

  it('is retired like a superseded one after the first mint', () => {
    const secret = secretWith([version('K1', daysAgo(8), { record: { predecessors: adopted(8) } })]);
    expect(planFor({ secret, keys: [byHand(), keyThat('K1')] }, adopting)).toMatchObject({
      step: 'disable',
      keyId: 'ApiKey-old',
    });
  });

  it('has its whole grace from the day on which it was taken in, however old the current version is', () => {
    const secret = secretWith([version('K1', daysAgo(20), { record: { predecessors: adopted(6) } })]);
    const seen = { secret, keys: [byHand(), keyThat('K1')] };
    expect(planFor(seen, adopting)).toMatchObject({ step: 'hold', code: 'grace', sinceMs: daysAgo(6) });
    const notNoted = { secret: secretWith([version('K1', daysAgo(20))]), keys: seen.keys };
    expect(planFor(notNoted, adopting)).toMatchObject({ step: 'hold', code: 'grace', sinceMs: NOW_MS });
  });

  it('stays as long as it is used', () => {
    const secret = secretWith([version('K1', daysAgo(8), { record: { predecessors: adopted(8) } })]);
    const seen = { secret, keys: [byHand({ lastUsed: { atMs: hoursAgo(3) } }), keyThat('K1')] };
    expect(planFor(seen, adopting)).toMatchObject({ step: 'hold', code: 'evidence' });
  });
});

describe('a person is asked', () => {
  it('when the current version is not ours, and nothing is retired meanwhile', () => {
    const secret = secretWith([
      version('K1', daysAgo(60)),
      version('K2', daysAgo(20)),
      version('X', daysAgo(1), { record: null }),
    ]);
    const seen = { secret, keys: [keyThat('K1', { disabled: true, disabledAtMs: daysAgo(9) }), keyThat('K2')] };
    expect(planFor(seen)).toMatchObject({ step: 'ask', code: 'foreign_version' });
  });

  it('when the identity is gone, and nothing is made or retired meanwhile', () => {
    const outOfQuarantine = keyThat('K1', { disabled: true, disabledAtMs: daysAgo(9) });
    for (const seen of [
      {},
      { secret: onlyVersion(90), keys: [gone('K1')] },
      { secret: twoVersions(12), keys: [outOfQuarantine, keyThat('K2')] },
      { secret: twoVersions(12), keys: [gone('K1'), gone('K2')], rotationAsked: true },
    ]) {
      const step = planFor({ ...seen, identityExists: false });
      expect(step).toMatchObject({ step: 'ask', code: 'identity_gone' });
      expect(step.step === 'ask' && step.steps[0]).toMatch(/^ibmcloud iam service-id ServiceId-\S+$/);
    }
  });

  it('but not about the identity of a retired entry, which is no loss', () => {
    const retired = managedKey({ state: 'retired' });
    const seen = { secret: twoVersions(12), keys: [gone('K1'), gone('K2')], identityExists: false };
    expect(planFor(seen, retired)).toMatchObject({ step: 'rest' });
  });

  it('when the secret is destroyed', () => {
    const secret = { ...onlyVersion(1), state: 'destroyed' as const };
    expect(planFor({ secret, keys: [keyThat('K1')] })).toMatchObject({ step: 'ask', code: 'secret_destroyed' });
  });
});

describe('a paused entry', () => {
  const paused = managedKey({ paused: true });

  it('is left as it is, due or not', () => {
    expect(planFor({ secret: onlyVersion(90), keys: [keyThat('K1')] }, paused)).toMatchObject({
      step: 'hold',
      code: 'paused',
    });
    expect(planFor({}, paused)).toMatchObject({ step: 'hold', code: 'paused' });
  });

  it('does not let its key expire', () => {
    const seen = { secret: onlyVersion(90), keys: [keyThat('K1', { expiresAtMs: NOW_MS + DAY_MS })] };
    expect(planFor(seen, paused)).toMatchObject({ step: 'extend', keyId: 'K1' });
  });
});

describe('in a paused entry', () => {
  const paused = managedKey({ paused: true });
  const leaked = keyThat('K1', { markedCompromised: true, disabled: true, disabledAtMs: hoursAgo(0.1) });

  it('a compromised key is replaced, due or not', () => {
    expect(planFor({ secret: onlyVersion(1), keys: [leaked] }, paused)).toMatchObject({
      step: 'mint',
      reason: 'compromised',
    });
  });

  it('the version before a compromised key is freed for that', () => {
    const current = keyThat('K2', { markedCompromised: true, disabled: true });
    expect(planFor({ secret: twoVersions(2), keys: [keyThat('K1'), current] }, paused)).toMatchObject({
      step: 'release',
      versionId: 'version-of-K2',
    });
  });

  it('a compromised key is deleted once it is replaced', () => {
    expect(planFor({ secret: twoVersions(0.001), keys: [leaked, keyThat('K2')] }, paused)).toMatchObject({
      step: 'delete',
      keyId: 'K1',
    });
  });

  it.each([
    ['a current key that is gone', { secret: onlyVersion(1), keys: [gone('K1')] }],
    ['a rotation that a person asks for', { secret: onlyVersion(1), keys: [keyThat('K1')], rotationAsked: true }],
    ['a superseded key after its grace', { secret: twoVersions(8), keys: [keyThat('K1'), keyThat('K2')] }],
    [
      'a superseded key after its quarantine',
      { secret: twoVersions(12), keys: [keyThat('K1', { disabled: true, disabledAtMs: daysAgo(4) }), keyThat('K2')] },
    ],
    ['a version that could be freed', { secret: twoVersions(12), keys: [gone('K1'), keyThat('K2')] }],
    ['a key that no version names', { secret: onlyVersion(10), keys: [keyThat('K1'), keyThat('K9')] }],
  ])('%s waits', (_, seen) => {
    expect(planFor(seen, paused)).toMatchObject({ step: 'hold', code: 'paused' });
    expect(planFor(seen)).not.toMatchObject({ step: 'hold' });
  });
});

describe('a retired entry', () => {
  const retired = managedKey({ state: 'retired' });

  it('keeps its current key while the issuer does not tell its last use', () => {
    const seen = { secret: onlyVersion(90), keys: [keyThat('K1', { lastUsed: 'unknown' })] };
    expect(planFor(seen, retired)).toMatchObject({ step: 'hold', code: 'evidence' });
  });

  it('leaves a current key that somebody locked at the issuer to them', () => {
    const seen = (days: number) => ({ secret: onlyVersion(days), keys: [keyThat('K1', { locked: true })] });
    expect(planFor(seen(29), retired)).toMatchObject({ step: 'hold', code: 'issuer-lock' });
    expect(planFor(seen(30), retired)).toMatchObject({ step: 'ask', code: 'locked_at_issuer' });
  });

  it('does not wait for a version to be fetched that nobody needs any more', () => {
    const seen = {
      secret: twoVersions(60, { current: { fetched: false } }),
      keys: [keyThat('K1'), gone('K2')],
    };
    expect(planFor(seen, retired)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('has its superseded keys retired first', () => {
    const seen = { secret: twoVersions(60), keys: [keyThat('K1'), keyThat('K2')] };
    expect(planFor(seen, retired)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('has a compromised current key contained, and deleted without quarantine', () => {
    const leaked = (disabled: boolean) => ({
      secret: onlyVersion(1),
      keys: [keyThat('K1', { markedCompromised: true, disabled, disabledAtMs: disabled ? hoursAgo(1) : null })],
    });
    expect(planFor(leaked(false), retired)).toMatchObject({ step: 'contain', keyId: 'K1' });
    expect(planFor(leaked(true), retired)).toMatchObject({ step: 'delete', keyId: 'K1' });
  });

  it('gets no new key', () => {
    expect(planFor({}, retired)).toMatchObject({ step: 'rest' });
    expect(planFor({ secret: onlyVersion(90), keys: [gone('K1')] }, retired)).toMatchObject({ step: 'rest' });
  });

  it('keeps its current key as long as somebody uses it', () => {
    const seen = { secret: onlyVersion(90), keys: [keyThat('K1', { lastUsed: { atMs: daysAgo(6) } })] };
    expect(planFor(seen, retired)).toMatchObject({ step: 'hold', code: 'evidence' });
  });

  it('keeps its current key while a consumer locks the version', () => {
    const seen = {
      secret: onlyVersion(90, { locks: [guard(), consumerLock('billing-agent')] }),
      keys: [keyThat('K1')],
    };
    expect(planFor(seen, retired)).toMatchObject({ step: 'hold', code: 'evidence' });
  });

  it('has its current key disabled when it was unused for grace and unusedFor', () => {
    const seen = { secret: onlyVersion(90), keys: [keyThat('K1', { lastUsed: { atMs: daysAgo(7) } })] };
    expect(planFor(seen, retired)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('has its current key deleted after the quarantine', () => {
    const seen = { secret: onlyVersion(90), keys: [keyThat('K1', { disabled: true, disabledAtMs: daysAgo(3) })] };
    expect(planFor(seen, retired)).toMatchObject({ step: 'delete', keyId: 'K1' });
  });
});
