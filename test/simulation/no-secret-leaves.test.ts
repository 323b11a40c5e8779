import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { leakNotices } from '../../shared/incidents/leak-notices.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { knownIncidents } from '../../shared/ledger/incident-report.ts';
import { sendNotices } from '../../shared/notices/send.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { Laboratory } from '../support/laboratory.ts';
import { byValue, leakReport, nothingTold, respond } from '../support/leaks.ts';
import { telling } from '../support/notice-receivers.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

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

/** All that is written and sent anywhere in a leak, whose report repeats the value wherever it can. */
async function liveThroughLeak(): Promise<{ texts: string[]; values: Set<string> }> {
  const lab = await Laboratory.open();
  const values = collectValues(lab);
  const manifest = lab.manifest();
  const { settings } = telling(lab, manifest);
  await lab.tick(manifest);
  const said: unknown[] = [];
  const faults = [
    { match: 'POST /v1/apikeys/*/disable', status: 503, times: 20 },
    { match: 'PUT /v1/apikeys/*', status: 400 },
    { match: 'PATCH /api/v2/secrets/*/metadata', status: 400, times: 3 },
    { match: 'POST /notices/standard-webhooks', status: 503, times: 9 },
    { match: 'POST /api/v2/secrets/*/versions', status: 403 },
  ];
  for (const fault of [null, ...faults]) {
    await lab.pass(5 * DAY_MS);
    const value = await lab.fetchValue();
    if (fault) lab.fault(fault);
    const told = nothingTold();
    const repeats = { reason: `found ${value} in a log`, evidenceUrl: `https://example.com/${value}` };
    said.push(await respond(lab, manifest, leakReport(byValue(value), repeats), { told, settings }), told);
    const nowMs = lab.clock.nowMs();
    const notices = told.facts.flatMap((facts) =>
      leakNotices(facts, nowMs, { deployment: 'lab', accountId: lab.cloud.account.id, manifest }),
    );
    said.push(
      await lab.withPorts(
        manifest,
        ({ clock, log, signal, deadlineMs, outward }) => {
          const limits = { clock, log, signal, deadlineMs: Math.min(deadlineMs, nowMs + MINUTE_MS) };
          const { targets, http, login } = outward;
          return sendNotices(notices, { ...limits, targets, http, login, disabled: new Set() });
        },
        { settings },
      ),
    );
    for (let tick = 0; tick < 3; tick += 1) {
      said.push(await wholeTick(lab, manifest, {}, { settings }).catch((error: unknown) => error));
      lab.cloud.faults.clear();
      await lab.pass(20 * MINUTE_MS);
    }
    said.push(await lab.withPorts(manifest, (ports) => knownIncidents(manifest, ports)));
  }
  said.push(await ledgerOf(lab, manifest), lab.cloud.notices.webhooks, lab.cloud.notices.slack);
  const { iam, secretsManager } = lab.cloud.snapshot({ withValues: false }) as { iam: object; secretsManager: object };
  const texts = [
    ...lab.logLines,
    ...said.map((one) => inspect(one, { depth: 20 })),
    ...said.map((one) => JSON.stringify(one)),
  ];
  return { texts: [...texts, JSON.stringify(iam), JSON.stringify(secretsManager)], values };
}

it('no key reaches a notice, the ledger, an incident or an answer in a leak, though its report repeats it', async () => {
  const { texts, values } = await liveThroughLeak();
  expect(values.size).toBeGreaterThan(10);
  const all = texts.join('\n');
  expect(all).toMatch(/key\.contained/);
  expect([...values].filter((value) => all.includes(value))).toEqual([]);
});

it('and this search would find one', async () => {
  const lab = await Laboratory.open();
  const values = collectValues(lab);
  await lab.tick(lab.manifest());
  const all = JSON.stringify(lab.cloud.snapshot({ withValues: true }));
  expect([...values].some((value) => all.includes(value))).toBe(true);
});
