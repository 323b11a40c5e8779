import { formatKeyName } from '../../shared/keys/key-name.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import { inProcess } from '../support/in-process.ts';
import type { Bench } from './figure.ts';
import { figure } from './figure.ts';
import { openFleet } from './fleet-world.ts';
import type { Fleet } from './fleet-world.ts';
import { LIFE } from './life.ts';
import { manifestOf } from '../support/manifests.ts';

const KEY_COUNT = 1_000;
const CALL_MS = 50;
/** More than any fleet here needs. */
const NO_CAP = 1_000_000;
const MOST_KEYS_AT_ONCE = 500;
/** A cap that is divided by several shards. */
const SLOW = { KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '5' };
/** As long as a job may run. */
const JOB_MS = DAY_MS;

/** How long it takes to rotate many keys that are due at once. */
export const fleetBench: Bench = {
  name: 'fleet',
  what:
    `rotating ${KEY_COUNT} due keys where each API call takes ${CALL_MS} ms, in virtual time: with the product's defaults against ` +
    'what its cap on Secrets Manager calls allows, and against a plain script that creates, stores and deletes one after the other',
  async *measure() {
    const scriptMs = await plainScript();
    yield figure('the plain script', scriptMs / 1_000, 's');

    const { settings } = (await dueFleet(1)).lab.context(manifestOf('lab', []));
    const { keysAtOnce, secretsManagerCallsPerSecond: cap } = settings;
    const callsEach = LIFE.flatMap(({ step, calls }) => (step === 'mint' ? calls : [])).filter(
      isAtSecretsManager,
    ).length;
    const allowed = cap / callsEach;
    const defaults = `${cap} calls a second, ${keysAtOnce} keys at once`;
    const job = await run({ runMs: JOB_MS });
    yield figure(`a job at ${defaults}: throughput`, KEY_COUNT / (job.tookMs / 1_000), 'keys/s', allowed);
    yield figure(`a job at ${defaults}`, job.tookMs / 1_000, 's', scriptMs / 1_000);
    yield figure('Secrets Manager calls of a key in that job', job.secretsManagerCalls / KEY_COUNT, 'calls', callsEach);

    const capless = await run({ runMs: JOB_MS, secretsManagerCallsPerSecond: NO_CAP, keysAtOnce: MOST_KEYS_AT_ONCE });
    yield figure(
      `a job without the cap, ${MOST_KEYS_AT_ONCE} keys at once`,
      capless.tookMs / 1_000,
      's',
      scriptMs / 1_000,
    );

    const slow = (await dueFleet(1)).lab.context(manifestOf('lab', []), SLOW).settings;
    const { rotations: slowRotations } = await run(slow);
    yield figure(
      `keys that one run rotates at ${slow.secretsManagerCallsPerSecond} calls a second, ${slow.keysAtOnce} keys at once`,
      slowRotations,
      'keys',
      (slow.secretsManagerCallsPerSecond / callsEach) * (slow.runMs / 1_000),
    );

    const { rotations } = await run({});
    const seconds = settings.runMs / 1_000;
    yield figure(
      `keys that one run of a function, ${seconds} s at ${defaults}, rotates`,
      rotations,
      'keys',
      allowed * seconds,
    );
  },
};

const isAtSecretsManager = ({ call }: { call: string }): boolean => call.includes('/api/v2/');

function dueFleet(count: number): Promise<Fleet> {
  const names = Array.from({ length: count }, (_, place) => `key-${place}`);
  return openFleet({ deployment: 'lab', names, keysPerIdentity: 5, dueInMs: 30 * DAY_MS });
}

interface FleetRun {
  rotations: number;
  tookMs: number;
  secretsManagerCalls: number;
}

/** One run over a fleet all of whose keys are due. @throws Error when it has the time for all and does not rotate each. */
async function run(changes: Partial<Settings>): Promise<FleetRun> {
  const { lab, manifest } = await dueFleet(KEY_COUNT);
  await lab.pass(30 * DAY_MS);
  let secretsManagerCalls = 0;
  const send = inProcess(lab.cloud);
  const adapter = async (config: unknown) => {
    if ((config as { url: string }).url.includes('/api/v2/')) secretsManagerCalls += 1;
    await lab.clock.sleep(CALL_MS);
    return send(config);
  };
  const settings = { ...lab.context(manifest).settings, ...changes };
  const wish = { timerMs: MINUTE_MS, keysAtOnce: settings.keysAtOnce };
  const startMs = lab.clock.nowMs();
  const { keys } = await lab.tick(manifest, wish, { settings, http: { adapter } });
  const tookMs = lab.clock.nowMs() - startMs;
  const rotations = keys.filter(({ steps }) => steps.some(({ step }) => step === 'mint')).length;
  if (settings.runMs === JOB_MS && rotations < KEY_COUNT) throw new Error(`only ${rotations} keys were rotated`);
  return { rotations, tookMs, secretsManagerCalls };
}

/** What a script without any care would do: a key, a version, and the old key is gone. Returns how long it takes, in milliseconds. */
async function plainScript(): Promise<number> {
  const { lab, manifest } = await dueFleet(KEY_COUNT);
  const secretIds = new Map(lab.state.secretsManager.secrets.map(({ id, name }) => [name, id]));
  const keyIds = new Map(lab.state.iam.apiKeys.map(({ id, name }) => [name.split('-').slice(2, -1).join('-'), id]));
  const request = async (method: string, path: string, body?: Record<string, unknown>) => {
    await lab.clock.sleep(CALL_MS);
    return lab.admin.request(method, path, body);
  };
  const startMs = lab.clock.nowMs();
  for (const { name, owner, deployment } of manifest.keys) {
    const issuerName = formatKeyName({ deployment, name, op: 'plainscript1' });
    const { apikey } = await request('POST', '/v1/apikeys', { name: issuerName, iam_id: `iam-${owner}` });
    await request('POST', `/api/v2/secrets/${secretIds.get(name)}/versions`, { payload: apikey });
    await request('DELETE', `/v1/apikeys/${keyIds.get(name)}`);
  }
  return lab.clock.nowMs() - startMs;
}
