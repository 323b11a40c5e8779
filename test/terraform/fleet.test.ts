import { readFileSync } from 'node:fs';
import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { DOCKERFILE } from '../../infra/bundle/bundles.ts';
import { readJobSettings } from '../../shared/runtime/job-settings.ts';
import type { Value } from './support/functions.ts';
import { SECRETS, SETTINGS, manifestFile, plan } from './support/inputs.ts';
import type { Plan } from './support/plan.ts';
import { Refused } from './support/plan.ts';

const jobIn = (planned: Plan) => planned.of('ibm_code_engine_job')[0]?.values ?? {};

/** What an instance of the job finds in its environment. */
function environmentOf(planned: Plan, index: string): Record<string, string> {
  const dataOf = (type: string, name: string) =>
    planned.of(type).find(({ values }) => values['name'] === name)?.values['data'] as Record<string, string>;
  const entries = jobIn(planned)['run_env_variables'] as Record<string, string>[];
  const variables = entries.map(({ type, name = '', value = '', reference = '', key = '' }) => {
    if (type === 'literal') return { [name]: value };
    if (type === 'secret_key_reference') return { [name]: dataOf('ibm_code_engine_secret', reference)[key] ?? '' };
    return dataOf('ibm_code_engine_config_map', reference);
  });
  return Object.assign({ JOB_INDEX: index }, ...variables) as Record<string, string>;
}

/** The index of each instance, as an array spec says it. */
function indicesIn(spec: unknown): number[] {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(String(spec)) ?? [];
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, place) => Number(first) + place);
}

const timersIn = (planned: Plan): string[][] => {
  const { timers = '' } = (planned.of('terraform_data')[0]?.values['input'] ?? {}) as { timers?: string };
  return timers.split('\n').map((line) => line.split('|'));
};

describe('the job for fleets', () => {
  it('is not there unless it is wanted, and then nothing of it is', () => {
    const planned = plan({ settings: SETTINGS, secrets: SECRETS });
    expect(planned.of('ibm_code_engine_job')).toEqual([]);
    expect(
      planned.of('ibm_iam_trusted_profile_link').filter(({ values }) => /job/.test(JSON.stringify(values))),
    ).toEqual([]);
    expect([planned.output('job_name'), JSON.stringify(timersIn(planned)).includes('job')]).toEqual([null, false]);
  });

  it.each([1, 2, 10])('has an instance for each of %d shards, which all find what they work by', (shards) => {
    const planned = plan({ fleet_shards: shards, settings: SETTINGS, secrets: SECRETS });
    const indices = indicesIn(jobIn(planned)['scale_array_spec']);
    expect(indices).toEqual(Array.from({ length: shards }, (_, index) => index));
    for (const index of indices) {
      const { shard, settings } = readJobSettings(environmentOf(planned, String(index)));
      expect(shard).toEqual({ index, count: shards });
      expect(settings).toMatchObject({ login: { kind: 'trusted-profile', profileId: 'Profile-rotate-keys' } });
      expect([settings.timerMs, settings.runMs]).toEqual([3_600_000, 7_000_000]);
      expect(settings.notices.length).toBeGreaterThan(0);
    }
  });

  it('has no secret that it has no use for', () => {
    const names = Object.keys(environmentOf(plan({ fleet_shards: 2, settings: SETTINGS, secrets: SECRETS }), '0'));
    expect(names.filter((name) => Object.hasOwn(SECRETS, name)).toSorted()).toEqual(
      Object.keys(SECRETS).filter((name) => /NOTICE/.test(name)),
    );
  });

  it('logs in as the function whose work it shares, by a link of its own and with no other rights', () => {
    const inputs = { prefix: 'team-a', settings: SETTINGS, secrets: SECRETS };
    const planned = plan({ ...inputs, fleet_shards: 3 });
    const links = planned.of('ibm_iam_trusted_profile_link').filter(({ key }) => key === '0');
    expect(links.map(({ values }) => values)).toMatchObject([
      {
        profile_id: 'Profile-rotate-keys',
        link: [{ component_type: 'job', component_name: 'team-a-rotate-keys-job' }],
      },
    ]);
    const policies = (of: Plan) => of.of('ibm_iam_trusted_profile_policy').map(({ key }) => key);
    expect(policies(planned)).toEqual(policies(plan(inputs)));
    expect(planned.output('job_name')).toBe('team-a-rotate-keys-job');
  });

  it('has a shape that Code Engine has, ends by itself before Code Engine ends it, and is tried once more', () => {
    for (const seconds of ['60', '3000', '7000', '85800']) {
      const planned = plan({ fleet_shards: 2, settings: { KEYROTA_JOB_SECONDS: seconds } });
      const job = jobIn(planned);
      expect(job).toMatchObject({ scale_cpu_limit: '0.25', scale_memory_limit: '1G', run_mode: 'task' });
      expect(job).toMatchObject({ run_compute_resource_token_enabled: true, scale_retry_limit: 1 });
      const most = Number(job['scale_max_execution_time']);
      const { settings } = readJobSettings(environmentOf(planned, '0'));
      expect(settings.runMs / 1_000 + 120).toBeLessThanOrEqual(most);
      expect(most).toBeLessThanOrEqual(86_400);
    }
  });

  it('has a definition that fits, however long the manifest is', () => {
    const keys = Array.from({ length: 500 }, (_, place) => `  - {name: key-${place}, kind: service-id-api-key}`);
    const text = `deployment: abcdefghijklmnop\nkeys:\n${keys.join('\n')}\n`;
    const planned = plan({
      fleet_shards: 10,
      prefix: 'a-sixteen-chars1',
      manifest_file: manifestFile(text),
      settings: SETTINGS,
      secrets: SECRETS,
    });
    expect(JSON.stringify(jobIn(planned)).length).toBeLessThan(10 * 1_024);
    expect(String(jobIn(planned)['name'])).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
    expect(String(jobIn(planned)['name']).length).toBeLessThanOrEqual(53);
  });

  it('is started as its image is, so that nothing runs before the code is there', () => {
    const { run_commands: commands } = jobIn(plan({ fleet_shards: 2 }));
    expect(DOCKERFILE).toContain(`CMD ${JSON.stringify(commands)}`);
    expect(DOCKERFILE).toContain(`FROM ${String(jobIn(plan({ fleet_shards: 2 }))['image_reference'])}\n`);
  });

  it.each([5, 15, 30, 60])('is started every %d minutes, as it is told, beside the timers of functions', (minutes) => {
    const planned = plan({ fleet_shards: 2, fleet_minutes: minutes, prefix: 'team-a' });
    const job = timersIn(planned).at(-1) ?? [];
    expect([job[0], job[1], job[3]]).toEqual(['team-a-rotate-keys-job-timer', 'team-a-rotate-keys-job', 'job']);
    const [first, second] = new Cron(job[2] ?? '', { timezone: 'UTC' }).nextRuns(2, new Date('2026-01-01T00:30:30Z'));
    expect((second?.getTime() ?? 0) - (first?.getTime() ?? 0)).toBe(minutes * 60_000);
    expect(readJobSettings(environmentOf(planned, '0')).settings.timerMs).toBe(minutes * 60_000);
    expect(timersIn(planned)).toHaveLength(3);
  });

  it('may be the only one with a timer, or have none', () => {
    const quiet = { rotate_timer: 'none', check_timer: 'none', fleet_shards: 2 };
    expect(timersIn(plan(quiet))).toHaveLength(1);
    expect(plan({ ...quiet, fleet_timer: 'none' }).of('terraform_data')).toEqual([]);
  });

  it('sets how long everybody waits before a run counts as late, where it is the only one with a timer', () => {
    const toldMinutes = (inputs: Record<string, Value>) => {
      const planned = plan({ fleet_shards: 2, fleet_minutes: 30, ...inputs });
      const [data] = planned.of('ibm_code_engine_config_map').map(({ values }) => values['data']);
      return (data as Record<string, string>)['KEYROTA_TIMER_MINUTES'];
    };
    expect(toldMinutes({ rotate_timer: 'none' })).toBe('30');
    expect([toldMinutes({}), toldMinutes({ rotate_timer: 'none', fleet_shards: 0 })]).toEqual(['1', '1']);
  });

  it.each<[string, Record<string, Value>]>([
    ['more shards than calls a second', { fleet_shards: 21 }],
    [
      'more shards than it is told calls',
      { fleet_shards: 6, settings: { KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '5' } },
    ],
    ['a part of a shard', { fleet_shards: 1.5 }],
    ['less than no shard', { fleet_shards: -1 }],
    ['minutes that do not divide an hour', { fleet_shards: 2, fleet_minutes: 7 }],
    ['another timer', { fleet_shards: 2, fleet_timer: 'cron' }],
  ])('is refused with %s', (_, inputs) => {
    expect(() => plan(inputs).instances).toThrow(Refused);
  });

  it('is told of on the page of the module', () => {
    expect(readFileSync('infra/terraform/README.md', 'utf8')).toContain('(../../docs/fleets.md)');
  });
});
