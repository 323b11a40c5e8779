import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { reconcile } from '../../shared/rotation/reconcile.ts';
import { rotateAll } from '../../shared/rotation/rotate-all.ts';
import { Laboratory } from '../support/laboratory.ts';
import { minted } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';

const CREATE = 'POST /v1/apikeys';
const FIRST_STORE = 'POST /api/v2/secrets';
const STORE = 'POST /api/v2/secrets/*/versions';

const created = (effects: readonly string[]): string[] => effects.filter((effect) => effect.startsWith('create'));

/** So many ticks, a minute apart; how each of them ended. */
async function ticks(
  lab: Laboratory,
  manifest: Scene['manifest'],
  count: number,
  only: string[] | null = null,
): Promise<string[]> {
  const outcomes: string[] = [];
  for (let tick = 0; tick < count; tick += 1) {
    const { keys } = await lab.tick(manifest, { only, timerMs: MINUTE_MS });
    outcomes.push(keys.map(({ outcome, code }) => `${outcome} ${code}`).join());
    await lab.pass(MINUTE_MS);
  }
  return outcomes;
}

/** Minutes until what consumers fetch works; ticks come each minute. */
async function minutesUntilWorking(lab: Laboratory, manifest: Scene['manifest']): Promise<number> {
  for (let minutes = 0; minutes < 120; minutes += 1) {
    await lab.tick(manifest, { timerMs: MINUTE_MS });
    if (await lab.works(await lab.fetchValue())) return minutes;
    await lab.pass(MINUTE_MS);
  }
  return Infinity;
}

describe('a first mint that fails', () => {
  it('asks a person when the name of its secret is taken where Keyrota does not see it, and makes one key, not many', async () => {
    const lab = await Laboratory.open();
    const group = await lab.admin.createSecretGroup('other-team');
    const theirs = { name: 'ingest', secret_type: 'arbitrary', secret_group_id: group, payload: 'x' };
    await lab.admin.request('POST', '/api/v2/secrets', theirs);
    const effects = lab.recordEffects();
    const outcomes = await ticks(lab, lab.manifest(), 10);
    expect(outcomes[0]).toBe('ask secret_name_taken');
    expect(effects).toEqual(['create K1', 'disable K1']);
  });

  it('asks a person when its secret group does not exist', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest({ secret: { group: '00000000-0000-4000-8000-000000000000' } });
    lab.fault({ match: FIRST_STORE, status: 404 });
    const { keys } = await lab.tick(manifest);
    expect(keys).toMatchObject([{ outcome: 'ask', code: 'secret_group_missing' }]);
    expect(lab.keys).toMatchObject([{ disabled: true }]);
  });

  it.each([
    { what: 'its create has no clear answer', fault: { match: CREATE, drop: 'answer' } },
    { what: 'its store is refused', fault: { match: FIRST_STORE, status: 400 } },
    { what: 'its store has no clear answer', fault: { match: FIRST_STORE, drop: 'request' } },
  ] as const)('waits longer each time, and its keys go after their quarantine: $what', async ({ fault }) => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    lab.fault({ ...fault, times: 10_000 });
    const effects = lab.recordEffects();
    await ticks(lab, manifest, 10);
    expect(created(effects)).toHaveLength(1);
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(lab.keys.length).toBeLessThan(10);
    expect(lab.keys.filter(({ disabled }) => !disabled).length).toBeLessThanOrEqual(1);
    lab.cloud.faults.clear();
    await lab.passWithTicks(manifest, 5 * DAY_MS);
    expect(lab.keys.map(({ id }) => id)).toEqual([lab.currentKeyId()]);
  });
});

describe('a dead current key whose replacement fails', () => {
  it('is replaced minutes later, not with the next list of the account', async () => {
    const { lab, manifest } = await minted(5);
    await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`);
    lab.fault({ match: CREATE, status: 503 });
    // Until the hourly list shows that it is disabled nobody knows.
    expect(await minutesUntilWorking(lab, manifest)).toBeLessThan(60 + 10);
    const seen = lab.logLines.filter((line) => line.includes('"mint_failed"') || line.includes('"key_stored"'));
    const [failed, stored] = seen.slice(-2).map((line) => Date.parse((JSON.parse(line) as { at: string }).at));
    expect((stored ?? 0) - (failed ?? 0)).toBeLessThan(8 * MINUTE_MS);
  });

  it('is replaced minutes later when it was contained in the run that failed', async () => {
    const { lab, manifest } = await minted(5);
    await lab.markCompromised(lab.currentKeyId());
    lab.fault({ match: CREATE, status: 429, times: 4 });
    const { keys } = await lab.tick(manifest, { only: ['ingest'], timerMs: MINUTE_MS });
    expect(keys).toMatchObject([{ outcome: 'failed', steps: [{ step: 'contain' }] }]);
    expect(await minutesUntilWorking(lab, manifest)).toBeLessThan(10);
  });

  it('is replaced minutes later even while an older key is in its grace, and although the entry is paused', async () => {
    const { lab, manifest } = await minted(30);
    await lab.tick(manifest);
    await lab.fetchValue();
    await lab.pass(DAY_MS);
    await lab.markCompromised(lab.currentKeyId());
    const paused = lab.manifest({ paused: true });
    lab.fault({ match: CREATE, status: 503 });
    await lab.tick(paused, { only: ['ingest'], timerMs: MINUTE_MS });
    expect(await minutesUntilWorking(lab, paused)).toBeLessThan(10);
  });
});

describe('a mint that is refused for the rate', () => {
  it.each([CREATE, STORE])('waits, and stores its key: %s', async (match) => {
    const { lab, manifest, effects } = await minted(30);
    lab.fault({ match, status: 429, times: 3 });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ steps: [{ step: 'mint' }] }]);
    expect(effects).toEqual(['create K1', 'store']);
  });
});

describe('a mint that fails', () => {
  it('is not tried with every tick when its store is refused and nobody else stored', async () => {
    const { lab, manifest, effects } = await minted(30);
    lab.fault({ match: STORE, status: 412, times: 10_000 });
    const outcomes = await ticks(lab, manifest, 5, ['ingest']);
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'hold back-off'));
    expect(effects).toEqual(['create K1', 'delete K1']);
  });

  it('is no key limit unless IAM says so', async () => {
    const { lab, manifest } = await minted(30);
    lab.fault({ match: CREATE, status: 422 });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'failed', code: 'create_failed' }]);
  });

  it('does not write over the word of a run that stored meanwhile', async () => {
    const { lab, manifest, key } = await minted(30);
    const slow = lab.withPorts(manifest, (ports) => {
      const kind = ports.kindOf(key);
      const refusing = {
        ...kind,
        verify: async () => {
          await ports.clock.sleep(40_000, ports.signal);
          return { outcome: 'refused', why: 'it is not known' } as const;
        },
      };
      const wish = { secret: null, listedAtMs: lab.clock.nowMs(), force: false, dryRun: false };
      return reconcile(key, wish, { ...ports, kindOf: () => refusing });
    });
    const [failed] = await Promise.all([slow, lab.tick(manifest, { only: ['ingest'] })]);
    expect(failed.outcome).toBe('failed');
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ key_id: lab.currentKeyId(), failures: 0 });
  });

  it('leaves time to clean up when the token endpoint hangs', async () => {
    const { lab, manifest, effects } = await minted(30);
    const { settings } = lab.context(manifest, { KEYROTA_RUN_SECONDS: '60' });
    const run = lab.withPorts(
      manifest,
      async (ports) => {
        await ports.clock.sleep(18_000, ports.signal); // other keys came first
        lab.fault({ match: 'POST /identity/token', delayMs: 60_000, times: 100 });
        const wish = { only: ['ingest'], force: false, dryRun: false, timerMs: HOUR_MS, keysAtOnce: 8 };
        return rotateAll(manifest, wish, ports);
      },
      { settings },
    );
    expect((await run).keys).toMatchObject([{ outcome: 'failed', code: 'key_failed' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ failures: 1 });
  });

  it('says so where our clock and the issuer’s differ, and stores nothing', async () => {
    const { lab, manifest, effects } = await minted(30);
    const clock = lab.portClock;
    const late = { ...clock, nowMs: () => clock.nowMs() - 10 * MINUTE_MS };
    const report = await lab.tick(manifest, { only: ['ingest'], force: true }, { clock: late });
    expect(report.keys).toMatchObject([{ outcome: 'failed', code: 'clocks_differ' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
  });
});
