import { describe, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { openFleet } from '../bench/fleet-world.ts';

describe('a run that has no time for all', () => {
  it('does not even look at a key that is due when it cannot be replaced any more', async () => {
    const names = ['one', 'two', 'three'];
    const { lab, manifest } = await openFleet({ deployment: 'lab', names, keysPerIdentity: 3, dueInMs: 30 * DAY_MS });
    await lab.pass(30 * DAY_MS);
    const before = lab.cloud.calls.total;
    const settings = { ...lab.context(manifest).settings, runMs: MINUTE_MS };
    const { keys } = await lab.tick(manifest, { timerMs: MINUTE_MS, keysAtOnce: 1 }, { settings });
    expect(keys.flatMap(({ steps }) => steps.map(({ step }) => step))).toEqual(['mint', 'mint']);
    expect(keys.find(({ steps }) => steps.length === 0)).toMatchObject({ outcome: 'left', code: 'no_time' });
    const looks = lab.cloud.calls
      .list(before + 1)
      .filter(({ method, path }) => method === 'GET' && path.endsWith('/versions'));
    expect(looks).toHaveLength(2);
  });
});
