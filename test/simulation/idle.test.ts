import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import { LoggingLaboratory } from '../support/logging-laboratory.ts';

const steps = (report: { keys: readonly { steps: readonly { step: string }[] }[] }) =>
  report.keys.flatMap((key) => key.steps.map(({ step }) => step));

describe('an old key that cannot be disabled', () => {
  it('is not deleted in the moment in which its evidence comes, however late that is', async () => {
    const world = await LoggingLaboratory.open();
    const { lab } = world;
    const manifest = world.manifest('ingestion');
    await lab.tick(manifest);
    await lab.fetchValue();
    await lab.pass(30 * DAY_MS);
    await lab.tick(manifest, { only: ['ingest'] });
    const live = () => world.keysOf('ingestion').filter(({ name }) => name.startsWith('kr-')).length;
    await lab.pass(20 * DAY_MS);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys).toMatchObject([{ code: 'evidence' }]);
    await lab.fetchValue(); // the first of many
    const late = await lab.tick(manifest, { only: ['ingest'] });
    expect([steps(late), late.keys[0]?.code, live()]).toEqual([[], 'quarantine', 2]);
    await lab.pass(3 * DAY_MS - HOUR_MS);
    expect(steps(await lab.tick(manifest, { only: ['ingest'] }))).toEqual([]);
    await lab.pass(2 * HOUR_MS);
    expect(steps(await lab.tick(manifest, { only: ['ingest'] }))).toEqual(['delete', 'release']);
    expect(live()).toBe(1);
  });

  it('of an entry that is retired waits as long, so that a slip in the manifest can be taken back', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const manifest = world.manifest({ role: 'Writer' });
    await lab.tick(manifest, { only: ['credential'] });
    await lab.pass(20 * DAY_MS);
    const retired = { ...manifest, keys: manifest.keys.map((key) => ({ ...key, state: 'retired' as const })) };
    const report = await lab.tick(retired, { only: ['credential'] });
    expect([steps(report), report.keys[0]?.code]).toEqual([[], 'quarantine']);
    expect(world.keys).toHaveLength(1);
    await lab.pass(DAY_MS);
    await lab.tick(manifest, { only: ['credential'] });
    await lab.pass(5 * DAY_MS);
    const again = await lab.tick(retired, { only: ['credential'] });
    expect([steps(again), world.keys.length]).toEqual([[], 1]);
    await lab.pass(3 * DAY_MS + HOUR_MS);
    expect(steps(await lab.tick(retired, { only: ['credential'] }))).toContain('delete');
  });
});
