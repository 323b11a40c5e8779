import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { isTurn } from '../../shared/rotation/survey.ts';
import type { Bench } from './figure.ts';
import { figure } from './figure.ts';
import { openFleet } from './fleet-world.ts';
import type { Fleet } from './fleet-world.ts';
import { runShards } from './shard-processes.ts';
import type { ShardReport } from './shard-processes.ts';

const SHARDS = 10;
const DEPLOYMENT = 'lab';
/** How often the job is started: so seldom that the hourly list of the account falls to each run of each shard. */
const TIMER_MINUTES = 30;
const SETTINGS = { KEYROTA_TIMER_MINUTES: String(TIMER_MINUTES), KEYROTA_JOB_SECONDS: '7000' };
/** By then those are due that are rotated every 30 days, and no others. */
const AGE_MS = 30 * DAY_MS + HOUR_MS;

const KEY_COUNT = 50_000;
/** One key in so many is due. */
const DUE_EVERY = 100;
const MEMORY_AIM_MB = 200;

/** What a job for fleets costs. */
export const shardsBench: Bench = {
  name: 'shards',
  what:
    `one run of the bundled job over ${KEY_COUNT} keys: 1 in ${DUE_EVERY} is due, the daily look falls to 1 in ` +
    `${DAY_MS / MINUTE_MS / TIMER_MINUTES / 2}, all others rest; as ${SHARDS} processes at once, against one process that does the same; ` +
    'over HTTP, in virtual time',
  async *measure() {
    const alone = await measuredJob(1, KEY_COUNT, DUE_EVERY);
    const shards = await measuredJob(SHARDS, KEY_COUNT, DUE_EVERY);
    yield figure('keys that were due, each rotated once', shards.dueCount, 'keys', alone.dueCount);
    yield figure(
      'keys that were looked at, each by one process alone',
      shards.lookedAtCount,
      'keys',
      alone.lookedAtCount,
    );
    yield figure('calls, without lists', shards.calls - shards.listCalls, 'calls', alone.calls - alone.listCalls);
    yield figure('calls for lists of all secrets and keys', shards.listCalls, 'calls', alone.listCalls);
    yield figure('time until the last process has ended', shards.seconds, 's', alone.seconds);
    yield figure('peak memory of the one process', alone.peakBytes / 1e6, 'MB', MEMORY_AIM_MB);
    yield figure(`peak memory of the largest of ${SHARDS}`, shards.peakBytes / 1e6, 'MB', MEMORY_AIM_MB);
  },
};

/** What a run of the job came to, as the cloud saw it. */
interface MeasuredJob {
  dueCount: number;
  lookedAtCount: number;
  calls: number;
  listCalls: number;
  seconds: number;
  peakBytes: number;
}

/** @throws Error unless each key was handled exactly as it should be, and by one process alone. */
async function measuredJob(shards: number, keyCount: number, dueEvery: number): Promise<MeasuredJob> {
  const names = Array.from({ length: keyCount }, (_, place) => `key-${place}`);
  const isDue = (place: number) => place % dueEvery === 0;
  const rotateEvery = (place: number) => (isDue(place) ? '30d' : '300d');
  const fleet = await openFleet({ deployment: DEPLOYMENT, names, keysPerIdentity: 10, rotateEvery });
  await fleet.lab.pass(AGE_MS);
  const due = names.filter((_, place) => isDue(place));
  const startMs = fleet.lab.clock.nowMs();
  const keyCountBefore = fleet.lab.state.iam.apiKeys.length;
  const reports = await runShards(fleet, shards, SETTINGS);
  const wanted = names.filter(
    (name, place) => isDue(place) || isTurn(startMs, DAY_MS, TIMER_MINUTES * MINUTE_MS, name),
  );
  const wrongs = [
    ...reports.filter(({ exitCode }) => exitCode !== 0).map(({ exitCode }) => `a process ended with ${exitCode}`),
    ...wrongsOfState(fleet, new Set(due), keyCountBefore),
    ...wrongsOfLooks(fleet, wanted, reports),
  ];
  if (wrongs.length > 0) throw new Error(`${wrongs.length} wrongs: ${wrongs.slice(0, 10).join('; ')}`);
  return {
    dueCount: due.length,
    lookedAtCount: wanted.length,
    calls: sum(reports, ({ calls }) => calls),
    listCalls: sum(reports, ({ listCalls }) => listCalls),
    seconds: (Math.max(...reports.map(({ endedAtMs }) => endedAtMs)) - startMs) / 1_000,
    peakBytes: Math.max(...reports.map(({ peakBytes }) => peakBytes)),
  };
}

const sum = (reports: readonly ShardReport[], of: (report: ShardReport) => number): number =>
  reports.reduce((total, report) => total + of(report), 0);

/** By what the account holds: a key that was due has one version more, whose key is on; any other is as it was. */
function wrongsOfState({ lab }: Fleet, due: ReadonlySet<string>, keyCountBefore: number): string[] {
  const { iam, secretsManager } = lab.state;
  const on = new Set(iam.apiKeys.filter(({ disabled }) => !disabled).map(({ id }) => id));
  const made = iam.apiKeys.length - keyCountBefore;
  const wrongs = secretsManager.secrets.flatMap(({ name, versions }) => {
    const current = versions.find(({ alias }) => alias === 'current')?.customMetadata.keyrota?.key_id ?? '';
    const isRight = versions.length === (due.has(name) ? 2 : 1) && on.has(current);
    return isRight ? [] : [`${name} has ${versions.length} versions, and its key is ${on.has(current) ? 'on' : 'off'}`];
  });
  return made === due.size ? wrongs : [...wrongs, `${made} keys were made`];
}

/** By the calls that came: each secret that was to be looked at was asked for by one process, and no other secret was. */
function wrongsOfLooks({ lab }: Fleet, wanted: readonly string[], reports: readonly ShardReport[]): string[] {
  const nameOf = new Map(lab.state.secretsManager.secrets.map(({ id, name }) => [id, name]));
  const counts = new Map<string, number>();
  for (const { secretIds } of reports) {
    for (const id of secretIds) counts.set(nameOf.get(id) ?? id, (counts.get(nameOf.get(id) ?? id) ?? 0) + 1);
  }
  const isWanted = new Set(wanted);
  return [
    ...[...counts]
      .filter(([name, count]) => !isWanted.has(name) || count > 1)
      .map(([name, count]) => `${name}: ${count}`),
    ...wanted.filter((name) => !counts.has(name)).map((name) => `${name}: nobody`),
  ];
}
