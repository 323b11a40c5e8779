import { describe, expect, it } from 'vitest';
import { apply } from '../../shared/rotation/apply.ts';
import { observationAfter } from '../../shared/rotation/foresee.ts';
import type { Observation } from '../../shared/rotation/observation.ts';
import { observe } from '../../shared/rotation/observe.ts';
import { plan } from '../../shared/rotation/plan.ts';
import { isSettled } from '../../shared/rotation/step.ts';
import { minted, onlyKey, rotated } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';

/** Issuers date expiries to the minute, rounded up. */
const minuteOf = (atMs: number | null) => atMs && Math.ceil(atMs / 60_000);

/** What plan decides on, but for moments, which the services date themselves. */
const factsOf = ({ secret, keys, identityExists, rotationAsked }: Observation) => ({
  identityExists,
  rotationAsked,
  summary: { ...secret?.summary, rotated_at: '', next_due: '', retire_after: '' },
  versions: secret?.versions.map(({ createdAtMs: _created, metadata: _metadata, locks, ...facts }) => ({
    ...facts,
    locks: locks.map(({ name }) => name),
  })),
  keys: keys
    .flatMap((one) =>
      one.exists ? [{ id: one.id, disabled: one.disabled, locked: one.locked, minute: minuteOf(one.expiresAtMs) }] : [],
    )
    .toSorted((one, other) => one.id.localeCompare(other.id)),
});

/** Carries out the step that is due, and shows what is foreseen beside what a look shows. */
async function carriedOut({ lab, manifest, key }: Scene, force = false) {
  return lab.withPorts(manifest, async (ports) => {
    const seen = await observe(key, null, force, ports);
    const step = plan(key, seen, lab.clock.nowMs());
    if (isSettled(step)) throw new Error(`nothing is due: ${step.why}`);
    const applied = await apply(key, seen, step, ports);
    const foreseen = await observationAfter(key, seen, step, applied, ports);
    const looked = await observe(key, null, false, ports);
    const nowMs = lab.clock.nowMs();
    const nextOf = (observation: Observation) => plan(key, observation, nowMs).step;
    return { step: step.step, foreseen, looked, nextOf };
  });
}

describe('what is foreseen of a step is what a look shows', () => {
  it.each([
    ['a mint', 'mint', () => minted(30)],
    ['a mint that was asked for', 'mint', () => minted(5)],
    ['a disabling', 'disable', async () => scenePassing(6, 25)],
    ['a deletion', 'delete', async () => scenePassing(8, 72)],
  ])('%s', async (_, wanted, open) => {
    const { step, foreseen, looked, nextOf } = await carriedOut(await open(), wanted === 'mint');
    expect(step).toBe(wanted);
    if (!foreseen) throw new Error('nothing is foreseen');
    expect(factsOf(foreseen)).toEqual(factsOf(looked));
    expect(nextOf(foreseen)).toBe(nextOf(looked));
  });

  it('a release', async () => {
    const scene = await scenePassing(8, 72);
    await carriedOut(scene);
    const { step, foreseen, looked, nextOf } = await carriedOut(scene);
    expect(step).toBe('release');
    if (!foreseen) throw new Error('nothing is foreseen');
    expect(factsOf(foreseen)).toEqual(factsOf(looked));
    expect(nextOf(foreseen)).toBe('rest');
  });

  it('and nothing is foreseen of an extension, whose key may have gone meanwhile', async () => {
    const { step, foreseen } = await carriedOut(await paused(86));
    expect([step, foreseen]).toEqual(['extend', null]);
  });

  it('and nothing is foreseen of a first mint, which only a look can tell', async () => {
    const scene = await minted(30);
    const other = scene.lab.manifest({ name: 'another' });
    const [key = scene.key] = other.keys;
    const { step, foreseen } = await carriedOut({ ...scene, manifest: other, key });
    expect([step, foreseen]).toEqual(['mint', null]);
  });
});

/** K1 is current, expires soon, and a person has paused the entry. */
async function paused(days: number): Promise<Scene> {
  const scene = await minted(days);
  const manifest = scene.lab.manifest({ paused: true });
  return { ...scene, manifest, key: onlyKey(manifest) };
}

/** K2 superseded K1 so many days ago, with ticks, and then hours go by without one. */
async function scenePassing(days: number, hours: number): Promise<Scene> {
  const scene = await rotated(days);
  await scene.lab.pass(hours * 3_600_000);
  return scene;
}
