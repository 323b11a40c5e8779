import { describe, expect, it } from 'vitest';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { plan } from '../../shared/rotation/plan.ts';
import type { Step } from '../../shared/rotation/step.ts';
import {
  NOW_MS,
  consumerLock,
  daysAgo,
  gone,
  guard,
  isoIn,
  keyThat,
  managedKey,
  observation,
  secretWith,
  version,
} from '../support/observations.ts';

const planFor = (seen: Parameters<typeof observation>[0], entry: ManagedKey = managedKey()): Step =>
  plan(entry, observation(seen), NOW_MS);

const LEAKED = { compromised_at: isoIn(-1_000) };
const onCompromise = (policy: object): ManagedKey => managedKey({ onCompromise: policy });

describe('a leaked key that cannot be disabled', () => {
  const leaked = keyThat('K1', { canDisable: false });
  const seen = { secret: secretWith([version('K1', daysAgo(3), { record: LEAKED })]), keys: [leaked] };
  const replaceFirst = onCompromise({ replaceFirst: true });

  it('is put out of use at once', () => {
    expect(planFor(seen)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('works until its replacement is stored, where the manifest wants that', () => {
    expect(planFor(seen, replaceFirst)).toMatchObject({ step: 'mint', reason: 'compromised' });
    const versions = [
      version('K1', daysAgo(3), { locks: [guard()], record: LEAKED }),
      version('K2', NOW_MS, { record: { reason: 'compromised' } }),
    ];
    const replaced = { secret: secretWith(versions), keys: [leaked, keyThat('K2')] };
    expect(planFor(replaced, replaceFirst)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('is put out of use at once all the same in an entry that is retired, for nothing will replace it', () => {
    const retired = managedKey({ state: 'retired', onCompromise: { replaceFirst: true } });
    expect(planFor(seen, retired)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });

  it('is put out of use at once by the same manifest where it can be disabled', () => {
    expect(planFor({ ...seen, keys: [keyThat('K1')] }, replaceFirst)).toMatchObject({ step: 'contain', keyId: 'K1' });
  });
});

describe('consumers’ locks on the version before a leaked one', () => {
  const versions = (facts: object = {}) => [
    version('K0', daysAgo(40), { locks: [consumerLock('billing'), guard()] }),
    version('K1', daysAgo(3), { record: LEAKED, ...facts }),
  ];
  const leaked = keyThat('K1', { disabled: true });

  it('move with our guard, so that the replacement can be stored', () => {
    const step = planFor({ secret: secretWith(versions()), keys: [leaked] });
    expect(step).toMatchObject({ step: 'release', versionId: 'version-of-K1', moves: ['billing'] });
  });

  it('stay while another run’s mint may be under way', () => {
    const claimed = {
      locks: [{ ...guard({ op: 'bbbbbbbbbbbb', until: isoIn(60_000) }), updatedAtMs: NOW_MS - 1_000 }],
    };
    expect(planFor({ secret: secretWith(versions(claimed)), keys: [leaked] })).toMatchObject({ step: 'hold' });
  });

  it.each(['lost', 'expired'] as const)('stay where the current key is merely %s', (death) => {
    const secret = secretWith(versions({ record: {} }));
    const keys = death === 'lost' ? [gone('K1')] : [keyThat('K1', { expiresAtMs: NOW_MS - 1 })];
    expect(planFor({ secret, keys })).toMatchObject({ step: 'hold', code: 'consumer-lock' });
  });

  it('stay where the manifest says so', () => {
    const seen = { secret: secretWith(versions()), keys: [leaked] };
    expect(planFor(seen, onCompromise({ consumerLocks: 'wait' }))).toMatchObject({
      step: 'hold',
      code: 'consumer-lock',
    });
  });
});

describe('consumers’ locks on a leaked version that is replaced', () => {
  const seen = (reason: 'compromised' | 'due') => ({
    secret: secretWith([
      version('K1', daysAgo(3), { locks: [consumerLock('billing')], record: reason === 'due' ? {} : LEAKED }),
      version('K2', daysAgo(1), { record: { reason } }),
    ]),
    keys: [keyThat('K2')],
  });

  it('go to the new version once the leaked key is gone', () => {
    expect(planFor(seen('compromised'))).toMatchObject({
      step: 'release',
      versionId: 'version-of-K2',
      moves: ['billing'],
    });
  });

  it('go as well where it leaked when it was a former one already, and in a paused entry', () => {
    const versions = [
      version('K1', daysAgo(3), { locks: [consumerLock('billing'), guard()], record: LEAKED }),
      version('K2', daysAgo(1), { record: { reason: 'due' } }),
    ];
    const moved = { step: 'release', versionId: 'version-of-K2', moves: ['billing'] };
    for (const entry of [managedKey(), managedKey({ paused: true })])
      expect(planFor({ secret: secretWith(versions), keys: [keyThat('K2')] }, entry)).toMatchObject(moved);
  });

  it('stay on the former version of a regular rotation', () => {
    expect(planFor(seen('due'))).toMatchObject({ step: 'rest' });
  });
});

describe('a current key that somebody else disabled', () => {
  const seen = { secret: secretWith([version('K1', daysAgo(3))]), keys: [keyThat('K1', { disabled: true })] };
  const asking = onCompromise({ disabledByOthers: 'ask' });

  it('is replaced', () => {
    expect(planFor(seen)).toMatchObject({ step: 'mint', reason: 'disabled' });
  });

  it('is a person’s to judge where the manifest says so', () => {
    expect(planFor(seen, asking)).toMatchObject({ step: 'ask', code: 'disabled_by_others' });
  });

  it('is replaced in spite of that once a person wants a rotation, or a leak is reported', () => {
    expect(planFor({ ...seen, rotationAsked: true }, asking)).toMatchObject({ step: 'mint' });
    const reported = secretWith([version('K1', daysAgo(3), { record: LEAKED })]);
    expect(planFor({ ...seen, secret: reported }, asking)).toMatchObject({ step: 'mint', reason: 'compromised' });
  });
});
