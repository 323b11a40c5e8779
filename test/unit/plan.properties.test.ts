import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import type { Observation, SeenKey } from '../../shared/rotation/observation.ts';
import { plan } from '../../shared/rotation/plan.ts';
import { isSettled } from '../../shared/rotation/step.ts';
import { ModelWorld } from '../support/model-world.ts';
import {
  NOW_MS,
  consumerLock,
  gone,
  guard,
  keyThat,
  managedKey,
  observation,
  recordOf,
  secretWith,
  version,
} from '../support/observations.ts';

const time = (daysBack: number) => fc.integer({ min: 0, max: daysBack * 24 }).map((hours) => NOW_MS - hours * HOUR_MS);

const entries: fc.Arbitrary<ManagedKey> = fc.constantFrom(
  managedKey(),
  managedKey({ paused: true }),
  managedKey({ state: 'retired' }),
  managedKey({ adopt: ['ApiKey-0'] }),
  managedKey({ hold: { afterwards: 'disable' }, evidence: { fetched: false } }),
  managedKey({ freeze: [{ from: '2026-06-01T00:00:00Z', until: '2026-07-01T00:00:00Z' }] }),
);

const seenKey = (id: string): fc.Arbitrary<SeenKey> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant(gone(id)) },
    {
      weight: 4,
      arbitrary: fc
        .record({
          createdAtMs: time(120),
          expiresAtMs: fc.option(fc.integer({ min: -5, max: 90 }).map((days) => NOW_MS + days * DAY_MS)),
          disabled: fc.boolean(),
          locked: fc.boolean(),
          ownerMatches: fc.boolean(),
          disabledAtMs: fc.option(time(60)),
          lastUsed: fc.oneof(
            fc.constant('never' as const),
            fc.constant('unknown' as const),
            time(60).map((atMs) => ({ atMs })),
          ),
          markedCompromised: fc.boolean(),
        })
        .map((facts) => keyThat(id, facts)),
    },
  );

/** Anything that could be seen: every combination of versions, locks, marks and keys, sensible or not. */
const anything: fc.Arbitrary<Observation> = fc.integer({ min: 0, max: 4 }).chain((versionCount) => {
  const ids = Array.from({ length: versionCount }, (_, index) => `K${index}`);
  const versions = fc.tuple(
    ...ids.map((id) =>
      fc
        .record({
          createdAtMs: time(120),
          fetched: fc.boolean(),
          guarded: fc.boolean(),
          consumer: fc.boolean(),
          ours: fc.boolean(),
          compromised: fc.boolean(),
          restored: fc.boolean(),
        })
        .map((facts) =>
          version(id, facts.createdAtMs, {
            fetched: facts.fetched,
            locks: [...(facts.guarded ? [guard()] : []), ...(facts.consumer ? [consumerLock('agent')] : [])],
            record: facts.ours
              ? { compromised_at: facts.compromised ? '2026-06-01T00:00:00Z' : '', restored: facts.restored }
              : null,
          }),
        ),
    ),
  );
  return fc
    .record({ versions, keys: fc.tuple(...[...ids, 'S1', 'S2'].map(seenKey)), rotationAsked: fc.boolean() })
    .map(({ versions: given, keys, rotationAsked }) => {
      const ordered = given.toSorted((one, other) => one.createdAtMs - other.createdAtMs);
      return observation({ secret: ordered.length > 0 ? secretWith(ordered) : null, keys, rotationAsked });
    });
});

const currentOf = (seen: Observation) => seen.secret?.versions.find((one) => one.alias === 'current')?.record?.key_id;

/** The ids of all keys that are marked as compromised, at the issuer or in a version. */
const leakedIn = (seen: Observation): string[] => [
  ...seen.keys.filter((one) => one.exists && one.markedCompromised).map(({ id }) => id),
  ...(seen.secret?.versions ?? []).flatMap(({ record }) => (record?.compromised_at ? record.key_id : [])),
];

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
};

describe('plan, whatever it is shown,', () => {
  it('has an answer with a reason, the same each time, and changes nothing', () => {
    fc.assert(
      fc.property(entries, anything, (key, seen) => {
        freeze(seen);
        const step = plan(key, seen, NOW_MS);
        expect(step.why).not.toBe('');
        expect(plan(key, seen, NOW_MS)).toEqual(step);
      }),
      { numRuns: 2_000 },
    );
  });

  it('never disables or deletes the current key of an active entry, except to contain it', () => {
    fc.assert(
      fc.property(entries, anything, (key, seen) => {
        const step = plan(key, seen, NOW_MS);
        if (key.state === 'retired' || step.step === 'contain' || !('keyId' in step) || step.step === 'extend') return;
        expect(step.keyId).not.toBe(currentOf(seen));
      }),
      { numRuns: 5_000 },
    );
  });

  it('never deletes a key that still logs in', () => {
    fc.assert(
      fc.property(entries, anything, (key, seen) => {
        const step = plan(key, seen, NOW_MS);
        const deletes = step.step === 'delete' || (step.step === 'discard' && step.phase === 'delete');
        if (!deletes) return;
        expect(seen.keys.find((one) => one.id === step.keyId)).toMatchObject({ exists: true, disabled: true });
      }),
      { numRuns: 5_000 },
    );
  });

  it('retires nothing while the current key does not work or is not ours', () => {
    fc.assert(
      fc.property(anything, (seen) => {
        const key = managedKey();
        const current = seen.keys.find((one) => one.id === currentOf(seen));
        const works =
          current?.exists && !current.disabled && (current.expiresAtMs === null || current.expiresAtMs > NOW_MS);
        if (works) return;
        const { step } = plan(key, seen, NOW_MS);
        // Without a secret nothing was ever superseded, and what failed mints left is of no use to anybody.
        expect(step).not.toMatch(seen.secret ? /^(disable|delete|discard|rest)$/ : /^(disable|delete|rest)$/);
      }),
      { numRuns: 5_000 },
    );
  });

  it('says of every hold since when it holds, and until when unless that depends on somebody', () => {
    const dependsOnSomebody = ['consumer-lock', 'paused', 'former-key'];
    fc.assert(
      fc.property(entries, anything, (key, seen) => {
        const step = plan(key, seen, NOW_MS);
        if (step.step !== 'hold') return;
        expect(step.sinceMs === null).toBe(step.code === 'paused'); // since when it says so the manifest does not tell
        expect(step.sinceMs ?? NOW_MS).toBeLessThanOrEqual(NOW_MS);
        expect(step.sinceMs ?? NOW_MS).toBeGreaterThan(NOW_MS - 400 * DAY_MS);
        // The last key of a retired entry waits for as long as somebody uses it.
        const isLast = key.state === 'retired' && step.code === 'evidence' && step.untilMs === null;
        const isOpen = dependsOnSomebody.includes(step.code) || isLast;
        expect(isOpen ? step.untilMs === null : (step.untilMs ?? 0) > NOW_MS).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('does in a paused entry nothing but to deal with compromised and disabled keys and to keep the current one from expiring', () => {
    fc.assert(
      fc.property(anything, (seen) => {
        const step = plan(managedKey({ paused: true }), seen, NOW_MS);
        if (isSettled(step) || step.step === 'extend') return;
        // What is freed is the version before the current one, if it is not the current key that is dead.
        const previous = seen.secret?.versions.find((one) => one.alias === 'previous')?.record?.key_id ?? '';
        const isOfLeak = step.step === 'release' && leakedIn(seen).includes(previous);
        const keyId = 'keyId' in step ? step.keyId : isOfLeak ? previous : (currentOf(seen) ?? '');
        const disabled = seen.keys.filter((one) => one.exists && one.disabled).map(({ id }) => id);
        expect([...leakedIn(seen), ...disabled]).toContain(keyId);
      }),
      { numRuns: 5_000 },
    );
  });

  it('makes and retires nothing while the identity is gone, unless the entry is retired', () => {
    fc.assert(
      fc.property(entries, anything, (key, seen) => {
        const step = plan(key, { ...seen, identityExists: false }, NOW_MS);
        expect(step.step).toMatch(key.state === 'retired' ? /^(?!mint$)/ : /^(contain|ask)$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('makes no key in a freeze window while the current one works, unless a person asks', () => {
    const frozen = managedKey({ freeze: [{ from: '2026-06-01T00:00:00Z', until: '2026-07-01T00:00:00Z' }] });
    fc.assert(
      fc.property(anything, (given) => {
        const seen = { ...given, rotationAsked: false };
        const step = plan(frozen, seen, NOW_MS);
        if (step.step !== 'mint') return;
        expect(step.reason).toMatch(/^(first|lost|expired|disabled|compromised)$/);
      }),
      { numRuns: 5_000 },
    );
  });

  it('only touches keys that it was shown', () => {
    fc.assert(
      fc.property(entries, anything, (key, seen) => {
        const step = plan(key, seen, NOW_MS);
        return !('keyId' in step) || seen.keys.some((one) => one.id === step.keyId);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Worlds that a person need not look after: nobody else locks anything or stores versions. */
const tended = anything.map((seen): Observation => {
  const versions = seen.secret?.versions.map((one) => ({
    ...one,
    locks: one.locks.filter((lock) => lock.name === guard().name),
    record: one.record ?? recordOf(one.id.replace('version-of-', '')),
  }));
  const keys = seen.keys.map((one): SeenKey => {
    if (!one.exists) return one;
    const lastUsed = one.lastUsed === 'unknown' ? 'never' : one.lastUsed;
    return { ...one, locked: false, lastUsed, disabledAtMs: one.disabled ? (one.disabledAtMs ?? NOW_MS) : null };
  });
  return { ...seen, secret: seen.secret && versions ? secretWith(versions) : null, keys };
});

describe('plan, carried out again and again while time goes on,', () => {
  it('comes to rest with one working key, which is the current one, and nothing left over', () => {
    const key = managedKey();
    fc.assert(
      fc.property(tended, (seen) => {
        const world = new ModelWorld(key, seen, NOW_MS);
        for (let hours = 0; hours < 24 * 25; hours += 6) {
          for (let steps = 0; steps < 12 && !isSettled(world.step()); steps += 1);
          world.consume();
          world.wait(6 * HOUR_MS);
        }
        const left = world.observation.keys.filter((one) => one.exists);
        const current = left.find((one) => one.id === currentOf(world.observation));
        expect(current).toMatchObject({ disabled: false });
        const others = left.filter((one) => one.id !== current?.id);
        // A rotation may have fallen due within these days: then its former key is on its way, and known.
        expect(others.length).toBeLessThanOrEqual(1);
        for (const other of others)
          expect(world.observation.secret?.versions.some((one) => one.record?.key_id === other.id)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never takes more than a handful of steps at one moment', () => {
    fc.assert(
      fc.property(entries, tended, (key, seen) => {
        const world = new ModelWorld(key, seen, NOW_MS);
        let steps = 0;
        while (!isSettled(world.step())) steps += 1;
        expect(steps).toBeLessThanOrEqual(4 + 2 * seen.keys.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
