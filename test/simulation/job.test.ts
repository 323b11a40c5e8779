import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { projectCrn } from '../../infra/demo/functions.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Fleet } from '../bench/fleet-world.ts';
import { dueFleet, keysAtIssuer, linesOf, runJob, runShard, versionCounts } from '../support/job.ts';
import type { ShardRun } from '../support/job.ts';
import { wholeTick } from '../support/whole-tick.ts';

const NEVER = new Promise<never>(() => undefined);

const keysIn = (run: ShardRun): Set<unknown> => new Set(linesOf(run, 'key_stored').map((line) => line['key']));
const exitCodes = (runs: readonly ShardRun[]) => runs.map(({ exitCode }) => exitCode);
const times = (count: number, value: number) => Array.from({ length: count }, () => value);

/** Whether each key of the fleet was rotated once, works, and nothing is left over. */
function expectRotatedOnce(fleet: Fleet): void {
  const { length } = fleet.manifest.keys;
  expect(versionCounts(fleet)).toEqual(times(length, 2));
  expect(keysAtIssuer(fleet)).toEqual({ on: 2 * length, dead: [] });
}

describe('a job of three shards over 30 keys that are due', () => {
  it('rotates each once, says how far it is, and finds nothing to do the next time', async () => {
    const fleet = await dueFleet(30);
    const runs = await runJob(fleet, 3);
    expect(exitCodes(runs)).toEqual([0, 0, 0]);
    expect(runs.flatMap((run) => linesOf(run, 'shards_missing'))).toEqual([]);
    expectRotatedOnce(fleet);
    const handled = runs.map(keysIn);
    expect(handled.reduce((sum, { size }) => sum + size, 0)).toBe(30);
    expect(new Set(handled.flatMap((names) => [...names])).size).toBe(30);
    for (const [index, run] of runs.entries()) {
      const size = handled[index]?.size;
      expect(run.lines.every((line) => line['shard'] === index)).toBe(true);
      expect(linesOf(run, 'run_started')).toMatchObject([{ shardCount: 3, attempt: 1, jobRun: 'fleet-run-1' }]);
      const progress = linesOf(run, 'job_progress');
      expect(progress[0]).toMatchObject({ doneCount: 0, totalCount: size, elapsedMs: expect.any(Number) as number });
      expect(linesOf(run, 'run_finished')).toMatchObject([{ counts: { hold: size }, restingCount: 0 }]);
    }
    const again = await runJob(fleet, 3);
    expect([exitCodes(again), again.map((run) => keysIn(run).size)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expectRotatedOnce(fleet);
    // Nothing that was stored, nor what Keyrota logs in with, is in any line.
    const text = fleet.lab.logLines.join('\n');
    const { apiKeys } = fleet.lab.state.iam;
    expect(apiKeys.length).toBeGreaterThan(60);
    expect(apiKeys.filter(({ value }) => value === undefined || text.includes(value))).toEqual([]);
  });

  it('sends no more calls a second to Secrets Manager than one run may', async () => {
    const fleet = await dueFleet(30);
    const runs = await runJob(fleet, 3, { environment: { KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '6' } });
    expectRotatedOnce(fleet);
    for (const { calls } of runs) {
      const sent = calls.filter(({ call }) => call.includes('/api/v2/')).map(({ atMs }) => atMs);
      const gaps = sent.slice(1).map((atMs, place) => atMs - (sent[place] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
    }
  });

  it('loses nothing when one of them dies in the middle, and is started again at once', async () => {
    const fleet = await dueFleet(30);
    let isDead = false;
    let writes = 0;
    // It dies while it stores: some of its keys are made, and in no version.
    const dying = runShard(fleet, 1, {
      environment: { KEYROTA_SHARDS: '3' },
      passage: (call, send) => {
        if (call.startsWith('POST /api/v2/') && call.endsWith('/versions')) writes += 1;
        isDead ||= writes === 3;
        return isDead ? NEVER : send();
      },
    });
    const others = [0, 2].map((index) => runShard(fleet, index, { environment: { KEYROTA_SHARDS: '3' } }));
    await Promise.all(others);
    const environment = { KEYROTA_SHARDS: '3', JOB_INDEX_RETRY_COUNT: '1', JOB_ARRAY_SIZE: '1' };
    const again = await runShard(fleet, 1, { environment });
    expect(linesOf(again, 'run_started')).toMatchObject([{ attempt: 2 }]);
    expect(linesOf(again, 'shards_missing')).toMatchObject([{ level: 'warn', instanceCount: 1, shardCount: 3 }]);
    expect(keysAtIssuer(fleet).dead).toEqual([]);
    await dying;
    await fleet.lab.pass(HOUR_MS);
    await runJob(fleet, 3, { environment: { KEYROTA_TIMER_MINUTES: '1440' } });
    expectRotatedOnce(fleet);
  });
});

describe('a job that runs twice at once, with another number of shards and beside the timer of the function', () => {
  it('stores each key once, and leaves nothing behind', async () => {
    const fleet = await dueFleet(20);
    const { lab, manifest } = fleet;
    const slow = { passage: (_: string, send: () => Promise<object>) => lab.clock.sleep(700).then(send) };
    const [first, second] = await Promise.all([runJob(fleet, 2), runJob(fleet, 3, slow), wholeTick(lab, manifest)]);
    expect([...exitCodes(first), ...exitCodes(second)]).toEqual([0, 0, 0, 0, 0]);
    await lab.pass(HOUR_MS);
    await runJob(fleet, 2, { environment: { KEYROTA_TIMER_MINUTES: '1440' } });
    expectRotatedOnce(fleet);
  });

  it('reads a secret anew that its list showed long ago: others have worked on it meanwhile', async () => {
    const fleet = await dueFleet(10);
    const { lab, manifest } = fleet;
    const running = runShard(fleet, 0, { environment: { KEYROTA_KEYS_AT_ONCE: '1' } });
    await lab.pass(2 * MINUTE_MS);
    const isWaiting = (name: string) => !lab.logLines.some((line) => line.includes(`"key":"${name}"`));
    const waiting = manifest.keys.map(({ name }) => name).filter(isWaiting);
    const last = waiting.at(-1) ?? '';
    await wholeTick(lab, manifest, { only: [last] });
    const { calls } = await running;
    const firstCallFor = (name: string) => {
      const { id } = lab.secret(name);
      return calls.find(({ call }) => call.includes(id))?.call.replace(id, '*');
    };
    expect(firstCallFor('key-0')).toBe('GET /api/v2/secrets/*/versions');
    expect(firstCallFor(last)).toBe('GET /api/v2/secrets/*/metadata');
    expectRotatedOnce(fleet);
  });
});

describe('a job that is asked to end', () => {
  it('ends what it has begun, begins nothing else, says what is left, and is gone on with', async () => {
    const fleet = await dueFleet(6);
    const { lab } = fleet;
    const stop = new AbortController();
    const environment = { KEYROTA_KEYS_AT_ONCE: '2' };
    const running = runShard(fleet, 0, { environment, stopping: stop.signal });
    await lab.pass(8_000);
    const stoppedAtMs = lab.clock.nowMs();
    stop.abort(new Error('SIGTERM'));
    const run = await running;
    expect(lab.clock.nowMs() - stoppedAtMs).toBeLessThan(20_000);
    expect([run.exitCode, keysIn(run).size]).toEqual([1, 2]);
    expect(linesOf(run, 'run_stopping')).toMatchObject([{ reason: 'SIGTERM' }]);
    expect(linesOf(run, 'run_finished')).toMatchObject([{ counts: { hold: 2, left: 4 } }]);
    expect(linesOf(run, 'run_finished')[0]?.['message']).toMatch(/4 of them are left for the next run$/);
    expect((await runShard(fleet, 0)).exitCode).toBe(0);
    expectRotatedOnce(fleet);
  });

  it('is gone before the platform would kill it, whatever does not answer', async () => {
    const fleet = await dueFleet(2);
    const { lab } = fleet;
    const stop = new AbortController();
    let isSilent = false;
    const environment = { KEYROTA_CALL_TIMEOUT_SECONDS: '60' };
    const passage = (_: string, send: () => Promise<object>) => (isSilent ? NEVER : send());
    const running = runShard(fleet, 0, { environment, passage, stopping: stop.signal });
    await lab.pass(8_000);
    isSilent = true;
    const stoppedAtMs = lab.clock.nowMs();
    stop.abort(new Error('SIGTERM'));
    expect((await running).exitCode).toBe(1);
    expect(lab.clock.nowMs() - stoppedAtMs).toBeLessThan(30_000);
    await lab.pass(HOUR_MS);
    expect((await runShard(fleet, 0, { environment: { KEYROTA_TIMER_MINUTES: '1440' } })).exitCode).toBe(0);
    expectRotatedOnce(fleet);
  });

  it('before it began does nothing', async () => {
    const fleet = await dueFleet(2);
    const run = await runShard(fleet, 0, { stopping: AbortSignal.abort(new Error('SIGTERM')) });
    expect([run.exitCode, keysIn(run).size]).toEqual([1, 0]);
  });
});

describe('an instance of a job', () => {
  it('ends well when its time is up: what is left is for the next run', async () => {
    const fleet = await dueFleet(6);
    const environment = { KEYROTA_KEYS_AT_ONCE: '2', KEYROTA_JOB_SECONDS: '60' };
    const run = await runShard(fleet, 0, { environment });
    const [{ counts = {} } = {}] = linesOf(run, 'run_finished') as { counts?: Record<string, number> }[];
    expect([run.exitCode, counts['left']]).toEqual([0, 6 - keysIn(run).size]);
    expect(keysIn(run).size).toBeLessThan(6);
    await runShard(fleet, 0);
    expectRotatedOnce(fleet);
  });

  it('works longer than a token lives, with new ones', async () => {
    const fleet = await dueFleet(3);
    const { lab } = fleet;
    const environment = { KEYROTA_KEYS_AT_ONCE: '1', KEYROTA_JOB_SECONDS: '20000' };
    let isLate = false;
    // In the middle of the list the cloud takes two hours to answer.
    const passage = async (call: string, send: () => Promise<object>) => {
      if (!isLate && call.endsWith('/versions')) {
        isLate = true;
        await lab.clock.sleep(2 * HOUR_MS);
      }
      return send();
    };
    const run = await runShard(fleet, 0, { environment, passage });
    const logins = run.calls.filter(({ call }) => call === 'POST /identity/token');
    expect(logins.length).toBeGreaterThan(1);
    expect(run.exitCode).toBe(0);
  });

  it('ends well where a key fails: the others are done, and the next run tries again', async () => {
    const fleet = await dueFleet(4);
    fleet.lab.fault({ match: 'POST /v1/apikeys', status: 400, times: 1 });
    const run = await runShard(fleet, 0);
    expect([run.exitCode, keysIn(run).size]).toEqual([0, 3]);
    expect(linesOf(run, 'run_finished')).toMatchObject([{ level: 'warn', counts: { failed: 1, hold: 3 } }]);
  });

  it('fails, to be run again, where nothing at all can be done', async () => {
    const fleet = await dueFleet(1);
    fleet.lab.fault({ match: 'GET /api/v2/secrets', status: 503, times: 100 });
    const run = await runShard(fleet, 0);
    expect(run.exitCode).toBe(1);
    expect(linesOf(run, 'run_failed')).toMatchObject([{ level: 'error', error: { code: 'service_failed' } }]);
  });

  it('logs in as the trusted profile that trusts the job, and nothing else of that name', async () => {
    const fleet = await dueFleet(1);
    const { lab } = fleet;
    const { account, iam } = lab.cloud;
    const crn = projectCrn(account.id);
    const profile = await lab.admin.request('POST', '/v1/profiles', { account_id: account.id, name: 'fleet' });
    const link = { crn, component_type: 'job', component_name: 'rotate-keys-job' };
    await lab.admin.request('POST', `/v1/profiles/${String(profile['id'])}/links`, {
      name: 'job',
      cr_type: 'CE',
      link,
    });
    const iamId = String(profile['iam_id']);
    const group = { resourceType: 'secret-group', resource: lab.groupId };
    const { guid } = account.secretsManager;
    await lab.admin.grant(iamId, ROLE.secretsWriter, 'secrets-manager', { serviceInstance: guid, ...group });
    await lab.admin.grant(iamId, ROLE.operator, 'iam-identity', { resourceType: 'serviceid' });
    await lab.admin.grant(iamId, ROLE.apiKeyReviewer, 'iam-identity');
    const file = join(mkdtempSync(join(tmpdir(), 'keyrota-job-')), 'token');
    const runAs = async (componentType: 'function' | 'job') => {
      writeFileSync(file, iam.issueComputeResourceToken({ crn, componentType, componentName: 'rotate-keys-job' }));
      const environment = {
        KEYROTA_LOGIN: 'trusted-profile',
        KEYROTA_PROFILE_ID: String(profile['id']),
        KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE: file,
      };
      return runShard(fleet, 0, { environment });
    };
    try {
      expect((await runAs('function')).exitCode).toBe(1);
      expect((await runAs('job')).exitCode).toBe(0);
      expectRotatedOnce(fleet);
    } finally {
      rmSync(dirname(file), { recursive: true });
    }
  });

  it.each<[string, Record<string, string>]>([
    ['an index beyond its shards', { JOB_INDEX: '1' }],
    ['no index', { JOB_INDEX: '' }],
    ['more shards than calls a second', { KEYROTA_SHARDS: '21' }],
    ['no manifest', { KEYROTA_MANIFEST: '' }],
    ['a manifest that is wrong', { KEYROTA_MANIFEST: '{"deployment": "lab"}' }],
  ])('is refused with %s in one line, before any call', async (_, environment) => {
    const fleet = await dueFleet(1);
    const run = await runShard(fleet, 0, { environment });
    expect([run.exitCode, run.calls]).toEqual([2, []]);
    expect(run.lines.map(({ event }) => event)).toEqual(['run_failed']);
  });
});
