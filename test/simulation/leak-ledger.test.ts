import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { knownIncidents } from '../../shared/ledger/incident-report.ts';
import { changeLedger } from '../../shared/ledger/ledger.ts';
import { wholeRun } from '../../shared/ledger/whole-run.ts';
import type { SeenIncident } from '../../shared/rotation/seen-incidents.ts';
import { Laboratory } from '../support/laboratory.ts';
import { slackCount, telling, typesTold } from '../support/notice-receivers.ts';
import { minted } from '../support/rotated.ts';
import { WatchedRun, frozenRun } from '../support/watched-run.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

const LEDGER = 'keyrota-ledger-lab';
const STORE = 'POST /api/v2/secrets/*/versions';

/** A ledger that has been written so many times. */
async function world(writes: number, switches: Partial<Switches> = {}) {
  const lab = await Laboratory.open(switches);
  const manifest = lab.manifest();
  for (let count = 1; count <= writes; count += 1) await tell(lab, manifest, `before-${count}`);
  return { lab, manifest };
}

const add = (lab: Laboratory, manifest: Manifest, what: string, changes = {}) =>
  lab.withPorts(
    manifest,
    (ports) => changeLedger(manifest, ports, (ledger) => ({ ...ledger, told: { ...ledger.told, [what]: 'now' } })),
    changes,
  );

const tell = (lab: Laboratory, manifest: Manifest, what: string, run = new WatchedRun(lab)) =>
  run.perform(manifest, (changes) => add(lab, manifest, what, changes));

const toldIn = async (lab: Laboratory, manifest: Manifest) =>
  Object.keys((await ledgerOf(lab, manifest)).told)
    .filter((what) => !what.startsWith('before'))
    .toSorted();

/** As many as a change of the ledger has, with its login, or more. */
const CALLS = Array.from({ length: 10 }, (_, index) => index + 1);

/** Tells it, and stands still before its nth call until `meanwhile` is over; that follows where there are not so many. */
async function tellAmid(
  lab: Laboratory,
  manifest: Manifest,
  what: string,
  at: number,
  meanwhile: () => Promise<unknown>,
) {
  const met = { isOver: false };
  const others = () => {
    met.isOver = true;
    return meanwhile();
  };
  await tell(lab, manifest, what, frozenRun(lab, at, others));
  if (!met.isOver) await others();
}

const isStore = ({ method, path }: { method: string; path: string }) => method === 'POST' && path.endsWith('/versions');

describe('a change of the ledger', () => {
  it.each([0, 1, 3])('loses nothing of another one, wherever the two meet, after %i writes', async (writes) => {
    for (const at of CALLS) {
      const { lab, manifest } = await world(writes);
      await tellAmid(lab, manifest, 'a', at, () => tell(lab, manifest, 'b'));
      expect([at, await toldIn(lab, manifest)]).toEqual([at, ['a', 'b']]);
    }
  });

  it('loses nothing of two others that come one after the other', async () => {
    for (const at of CALLS) {
      const { lab, manifest } = await world(1);
      await tellAmid(lab, manifest, 'a', at, async () => {
        await tell(lab, manifest, 'b');
        await tell(lab, manifest, 'c');
      });
      expect([at, await toldIn(lab, manifest)]).toEqual([at, ['a', 'b', 'c']]);
    }
  });

  it('loses nothing of two others, one of which stands still as well', async () => {
    for (const at of CALLS) {
      for (const within of CALLS) {
        const { lab, manifest } = await world(1);
        const others = () => tellAmid(lab, manifest, 'b', within, () => tell(lab, manifest, 'c'));
        await tellAmid(lab, manifest, 'a', at, others);
        expect([at, within, await toldIn(lab, manifest)]).toEqual([at, within, ['a', 'b', 'c']]);
      }
    }
  });

  it('that was stored on top of one which it had not seen, and died, is brought together by the next reader', async () => {
    const { lab, manifest } = await world(1);
    const dying = new WatchedRun(lab, (call, send, run) => (isStore(call) ? run.kill() : send()));
    const stale = new WatchedRun(lab, async (call, send, run) => {
      if (!isStore(call)) return send();
      await tell(lab, manifest, 'b');
      await tell(lab, manifest, 'c', dying); // it has freed what the stale one read
      await send();
      return run.kill();
    });
    expect(await tell(lab, manifest, 'a', stale)).toBe(false);
    expect(await toldIn(lab, manifest)).toEqual(['a', 'b']);
    await tell(lab, manifest, 'd');
    expect(await toldIn(lab, manifest)).toEqual(['a', 'b', 'd']);
  });

  it.each([
    { match: STORE, status: 500, times: 2 },
    { match: STORE, status: 503, times: 2 },
    { match: STORE, status: 429, times: 2 },
    { match: STORE, drop: 'answer' as const },
    { match: STORE, drop: 'request' as const },
    { match: 'POST /api/v2/secrets/*/versions/*/locks_bulk', status: 400 },
    { match: 'POST /api/v2/secrets/*/versions/*/locks_bulk', status: 404 },
  ])('is made again after trouble that may pass: $match $status $drop', async (fault) => {
    const { lab, manifest } = await world(1);
    lab.fault(fault);
    await add(lab, manifest, 'a');
    expect(await toldIn(lab, manifest)).toEqual(['a']);
  });

  it.each([400, 409] as const)(
    'that is the first is made where another was first, whatever that is answered: %i',
    async (status) => {
      const { lab, manifest } = await world(0, { duplicateSecretStatus: status });
      await Promise.all(['a', 'b', 'c'].map((what) => add(lab, manifest, what)));
      expect(await toldIn(lab, manifest)).toEqual(['a', 'b', 'c']);
    },
  );

  it('that is not allowed is tried once', async () => {
    const { lab, manifest } = await world(1);
    lab.fault({ match: STORE, status: 403, times: 20 });
    await expect(add(lab, manifest, 'a')).rejects.toMatchObject({ code: 'forbidden' });
    expect(lab.secret(LEDGER).versions).toHaveLength(1);
  });
});

describe('a secret that has the name of the ledger', () => {
  const groupOf = async (lab: Laboratory) => {
    const group = await lab.admin.createSecretGroup('others');
    const { guid } = lab.cloud.account.secretsManager;
    const place = { serviceInstance: guid, resourceType: 'secret-group', resource: group };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.secretsWriter, 'secrets-manager', place);
    return group;
  };
  const taken = async (custom_metadata: object, groupId?: string) => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.admin.request('POST', '/api/v2/secrets', {
      secret_type: 'kv',
      name: LEDGER,
      data: { password: 'of others' },
      secret_group_id: groupId === 'another' ? await groupOf(lab) : lab.groupId,
      custom_metadata,
    });
    return { lab, manifest };
  };
  const OURS = { 'keyrota-ledger': { deployment: 'lab' } };

  it.each([
    ['is none', {}, undefined],
    ['is another deployment’s', { 'keyrota-ledger': { deployment: 'prod' } }, undefined],
    ['is in another group', OURS, 'another'],
  ])('and %s is left alone, and what to do is told', async (_, metadata, groupId) => {
    const { lab, manifest } = await taken(metadata, groupId);
    await expect(add(lab, manifest, 'a')).rejects.toMatchObject({
      code: 'ledger_taken',
      next: expect.stringContaining('ledger.name') as string,
    });
    expect(lab.secret(LEDGER).versions).toMatchObject([{ payload: { password: 'of others' } }]);
  });

  it('and is none stops no run, which warns', async () => {
    const { lab, manifest } = await taken({});
    await lab.tick(manifest);
    await lab.markCompromised(lab.currentKeyId());
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys[0]?.steps.map(({ step }) => step)).toEqual(['contain', 'mint', 'delete', 'release']);
    expect(lab.logLines.join('\n')).toMatch(/"event":"ledger_not_written".*ledger_taken/);
  });

  it('of another deployment is not shared by one that is given the same name', async () => {
    const { lab, manifest } = await world(1);
    await expect(add(lab, { ...manifest, deployment: 'other' }, 'a')).rejects.toMatchObject({ code: 'ledger_taken' });
    expect(await toldIn(lab, manifest)).toEqual([]);
  });
});

describe('a run', () => {
  const leak = async () => {
    const scene = await minted(2);
    await scene.lab.markCompromised(scene.lab.currentKeyId());
    return scene;
  };
  const RUN = { KEYROTA_RUN_SECONDS: '110', KEYROTA_CALL_TIMEOUT_SECONDS: '60' };

  it('that is too slow to end its work still has the time to tell of the leak, and to remember it', async () => {
    const { lab, manifest } = await leak();
    lab.fault({ match: 'DELETE /v1/apikeys/*', delayMs: DAY_MS, times: 100 });
    const { settings } = telling(lab, manifest, lab.context(manifest, RUN).settings);
    const beganMs = lab.clock.nowMs();
    const report = await wholeTick(lab, manifest, { only: ['ingest'] }, { settings });
    expect(lab.clock.nowMs() - beganMs).toBeLessThan(110_000);
    expect(report.keys).toMatchObject([{ outcome: 'left', code: 'no_time' }]);
    expect(typesTold(lab)).toEqual(['key.contained', 'key.replaced']);
    expect((await ledgerOf(lab, manifest)).incidents).toMatchObject([{ replaced_by: lab.currentKeyId() }]);
  });

  it('whose receivers all hang still remembers', async () => {
    const { lab, manifest } = await leak();
    lab.fault({ match: 'POST /notices/*', delayMs: DAY_MS, times: 100 });
    lab.fault({ match: 'POST /notices/*/*', delayMs: DAY_MS, times: 100 });
    const { settings } = telling(lab, manifest, lab.context(manifest, RUN).settings);
    await wholeTick(lab, manifest, { only: ['ingest'] }, { settings });
    const { incidents, undelivered } = await ledgerOf(lab, manifest);
    expect(incidents).toHaveLength(1);
    expect(undelivered.map(({ type }) => type)).toEqual(['key.contained', 'key.replaced']);
  });

  it('that is cut off before it could remember says so', async () => {
    const { lab, manifest } = await leak();
    const interrupted = new AbortController();
    lab.cloud.audit.watch(({ action }) => {
      if (action === 'api-key.delete') interrupted.abort(new Error('interrupted'));
    });
    await wholeTick(lab, manifest, { only: ['ingest'] }, { signal: interrupted.signal }).catch(() => undefined);
    expect(lab.logLines.join('\n')).toMatch(/"event":"ledger_not_written"/);
  });

  it('that is dry tells nobody, and writes nothing', async () => {
    const { lab, manifest, effects } = await leak();
    const dry = { ...telling(lab, manifest), readOnly: true };
    const report = await wholeTick(lab, manifest, { only: ['ingest'], dryRun: true }, dry);
    expect(report.keys).toMatchObject([{ outcome: 'planned', steps: [{ step: 'contain' }] }]);
    expect([effects, typesTold(lab), slackCount(lab)]).toEqual([[], [], 0]);
    expect(lab.state.secretsManager.secrets.map(({ name }) => name)).toEqual(['ingest']);
  });

  it('that cannot even begin remembers the leak of a key that no entry manages', async () => {
    const { lab, manifest } = await leak();
    const unmanaged: SeenIncident = {
      incident: 'incident-1',
      name: '',
      kind: 'service-id-api-key',
      keyId: 'ApiKey-1',
      owner: '',
      reports: [],
      reportedAt: '2026-01-05T08:00:00.000Z',
      containedAt: '',
      replacedBy: '',
      replacedAt: '',
      deletedAt: '',
    };
    const wish = { only: null, force: false, dryRun: false, timerMs: HOUR_MS, keysAtOnce: 8 };
    await lab.withPorts(manifest, async (ports) => {
      const failing = { ...ports, login: () => Promise.reject(new Error('no login')) };
      await expect(wholeRun(manifest, wish, [unmanaged], failing)).rejects.toThrow('no login');
    });
    expect((await ledgerOf(lab, manifest)).incidents).toMatchObject([{ incident: 'incident-1' }]);
  });
});

describe('the key of a retired entry', () => {
  it('is no incident when Keyrota itself disables it', async () => {
    const { lab } = await minted(2);
    const manifest = lab.manifest({ state: 'retired' });
    for (let hours = 0; hours < 24 * 9; hours += 6) {
      await wholeTick(lab, manifest, { only: ['ingest'] });
      await lab.pass(6 * HOUR_MS);
    }
    expect(lab.keys).toEqual([]);
    expect((await ledgerOf(lab, manifest)).incidents).toEqual([]);
  });
});

describe('what is known of incidents', () => {
  it('is told though an entry cannot be looked at', async () => {
    const { lab, manifest } = await minted(2);
    await lab.markCompromised(lab.currentKeyId());
    lab.fault({ match: 'DELETE /v1/apikeys/*', status: 503, times: 20 });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    lab.cloud.faults.clear();
    lab.fault({ match: 'GET /v1/apikeys', status: 403, times: 20 });
    lab.fault({ match: 'GET /v1/apikeys/*', status: 403, times: 20 });
    const known = await lab.withPorts(manifest, (ports) => knownIncidents(manifest, ports));
    expect(known).toMatchObject([{ name: 'ingest', replaced_by: lab.currentKeyId() }]);
    expect(lab.logLines.join('\n')).toMatch(/"event":"incident_not_seen"/);
  });
});
