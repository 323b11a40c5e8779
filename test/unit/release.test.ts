import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../shared/keys/duration.ts';
import { apply } from '../../shared/rotation/apply.ts';
import { observe } from '../../shared/rotation/observe.ts';
import { plan } from '../../shared/rotation/plan.ts';
import { isSettled } from '../../shared/rotation/step.ts';
import { rotated } from '../support/rotated.ts';

/** Everything up to the release is done; then somebody writes the secret's metadata, and then it is released. */
async function releasedAfter(change: (metadata: Record<string, unknown>) => Record<string, unknown>) {
  const { lab, manifest, key } = await rotated(8);
  await lab.pass(72 * HOUR_MS);
  await lab.withPorts(manifest, async (ports) => {
    for (const wanted of ['delete', 'release']) {
      const seen = await observe(key, null, false, ports);
      const step = plan(key, seen, lab.clock.nowMs());
      expect(step.step).toBe(wanted);
      if (isSettled(step)) return;
      const { id, customMetadata } = lab.secret();
      if (wanted === 'release') await ports.secrets.writeMetadata(id, change(customMetadata), ports.signal);
      await apply(key, seen, step, ports);
    }
  });
  return lab.secret();
}

describe('a release', () => {
  it('keeps what somebody else has written beside the summary since the look', async () => {
    const { customMetadata } = await releasedAfter((metadata) => ({ ...metadata, team: 'logs' }));
    expect(customMetadata).toMatchObject({ team: 'logs', keyrota: { previous_key_id: '' } });
  });

  it('leaves the summary alone that another run has stored with a new key since the look', async () => {
    const stored = { deployment: 'lab', name: 'ingest', kind: 'service-id-api-key', key_id: 'ApiKey-of-another-run' };
    const { customMetadata } = await releasedAfter(() => ({ keyrota: stored }));
    expect(customMetadata).toEqual({ keyrota: stored });
  });
});
