import { describe, expect, it } from 'vitest';
import { readJobSettings } from '../../shared/runtime/job-settings.ts';
import { SettingsError } from '../../shared/runtime/settings.ts';

const NEEDED = {
  KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
  KEYROTA_SECRETS_MANAGER_URL: 'https://one.eu-de.secrets-manager.appdomain.cloud',
  KEYROTA_LOGIN: 'api-key',
  KEYROTA_API_KEY: 'a-made-up-key-of-somebody',
};

const faultsOf = (environment: Record<string, string>): string[] => {
  try {
    readJobSettings({ ...NEEDED, ...environment });
    return [];
  } catch (error) {
    return error instanceof SettingsError ? error.faults : [String(error)];
  }
};

describe('what an instance of the job works by', () => {
  it('is its share of what one run may do, for the time of a job', () => {
    const { settings, shard, attempt, jobRun, tick, instanceCount } = readJobSettings({
      ...NEEDED,
      KEYROTA_SHARDS: '8',
      JOB_INDEX: '7',
      JOB_INDEX_RETRY_COUNT: '2',
      JOB_ARRAY_SIZE: '1',
      CE_JOBRUN: 'run-1',
      CE_ID: 'tick-1',
    });
    expect([shard, attempt, jobRun, tick]).toEqual([{ index: 7, count: 8 }, 3, 'run-1', 'tick-1']);
    expect(instanceCount).toBe(1);
    expect(settings).toMatchObject({ runMs: 3_000_000, secretsManagerCallsPerSecond: 2.5, keysAtOnce: 15 });
  });

  it('is all of that where there is one shard, which nobody has to ask for', () => {
    const { settings, shard, attempt, jobRun, tick } = readJobSettings({ ...NEEDED, JOB_INDEX: '0' });
    expect([shard, attempt, jobRun, tick]).toEqual([{ index: 0, count: 1 }, 1, null, null]);
    expect(settings).toMatchObject({ secretsManagerCallsPerSecond: 20, keysAtOnce: 120 });
  });

  it('lets each shard have a call a second, and a key at once, at the least', () => {
    const least = { JOB_INDEX: '0', KEYROTA_SHARDS: '3', KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '3' };
    const { settings } = readJobSettings({ ...NEEDED, ...least, KEYROTA_KEYS_AT_ONCE: '1' });
    expect(settings).toMatchObject({ secretsManagerCallsPerSecond: 1, keysAtOnce: 1 });
    expect(faultsOf({ ...least, KEYROTA_SHARDS: '4' })).toEqual([
      expect.stringMatching(/^KEYROTA_SHARDS: each of 4 shards would have less than one call a second of the 3/),
    ]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no index', {}, /^JOB_INDEX is missing; Code Engine sets it/],
    ['an index that is no number', { JOB_INDEX: 'one' }, /^JOB_INDEX must be a whole number from 0 on$/],
    ['a negative index', { JOB_INDEX: '-1' }, /^JOB_INDEX must be/],
    ['an index beyond the shards', { JOB_INDEX: '3', KEYROTA_SHARDS: '3' }, /must be 0 to 2$/],
    ['no shards', { JOB_INDEX: '0', KEYROTA_SHARDS: '0' }, /^KEYROTA_SHARDS: must be a whole number/],
  ])('is refused in one sentence with %s', (_, environment, fault) => {
    expect(faultsOf(environment)).toEqual([expect.stringMatching(fault)]);
  });
});
