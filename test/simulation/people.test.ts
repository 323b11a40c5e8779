import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { Laboratory } from '../support/laboratory.ts';
import { minted, onlyKey, rotated } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';

const STORE = 'POST /api/v2/secrets/*/versions';
const NOW = { only: ['ingest'] };

const keyOf = (lab: Laboratory, keyId: string) => lab.state.iam.apiKeys.find(({ id }) => id === keyId);
const guardsOnPrevious = (lab: Laboratory) =>
  lab
    .secret()
    .versions.find(({ alias }) => alias === 'previous')
    ?.locks.map(({ name }) => name);

describe('a key that is adopted late', () => {
  it('by the manifest has its grace from then on, however old the current version is', async () => {
    const lab = await Laboratory.open();
    const legacy = await lab.makeKeyByHand();
    await lab.tick(lab.manifest());
    await lab.fetchValue();
    await lab.passWithTicks(lab.manifest(), 20 * DAY_MS);
    const manifest = lab.manifest({ adopt: [legacy.id], evidence: { unused: false } });
    await lab.tick(manifest, NOW);
    await lab.passWithTicks(manifest, 6.5 * DAY_MS);
    expect(keyOf(lab, legacy.id)?.disabled).toBe(false);
    await lab.passWithTicks(manifest, DAY_MS);
    expect(keyOf(lab, legacy.id)?.disabled).toBe(true);
  });

  it('by the command has its grace from then on', async () => {
    const lab = await Laboratory.open();
    const legacy = await lab.makeKeyByHand();
    const manifest = lab.manifest({ evidence: { unused: false } });
    await lab.tick(manifest);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 20 * DAY_MS);
    await lab.withPorts(manifest, (ports) => adopt(onlyKey(manifest), legacy.id, ports));
    await lab.passWithTicks(manifest, 6.5 * DAY_MS);
    expect(keyOf(lab, legacy.id)?.disabled).toBe(false);
    await lab.passWithTicks(manifest, DAY_MS);
    expect(keyOf(lab, legacy.id)?.disabled).toBe(true);
  });

  it('in a secret with more fields than a rotation would store is refused, with their names', async () => {
    const lab = await Laboratory.open();
    const legacy = await lab.makeKeyByHand();
    const data = { apikey: legacy.value, endpoint: 'https://logs.example' };
    const theirs = { name: 'ingest', secret_type: 'kv', secret_group_id: lab.groupId, data };
    await lab.admin.request('POST', '/api/v2/secrets', theirs);
    const manifest = lab.manifest({ secret: { group: lab.groupId, type: 'kv' } });
    const adopting = lab.withPorts(manifest, (ports) => adopt(onlyKey(manifest), legacy.id, ports));
    await expect(adopting).rejects.toMatchObject({
      code: 'adoption_refused',
      message: expect.stringMatching(/endpoint/) as string,
    });
  });
});

describe('an undo that fails', () => {
  const failingUndo = ({ lab, manifest, key }: Scene) => {
    lab.fault({ match: STORE, status: 400 });
    return lab.withPorts(manifest, (ports) => undo(key, ports));
  };

  it('leaves the former value guarded, and a second one goes to the same key', async () => {
    const scene = await rotated(8);
    const { lab, manifest, key, formerId } = scene;
    await expect(failingUndo(scene)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(guardsOnPrevious(lab)).toEqual(['keyrota-guard-lab']);
    expect(keyOf(lab, formerId)).toMatchObject({ disabled: true, locked: false });
    await lab.tick(manifest, { ...NOW, force: true });
    const report = await lab.withPorts(manifest, (ports) => undo(key, ports));
    expect(report.keyId).toBe(formerId);
  });

  it.each([false, true])(
    'leaves the key disabled and unlocked: a lock refuses disabling: %s',
    async (lockRefusesDisable) => {
      const scene = await rotated(8);
      const { lab, formerId } = scene;
      lab.cloud.switches.lockRefusesDisable = lockRefusesDisable;
      await expect(failingUndo(scene)).rejects.toMatchObject({ code: 'invalid_request' });
      expect(keyOf(lab, formerId)).toMatchObject({ disabled: true, locked: false });
    },
  );

  it('leaves a lock that somebody else had put on the key', async () => {
    const scene = await rotated(8);
    const { lab, manifest, formerId } = scene;
    await lab.admin.request('POST', `/v1/apikeys/${formerId}/lock`);
    await expect(failingUndo(scene)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(keyOf(lab, formerId)).toMatchObject({ locked: true });
    await lab.passWithTicks(manifest, 4 * DAY_MS);
    expect(keyOf(lab, formerId)).toMatchObject({ locked: true, disabled: true });
  });

  it('because a consumer locks the former version says whose lock it is, and changes nothing', async () => {
    const { lab, manifest, key, formerId } = await rotated(8);
    const { id, versions } = lab.secret();
    const previous = versions.find(({ alias }) => alias === 'previous');
    const path = `/api/v2/secrets/${id}/versions/${previous?.id}/locks_bulk`;
    await lab.admin.request('POST', path, { locks: [{ name: 'billing' }] });
    const undoing = lab.withPorts(manifest, (ports) => undo(key, ports));
    await expect(undoing).rejects.toMatchObject({
      code: 'nothing_to_undo',
      message: expect.stringMatching(/billing/) as string,
    });
    expect(keyOf(lab, formerId)).toMatchObject({ disabled: true, locked: false });
  });

  it('because it was killed leaves a key that retires like any other', async () => {
    const { lab, manifest, key, formerId } = await rotated(8);
    const stop = new AbortController();
    lab.fault({ match: `DELETE /v1/apikeys/${formerId}/disable`, delayMs: 2_000 });
    lab.clock.at(lab.clock.nowMs() + 1_000, () => stop.abort(new Error('killed')));
    const undoing = lab.withPorts(manifest, (ports) => undo(key, ports), { signal: stop.signal });
    await expect(undoing).rejects.toThrow('killed');
    expect(keyOf(lab, formerId)).toMatchObject({ disabled: false, locked: true });
    // While an undo may be under way its lock stands.
    await lab.pass(50 * MINUTE_MS);
    await lab.tick(manifest, NOW);
    expect(keyOf(lab, formerId)).toMatchObject({ locked: true });
    await lab.passWithTicks(manifest, 8 * DAY_MS);
    expect(keyOf(lab, formerId)).toBeUndefined();
  });
});

describe('a key that an undo locked', () => {
  it('gets a later expiry while its rotation waits, and stays locked', async () => {
    const { lab, manifest, key, formerId } = await rotated(8);
    await lab.withPorts(manifest, (ports) => undo(key, ports));
    await lab.fetchValue();
    const before = keyOf(lab, formerId);
    expect(before).toMatchObject({ locked: true });
    const daysLeft = ((before?.expiresAtMs ?? 0) - lab.clock.nowMs()) / DAY_MS;
    const iso = (atMs: number) => new Date(atMs).toISOString();
    const untilMs = lab.clock.nowMs() + 90 * DAY_MS;
    const frozen = lab.manifest({
      freeze: [{ from: iso(lab.clock.nowMs()), until: iso(untilMs), reason: 'holidays' }],
    });
    await lab.pass((daysLeft - 10) * DAY_MS);
    const { keys } = await lab.tick(frozen, NOW);
    expect(keys).toMatchObject([{ outcome: 'hold', code: 'freeze' }]);
    expect(keys[0]?.steps.map(({ step }) => step)).toContain('extend');
    expect(keyOf(lab, formerId)).toMatchObject({ locked: true });
    expect(keyOf(lab, formerId)?.expiresAtMs).toBeGreaterThan(before?.expiresAtMs ?? Infinity);
  });
});

describe('a key that somebody locked at the issuer', () => {
  it('is left alone, and in the end a person is asked, with the command', async () => {
    const { lab, manifest, formerId } = await rotated(1);
    await lab.admin.request('POST', `/v1/apikeys/${formerId}/lock`);
    await lab.pass(10 * DAY_MS);
    expect((await lab.tick(manifest, NOW)).keys).toMatchObject([{ outcome: 'hold', code: 'issuer-lock' }]);
    await lab.pass(30 * DAY_MS);
    const { keys } = await lab.tick(manifest, NOW);
    expect(keys).toMatchObject([{ outcome: 'ask', code: 'locked_at_issuer' }]);
    expect(keys[0]?.next.join()).toContain(`ibmcloud iam service-api-key-unlock ${formerId} ${lab.serviceId.id}`);
  });
});

describe('an entry that moves to another service ID', () => {
  const moveTo = async ({ lab }: Scene) => {
    const other = await lab.admin.createServiceId('agent-2', 'Sends logs too.');
    await lab.admin.grant(other.iamId, ROLE.cloudLogsSender, 'logs');
    const where = { resourceType: 'serviceid', resource: other.id };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', where);
    return lab.manifest({ serviceId: other.id });
  };

  it('leaves no key behind, also when the new one dies in the grace of the former', async () => {
    const scene = await minted(10);
    const { lab } = scene;
    const formerId = lab.currentKeyId();
    const moved = await moveTo(scene);
    await lab.tick(moved, NOW);
    await lab.pass(DAY_MS);
    await lab.admin.request('DELETE', `/v1/apikeys/${lab.currentKeyId()}`);
    await lab.tick(moved, NOW);
    await lab.fetchValue();
    await lab.passWithTicks(moved, 12 * DAY_MS);
    expect(keyOf(lab, formerId)).toBeUndefined();
  });

  it('asks a person when Keyrota may not see the former one any more', async () => {
    const scene = await minted(10);
    const { lab } = scene;
    const moved = await moveTo(scene);
    lab.fault({ match: `GET /v1/apikeys/${lab.currentKeyId()}`, status: 403 });
    expect((await lab.tick(moved, NOW)).keys).toMatchObject([{ outcome: 'ask', code: 'role_missing' }]);
  });
});

describe('a paused entry', () => {
  it('whose key somebody disabled gets a new one: it counts as compromised', async () => {
    const { lab, effects } = await minted(5);
    await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`);
    effects.length = 0;
    const report = await lab.tick(lab.manifest({ paused: true }), NOW);
    expect(report.keys).toMatchObject([{ outcome: 'hold', code: 'paused', since: null }]);
    expect(effects).toEqual(['create K2', 'store']);
  });
});

describe('a report', () => {
  it('says what it waits for, since when and until when', async () => {
    const { lab, manifest } = await rotated(1);
    const { keys } = await lab.tick(manifest, NOW);
    expect(keys).toMatchObject([{ outcome: 'hold', code: 'grace' }]);
    expect(lab.clock.nowMs() - Date.parse(keys[0]?.since ?? '')).toBeLessThan(DAY_MS + HOUR_MS);
    expect(Date.parse(keys[0]?.until ?? '') - Date.parse(keys[0]?.since ?? '')).toBe(7 * 24 * HOUR_MS);
  });
});
