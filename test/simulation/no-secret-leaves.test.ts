import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { Laboratory } from '../support/laboratory.ts';

/** Every value that the cloud ever gave away: keys and tokens, also of keys that were deleted at once. */
function collectValues(lab: Laboratory): Set<string> {
  const values = new Set<string>();
  const handle = lab.cloud.handle.bind(lab.cloud);
  lab.cloud.handle = async (request) => {
    const response = await handle(request);
    const text = await response.clone().text();
    for (const [, value] of text.matchAll(/"(?:apikey|access_token|payload)":"([^"]{20,})"/g))
      if (value) values.add(value);
    return response;
  };
  return values;
}

/** All that is written anywhere in a life with every kind of trouble. */
async function liveThroughTrouble(): Promise<{ texts: string[]; values: Set<string> }> {
  const lab = await Laboratory.open();
  const values = collectValues(lab);
  const manifest = lab.manifest();
  const [key] = manifest.keys;
  if (!key) throw new Error('no key');
  const said: unknown[] = [];
  said.push(await lab.tick(manifest));
  await lab.fetchValue();
  const faults = [
    { match: 'POST /v1/apikeys', drop: 'answer' as const },
    { match: 'POST /v1/apikeys', status: 500, afterEffect: true },
    { match: 'POST /api/v2/secrets/*/versions', drop: 'answer' as const },
    { match: 'POST /api/v2/secrets/*/versions', status: 400 },
    { match: 'POST /identity/token', status: 503, times: 40 },
    { match: 'GET /v1/apikeys', status: 401 },
  ];
  for (const fault of faults) {
    await lab.pass(30 * DAY_MS);
    await lab.fetchValue();
    lab.fault(fault);
    said.push(await lab.tick(manifest, { only: ['ingest'], force: true }).catch((error: unknown) => error));
    lab.cloud.faults.clear();
    said.push(...(await lab.passWithTicks(manifest, DAY_MS)));
  }
  await lab.fetchValue();
  lab.fault({ match: 'POST /api/v2/secrets/*/versions', status: 412 });
  said.push(await lab.withPorts(manifest, (ports) => undo(key, ports)).catch((error: unknown) => error));
  said.push(await lab.withPorts(manifest, (ports) => undo(key, ports)).catch((error: unknown) => error));
  const { iam, secretsManager } = lab.cloud.snapshot({ withValues: false }) as { iam: object; secretsManager: object };
  const texts = [
    ...lab.logLines,
    ...said.map((one) => inspect(one, { depth: 20, showHidden: true })),
    ...said.map((one) => JSON.stringify(one) ?? ''),
    JSON.stringify(iam),
    JSON.stringify(secretsManager),
    JSON.stringify(lab.cloud.calls.list()),
  ];
  return { texts, values };
}

it('no key and no token reaches a log, a report, an error, metadata, a lock, a name or an address', async () => {
  const { texts, values } = await liveThroughTrouble();
  expect(values.size).toBeGreaterThan(20);
  const all = texts.join('\n');
  expect(all.length).toBeGreaterThan(50_000);
  const leaked = [...values].filter((value) => all.includes(value));
  expect(leaked).toEqual([]);
});

it('and this search would find one', async () => {
  const lab = await Laboratory.open();
  const values = collectValues(lab);
  await lab.tick(lab.manifest());
  const all = JSON.stringify(lab.cloud.snapshot({ withValues: true }));
  expect([...values].some((value) => all.includes(value))).toBe(true);
});
