import { vi } from 'vitest';
import { main as rotateKeys } from '../../functions/rotate-keys/handler.ts';
// Loaded before, for virtual time would not stand still meanwhile.
import '../../functions/rotate-keys/rotate.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { FunctionsOnCloud } from './functions-on-cloud.ts';
import { makeKey } from './leaked-keys.ts';
import { byValue, leakReport, respond } from './leaks.ts';
import { dismissDeed, leakOfFirst, respondDeed } from './leak-scenes.ts';
import { telling } from './notice-receivers.ts';
import { minted, onlyKey, rotated } from './rotated.ts';
import { wholeTick } from './whole-tick.ts';
import { call, capturedLines, useEnvironment } from './webhook-functions.ts';
import { GITHUB, eventNotification, github, incident } from './webhook-requests.ts';
import { KIND_SCENES } from './log-scenes-of-kinds.ts';

const ALWAYS = 10_000;
const TOKEN = 'trigger-token-0123456789-0123456789';

/** A call of `rotate-keys`: by its timer, or with the token for the entries that are named. */
async function run(tick: string | null, wish: object = {}): Promise<void> {
  const by = tick === null ? { Authorization: `Bearer ${TOKEN}` } : { 'Ce-Id': tick };
  await rotateKeys({
    __ce_method: 'POST',
    __ce_path: '/',
    __ce_headers: { 'Content-Type': 'application/json', ...by },
    __ce_body: Buffer.from(JSON.stringify(wish)).toString('base64'),
  });
}

/** The functions on a cloud, with the most that they log, and a timer that calls twice a day. */
async function withFunctions(work: (functions: FunctionsOnCloud) => Promise<void>): Promise<string[]> {
  using functions = await FunctionsOnCloud.open();
  vi.stubEnv('KEYROTA_LOG_LEVEL', 'debug');
  vi.stubEnv('KEYROTA_TIMER_MINUTES', '720');
  await work(functions);
  return [...functions.lab.logLines, ...functions.lines.map((line) => line.trimEnd())];
}

/** The whole life of a key: K1 is replaced, disabled, deleted, and K2 goes on. */
const life = () =>
  withFunctions(async ({ lab }) => {
    for (let ticks = 0; ticks < 80; ticks += 1) {
      await lab.pass(DAY_MS / 2);
      await lab.fetchValue();
      await run(`tick-${ticks}`);
    }
  });

/** A timer that calls every minute, so often. */
async function callEachMinute({ lab }: FunctionsOnCloud, count: number): Promise<void> {
  vi.stubEnv('KEYROTA_TIMER_MINUTES', '1');
  for (let calls = 0; calls < count; calls += 1) {
    await run(`tick-${lab.clock.nowMs()}`);
    await lab.pass(MINUTE_MS);
  }
}

/** A timer that stands still for three quarters of an hour, and goes on. */
const timer = () =>
  withFunctions(async (functions) => {
    await callEachMinute(functions, 45);
    await functions.lab.pass(45 * MINUTE_MS);
    await callEachMinute(functions, 3);
  });

/** No key can be made, for a while. */
const failingMints = () =>
  withFunctions(async (functions) => {
    const { lab } = functions;
    await lab.pass(30 * DAY_MS);
    lab.fault({ match: 'POST /v1/apikeys', status: 503, times: ALWAYS });
    await callEachMinute(functions, 25);
  });

/** A leak that GitHub finds: from the webhook to the replacement, and the same once more. */
const leak = () =>
  withFunctions(async (functions) => {
    const { lab } = functions;
    functions.hook();
    const leaked = { repository: 'acme/shop', secretType: 'ibm_cloud_iam_key', secret: await lab.fetchValue() };
    lab.cloud.github.leak(leaked);
    await lab.pass(MINUTE_MS);
    await run(null, { only: ['ingest'] });
    for (const { id, action } of lab.cloud.github.deliveries) if (action === 'created') lab.cloud.github.redeliver(id);
    await lab.pass(MINUTE_MS);
    await run('tick-after');
  });

/** What may go wrong with a run, in one after another. */
const failures = () =>
  withFunctions(async ({ lab }) => {
    const troubles: { match: string; status?: number; drop?: 'answer'; times?: number }[] = [
      { match: 'POST /v1/apikeys', status: 503, times: 40 },
      { match: 'POST /v1/apikeys', drop: 'answer', times: 3 },
      { match: 'POST /api/v2/secrets/*/versions', status: 400, times: 3 },
      { match: 'POST /api/v2/secrets/*/versions', drop: 'answer', times: 1 },
      { match: 'POST /api/v2/secrets/*/versions', status: 412, times: 1 },
      { match: 'GET /api/v2/secrets/*/versions', status: 500, times: 40 },
      { match: 'GET /v1/apikeys', status: 500, times: 40 },
      { match: 'GET /v1/apikeys', status: 403, times: 40 },
      { match: 'GET /v1/apikeys/*', status: 500, times: 40 },
      { match: 'POST /identity/token', status: 503, times: 400 },
      { match: 'PATCH /api/v2/secrets/*/metadata', status: 400, times: 40 },
    ];
    for (const [index, trouble] of troubles.entries()) {
      await lab.pass(20 * DAY_MS);
      await lab.fetchValue();
      lab.fault(trouble);
      await run(null, { only: ['ingest'], force: true });
      lab.cloud.faults.clear();
      await lab.pass(DAY_MS);
      lab.fault(trouble);
      await run(`tick-${index}`);
      lab.cloud.faults.clear();
      for (let ticks = 0; ticks < 16; ticks += 1) {
        await lab.pass(DAY_MS / 2);
        await run(`tick-${index}-${ticks}`);
      }
    }
    vi.stubEnv('KEYROTA_MANIFEST', '{"deployment":');
    await run('tick-without-manifest');
  });

/** A role is missing, and an entry is gone from the manifest. */
const questions = async (): Promise<string[]> => {
  const { lab, manifest } = await minted(30);
  await lab.revoke(lab.keyrota.iamId, 'iam-identity');
  await lab.pass(HOUR_MS);
  await lab.tick(manifest);
  await lab.tick(lab.manifest({ name: 'another' }));
  return lab.logLines;
};

/** Notices that arrive, and such that do not; a ledger that may be neither read nor written. */
const notices = async (): Promise<string[]> => {
  const { lab, manifest } = await minted(2);
  const { settings } = telling(lab, manifest);
  await lab.markCompromised(lab.currentKeyId());
  await wholeTick(lab, manifest, { only: ['ingest'] }, { settings });
  await lab.pass(DAY_MS);
  const troubles = [
    { match: 'POST /notices/standard-webhooks', status: 503 },
    { match: 'POST /notices/standard-webhooks', status: 410 },
    { match: 'GET /api/v2/secrets/*/versions/*', status: 403 },
    { match: 'POST /api/v2/secrets/*/versions', status: 403 },
  ];
  for (const trouble of troubles) {
    lab.fault({ ...trouble, times: ALWAYS });
    await lab.markCompromised(lab.currentKeyId());
    await wholeTick(lab, manifest, { only: ['ingest'] }, { settings });
    lab.cloud.faults.clear();
    await lab.pass(DAY_MS);
    await lab.fetchValue();
  }
  return lab.logLines;
};

/** Reports of keys of all sorts, and such that come amid trouble. */
const reports = async (): Promise<string[]> => {
  const { lab, manifest } = await minted(5, { entry: { onCompromise: { siblings: 'contain' } } });
  const value = await lab.fetchValue();
  const ofKey = leakReport(byValue(value));
  await respond(lab, manifest, { ...ofKey, dryRun: true });
  await makeKey(lab, { name: 'sibling' });
  lab.fault({ match: 'POST /v1/apikeys/*/disable', status: 503, times: 40 });
  await respond(lab, manifest, ofKey);
  lab.cloud.faults.clear();
  lab.fault({ match: 'PUT /v1/apikeys/*', status: 400 });
  await respond(lab, manifest, ofKey, { poke: () => Promise.reject(new Error('down')) });
  await respond(lab, manifest, ofKey, { notify: () => Promise.reject(new Error('down')) });
  const { id } = await lab.makeKeyByHand();
  await respond(lab, manifest, leakReport({ by: 'id', id }), { notify: () => Promise.reject(new Error('down')) });
  await lab.admin.request('DELETE', `/v1/apikeys/${id}`).catch(() => undefined);
  await lab.pass(MINUTE_MS);
  await respond(lab, manifest, leakReport({ by: 'id', id }));
  const another = await makeKey(lab, { name: 'another' });
  const incidents = { ...manifest.incidents, perHour: 0, containUnmanaged: true };
  await respond(lab, { ...manifest, incidents }, leakReport({ by: 'id', id: another.id }));
  lab.fault({ match: 'POST /identity/token', status: 503, times: ALWAYS });
  await respond(lab, manifest, ofKey);
  return lab.logLines;
};

/** What people do: a false report is dismissed, a rotation undone, a key imported. */
const people = async (): Promise<string[]> => {
  const { trial, value } = await leakOfFirst();
  await respondDeed(value)(trial, {});
  await dismissDeed(trial, {});
  const { lab, manifest } = await rotated(8);
  await lab.withPorts(manifest, (ports) => undo(onlyKey(manifest), ports));
  await lab.pass(DAY_MS);
  const made = await lab.makeKeyByHand();
  await lab.pass(DAY_MS);
  await lab.withPorts(manifest, (ports) => importKey(onlyKey(manifest), new SecretValue(made.value), ports));
  return [...trial.lab.logLines, ...lab.logLines];
};

const secretEvent = (type: string, name = 'ingest') => ({
  id: `event-${type}`,
  source: 'crn',
  type: `com.ibm.cloud.secrets-manager.${type}`,
  data: {
    secrets: [
      {
        secret_id: '11111111-89ab-4cde-8f01-23456789abcd',
        secret_name: name,
        secret_group_id: 'default',
        event_triggered_by: 'IBMid-0123456789',
      },
    ],
  },
});

/** Webhooks that are refused, ignored, or tell of changed secrets, with nobody behind the addresses. */
const webhooks = async (): Promise<string[]> => {
  const output = capturedLines();
  try {
    const toSecrets = async (body: object, secret?: string) =>
      call('handleSecretEvent', { ...eventNotification(body, secret === undefined ? {} : { secret }), path: '/' });
    useEnvironment({ KEYROTA_ROTATE_KEYS_URL: 'http://127.0.0.1:1', KEYROTA_TRIGGER_TOKEN: TOKEN });
    await toSecrets(secretEvent('secret_deleted'));
    useEnvironment();
    const types = [
      'secret_rotated',
      'secret_rotation_blocked',
      'secret_data_removed',
      'secret_expired',
      'secret_locked',
    ];
    for (const type of types) await toSecrets(secretEvent(type));
    await toSecrets(secretEvent('secret_rotated'), 'a-wrong-secret-0123456789-0123456789');
    useEnvironment({ KEYROTA_OWN_IAM_IDS: undefined });
    await toSecrets(secretEvent('secret_rotated'));
    const alert = {
      action: 'created',
      alert: { number: 42, secret_type: 'ibm_cloud_iam_key' },
      repository: { full_name: 'acme/app' },
    };
    await call('respondToCompromise', github(alert, { secret: GITHUB[1] }));
    await call('respondToCompromise', github({ zen: 'x' }, { event: 'ping' }));
    await call('respondToCompromise', incident({ type: 'key.compromised' }));
    useEnvironment({ KEYROTA_MANIFEST: '{' });
    await toSecrets(secretEvent('secret_deleted'));
    const report = {
      type: 'key.compromised',
      timestamp: '2026-11-20T03:00:00Z',
      data: { credential: { id: 'ApiKey-11111111-2222-4333-8444-555555555555' } },
    };
    await call('respondToCompromise', incident(report));
    return output.lines.map((line) => line.trimEnd());
  } finally {
    output.restore();
    vi.unstubAllEnvs();
  }
};

/** Lines of scenes of all sorts, as they were written. */
export const LOG_SCENES: Record<string, () => Promise<string[]>> = {
  'a life': life,
  'a timer': timer,
  'failing mints': failingMints,
  'a leak': leak,
  failures,
  questions,
  notices,
  reports,
  people,
  webhooks,
  ...KIND_SCENES,
};
