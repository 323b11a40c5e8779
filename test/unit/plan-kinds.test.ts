import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { IssuerKey } from '../../shared/keys/kind.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { SERVICE_ID_FACTS } from '../../shared/keys/service-id-api-key.ts';
import { plan } from '../../shared/rotation/plan.ts';
import { timeText } from '../../shared/rotation/record.ts';
import type { Step } from '../../shared/rotation/step.ts';
import {
  NOW_MS,
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

const planFor = (seen: Parameters<typeof observation>[0], entry: ManagedKey = managedKey(), nowMs = NOW_MS): Step =>
  plan(entry, observation(seen), nowMs);

/** K1 was superseded by K2 so many days ago, and K2 was fetched. */
const twoVersions = (days: number) =>
  secretWith([version('K1', daysAgo(days + 30), { locks: [guard()] }), version('K2', daysAgo(days))]);

const onlyVersion = (days: number, facts: Parameters<typeof version>[2] = {}) =>
  secretWith([version('K1', daysAgo(days), facts)]);

describe('a superseded key that cannot be disabled', () => {
  const former = keyThat('K1', { canDisable: false });
  /** K1 was superseded so many days ago, and it was noted so many days ago that nothing but time is missing. */
  const noted = (days: number, idleDays: number) =>
    secretWith([
      version('K1', daysAgo(days + 30), { locks: [guard()] }),
      version('K2', daysAgo(days), { record: { idle: [{ key_id: 'K1', since: isoIn(-idleDays * DAY_MS) }] } }),
    ]);
  const seen = (days: number) => ({ secret: twoVersions(days), keys: [former, keyThat('K2')] });

  it('is in grace like any other', () => {
    expect(planFor(seen(5))).toMatchObject({ step: 'hold', code: 'grace' });
  });

  it('then stays as it is for the length of a quarantine from the moment that is noted, and the wait says so', () => {
    const step = planFor({ ...seen(8), secret: noted(8, 1) });
    expect(step).toMatchObject({ step: 'hold', code: 'quarantine', untilMs: NOW_MS + 2 * DAY_MS });
    expect(step.why).toContain('Keyrota cannot disable it, so it works until');
  });

  it('has only begun to wait where the moment is not noted, however long ago it was superseded', () => {
    expect(planFor(seen(200))).toMatchObject({ step: 'hold', code: 'quarantine', untilMs: NOW_MS + 3 * DAY_MS });
  });

  it('is deleted after that', () => {
    expect(planFor({ ...seen(11), secret: noted(11, 3) })).toMatchObject({ step: 'delete', keyId: 'K1' });
  });

  it('is held when the evidence is gone again', () => {
    const used = keyThat('K1', { canDisable: false, lastUsed: { atMs: daysAgo(1) } });
    expect(planFor({ secret: noted(11, 3), keys: [used, keyThat('K2')] })).toMatchObject({
      step: 'hold',
      code: 'evidence',
    });
  });

  it('is not tried to be disabled again where that was noted once', () => {
    const refused = keyThat('K1', { canDisable: true });
    expect(planFor({ secret: noted(9, 1), keys: [refused, keyThat('K2')] })).toMatchObject({ code: 'quarantine' });
  });

  it('is not deleted without evidence, but held, and in the end a person is asked', () => {
    const unknown = keyThat('K1', { canDisable: false, lastUsed: 'unknown' });
    const held = (days: number) => planFor({ secret: twoVersions(days), keys: [unknown, keyThat('K2')] });
    expect(held(11)).toMatchObject({ step: 'hold', code: 'evidence' });
    expect(held(38)).toMatchObject({ step: 'ask', code: 'held_too_long' });
  });

  it('goes without that evidence where the manifest does not want it, and nothing else is claimed', () => {
    const unknown = keyThat('K1', { canDisable: false, lastUsed: 'unknown' });
    const entry = managedKey({ evidence: { unused: false } });
    const step = planFor({ secret: noted(11, 3), keys: [unknown, keyThat('K2')] }, entry);
    expect(step).toMatchObject({ step: 'delete' });
    expect(step.why).not.toContain('nobody uses it');
  });

  it('is contained when it leaks, which deletes it', () => {
    const leaked = keyThat('K1', { canDisable: false, markedCompromised: true });
    expect(planFor({ secret: twoVersions(1), keys: [leaked, keyThat('K2')] })).toMatchObject({
      step: 'contain',
      keyId: 'K1',
    });
  });

  it('is replaced at once where the current one was contained by a delete, however young its version is', () => {
    const marked = onlyVersion(0, { createdAtMs: hoursAgo(0.1), record: { compromised_at: isoIn(-MINUTE_MS) } });
    expect(planFor({ secret: marked, keys: [gone('K1')] })).toMatchObject({ step: 'mint', reason: 'compromised' });
  });

  it('is deleted outright where no version knows it and nobody used it', () => {
    const orphan = keyThat('K3', { canDisable: false, createdAtMs: hoursAgo(1) });
    expect(planFor({ secret: onlyVersion(5), keys: [keyThat('K1'), orphan] })).toMatchObject({
      step: 'discard',
      phase: 'delete',
      keyId: 'K3',
    });
  });

  it('does not pile up while first mints fail: a person is asked', () => {
    const leftOver = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        keyThat(`L${index}`, { canDisable: false, lastUsed: 'unknown', createdAtMs: daysAgo(3 + index) }),
      );
    expect(planFor({ keys: leftOver(4) })).toMatchObject({ step: 'mint', reason: 'first' });
    const step = planFor({ keys: leftOver(5) });
    expect(step).toMatchObject({ step: 'ask', code: 'first_mints_failed' });
    expect(JSON.stringify(step)).toContain('ibmcloud iam service-api-key-delete L4');
    expect(planFor({ keys: leftOver(5), rotationAsked: true })).toMatchObject({ step: 'mint' });
  });

  it('of a retired entry is a person’s to delete where its use is never told', () => {
    const entry = managedKey({ state: 'retired', evidence: { unused: false } });
    const last = keyThat('K1', { canDisable: false, lastUsed: 'unknown' });
    const step = planFor({ secret: onlyVersion(90), keys: [last] }, entry);
    expect(step).toMatchObject({ step: 'ask', code: 'use_unknown' });
  });
});

describe('an owner that can have one key only', () => {
  const facts = { ...SERVICE_ID_FACTS, keysPerOwner: 'one' as const };
  const stranger = (facts_: Partial<IssuerKey> = {}): IssuerKey => {
    const {
      exists: _,
      markedCompromised: __,
      ...key
    } = keyThat('S', { canDisable: false, ...facts_ }) as Extract<ReturnType<typeof keyThat>, { exists: true }>;
    return key;
  };
  /** The present is a Monday at noon, in UTC. */
  const windowed = (from: string, until: string, days?: string[]): ManagedKey => ({
    ...managedKey(),
    window: windowOf(from, until, days),
  });
  const windowOf = (from: string, until: string, days?: string[]) => {
    const entry = {
      kind: 'classic-api-key',
      iamId: 'IBMid-1',
      login: 'login',
      window: { from, until, ...(days && { days }) },
    };
    const login = { kind: 'user-api-key', name: 'login', iamId: 'IBMid-1' };
    return managedKey(entry, [login]).window;
  };
  const due = { facts, secret: onlyVersion(30), keys: [keyThat('K1', { canDisable: false })] };

  it('loses the old one first, and the step says so', () => {
    const step = planFor(due);
    expect(step).toMatchObject({ step: 'mint', reason: 'due', removes: 'K1' });
    expect(step.why).toContain('key K1 goes first');
  });

  it('loses it in the window of the entry only', () => {
    expect(planFor(due, windowed('13:00', '14:00'))).toMatchObject({
      step: 'hold',
      code: 'window',
      untilMs: NOW_MS + HOUR_MS,
    });
    expect(planFor(due, windowed('11:30', '12:30'))).toMatchObject({ step: 'mint', removes: 'K1' });
    expect(planFor(due, windowed('11:00', '12:00'))).toMatchObject({ step: 'hold', untilMs: NOW_MS + 23 * HOUR_MS });
    expect(planFor(due, windowed('22:00', '13:00'))).toMatchObject({ step: 'mint' });
    expect(planFor(due, windowed('11:30', '12:30', ['tue']))).toMatchObject({ untilMs: NOW_MS + 23.5 * HOUR_MS });
  });

  it('loses it at once when a person wants that', () => {
    expect(planFor({ ...due, rotationAsked: true }, windowed('13:00', '14:00'))).toMatchObject({
      step: 'mint',
      removes: 'K1',
    });
  });

  it('gets one at any time where it has none', () => {
    const closed = windowed('13:00', '14:00');
    expect(planFor({ facts }, closed)).toMatchObject({ step: 'mint', reason: 'first' });
    const lost = { facts, secret: onlyVersion(5), keys: [gone('K1')] };
    expect(planFor(lost, closed)).toMatchObject({ step: 'mint', reason: 'lost' });
    expect(planFor(lost, closed)).not.toHaveProperty('removes');
  });

  it('waits no longer than a claim lasts where it has none, however many mints have failed', () => {
    const failedAtMs = NOW_MS - 4 * MINUTE_MS;
    const summaryOf = { key_id: 'K1', failures: 8, not_before: timeText(failedAtMs + 6 * HOUR_MS) };
    const secret = secretWith([version('K1', daysAgo(5))], { summaryOf });
    const lost = { facts, secret, keys: [gone('K1')] };
    expect(planFor(lost)).toMatchObject({
      step: 'hold',
      code: 'back-off',
      sinceMs: failedAtMs,
      untilMs: NOW_MS + 2 * MINUTE_MS,
    });
    expect(planFor(lost, managedKey(), NOW_MS + 2 * MINUTE_MS)).toMatchObject({ step: 'mint', reason: 'lost' });
    expect(planFor({ ...due, secret: secretWith([version('K1', daysAgo(30))], { summaryOf }) })).toMatchObject({
      code: 'back-off',
      untilMs: failedAtMs + 6 * HOUR_MS,
    });
  });

  it('is known to have none at once where a mint of ours was to remove it, however young its version is', () => {
    const claim = (removes: string) => ({
      ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(-MINUTE_MS), removes }),
      updatedAtMs: NOW_MS - 7 * MINUTE_MS,
    });
    const young = (removes: string) => ({
      facts,
      secret: onlyVersion(0, { createdAtMs: hoursAgo(0.15), locks: [claim(removes)] }),
      keys: [gone('K1')],
    });
    expect(planFor(young('K1'))).toMatchObject({ step: 'mint', reason: 'lost' });
    expect(planFor(young('K0'))).toMatchObject({ step: 'hold', code: 'key-not-visible' });
  });

  it('loses a leaked one at once, whatever the window', () => {
    const leaked = {
      facts,
      secret: onlyVersion(5),
      keys: [keyThat('K1', { canDisable: false, markedCompromised: true })],
    };
    expect(planFor(leaked, windowed('13:00', '14:00'))).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('keeps one that somebody else made, and a person is asked', () => {
    const taken = { facts, secret: onlyVersion(5), keys: [gone('K1')], strangers: [stranger()] };
    expect(planFor(taken)).toMatchObject({ step: 'ask', code: 'place_taken' });
    expect(planFor({ facts, strangers: [stranger()] })).toMatchObject({ step: 'ask', code: 'place_taken' });
  });

  it('loses that one when a person wants a rotation', () => {
    const taken = { facts, secret: onlyVersion(5), keys: [gone('K1')], strangers: [stranger()], rotationAsked: true };
    expect(planFor(taken)).toMatchObject({ step: 'mint', removes: 'S' });
  });

  it('loses the one that a mint of ours made and did not store', () => {
    const claimedAtMs = NOW_MS - 30 * MINUTE_MS;
    const claim = { ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(-24 * MINUTE_MS) }), updatedAtMs: claimedAtMs };
    const secret = onlyVersion(5, { locks: [claim] });
    const leftOver = (createdAtMs: number) => ({
      facts,
      secret,
      keys: [gone('K1')],
      strangers: [stranger({ createdAtMs })],
    });
    expect(planFor(leftOver(claimedAtMs + MINUTE_MS))).toMatchObject({ step: 'mint', removes: 'S' });
    expect(planFor(leftOver(claimedAtMs + 6 * MINUTE_MS))).toMatchObject({ step: 'ask', code: 'place_taken' });
    expect(planFor(leftOver(0))).toMatchObject({ step: 'ask', code: 'place_taken' });
  });

  it('keeps the one that a person made after our mint had ended', () => {
    const claimedAtMs = NOW_MS - 30 * MINUTE_MS;
    const claim = { ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(-24 * MINUTE_MS) }), updatedAtMs: claimedAtMs };
    const madeAfter = (minutes: number, failedOp: string) => {
      const summaryOf = { key_id: 'K1', failed_op: failedOp, failed_at: timeText(claimedAtMs + MINUTE_MS) };
      const secret = secretWith([version('K1', daysAgo(5), { locks: [claim] })], { summaryOf });
      const made = stranger({ createdAtMs: claimedAtMs + minutes * MINUTE_MS });
      return { facts, secret, keys: [gone('K1')], strangers: [made] };
    };
    expect(planFor(madeAfter(3, 'bbbbbbbbbbbb'))).toMatchObject({ step: 'ask', code: 'place_taken' });
    expect(planFor(madeAfter(2, 'bbbbbbbbbbbb'))).toMatchObject({ step: 'mint', removes: 'S' });
    expect(planFor(madeAfter(3, 'aaaaaaaaaaaa'))).toMatchObject({ step: 'mint', removes: 'S' });
  });

  it('loses the one that a mint was to remove before it was cut off', () => {
    const claim = (removes: string) => ({
      ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(-24 * MINUTE_MS), removes }),
      updatedAtMs: NOW_MS - 30 * MINUTE_MS,
    });
    const seen = (removes: string) => ({
      facts,
      secret: onlyVersion(5, { locks: [claim(removes)] }),
      keys: [gone('K1')],
      strangers: [stranger()],
    });
    expect(planFor(seen('S'))).toMatchObject({ step: 'mint', removes: 'S' });
    expect(planFor(seen('K1'))).toMatchObject({ step: 'ask', code: 'place_taken' });
  });

  it('may be in another run’s mint, and nobody is asked whose key it is while that lasts', () => {
    const claim = { ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(5 * MINUTE_MS) }), updatedAtMs: NOW_MS - MINUTE_MS };
    const untold = stranger({ createdAtMs: 0 });
    const secret = onlyVersion(5, { locks: [claim] });
    expect(planFor({ facts, secret, keys: [gone('K1')], strangers: [untold] })).toMatchObject({
      step: 'hold',
      code: 'mint-under-way',
    });
  });

  it('keeps one from before while nothing is stored, whoever wants it replaced, and a person is asked for its value', () => {
    const adopting = { ...managedKey(), adopt: ['S'] };
    const seen = { facts, keys: [keyThat('S', { canDisable: false })] };
    for (const rotationAsked of [false, true])
      expect(planFor({ ...seen, rotationAsked }, adopting)).toMatchObject({ step: 'ask', code: 'import_first' });
    const unknown = { facts, strangers: [stranger()], rotationAsked: true };
    expect(planFor(unknown)).toMatchObject({ step: 'ask', code: 'import_first' });
  });

  it('has one that a person made instead of ours replaced in the window only, where the manifest takes it in', () => {
    const adopting = { ...windowed('13:00', '14:00'), adopt: ['S'] };
    const seen = (facts_: Parameters<typeof version>[2] = {}) => ({
      facts,
      secret: onlyVersion(5, facts_),
      keys: [gone('K1'), keyThat('S', { canDisable: false })],
    });
    const held = { step: 'hold', code: 'window', untilMs: NOW_MS + HOUR_MS };
    expect(planFor(seen(), adopting)).toMatchObject(held);
    expect(planFor(seen({ record: { compromised_at: isoIn(-DAY_MS) } }), adopting)).toMatchObject(held);
    expect(planFor(seen(), { ...adopting, window: null })).toMatchObject({
      step: 'mint',
      reason: 'lost',
      removes: 'S',
    });
    expect(planFor({ ...seen(), rotationAsked: true }, adopting)).toMatchObject({ step: 'mint', removes: 'S' });
  });

  it('has a dead one of ours replaced at any time', () => {
    const closed = windowed('13:00', '14:00');
    const expired = keyThat('K1', { canDisable: false, expiresAtMs: NOW_MS - MINUTE_MS });
    const seen = { facts, secret: onlyVersion(5), keys: [expired] };
    expect(planFor(seen, closed)).toMatchObject({ step: 'mint', reason: 'expired', removes: 'K1' });
  });

  it('may be in another run’s first mint when its key is young', () => {
    const young = { facts, strangers: [stranger({ createdAtMs: NOW_MS - MINUTE_MS })] };
    expect(planFor(young)).toMatchObject({ step: 'hold', code: 'mint-under-way' });
  });
});

describe('an identity that was made for a service credential', () => {
  it('is left to that, and a person is asked to manage the credential', () => {
    const seen = { secret: onlyVersion(30), keys: [keyThat('K1')], generatedFor: 'crn:v1:…:resource-key:1' };
    expect(planFor(seen)).toMatchObject({ step: 'ask', code: 'made_for_credential' });
    expect(planFor({ generatedFor: 'crn:v1:…:resource-key:1' })).toMatchObject({
      step: 'ask',
      code: 'made_for_credential',
    });
  });
});

describe('an entry that names another owner, or another kind, than its key was made for', () => {
  const facts = { ...SERVICE_ID_FACTS, looksAcrossOwners: false };
  const made = (record: object) => ({ secret: onlyVersion(5, { record }), keys: [gone('K1')] });

  it('is a person’s to settle where only the owner shows its keys', () => {
    expect(planFor({ ...made({ owner: 'another' }), facts })).toMatchObject({ step: 'ask', code: 'other_owner' });
    expect(planFor(made({ owner: 'another' }))).toMatchObject({ step: 'mint', reason: 'lost' });
  });

  it('is a person’s to settle where the kind was changed', () => {
    expect(planFor(made({ kind: 'classic-api-key' }))).toMatchObject({ step: 'ask', code: 'other_owner' });
  });

  it('goes on with a leak all the same', () => {
    const leaked = keyThat('K1', { markedCompromised: true });
    const seen = { secret: onlyVersion(5, { record: { owner: 'another' } }), keys: [leaked], facts };
    expect(planFor(seen)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });
});

describe('the key that Keyrota itself is logged in with', () => {
  const runs = managedKey({ runsKeyrota: true });
  const due = { secret: onlyVersion(30), keys: [keyThat('K1')], ownKeyId: 'K1' };
  const replaced = (ownKeyId: string | null, days = 8) => ({
    secret: twoVersions(days),
    keys: [keyThat('K1'), keyThat('K2')],
    ownKeyId,
  });

  it('is reported, not rotated, where the manifest does not say that Keyrota loads it from its secret', () => {
    expect(planFor(due)).toMatchObject({ step: 'ask', code: 'own_key' });
    expect(planFor({ ...due, secret: onlyVersion(5) })).toMatchObject({ step: 'rest' });
  });

  it('does not expire meanwhile', () => {
    const soon = { ...due, keys: [keyThat('K1', { expiresAtMs: NOW_MS + DAY_MS })] };
    expect(planFor(soon)).toMatchObject({ step: 'extend', keyId: 'K1' });
  });

  it('is rotated where it says so', () => {
    expect(planFor(due, runs)).toMatchObject({ step: 'mint', reason: 'due' });
  });

  it('stays while Keyrota still runs on it', () => {
    expect(planFor(replaced('K1'), runs)).toMatchObject({ step: 'hold', code: 'own-key' });
    expect(planFor(replaced('K1', 60), runs)).toMatchObject({ step: 'ask', code: 'own_key_in_use' });
  });

  it('stays until a start with the new one was seen, whoever else runs', () => {
    expect(planFor(replaced(null), runs)).toMatchObject({ step: 'hold', code: 'own-key' });
    expect(planFor(replaced('K9'), runs)).toMatchObject({ step: 'hold', code: 'own-key' });
    expect(planFor(replaced('K2'), runs)).toMatchObject({ step: 'disable', keyId: 'K1' });
  });

  it('hides no other leak', () => {
    const leaks = {
      ...replaced('K2', 1),
      keys: [keyThat('K1', { markedCompromised: true }), keyThat('K2', { markedCompromised: true })],
    };
    expect(planFor(leaks, runs)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('is replaced before it is contained', () => {
    const leaked = { ...due, keys: [keyThat('K1', { markedCompromised: true })] };
    expect(planFor(leaked, runs)).toMatchObject({ step: 'mint', reason: 'compromised' });
    const still = { ...replaced('K1', 8), keys: [keyThat('K1', { markedCompromised: true }), keyThat('K2')] };
    expect(planFor(still, runs)).toMatchObject({ step: 'ask', code: 'own_key_leaked' });
    const after = { ...replaced('K2', 0), keys: [keyThat('K1', { markedCompromised: true }), keyThat('K2')] };
    expect(planFor(after, runs)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });
});
