import { describe, expect, it } from 'vitest';
import { storyText } from '../../infra/operator/explain-text.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { readLedger } from '../../shared/ledger/ledger.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { keyStory, keylessStory } from '../../shared/report/tell-key-story.ts';
import { Laboratory } from '../support/laboratory.ts';
import { leakReport, respond } from '../support/leaks.ts';
import { minted, onlyKey, superseded } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { isWrite } from '../support/watched-run.ts';
import { wholeTick } from '../support/whole-tick.ts';

/** The story as an operator is told it; nothing may be written for it. */
async function storyOf({ lab, manifest }: Pick<Scene, 'lab' | 'manifest'>): Promise<KeyStory> {
  const from = lab.cloud.calls.total;
  const story = await lab.withPorts(
    manifest,
    async (ports) => keyStory(onlyKey(manifest), ports, (await readLedger(manifest, ports)).incidents),
    { readOnly: true },
  );
  expect(callsSince(lab, from).filter((call) => isWrite(call) && !call.endsWith('/apikeys/details'))).toEqual([]);
  return story;
}

const callsSince = (lab: Laboratory, from: number): string[] =>
  lab.cloud.calls.list(from + 1).map(({ method, path }) => `${method} ${path}`);

const textOf = ({ lab }: Pick<Scene, 'lab'>, story: KeyStory): string => storyText(story, lab.clock.nowMs());
const headline = (scene: Pick<Scene, 'lab'>, story: KeyStory): string | undefined =>
  textOf(scene, story).split('\n')[0];
const iso = (atMs: number): string => new Date(atMs).toISOString();

describe('the story of a key', () => {
  it('begins with none, and the first mint', async () => {
    const lab = await Laboratory.open();
    const scene = { lab, manifest: lab.manifest() };
    const story = await storyOf(scene);
    expect(story).toMatchObject({
      decision: { step: 'mint', rule: 'replace-the-dead', code: 'first' },
      secret: { name: 'ingest', id: null },
      versions: [],
      keys: [],
      past: [],
      ahead: [],
    });
    expect(headline(scene, story)).toBe('ingest has no working key; the next run will mint.');
    expect(textOf(scene, story)).toContain('To do it now: npm run keyrota -- rotate ingest');
  });

  it('of a key at rest tells since when, and when its rotation is due', async () => {
    const scene = await minted(5);
    const story = await storyOf(scene);
    const keyId = scene.lab.currentKeyId();
    expect(story).toMatchObject({
      decision: { step: 'rest', rule: 'rest-until-due', next: [] },
      versions: [{ alias: 'current', keyId, reason: 'first', fetched: true, hasPayload: true, locks: [] }],
      keys: [{ id: keyId, role: 'current', exists: true, disabled: false, compromised: false }],
    });
    expect(story.past.map(({ what }) => what)).toEqual(['created', 'stored']);
    expect(story.ahead.map(({ what, at }) => [what, at])).toEqual([
      ['due', story.decision.until],
      ['expires', story.keys[0]?.expiresAt],
    ]);
    expect(headline(scene, story)).toMatch(/^ingest works with key ApiKey-\S+: nothing to do until 2026-/);
    expect(textOf(scene, story)).toContain('To do:\n  nothing');
  });

  it('tells when the key was last used, though no list does', async () => {
    const scene = await minted(5);
    await scene.lab.works(await scene.lab.fetchValue());
    await scene.lab.pass(2 * DAY_MS);
    expect((await storyOf(scene)).keys[0]?.lastUsed).toMatch(/^2026-01-1\d/);
  });

  it('of a grace tells its end, and the way back', async () => {
    const scene = await superseded(3);
    const story = await storyOf(scene);
    const { formerId } = scene;
    expect(story).toMatchObject({ decision: { step: 'hold', rule: 'wait-for-the-old', code: 'grace' } });
    expect(story.keys.map(({ id, role }) => [id, role])).toContainEqual([formerId, 'former']);
    expect(story.ahead[0]).toMatchObject({ what: 'grace over', keyId: formerId, at: story.decision.until });
    expect(story.past.at(-1)).toMatchObject({ what: 'superseded', keyId: formerId });
    expect(textOf(scene, story)).toContain('npm run keyrota -- undo ingest');
  });

  it('of a key that somebody still uses tells what evidence is missing, and foresees nothing that depends on it', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const oldValue = await lab.fetchValue();
    const formerId = lab.currentKeyId();
    await lab.tick(manifest, { only: ['ingest'] });
    await lab.pass(8 * DAY_MS);
    await lab.works(oldValue);
    await lab.pass(HOUR_MS);
    const story = await storyOf(scene);
    expect(story.decision).toMatchObject({ step: 'hold', code: 'evidence', rule: 'wait-for-the-old' });
    expect(story.decision.why).toContain('the key was last used');
    expect(story.ahead.filter(({ keyId, what }) => keyId === formerId && what !== 'expires')).toEqual([]);
    expect(story.past.at(-1)).toMatchObject({ what: 'grace over', keyId: formerId });
  });

  it('of a quarantine tells when the key is deleted', async () => {
    const scene = await superseded(8);
    const { lab, manifest, formerId } = scene;
    const disabledMs = lab.clock.nowMs();
    await lab.tick(manifest, { only: ['ingest'] });
    await lab.pass(DAY_MS);
    const story = await storyOf(scene);
    expect(story.decision).toMatchObject({ step: 'hold', code: 'quarantine' });
    expect(story.ahead[0]).toMatchObject({ what: 'deleted', keyId: formerId, at: story.decision.until });
    const disabled = story.past.find(({ what }) => what === 'disabled');
    expect(Math.abs(Date.parse(disabled?.at ?? '') - disabledMs)).toBeLessThan(HOUR_MS);
    expect(textOf(scene, story)).toMatch(/ApiKey-\S+ │ former +│ disabled 2026-/);
  });

  it('of a question has the exact steps', async () => {
    const scene = await minted(5);
    const { lab } = scene;
    const { id } = lab.secret();
    await lab.admin.request('POST', `/api/v2/secrets/${id}/versions`, { payload: 'of-a-person' });
    const story = await storyOf(scene);
    expect(story.decision).toMatchObject({ step: 'ask', rule: 'ask-about-the-secret', code: 'foreign_version' });
    expect(textOf(scene, story)).toContain(story.decision.next[0]);
    expect(headline(scene, story)).toMatch(/^ingest has no working key, and needs a person\.$/);
    expect(story.past.at(-1)).toMatchObject({ what: 'stored', keyId: null });
  });

  it('of a leak tells who reported it, what became of it, and how a false report is taken back', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const keyId = lab.currentKeyId();
    await respond(lab, manifest, leakReport({ by: 'id', id: keyId }));
    await lab.pass(HOUR_MS);
    const story = await storyOf(scene);
    expect(story).toMatchObject({
      decision: { step: 'mint', rule: 'replace-the-dead', code: 'compromised' },
      keys: [{ id: keyId, compromised: true, disabled: true }],
      incidents: [{ keyId, reports: [{ by: 'standard-webhooks' }] }],
    });
    expect(story.past.slice(-3).map(({ what }) => what)).toEqual(
      expect.arrayContaining(['reported', 'contained', 'disabled']),
    );
    expect(headline(scene, story)).toContain(`has a key that leaked, ${keyId}, which is out of use`);
    expect(textOf(scene, story)).toContain('before it is replaced: npm run keyrota -- undo ingest');
  });

  it('of a leak that nobody has contained yet says so first', async () => {
    const scene = await minted(5);
    await scene.lab.markCompromised(scene.lab.currentKeyId());
    const story = await storyOf(scene);
    expect(story.decision).toMatchObject({ step: 'contain', rule: 'contain-what-leaked' });
    expect(headline(scene, story)).toContain('which STILL WORKS; the next run will contain ApiKey-');
  });

  it('remembers by the ledger what no key shows any more', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const keyId = lab.currentKeyId();
    await respond(lab, manifest, leakReport({ by: 'id', id: keyId }));
    await wholeTick(lab, manifest);
    await lab.pass(40 * DAY_MS);
    await wholeTick(lab, manifest);
    const story = await storyOf(scene);
    expect(story.keys.map(({ id }) => id)).not.toContain(keyId);
    expect(story.incidents).toMatchObject([{ keyId, replacedBy: expect.stringMatching(/^ApiKey-/) as string }]);
    expect(story.past.filter((one) => one.keyId === keyId).map(({ what }) => what)).toEqual(
      expect.arrayContaining(['reported', 'contained', 'replaced', 'deleted']),
    );
  });

  it('of a retired entry tells that its key goes, and of a paused one that it waits', async () => {
    const { lab } = await minted(5);
    await lab.pass(10 * DAY_MS);
    const retired = await storyOf({ lab, manifest: lab.manifest({ state: 'retired' }) });
    expect(retired).toMatchObject({ state: 'retired', decision: { step: 'disable', rule: 'end-what-is-retired' } });
    expect(retired.ahead.map(({ what }) => what)).toEqual(['disabled', 'deleted', 'expires']);
    const paused = await storyOf({ lab, manifest: lab.manifest({ paused: true }) });
    expect(paused.decision).toMatchObject({ step: 'hold', code: 'paused', rule: 'leave-alone-what-is-paused' });
    expect(paused.ahead[0]?.text).toContain('waits as long as the manifest says paused');
  });

  it('of a freeze tells that the rotation waits for its end', async () => {
    const { lab } = await minted(5);
    const nowMs = lab.clock.nowMs();
    const freeze = [{ from: iso(nowMs), until: iso(nowMs + 60 * DAY_MS), reason: 'holidays' }];
    const manifest: Manifest = lab.manifest({ freeze });
    expect((await storyOf({ lab, manifest })).ahead[0]?.text).toContain('holidays');
    await lab.pass(30 * DAY_MS);
    const held = await storyOf({ lab, manifest });
    expect(held.decision).toMatchObject({ step: 'hold', rule: 'rotate-what-is-due', code: 'freeze' });
    expect(held.ahead[0]).toMatchObject({ what: 'due', at: held.decision.until });
  });

  it('of an entry without an owner, and of one without a key, needs no look', async () => {
    const lab = await Laboratory.open();
    const from = lab.cloud.calls.total;
    const fresh = await storyOf({ lab, manifest: lab.manifest({ serviceId: undefined }) });
    expect(fresh.decision).toMatchObject({ step: 'ask', rule: 'ask-to-provision', code: 'not_provisioned' });
    const keyless = keylessStory({ name: 'job', profileId: 'Profile-1' }, lab.clock.nowMs());
    expect(keyless.decision).toMatchObject({ step: 'rest', rule: 'needs-no-key' });
    expect(storyText(keyless, lab.clock.nowMs())).toMatch(/^job needs no key: nothing to do\.\n/);
    expect(callsSince(lab, from).filter((call) => call.includes('/v1/apikeys'))).toEqual([]);
  });

  it('tells what Secrets Manager shows where the issuer does not answer, and the role that is missing where it refuses', async () => {
    const scene = await minted(5);
    scene.lab.fault({ match: 'GET /v1/apikeys', times: 1_000, status: 503 });
    const blind = await storyOf(scene);
    expect(blind).toMatchObject({
      decision: { step: 'failed', rule: 'could-not-look', code: 'service_failed' },
      versions: [{ alias: 'current' }],
      keys: [],
    });
    expect(headline(scene, blind)).toBe('ingest could not be looked at.');
    scene.lab.cloud.faults.clear();
    scene.lab.fault({ match: 'GET /v1/apikeys', times: 1_000, status: 403 });
    expect((await storyOf(scene)).decision).toMatchObject({
      step: 'ask',
      code: 'role_missing',
      rule: 'could-not-look',
    });
  });

  it('asks for the role that a mint would lack, as a dry run does', async () => {
    const scene = await minted(30);
    await scene.lab.revoke(scene.lab.serviceId.iamId, 'logs');
    const story = await storyOf(scene);
    expect(story.decision).toMatchObject({ step: 'ask', rule: 'ask-before-the-mint' });
    const [report] = (await scene.lab.tick(scene.manifest, { only: ['ingest'], dryRun: true })).keys;
    expect([report?.code, report?.next]).toEqual([story.decision.code, story.decision.next]);
  });

  it('holds no value, and shows what would steer a terminal', async () => {
    const scene = await superseded(3);
    const { lab } = scene;
    await lab.admin.request('POST', `/api/v2/secrets/${lab.secret().id}/versions/previous/locks_bulk`, {
      locks: [{ name: 'agent', attributes: {} }],
    });
    const story = await storyOf(scene);
    story.decision.why += '\u001B[2J';
    const told = JSON.stringify(story) + textOf(scene, story);
    const values = lab.keys.flatMap(({ value }) => value ?? []);
    expect([values.length, values.filter((value) => told.includes(value))]).toEqual([2, []]);
    expect(textOf(scene, story)).not.toContain('\u001B[2J');
    expect(textOf(scene, story)).toContain('locked by agent');
  });
});

describe('what a story foresees', () => {
  it('comes true: each step of a life, at its time and not before', async () => {
    const scene = await superseded(1);
    const { lab, manifest, formerId } = scene;
    const former = () => lab.keys.find(({ id }) => id === formerId);
    const tickAt = async (atMs: number) => {
      if (atMs > lab.clock.nowMs()) await lab.pass(atMs - lab.clock.nowMs());
      return (await lab.tick(manifest, { only: ['ingest'] })).keys[0];
    };
    const next = async (what: string) =>
      Date.parse((await storyOf(scene)).ahead.find((one) => one.what === what)?.at ?? '');

    const graceOverMs = await next('grace over');
    await tickAt(graceOverMs - HOUR_MS);
    expect(former()).toMatchObject({ disabled: false });
    await tickAt(graceOverMs);
    expect(former()).toMatchObject({ disabled: true });

    const deletedMs = await next('deleted');
    await tickAt(deletedMs - HOUR_MS);
    expect(former()).toBeDefined();
    await tickAt(deletedMs);
    expect(former()).toBeUndefined();

    const dueMs = await next('due');
    const current = lab.currentKeyId();
    await tickAt(dueMs - HOUR_MS);
    expect(lab.currentKeyId()).toBe(current);
    await tickAt(dueMs);
    expect(lab.currentKeyId()).not.toBe(current);
  });
});
