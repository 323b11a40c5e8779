import type { Manifest } from '../../shared/keys/manifest.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import { wholeRun } from '../../shared/ledger/whole-run.ts';
import type { RunOptions, RunReport } from '../../shared/rotation/rotate-all.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';
import type { JobSettings } from '../../shared/runtime/job-settings.ts';
import type { RotateRequest } from './schema.ts';

/** The answer of a run: what was done, what waits and for what, what is left. */
export interface RotateAnswer extends RunReport {
  runId: string;
  dryRun: boolean;
  tookMs: number;
  /** How many of the keys ended how. */
  counts: Record<string, number>;
}

/** The part of the work that an instance of a job does, and who is told how far it is. */
type JobPart = Pick<JobSettings, 'shard' | 'attempt' | 'jobRun'> & Required<Pick<RunOptions, 'onSurvey' | 'onReport'>>;

export interface RotateContext extends Omit<RunContext, 'manifest'> {
  /** Default: all of it. */
  part?: JobPart;
}

/**
 * Runs the reconciler once, by the manifest that the settings or the build give.
 * @throws HttpError 400 for a name that the manifest does not have, and `force` without names; what reading the manifest throws.
 */
export async function rotate(
  request: RotateRequest,
  runId: string,
  { part, ...context }: RotateContext,
): Promise<RotateAnswer> {
  const { settings, clock, log } = context;
  const manifest = readManifest(settings);
  if (request.force && !request.only) throw new HttpError(400, 'invalid_request', 'force: needs `only`');
  refuseUnknownNames(request.only ?? [], manifest);
  const startMs = clock.nowMs();
  log.info('run_started', 'looking at the keys', {
    keyCount: manifest.keys.length,
    dryRun: request.dryRun,
    force: request.force,
    ...(part && { shardCount: part.shard.count, attempt: part.attempt, jobRun: part.jobRun }),
  });
  const options = {
    only: request.only ?? null,
    force: request.force,
    dryRun: request.dryRun,
    timerMs: settings.timerMs,
    keysAtOnce: settings.keysAtOnce,
    ...(part && { shard: part.shard, onSurvey: part.onSurvey, onReport: part.onReport }),
  };
  const report = await withPorts({ ...context, manifest, readOnly: request.dryRun }, (ports) =>
    wholeRun(manifest, options, request.incidents, ports),
  );
  const counts = countOutcomes(report);
  const tookMs = clock.nowMs() - startMs;
  const level = counts['failed'] ? 'warn' : 'info';
  const left = counts['left'] ? `; ${counts['left']} of them are left for the next run` : '';
  log[level]('run_finished', `looked at ${report.keys.length} keys in ${tookMs} ms${left}`, {
    tookMs,
    counts,
    restingCount: report.restingCount,
  });
  return { runId, dryRun: request.dryRun, tookMs, counts, ...report };
}

function refuseUnknownNames(only: readonly string[], manifest: Manifest): void {
  const known = new Set([...manifest.keys, ...manifest.keyless].map(({ name }) => name));
  const faults = only.flatMap((name, index) =>
    known.has(name) ? [] : [`only.${index}: the manifest has no key of that name`],
  );
  if (faults.length > 0) throw new HttpError(400, 'invalid_request', faults.join('; '));
}

function countOutcomes({ keys }: RunReport): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of keys) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
