import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/keys/duration.ts';
import { byValue, codeOf, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { MISHAPS, atCall, concerns } from '../../support/mishaps.ts';
import type { Mishap } from '../../support/mishaps.ts';
import { minted } from '../../support/rotated.ts';
import type { Scene } from '../../support/rotated.ts';
import { WatchedRun } from '../../support/watched-run.ts';

const SECRETS = '* /api/v2/**';
const ALWAYS = 10_000;

const isOut = ({ lab }: Pick<Scene, 'lab'>, keyId: string) => lab.keys.find(({ id }) => id === keyId)?.disabled;

describe('while Secrets Manager does not answer', () => {
  it.each([
    { how: 'is down', fault: { status: 503 } },
    { how: 'refuses connections', fault: { refuse: true } },
    { how: 'hangs', fault: { delayMs: HOUR_MS } },
    { how: 'forbids all', fault: { status: 403 } },
  ])('($how) a key is contained by its value, in time', async ({ fault }) => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const keyId = lab.currentKeyId();
    const credential = byValue(await lab.fetchValue());
    lab.fault({ match: SECRETS, times: ALWAYS, ...fault });
    const beganMs = lab.clock.nowMs();
    const answer = await respond(lab, manifest, leakReport(credential));
    expect(lab.clock.nowMs() - beganMs).toBeLessThanOrEqual(8_000);
    expect(keyOf(answer)).toMatchObject({
      outcome: 'contained',
      marked: { issuer: true, version: false },
      poked: true,
    });
    expect(isOut(scene, keyId)).toBe(true);
  });

  it.each(['id', 'crn'] as const)(
    'a report by %s is not heard: nobody could count what its sender reports',
    async (by) => {
      const scene = await minted(5);
      const { lab, manifest } = scene;
      const id = lab.currentKeyId();
      const crn = `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::apikey:${id}`;
      lab.fault({ match: SECRETS, times: ALWAYS, status: 503 });
      const answer = await respond(lab, manifest, leakReport(by === 'id' ? { by, id } : { by, crn }));
      expect([answer.status, codeOf(answer), isOut(scene, id)]).toEqual([503, 'cloud_not_answering', false]);
    },
  );

  it('the mark at the issuer has the key replaced once it answers again, and the times stay', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    const report = leakReport(byValue(await lab.fetchValue()));
    lab.fault({ match: SECRETS, times: ALWAYS, status: 503 });
    const { containedAt } = keyOf(await respond(lab, manifest, report));
    lab.cloud.faults.clear();
    expect(keyOf(await respond(lab, manifest, report))).toMatchObject({
      containedAt,
      marked: { issuer: true, version: true },
    });
    await lab.tick(manifest, { timerMs: DAY_MS / 2 });
    expect(lab.currentKeyId()).not.toBe(keyId);
  });

  it('a key whose owner only the summaries know is not called unmanaged: the report is to come again', async () => {
    const lab = await Laboratory.open();
    const legacy = await lab.makeKeyByHand();
    await lab.tick(lab.manifest({ adopt: [legacy.id] }));
    await lab.pass(HOUR_MS);
    lab.fault({ match: SECRETS, times: ALWAYS, status: 503 });
    const report = leakReport(byValue(legacy.value));
    const unlisted = lab.manifest();
    expect(await respond(lab, unlisted, report)).toMatchObject({ status: 503, retryAfterSeconds: 30 });
    lab.cloud.faults.clear();
    expect(keyOf(await respond(lab, unlisted, report))).toMatchObject({ name: 'ingest', outcome: 'contained' });
  });
});

describe('a leak that can be written down nowhere', () => {
  it('is reported again by its sender, whose key is contained meanwhile', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const keyId = lab.currentKeyId();
    const report = leakReport(byValue(await lab.fetchValue()));
    for (const match of [SECRETS, 'PUT /v1/apikeys/*']) lab.fault({ match, times: ALWAYS, status: 503 });
    const answer = await respond(lab, manifest, report);
    expect([answer.status, answer.retryAfterSeconds]).toEqual([503, 30]);
    expect(keyOf(answer)).toMatchObject({ outcome: 'contained', marked: { issuer: false, version: false } });
    expect(isOut(scene, keyId)).toBe(true);
    lab.cloud.faults.clear();
    expect(await respond(lab, manifest, report)).toMatchObject({ status: 202 });
  });
});

describe('while IAM does not answer', () => {
  it.each([
    { what: 'at all', match: '* /v1/**' },
    { what: 'to logins', match: 'POST /identity/token' },
    { what: 'to looks', match: 'GET /v1/apikeys/**' },
  ])('$what nothing is touched, and the sender is to come again', async ({ match }) => {
    for (const trouble of [{ status: 503 }, { refuse: true }, { delayMs: HOUR_MS }]) {
      const scene = await minted(5);
      const { lab, manifest, effects } = scene;
      const credential = byValue(await lab.fetchValue());
      lab.fault({ match, times: ALWAYS, ...trouble });
      const before = JSON.stringify(lab.state.secretsManager);
      const told = nothingTold();
      const beganMs = lab.clock.nowMs();
      const answer = await respond(lab, manifest, leakReport(credential), { told });
      expect(lab.clock.nowMs() - beganMs).toBeLessThanOrEqual(8_000);
      expect([answer.status, codeOf(answer), answer.retryAfterSeconds]).toEqual([503, 'cloud_not_answering', 30]);
      expect([effects, JSON.stringify(lab.state.secretsManager)]).toEqual([[], before]);
      expect(told).toMatchObject({ names: [], facts: [{ refused: 'cloud_not_answering' }] });
    }
  });

  it('to the disabling the leak is marked all the same, and the next tick contains and replaces the key', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    lab.fault({ match: 'POST /v1/apikeys/*/disable', times: ALWAYS, status: 503 });
    const told = nothingTold();
    const answer = await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())), { told });
    expect(answer.status).toBe(503);
    expect(keyOf(answer)).toMatchObject({
      outcome: 'failed',
      containedAt: null,
      marked: { issuer: true, version: true },
    });
    expect(told.names).toEqual([['ingest']]);
    lab.cloud.faults.clear();
    await lab.tick(manifest, { only: ['ingest'] });
    expect(lab.currentKeyId()).not.toBe(keyId);
    expect(lab.keys.find(({ id }) => id === keyId)?.disabled ?? true).toBe(true);
  });
});

describe('while nothing can be written down', () => {
  it('the key is contained, and the report is to come again: nothing else could tell that it leaked', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const keyId = lab.currentKeyId();
    const report = leakReport(byValue(await lab.fetchValue()));
    for (const match of ['PUT /v1/apikeys/*', 'PATCH /api/v2/**']) lab.fault({ match, times: ALWAYS, status: 503 });
    const answer = await respond(lab, manifest, report);
    expect(answer).toMatchObject({ status: 503, retryAfterSeconds: 30 });
    expect([keyOf(answer).outcome, isOut(scene, keyId)]).toEqual(['contained', true]);
    lab.cloud.faults.clear();
    expect(keyOf(await respond(lab, manifest, report)).marked).toEqual({ issuer: true, version: true });
  });
});

describe('whoever is told and does not listen', () => {
  it('keeps the answer no longer than the time that it has', async () => {
    const { lab, manifest } = await minted(5);
    const never = () => new Promise<never>(() => undefined);
    const beganMs = lab.clock.nowMs();
    const report = leakReport(byValue(await lab.fetchValue()));
    const answer = await respond(lab, manifest, report, { poke: never, notify: never });
    expect(keyOf(answer)).toMatchObject({ outcome: 'contained', poked: false });
    expect(lab.clock.nowMs() - beganMs).toBeLessThanOrEqual(8_000);
    const failing = () => Promise.reject(new Error('down'));
    expect(keyOf(await respond(lab, manifest, report, { poke: failing }))).toMatchObject({ poked: false });
  });
});

describe('among all kinds of trouble', () => {
  it('every answer comes in time and tells the truth, and a sender that comes again gets the key contained', async () => {
    const { lab, manifest } = await minted(1);
    const statuses = new Map<number, number>();
    for (let leak = 1; leak <= 25; leak += 1) {
      const keyId = lab.currentKeyId();
      const report = leakReport(byValue(await lab.fetchValue()), { deliveryId: `delivery-${leak}` });
      lab.cloud.switches.troubleRate = 0.3;
      for (let outcome = ''; outcome !== 'contained';) {
        const beganMs = lab.clock.nowMs();
        const answer = await respond(lab, manifest, report);
        expect(lab.clock.nowMs() - beganMs).toBeLessThanOrEqual(8_000);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        outcome = answer.status === 202 ? keyOf(answer).outcome : '';
        await lab.pass(MINUTE_MS);
      }
      expect(lab.keys.filter(({ disabled }) => disabled).map(({ id }) => id)).toEqual([keyId]);
      lab.cloud.switches.troubleRate = 0;
      for (let tick = 0; tick < 3; tick += 1) {
        await lab.pass(20 * MINUTE_MS);
        await lab.tick(manifest, { only: ['ingest'] });
      }
      expect(lab.keys.map(({ id, disabled }) => [id, disabled])).toEqual([[lab.currentKeyId(), false]]);
      expect(lab.currentKeyId()).not.toBe(keyId);
    }
    expect(new Set(statuses.keys())).toEqual(new Set([202, 503]));
  });
});

/** The leaked key's value is reported, and rotate-keys then has its time; the mishap befalls one call of the response. */
async function responseIn(scene: Scene, run: WatchedRun): Promise<void> {
  const { lab, manifest } = scene;
  const report = leakReport(byValue(await lab.fetchValue()));
  await run.perform(manifest, ({ http, signal }) =>
    respond(lab, manifest, report, { ...(http && { http }), ...(signal && { signal }) }),
  );
}

async function callsOfResponse(): Promise<string[]> {
  const scene = await minted(5);
  const run = new WatchedRun(scene.lab);
  await responseIn(scene, run);
  return run.calls;
}

/** Long enough for all that is superseded or left over to be retired. */
const UNTIL_ALL_IS_SETTLED_MS = [
  HOUR_MS,
  2 * HOUR_MS,
  DAY_MS,
  6 * DAY_MS,
  3 * HOUR_MS,
  3 * DAY_MS + HOUR_MS,
  HOUR_MS,
  0,
];

async function wrongsAfter(index: number, { run }: Mishap, isRepeated: boolean): Promise<string[]> {
  const scene = await minted(5);
  const { lab, manifest } = scene;
  const leakedId = lab.currentKeyId();
  const value = await lab.fetchValue();
  await responseIn(scene, run(lab, atCall(index)));
  lab.cloud.faults.clear();
  lab.cloud.switches.staleListMs = 0;
  await lab.pass(20 * MINUTE_MS);
  if (isRepeated) await respond(lab, manifest, leakReport(byValue(value)));
  for (const pauseMs of UNTIL_ALL_IS_SETTLED_MS) {
    await lab.tick(manifest, { timerMs: DAY_MS / 2 });
    await lab.fetchValue();
    await lab.pass(pauseMs);
  }
  const keys = lab.keys.map(({ id, disabled }) => `${id}${disabled ? ' disabled' : ''}`);
  return [
    ...(lab.keys.some(({ id }) => id === leakedId) ? ['the leaked key is still there'] : []),
    ...((await lab.works(await lab.fetchValue())) ? [] : ['what is stored does not work']),
    ...(keys.join() === lab.currentKeyId() ? [] : [`keys: ${keys.join()}`]),
  ];
}

/** Until the key is disabled the response may be cut off without a trace: then only the sender's repeat can know of the leak. */
describe('the response to a report', () => {
  it.each(MISHAPS)(
    'comes to its good end, with a repeat, whichever of its calls this happens to: $what',
    async (mishap) => {
      const wrongs: string[] = [];
      for (const [index, call] of (await callsOfResponse()).entries()) {
        if (!concerns(mishap, call)) continue;
        wrongs.push(...(await wrongsAfter(index + 1, mishap, true)).map((wrong) => `${index + 1}, ${call}: ${wrong}`));
      }
      expect(wrongs).toEqual([]);
    },
  );

  it.each(MISHAPS)('needs no repeat from the moment on in which the key is disabled: $what', async (mishap) => {
    const wrongs: string[] = [];
    const calls = await callsOfResponse();
    const disabled = calls.findIndex((call) => call.endsWith('/disable'));
    for (const [index, call] of calls.entries()) {
      if (index <= disabled || !concerns(mishap, call)) continue;
      wrongs.push(...(await wrongsAfter(index + 1, mishap, false)).map((wrong) => `${index + 1}, ${call}: ${wrong}`));
    }
    expect(wrongs).toEqual([]);
  });
});
