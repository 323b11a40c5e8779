import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { RunOptions } from '../../shared/rotation/rotate-all.ts';
import { leakOfFirst } from '../support/leak-scenes.ts';
import { callsOf } from '../support/mishaps.ts';
import { slackCount, telling, typesTold } from '../support/notice-receivers.ts';
import { minted } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import type { Deed } from '../support/trial.ts';
import { interleavedRuns, isWrite } from '../support/watched-run.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

const WEBHOOK = 'POST /notices/standard-webhooks';
const SLACK = 'POST /notices/slack/*';
const VALUES_READ = 'GET /api/v2/secrets/*/versions/*';
const ALWAYS = 10_000;

const tick = ({ lab, manifest }: Scene, options: Partial<RunOptions> = { only: ['ingest'] }) =>
  wholeTick(lab, manifest, options, telling(lab, manifest));

async function ticks(scene: Scene, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    await scene.lab.pass(HOUR_MS);
    await tick(scene);
  }
}

const askingScene = (): Promise<Scene> => minted(2, { entry: { onCompromise: { disabledByOthers: 'ask' } } });

const disable = ({ lab }: Scene) => lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`);
const enable = ({ lab }: Scene) => lab.admin.request('DELETE', `/v1/apikeys/${lab.currentKeyId()}/disable`);

const callsTo = ({ lab }: Scene, start: string): number =>
  lab.cloud.calls.list().filter(({ path }) => path.startsWith(start)).length;

describe('what happened', () => {
  it('is told once to each who wants to know, however many ticks follow', async () => {
    const scene = await minted(2);
    await scene.lab.markCompromised(scene.lab.currentKeyId());
    await tick(scene);
    await ticks(scene, 30);
    expect(typesTold(scene.lab)).toEqual(['key.contained', 'key.replaced']);
    expect(slackCount(scene.lab)).toBe(2);
    await scene.lab.pass(30 * DAY_MS);
    await tick(scene);
    await ticks(scene, 30);
    expect(typesTold(scene.lab)).toEqual(['key.contained', 'key.replaced', 'key.rotated']);
    expect(scene.lab.cloud.notices.webhooks.map(({ times }) => times)).toEqual([1, 1, 1]);
  });

  it('and could be told to nobody is told by the next run, once', async () => {
    const scene = await minted(2);
    const { lab } = scene;
    await lab.markCompromised(lab.currentKeyId());
    for (const match of [WEBHOOK, SLACK]) lab.fault({ match, status: 503, times: ALWAYS });
    const report = await tick(scene);
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['contain', 'mint', 'delete', 'release']);
    expect(lab.logLines.join('\n')).toMatch(/"event":"notice_failed"/);
    lab.cloud.faults.clear();
    await ticks(scene, 5);
    expect(typesTold(lab)).toEqual(['key.contained', 'key.replaced']);
    expect(slackCount(lab)).toBe(2);
  });

  it('is no longer tried with a receiver that refuses it for a day', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    for (const match of [WEBHOOK, SLACK]) lab.fault({ match, status: 400, times: ALWAYS });
    await tick(scene);
    expect((await ledgerOf(lab, manifest)).undelivered).toMatchObject([{ type: 'key.rotated' }]);
    await lab.pass(DAY_MS);
    await ticks(scene, 1);
    expect((await ledgerOf(lab, manifest)).undelivered).toEqual([]);
  });

  it('and could be told to nobody, for one receiver is gone and the other down, is told by the next run', async () => {
    const scene = await minted(2);
    const { lab, manifest } = scene;
    await lab.markCompromised(lab.currentKeyId());
    lab.fault({ match: WEBHOOK, status: 410 });
    lab.fault({ match: SLACK, status: 503, times: ALWAYS });
    await tick(scene);
    const { undelivered } = await ledgerOf(lab, manifest);
    expect(undelivered.map(({ type }) => type)).toEqual(['key.contained', 'key.replaced']);
    lab.cloud.faults.clear();
    await ticks(scene, 3);
    expect([typesTold(lab), slackCount(lab)]).toEqual([[], 2]);
  });

  it('and could be told to nobody, for the only receiver is gone, is remembered', async () => {
    const { lab, manifest } = await minted(2);
    await lab.markCompromised(lab.currentKeyId());
    lab.fault({ match: WEBHOOK, status: 410 });
    const { settings } = telling(lab, manifest);
    const notices = settings.notices.filter(({ kind }) => kind === 'webhook');
    await wholeTick(lab, manifest, { only: ['ingest'] }, { settings: { ...settings, notices } });
    const { undelivered } = await ledgerOf(lab, manifest);
    expect(undelivered.map(({ type }) => type)).toEqual(['key.contained', 'key.replaced']);
  });

  it('without an answer to the store is told as replaced, once', async () => {
    const scene = await minted(2);
    const { lab } = scene;
    await lab.markCompromised(lab.currentKeyId());
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', drop: 'answer' });
    const report = await tick(scene);
    expect(report.keys[0]?.steps.map(({ step }) => step)).not.toContain('mint');
    await ticks(scene, 5);
    expect(typesTold(lab)).toEqual(['key.contained', 'key.replaced']);
    expect(lab.cloud.notices.webhooks[1]?.body).toMatchObject({ data: { keyId: lab.currentKeyId() } });
    expect([slackCount(lab), lab.cloud.notices.webhooks.map(({ times }) => times)]).toEqual([2, [1, 1]]);
  });

  it('is told though the ledger may not be read, and nothing is repeated', async () => {
    const scene = await askingScene();
    const { lab } = scene;
    await disable(scene);
    await tick(scene, { only: ['ingest'], force: true });
    const told = typesTold(lab);
    expect(told).toContain('key.replaced');
    await disable(scene);
    lab.fault({ match: VALUES_READ, status: 403, times: ALWAYS });
    await ticks(scene, 5);
    expect(typesTold(lab)).toEqual(told);
    expect(lab.logLines.join('\n')).toMatch(/"event":"ledger_not_read"/);
  });
});

/** A tick that tells, as one of two. */
const tellingDeed: Deed = ({ lab, manifest }, changes) =>
  wholeTick(lab, manifest, { only: ['ingest'] }, { ...changes, ...telling(lab, manifest, changes.settings) });

describe('two runs at once', () => {
  it('tell of one replacement, wherever the one stands still before a write', async () => {
    const told: string[][] = [];
    const open = async () => {
      const leak = await leakOfFirst();
      await leak.trial.lab.markCompromised(leak.leakedId);
      return leak.trial;
    };
    for (const [index, call] of (await callsOf(open, tellingDeed)).entries()) {
      if (!isWrite(call)) continue;
      const trial = await open();
      await interleavedRuns(trial, { first: index, second: Infinity }, [tellingDeed, tellingDeed]);
      await trial.lab.pass(HOUR_MS);
      await tellingDeed(trial, {});
      told.push(typesTold(trial.lab).toSorted());
    }
    expect(told.length).toBeGreaterThan(5);
    expect(told).toEqual(told.map(() => ['key.contained', 'key.replaced']));
  });
});

describe('a person who is asked', () => {
  it('is asked once while the cause lasts, and again when it came back', async () => {
    const scene = await askingScene();
    await disable(scene);
    await ticks(scene, 10);
    expect(typesTold(scene.lab)).toEqual(['key.asked']);
    await enable(scene);
    await ticks(scene, 2);
    await disable(scene);
    await ticks(scene, 10);
    expect(typesTold(scene.lab)).toEqual(['key.asked', 'key.asked']);
    expect(slackCount(scene.lab)).toBe(2);
  });

  it('who could not be told is told by the next run, once', async () => {
    const scene = await askingScene();
    const { lab } = scene;
    await disable(scene);
    for (const match of [WEBHOOK, SLACK]) lab.fault({ match, refuse: true, times: ALWAYS });
    await ticks(scene, 2);
    lab.cloud.faults.clear();
    await ticks(scene, 5);
    expect([typesTold(lab), slackCount(lab)]).toEqual([['key.asked'], 1]);
  });

  it('is not asked twice where the first answer got lost', async () => {
    const scene = await askingScene();
    const { lab } = scene;
    await disable(scene);
    lab.fault({ match: SLACK, status: 503, times: ALWAYS });
    lab.fault({ match: WEBHOOK, drop: 'answer', times: 3 });
    await ticks(scene, 6);
    expect(typesTold(lab)).toEqual(['key.asked']);
    expect(Object.keys((await ledgerOf(lab, scene.manifest)).told)).toEqual(['ingest key.asked disabled_by_others']);
  });
});

describe('a receiver', () => {
  it('that wants nothing any more is remembered, and sent nothing more', async () => {
    const scene = await askingScene();
    const { lab, manifest } = scene;
    lab.fault({ match: WEBHOOK, status: 410 });
    await disable(scene);
    await tick(scene);
    expect(Object.keys((await ledgerOf(lab, manifest)).disabled_targets)).toEqual([
      expect.stringMatching(/^webhook-[0-9a-f]{8}$/),
    ]);
    await enable(scene);
    await ticks(scene, 1);
    await disable(scene);
    await ticks(scene, 3);
    expect([callsTo(scene, '/notices/standard-webhooks'), slackCount(lab)]).toEqual([1, 2]);
  });

  it('that hangs stops no rotation', async () => {
    const scene = await minted(30);
    const { lab } = scene;
    lab.fault({ match: WEBHOOK, delayMs: DAY_MS, times: ALWAYS });
    const beganMs = lab.clock.nowMs();
    const report = await tick(scene);
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['mint']);
    expect(lab.clock.nowMs() - beganMs).toBeLessThan(2 * MINUTE_MS);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    expect([slackCount(lab), lab.logLines.some((line) => line.includes('"event":"notice_failed"'))]).toEqual([1, true]);
  });
});
