import { describe, expect, it } from 'vitest';
import { demandHash, demandSame, planHash } from '../../infra/operator/plan-hash.ts';
import type { Plan } from '../../infra/operator/plan-hash.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { manifestOf } from '../support/manifests.ts';
import { managedKey } from '../support/observations.ts';

const report = (name: string, facts: Partial<KeyReport> = {}): KeyReport => ({
  name,
  steps: [],
  outcome: 'rest',
  why: 'key K1 is current',
  since: null,
  until: null,
  code: null,
  next: [],
  fingerprint: 'a'.repeat(64),
  ...facts,
});

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `key-${String(index).padStart(3, '0')}`);

function planOf(keys: readonly KeyReport[], { force = false, entry = {} } = {}): Plan {
  const entries = keys.map(({ name }) => managedKey({ name, ...entry }));
  return { keys, manifest: manifestOf('demo', entries), force };
}

const three = () => namesOf(3).map((name) => report(name));
/** The plan in which the second key is another one. */
const withSecond = (facts: Partial<KeyReport>) =>
  planOf(three().map((one, at) => (at === 1 ? { ...one, ...facts } : one)));
const failureOf = (hash: string, plan: Plan): unknown => {
  try {
    demandSame(hash, plan, 'keyrota plan');
    return null;
  } catch (error) {
    return error;
  }
};

describe('the hash of a plan', () => {
  it('has twelve digits for all, and two for each key', () => {
    expect(planHash(planOf(three()))).toMatch(/^[0-9a-f]{12}-[0-9a-f]{6}$/);
    expect(planHash(planOf(namesOf(500).map((name) => report(name))))).toMatch(/^[0-9a-f]{12}-[0-9a-f]{40}$/);
    expect(planHash(planOf([]))).toMatch(/^[0-9a-f]{12}$/);
  });

  it('is the same for the same plan, whatever sentences and passing times say', () => {
    const hash = planHash(planOf(three()));
    expect(planHash(withSecond({ why: 'said otherwise', until: '2027-01-01T00:00:00.000Z', since: null }))).toBe(hash);
  });

  it.each<[string, Plan]>([
    ['the world of a key', withSecond({ fingerprint: 'b'.repeat(64) })],
    ['that it cannot be seen', withSecond({ outcome: 'failed', code: 'unreachable' })],
    ['what it waits for', withSecond({ outcome: 'hold', code: 'grace' })],
    ['its next step', withSecond({ outcome: 'planned', steps: [{ step: 'mint', why: '', reason: 'due' }] })],
    ['which key that is about', withSecond({ outcome: 'planned', steps: [{ step: 'delete', why: '', keyId: 'K1' }] })],
    ['that a rotation was asked for', planOf(three(), { force: true })],
    ['the manifest', planOf(three(), { entry: { grace: '9d' } })],
    ['which keys were looked at', planOf(three().slice(1))],
  ])('changes with %s', (_, plan) => {
    const hash = planHash(planOf(three()));
    expect(planHash(plan)).not.toBe(hash);
    expect(failureOf(hash, plan)).toMatchObject({ code: 'world_moved', effect: 'none' });
  });

  it.each([
    '',
    'HEAD',
    '0123456789',
    '0123456789AB',
    '0123456789ab-',
    '0123456789ab-123',
    `0123456789ab-${'0'.repeat(42)}`,
  ])('is not %j', (text) => {
    expect(() => demandHash(text)).toThrow('--plan: takes the hash that `plan` prints');
  });
});

describe('a plan that does not hold any more', () => {
  it('names the keys that differ, with what comes next for them now, and says what to do', () => {
    const hash = planHash(planOf(three()));
    const moved = withSecond({ outcome: 'hold', code: 'grace', why: 'K1 is in grace' });
    const failure = failureOf(hash, moved);
    expect(failure).toMatchObject({
      message: 'The world is not as it was planned: key-001 (now hold: K1 is in grace).',
      next: 'Nothing was changed. Look at the plan anew, and give its hash: keyrota plan',
    });
  });

  it('names those that share a check where there are more keys than checks', () => {
    const keys = namesOf(45).map((name) => report(name));
    const moved = planOf(keys.map((one, at) => (at === 7 ? { ...one, outcome: 'ask' as const } : one)));
    const { message } = failureOf(planHash(planOf(keys)), moved) as Error;
    expect([...message.matchAll(/key-\d+/g)].map(([name]) => name)).toEqual(['key-007', 'key-027']);
    expect(message).toContain('some of these');
  });

  it('is told from one of other keys, and from half a hash', () => {
    const hash = planHash(planOf(three()));
    expect(failureOf(hash, planOf(three().slice(1)))).toMatchObject({
      message: 'The world is not as it was planned: it was planned for other keys than these.',
    });
    const half = hash.slice(0, 12);
    expect(failureOf(half, planOf(three()))).toBeNull();
    expect(failureOf(half, withSecond({ outcome: 'ask' }))).toMatchObject({ code: 'world_moved' });
  });
});
