import { describe, expect, it } from 'vitest';
import { carryOut, lookAtKeys } from '../../infra/operator/plan-and-rotate.ts';
import { demandSame, planHash } from '../../infra/operator/plan-hash.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { operatorContext } from '../support/operator.ts';
import { minted, superseded } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { WatchedRun, frozenRun } from '../support/watched-run.ts';

const ALL = { only: ['ingest'], force: false };

const looked = ({ lab, manifest }: Pick<Scene, 'lab' | 'manifest'>, force = false) =>
  lookAtKeys({ ...ALL, force }, operatorContext(lab, manifest));
const hashOf = async (scene: Pick<Scene, 'lab' | 'manifest'>) => planHash(await looked(scene));

/** The planned steps, and no others. */
async function carriedOut({ lab, manifest }: Pick<Scene, 'lab' | 'manifest'>, changes: Partial<RunContext> = {}) {
  const { keys } = await looked({ lab, manifest });
  return carryOut(keys, false, operatorContext(lab, manifest, changes));
}

type Superseded = Scene & { formerId: string };

/** K1 is superseded and disabled, and its quarantine is over. */
async function deletable(): Promise<Superseded> {
  const scene = await superseded(8);
  const { lab, manifest, formerId } = scene;
  await lab.tick(manifest, { only: ['ingest'] });
  expect(lab.keys.find(({ id }) => id === formerId)?.disabled).toBe(true);
  await lab.pass(4 * DAY_MS);
  expect((await looked(scene)).keys[0]?.steps).toMatchObject([{ step: 'delete', keyId: formerId }]);
  return { ...scene, effects: lab.recordEffects() };
}

describe('the hash of a plan', () => {
  it('stays while nothing is done, however often it is looked at, and whoever logs in and fetches', async () => {
    const scene = await superseded(3);
    const { lab } = scene;
    const hash = await hashOf(scene);
    await lab.works(await lab.fetchValue());
    await lab.pass(40 * MINUTE_MS);
    expect(await hashOf(scene)).toBe(hash);
    await lab.tick(scene.manifest, { only: ['ingest'] });
    expect(await hashOf(scene)).toBe(hash);
  });

  it('is another one once a grace is over: the step is', async () => {
    const scene = await superseded(6);
    const hash = await hashOf(scene);
    await scene.lab.pass(2 * DAY_MS);
    expect(await hashOf(scene)).not.toBe(hash);
  });

  it('is another one for a rotation that is asked for', async () => {
    const scene = await minted(5);
    expect(planHash(await looked(scene, true))).not.toBe(await hashOf(scene));
  });
});

const secretOf = ({ lab }: Scene) => `/api/v2/secrets/${lab.secret().id}`;
const withoutLocks = (scene: Scene) => scene.lab.admin.request('DELETE', `${secretOf(scene)}/locks_bulk`);

/** What somebody may do to the keys of an entry, and to what is kept of them. K1 is the former key and K2 the current one. */
const MOVES: Record<string, (scene: Superseded) => Promise<unknown>> = {
  'the current key is disabled': ({ lab }) => lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`),
  'the former key is locked at its issuer': ({ lab, formerId }) =>
    lab.admin.request('POST', `/v1/apikeys/${formerId}/lock`),
  'the former key is deleted': ({ lab, formerId }) => lab.admin.request('DELETE', `/v1/apikeys/${formerId}`),
  'the former key is reported as leaked': ({ lab, formerId }) => lab.markCompromised(formerId),
  'somebody else stores a version': async (scene) => {
    await withoutLocks(scene);
    await scene.lab.admin.request('POST', `${secretOf(scene)}/versions`, { payload: 'of-a-person' });
  },
  'a consumer locks the former version': (scene) =>
    scene.lab.admin.request('POST', `${secretOf(scene)}/versions/previous/locks_bulk`, { locks: [{ name: 'agent' }] }),
  'our guard is taken off': withoutLocks,
  'the secret is deleted': async (scene) => {
    await withoutLocks(scene);
    await scene.lab.admin.request('DELETE', secretOf(scene));
  },
};
/** Those that are none where the former key is disabled already, or that take days. */
const OTHER_MOVES: typeof MOVES = {
  'the former key is disabled': ({ lab, formerId }) => lab.admin.request('POST', `/v1/apikeys/${formerId}/disable`),
  'the timer has gone on': async ({ lab, manifest }) => {
    await lab.pass(5 * DAY_MS);
    await lab.tick(manifest, { only: ['ingest'] });
  },
};

describe('rotate --plan', () => {
  it.each(Object.entries({ ...MOVES, ...OTHER_MOVES }))(
    'is refused once %s, and says which key differs',
    async (_, move) => {
      const scene = await superseded(3);
      const hash = await hashOf(scene);
      await move(scene);
      const effects = scene.lab.recordEffects();
      const now = await looked(scene);
      expect(() => demandSame(hash, now, 'keyrota plan')).toThrow(
        expect.objectContaining({ code: 'world_moved', message: expect.stringContaining('ingest (now ') as string }),
      );
      expect(effects).toEqual([]);
    },
  );

  it('is refused once the manifest says otherwise', async () => {
    const { lab, manifest } = await superseded(3);
    const hash = await hashOf({ lab, manifest });
    const now = await looked({ lab, manifest: lab.manifest({ quarantine: '9d' }) });
    expect(() => demandSame(hash, now, '')).toThrow('ingest (now hold: ');
  });

  it('takes the planned step and no other: what comes after it is left to the timer', async () => {
    const scene = await deletable();
    const { lab, manifest, formerId, effects } = scene;
    const [report] = await carriedOut(scene);
    expect(report).toMatchObject({
      steps: [{ step: 'delete', keyId: formerId }],
      outcome: 'left',
      code: 'not_in_plan',
      why: expect.stringContaining('release comes next') as string,
    });
    expect(effects).toEqual(['delete K1']);
    const [next] = (await lab.tick(manifest, { only: ['ingest'] })).keys;
    expect(next).toMatchObject({ steps: [{ step: 'release' }], outcome: 'rest' });
  });

  it('mints what was due, and says how the key is left', async () => {
    const scene = await minted(30);
    const [report] = await carriedOut(scene);
    expect(report).toMatchObject({ steps: [{ step: 'mint', reason: 'due' }], outcome: 'hold', code: 'grace' });
    expect(scene.effects).toEqual(['create K1', 'store']);
  });

  it('leaves alone what only waits', async () => {
    const scene = await superseded(3);
    const effects = scene.lab.recordEffects();
    const planned = await looked(scene);
    expect(await carryOut(planned.keys, false, operatorContext(scene.lab, scene.manifest))).toEqual(planned.keys);
    expect(effects).toEqual([]);
  });

  it.each(Object.entries(MOVES))('leaves the key alone when %s after the last comparison', async (_, move) => {
    const scene = await deletable();
    const planned = await looked(scene);
    await move(scene);
    const former = () => scene.lab.keys.find(({ id }) => id === scene.formerId);
    const before = former();
    const [report] = await carryOut(planned.keys, false, operatorContext(scene.lab, scene.manifest));
    expect(report).toMatchObject({ steps: [], outcome: 'left', code: 'world_moved' });
    expect(former()).toEqual(before);
  });

  it('stores once, whenever another run comes in between', async () => {
    const first = await minted(30);
    const traced = new WatchedRun(first.lab);
    await traced.perform(first.manifest, (changes) => carriedOut(first, changes));
    expect(traced.calls.length).toBeGreaterThan(10);
    for (let nth = 1; nth <= traced.calls.length; nth += 1) {
      const scene = await minted(30);
      const run = frozenRun(scene.lab, nth, () => scene.lab.tick(scene.manifest, { only: ['ingest'] }));
      await run.perform(scene.manifest, (changes) => carriedOut(scene, changes));
      expect([nth, scene.lab.secret().versions.length]).toEqual([nth, 2]);
      const current = scene.lab.keys.find(({ id }) => id === scene.lab.currentKeyId());
      expect([nth, current?.disabled]).toEqual([nth, false]);
    }
  });
});
