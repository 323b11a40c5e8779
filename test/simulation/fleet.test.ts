import { describe, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { survey } from '../../shared/rotation/survey.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { openFleet } from '../bench/fleet-world.ts';
import type { Fleet } from '../bench/fleet-world.ts';

const numbered = (count: number): string[] => Array.from({ length: count }, (_, place) => `key-${place}`);

const fleetOf = (names: string[], dueInMs: number): Promise<Fleet> =>
  openFleet({ deployment: 'lab', names, keysPerIdentity: 5, dueInMs });

describe('a fleet', () => {
  it('gets on under a cap that leaves each key few turns', async () => {
    const { lab, manifest } = await fleetOf(numbered(60), 30 * DAY_MS);
    await lab.pass(30 * DAY_MS);
    const { settings } = lab.context(manifest, { KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '2' });
    const wish = { timerMs: MINUTE_MS, keysAtOnce: settings.keysAtOnce };
    const { keys } = await lab.tick(manifest, wish, { settings });
    expect(keys.filter(({ steps }) => steps.some(({ step }) => step === 'mint')).length).toBeGreaterThan(10);
  });

  it('has a lost key found by the list of the account, however many retired entries have lost theirs', async () => {
    const names = numbered(60);
    const { lab, manifest } = await fleetOf(names, 300 * DAY_MS);
    await lab.pass(2 * DAY_MS);
    const keyIds = new Map(lab.state.iam.apiKeys.map(({ id, name }) => [name.split('-').slice(2, -1).join('-'), id]));
    const gone = (name: string) => lab.admin.request('DELETE', `/v1/apikeys/${keyIds.get(name)}`);
    const retired = names.slice(0, 31);
    for (const name of ['key-59', ...retired]) await gone(name);
    const keys = manifest.keys.map((key) => (retired.includes(key.name) ? { ...key, state: 'retired' as const } : key));
    expect(await suspiciousInAnHour({ lab }, { ...manifest, keys })).toEqual(new Set(['key-59']));
  });
});

/** Which entries the surveys of an hour, one a minute, find suspicious. */
async function suspiciousInAnHour({ lab }: Pick<Fleet, 'lab'>, manifest: Manifest): Promise<Set<string>> {
  const found = new Set<string>();
  for (let minute = 0; minute < 60; minute += 1) {
    const { candidates } = await lab.withPorts(manifest, (ports) =>
      survey(manifest, { only: null, timerMs: MINUTE_MS }, ports),
    );
    for (const { key, why } of candidates) if (why === 'suspicious') found.add(key.name);
    await lab.pass(MINUTE_MS);
  }
  return found;
}
