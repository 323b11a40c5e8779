import * as z from 'zod';
import { SettingsError, readSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import type { Shard } from './shard.ts';

/** What Code Engine tells an instance of a job. https://cloud.ibm.com/docs/codeengine?topic=codeengine-inside-env-vars */
const Instance = z.object({
  JOB_INDEX: z
    .string({ error: 'is missing; Code Engine sets it for each instance of a job, from 0 on' })
    .regex(/^\d{1,7}$/, 'must be a whole number from 0 on')
    .transform(Number),
  JOB_ARRAY_SIZE: z.string().regex(/^\d+$/).transform(Number).nullable().catch(null),
  /** How often this instance failed before. */
  JOB_INDEX_RETRY_COUNT: z.string().regex(/^\d+$/).transform(Number).catch(0),
  CE_JOBRUN: z.string().nullable().catch(null),
  CE_ID: z.string().nullable().catch(null),
});

/** What one instance of the job works by. */
export interface JobSettings {
  /** Those of a run, with the share of this shard in what all shards have together. */
  settings: Settings;
  shard: Shard;
  /** How many instances the job was started with; null where nobody says. Fewer than shards, where only some are run again. */
  instanceCount: number | null;
  /** 1, unless the instance failed before. */
  attempt: number;
  /** Name of the job run; null where there is none. */
  jobRun: string | null;
  /** Id of the tick of a timer that started the job run; null where somebody else did. */
  tick: string | null;
}

/**
 * Reads what an instance of the job works by. The shards are counted by the setting alone: `JOB_ARRAY_SIZE` shrinks when only some
 * instances are run again, and then every key would belong to another shard.
 * @throws SettingsError naming every variable at fault, never a value of a setting.
 */
export function readJobSettings(environment: Record<string, string | undefined>): JobSettings {
  const settings = readSettings(environment);
  const { data: instance, error } = Instance.safeParse(environment);
  if (!instance) throw new SettingsError(error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
  const { shardCount, secretsManagerCallsPerSecond: callsPerSecond } = settings;
  const index = instance.JOB_INDEX;
  const faults = [
    ...(index < shardCount ? [] : [noSuchShard(index, shardCount)]),
    // With less a look would be too old to act on before it is complete, and more shards are no quicker than the cap.
    ...(shardCount <= callsPerSecond ? [] : [tooManyShards(shardCount, callsPerSecond)]),
  ];
  if (faults.length > 0) throw new SettingsError(faults);
  return {
    settings: shareOf(settings),
    shard: { index, count: shardCount },
    instanceCount: instance.JOB_ARRAY_SIZE,
    attempt: instance.JOB_INDEX_RETRY_COUNT + 1,
    jobRun: instance.CE_JOBRUN,
    tick: instance.CE_ID,
  };
}

const noSuchShard = (index: number, shardCount: number): string =>
  `JOB_INDEX is ${index}, and KEYROTA_SHARDS says ${shardCount}: the indices of the job must be 0 to ${shardCount - 1}`;

const tooManyShards = (shardCount: number, callsPerSecond: number): string =>
  `KEYROTA_SHARDS: each of ${shardCount} shards would have less than one call a second of the ${callsPerSecond} that ` +
  'KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND allows; have fewer shards, or allow more';

/** The shards run at the same time, and together they may do what one run may. */
const shareOf = (settings: Settings): Settings => ({
  ...settings,
  runMs: settings.jobMs,
  secretsManagerCallsPerSecond: settings.secretsManagerCallsPerSecond / settings.shardCount,
  keysAtOnce: Math.max(1, Math.floor(settings.keysAtOnce / settings.shardCount)),
});
