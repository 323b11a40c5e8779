import { describe, expect, it } from 'vitest';
import { changeRecord, isCurrentOf } from '../../shared/rotation/change-record.ts';
import { NO_LEAK } from '../../shared/rotation/record.ts';
import { undo } from '../../shared/rotation/undo.ts';
import type { UndoReport } from '../../shared/rotation/undo.ts';
import { byValue, leakReport, respond } from '../support/leaks.ts';
import { frozenRun } from '../support/watched-run.ts';
import { incidentIdOf } from '../../shared/keys/compromise-mark.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { knownIncidents } from '../../shared/ledger/incident-report.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { ledgerOf, lockByConsumer, lockNames, wholeTick } from '../support/whole-tick.ts';
import { minted, rotated } from '../support/rotated.ts';

const GUARD = 'keyrota-guard-lab';

/** Somebody else, for example IBM itself, disables a key. */
const disable = ({ admin }: Laboratory, keyId: string) => admin.request('POST', `/v1/apikeys/${keyId}/disable`);

const summaryOf = (lab: Laboratory) => lab.secret().customMetadata['keyrota'] as Record<string, unknown>;

describe('a current key that is marked as compromised at its issuer', () => {
  it('is out of use, replaced and deleted in one run, and its incident is in the ledger', async () => {
    const { lab, manifest, effects } = await minted(2);
    const leakedId = lab.currentKeyId();
    const value = await lab.fetchValue();
    await lab.markCompromised(leakedId);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(effects).toEqual(['disable K1', 'create K2', 'store', 'delete K1', 'store']);
    expect(await lab.works(value)).toBe(false);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents).toMatchObject([
      {
        incident: incidentIdOf(leakedId),
        name: 'ingest',
        key_id: leakedId,
        replaced_by: lab.currentKeyId(),
        actions: [{ action: 'contained' }, { action: 'replaced' }, { action: 'deleted' }],
      },
    ]);
    expect(incidents[0]?.time_to_replace_ms).toBeGreaterThan(0);
  });

  it('is noted on its version, with the incident and when it was out of use', async () => {
    const { lab, manifest } = await minted(2);
    const leakedId = lab.currentKeyId();
    await lab.markCompromised(leakedId);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    const versions = lab.secret().versions.map(({ customMetadata }) => customMetadata.keyrota);
    expect(versions).toMatchObject([
      { key_id: leakedId, incident: incidentIdOf(leakedId), contained_at: expect.stringMatching(/Z$/) as string },
      { reason: 'compromised', incident: '', compromised_at: '' },
    ]);
  });

  it('is told with its incident in each line about it, that of its replacement too, and in no other', async () => {
    const { lab, manifest } = await minted(2);
    const leakedId = lab.currentKeyId();
    lab.logLines.length = 0;
    await lab.markCompromised(leakedId);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await wholeTick(lab, manifest, { only: ['ingest'], force: true });
    const lines = lab.logLines.map((line) => JSON.parse(line) as { event: string; incident?: string });
    const told = lines.filter(({ event }) => ['key_contained', 'key_minted'].includes(event));
    expect(told.map(({ event, incident }) => [event, incident])).toEqual([
      ['key_contained', incidentIdOf(leakedId)],
      ['key_minted', incidentIdOf(leakedId)],
      ['key_minted', undefined],
    ]);
  });

  it('keeps its entry first in every tick until it is gone, and then no longer', async () => {
    const { lab, manifest } = await minted(2);
    await lab.markCompromised(lab.currentKeyId());
    lab.fault({ match: 'DELETE /v1/apikeys/*', status: 503, times: 20 });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(summaryOf(lab)['compromised_at']).not.toBe('');
    lab.cloud.faults.clear();
    await lab.pass(MINUTE_MS);
    expect((await wholeTick(lab, manifest)).keys).toHaveLength(1);
    await lab.pass(MINUTE_MS);
    await wholeTick(lab, manifest);
    expect(summaryOf(lab)['compromised_at']).toBe('');
    await lab.pass(MINUTE_MS);
    expect((await wholeTick(lab, manifest)).restingCount).toBe(1);
  });
});

describe('locks of consumers and a leak', () => {
  it('on the former version do not keep the replacement waiting, and are on the new version afterwards', async () => {
    const { lab, manifest } = await rotated(1);
    await lockByConsumer(lab, 'previous', 'billing');
    await lab.markCompromised(lab.currentKeyId());
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys[0]?.steps.flatMap((step) => step.movedLocks ?? [])).toContain('billing');
    expect(lockNames(lab, 'current')).toContain('billing');
    expect(lockNames(lab, 'previous')).toEqual([]);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents[0]?.actions.find(({ action }) => action === 'replaced')?.result).toMatch(/billing/);
  });

  it('on the leaked version go to its replacement, with what their consumers wrote beside them', async () => {
    const { lab, manifest } = await minted(2);
    await lockByConsumer(lab, 'current', 'billing');
    await lab.markCompromised(lab.currentKeyId());
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(lockNames(lab, 'current')).toEqual(['billing', GUARD]);
    const current = lab.secret().versions.find(({ alias }) => alias === 'current');
    expect(current?.locks.find(({ name }) => name === 'billing')?.attributes).toEqual({ host: 'billing-1' });
  });

  it('keep the replacement waiting where the manifest says so', async () => {
    const { lab, manifest } = await rotated(1, { onCompromise: { consumerLocks: 'wait' } });
    await lockByConsumer(lab, 'previous', 'billing');
    await lab.markCompromised(lab.currentKeyId());
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys).toMatchObject([{ outcome: 'hold', code: 'consumer-lock', steps: [{ step: 'contain' }] }]);
    expect(lockNames(lab, 'previous')).toContain('billing');
  });

  it.each([
    { consumerLocks: 'override', ends: { outcome: 'ask', code: 'release_forbidden' } },
    { consumerLocks: 'override-or-wait', ends: { outcome: 'hold', code: 'consumer-lock' } },
  ])(
    'that Keyrota may not move: with $consumerLocks the run ends with $ends.outcome',
    async ({ consumerLocks, ends }) => {
      const { lab, manifest } = await rotated(1, { onCompromise: { consumerLocks } });
      await lockByConsumer(lab, 'previous', 'billing');
      await lab.markCompromised(lab.currentKeyId());
      lab.cloud.switches.removePreviousNeedsLockDelete = true;
      const report = await wholeTick(lab, manifest, { only: ['ingest'] });
      expect(report.keys).toMatchObject([ends]);
      expect(lockNames(lab, 'previous')).toContain('billing');
    },
  );
});

describe('what is written down of a leak', () => {
  it('keeps no key from being replaced when it cannot be looked at again before', async () => {
    const { lab, manifest } = await minted(2);
    const keyId = lab.currentKeyId();
    await lab.markCompromised(keyId);
    await disable(lab, keyId);
    lab.fault({ match: 'GET /api/v2/secrets/*/metadata', status: 503, times: 4 });
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['mint', 'delete', 'release']);
    expect(lab.logLines.join('\n')).toMatch(/"event":"note_not_written"/);
  });

  it('names the key in the summary, which outlives a mark that another note has written over', async () => {
    const { lab, manifest } = await minted(2);
    const keyId = lab.currentKeyId();
    await respond(lab, manifest, leakReport({ by: 'id', id: keyId }));
    await lab.withPorts(manifest, async (ports) => {
      const { id } = lab.secret();
      await changeRecord(id, isCurrentOf(keyId), ports, (record) => ({ ...record, ...NO_LEAK }));
    });
    await lab.admin.request('DELETE', `/v1/apikeys/${keyId}/disable`);
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['contain', 'mint', 'delete', 'release']);
  });

  it('while a mint is under way is still there after its store', async () => {
    const { lab, manifest } = await minted(30);
    const keyId = lab.currentKeyId();
    const ofLeak = leakReport({ by: 'id', id: keyId });
    let isReported = false;
    lab.cloud.audit.watch((record) => {
      if (record.action !== 'api-key.create' || isReported) return;
      isReported = true;
      void respond(lab, manifest, ofLeak, { poke: () => Promise.reject(new Error('not told')) });
    });
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['mint', 'delete', 'release']);
    expect(lab.keys.map(({ id }) => id)).toEqual([lab.currentKeyId()]);
  });

  it('is not brought up again by a run that looked before a person took the report back, at any call', async () => {
    const lost: number[] = [];
    for (let at = 1; at <= 40; at += 1) {
      const { lab, manifest, key } = await minted(2);
      const keyId = lab.currentKeyId();
      await respond(lab, manifest, leakReport({ by: 'id', id: keyId }));
      let undone: UndoReport | null = null;
      const takeBack = () =>
        lab.withPorts(manifest, async (ports) => {
          undone = await undo(key, ports).catch(() => null);
        });
      const run = frozenRun(lab, at, takeBack);
      await run.perform(manifest, (changes) => wholeTick(lab, manifest, { only: ['ingest'] }, changes));
      if (run.calls.length < at) break;
      await lab.pass(HOUR_MS);
      await wholeTick(lab, manifest, { only: ['ingest'] });
      const isThere = lab.keys.some(({ id }) => id === keyId);
      const works = await lab.works(await lab.fetchValue());
      if ((undone && !isThere) || !works) lost.push(at);
    }
    expect(lost).toEqual([]);
  });
});

describe('a current key that somebody else disabled', () => {
  it('is replaced at once like a leaked one, in spite of locks, and can be had back for its quarantine', async () => {
    const { lab, manifest, effects } = await rotated(1);
    await lockByConsumer(lab, 'previous', 'billing');
    const disabledId = lab.currentKeyId();
    await disable(lab, disabledId);
    effects.length = 0;
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(effects.slice(0, 2)).toEqual([expect.stringMatching(/^create/), 'store']);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    expect(lab.keys.find(({ id }) => id === disabledId)?.disabled).toBe(true);
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents).toMatchObject([{ key_id: disabledId, reports: [{ by: 'disabled-at-issuer' }] }]);
  });

  it('is a person’s to judge where the manifest says so, and nothing is made meanwhile', async () => {
    const { lab, manifest, effects } = await minted(2, { entry: { onCompromise: { disabledByOthers: 'ask' } } });
    await disable(lab, lab.currentKeyId());
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys).toMatchObject([{ outcome: 'ask', code: 'disabled_by_others' }]);
    expect(effects).toEqual(['disable K1', 'store']);
    const forced = await wholeTick(lab, manifest, { only: ['ingest'], force: true });
    expect(forced.keys[0]?.steps).toMatchObject([{ step: 'mint' }]);
  });
});

describe('the ledger', () => {
  const leak = async () => {
    const scene = await minted(2);
    await scene.lab.markCompromised(scene.lab.currentKeyId());
    return scene;
  };

  it('is not read or written by a run without a leak', async () => {
    const { lab, manifest } = await minted(2);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(lab.state.secretsManager.secrets.map(({ name }) => name)).toEqual(['ingest']);
  });

  it('is written once for what is seen again and again', async () => {
    const { lab, manifest } = await leak();
    lab.fault({ match: 'DELETE /v1/apikeys/*', status: 503, times: 20 });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(lab.secret('keyrota-ledger-lab').versions).toHaveLength(1);
    lab.cloud.faults.clear();
    await wholeTick(lab, manifest, { only: ['ingest'] });
    const count = lab.secret('keyrota-ledger-lab').versions.length;
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(lab.secret('keyrota-ledger-lab').versions).toHaveLength(count);
  });

  it('that cannot be written is a warning, and the leaked key is replaced all the same', async () => {
    const { lab, manifest } = await leak();
    lab.fault({ match: 'POST /api/v2/secrets', status: 403 });
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['contain', 'mint', 'delete', 'release']);
    expect(lab.logLines.join('\n')).toMatch(/"event":"ledger_not_written"/);
  });

  it('that could not be written is written by a later run, though the leak is over', async () => {
    const { lab, manifest } = await leak();
    const leakedId = lab.currentKeyId();
    lab.fault({ match: 'POST /api/v2/secrets', status: 403 });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(lab.keys.some(({ id }) => id === leakedId)).toBe(false);
    await lab.pass(DAY_MS);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents).toMatchObject([{ key_id: leakedId, replaced_by: lab.currentKeyId() }]);
    expect(incidents[0]?.deleted_at).not.toBe('');
  });

  it('keeps the incidents of two runs that write at once', async () => {
    const { lab, manifest } = await leak();
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await lab.pass(40 * DAY_MS);
    const { changeLedger } = await import('../../shared/ledger/ledger.ts');
    const add = (incident: string) =>
      lab.withPorts(manifest, (ports) =>
        changeLedger(manifest, ports, (ledger) => ({ ...ledger, told: { ...ledger.told, [incident]: 'now' } })),
      );
    await Promise.all(['one', 'two'].map(add));
    const { told, incidents } = await ledgerOf(lab, manifest);
    expect(Object.keys(told).toSorted()).toEqual(['one', 'two']);
    expect(incidents).toHaveLength(1);
  });
});

describe('what is known of an incident', () => {
  it('tells how long the key was open after the report had come', async () => {
    const { lab, manifest } = await minted(2);
    lab.fault({ match: 'GET /v1/apikeys/details', delayMs: 700 });
    await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
    await wholeTick(lab, manifest, { only: ['ingest'] });
    const [incident] = (await ledgerOf(lab, manifest)).incidents;
    expect(incident?.time_to_contain_ms).toBeGreaterThanOrEqual(700);
    expect(incident?.time_to_contain_ms).toBeLessThan(2_000);
  });

  it('is told from the marks before a run has written the ledger, and the same from the ledger afterwards', async () => {
    const { lab, manifest } = await minted(2);
    await lab.markCompromised(lab.currentKeyId());
    const known = () => lab.withPorts(manifest, (ports) => knownIncidents(manifest, ports));
    lab.fault({ match: 'POST /v1/apikeys', status: 503 });
    await lab.tick(manifest, { only: ['ingest'] });
    const [before, ...others] = await known();
    expect(others).toEqual([]);
    expect(before).toMatchObject({ name: 'ingest', replaced_at: '', actions: [{ action: 'contained' }] });
    await lab.pass(HOUR_MS);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await lab.pass(DAY_MS);
    const [after] = await known();
    const { incident, reported_at, contained_at, time_to_contain_ms } = before ?? {};
    const stays = { incident, reported_at, contained_at, time_to_contain_ms };
    expect(after).toMatchObject({ ...stays, replaced_by: lab.currentKeyId() });
  });
});
