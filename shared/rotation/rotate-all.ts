import type { KeylessEntry, Manifest } from '../keys/manifest.ts';
import type { ApprovedStep } from './approved-step.ts';
import { inShard } from '../runtime/shard.ts';
import { STOPPED, reconcile } from './reconcile.ts';
import type { KeyReport } from './reconcile.ts';
import type { Ports } from './ports.ts';
import { noteRun } from './run-mark.ts';
import { survey } from './survey.ts';
import type { Candidate, SurveyWish } from './survey.ts';
import { SHORTEST_MINT_MS } from './verification.ts';

export interface RunOptions extends SurveyWish {
  force: boolean;
  dryRun: boolean;
  /** How many keys are worked on at a time. */
  keysAtOnce: number;
  /** By name, for each of the keys that `only` names: nothing else is done. Default: whatever is to be done. */
  approved?: ReadonlyMap<string, ApprovedStep>;
  /** Told once how many keys are looked at. */
  onSurvey?: (candidateCount: number) => void;
  /** Told of each key as soon as the run is through with it. */
  onReport?: (report: KeyReport) => void;
}

/** What a whole run did. */
export interface RunReport {
  /** Keys that were looked at, by name. */
  keys: KeyReport[];
  /** How many were not, because their summaries say that they rest. */
  restingCount: number;
  /** Managed by this installation once, and not in the manifest any more: left alone. */
  unlisted: string[];
}

/** Below this there is no use in beginning with another key. */
const SHORTEST_WORK_MS = 5_000;

/**
 * Works on every key that needs it, several at a time and the most urgent first, until all rest, the time is up or the run is asked to
 * end. One key's trouble never stops another.
 * @throws KeyrotaError when nothing at all could be done: no login, no list of secrets.
 */
export async function rotateAll(manifest: Manifest, options: RunOptions, ports: Ports): Promise<RunReport> {
  await ports.login();
  const listedAtMs = ports.clock.nowMs();
  const { candidates, restingCount, unlisted, ledger } = await survey(manifest, options, ports);
  options.onSurvey?.(candidates.length);
  const noting = !options.dryRun && !options.only && ledger ? noteRun(ledger, ports) : null;
  if (unlisted.length > 0) {
    ports.log.warn('entries_unlisted', `not in the manifest any more, left alone: ${unlisted.join(', ')}`, {
      unlisted,
    });
  }
  const reports: KeyReport[] = [];
  const workOnAll = async (queue: Candidate[]) => {
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const report = await workOn(next, listedAtMs, options, ports);
        reports.push(report);
        options.onReport?.(report);
      }
    };
    await Promise.all(Array.from({ length: options.keysAtOnce }, work));
  };
  // Whatever goes wrong with the key that Keyrota runs on, all others are done by then.
  await workOnAll(candidates.filter(({ key }) => !key.runsKeyrota));
  await workOnAll(candidates.filter(({ key }) => key.runsKeyrota));
  await noting;
  const ownKeyless = inShard(manifest.keyless, options.shard ?? null);
  const keyless = ownKeyless.filter(({ name }) => !options.only || options.only.includes(name));
  const isAsked = options.dryRun || options.only !== null;
  if (isAsked) reports.push(...keyless.map(needsNoKey));
  return {
    keys: reports.toSorted((one, other) => one.name.localeCompare(other.name)),
    restingCount: restingCount + (isAsked ? 0 : keyless.length),
    unlisted,
  };
}

const needsNoKey = ({ name, profileId }: KeylessEntry): KeyReport => ({
  name,
  steps: [],
  outcome: 'rest',
  why: `its workload logs in as trusted profile ${profileId}: there is no key, and nothing has to rotate`,
  since: null,
  until: null,
  code: null,
  next: [],
});

/** A key that is due is not even looked at when there is no time left to replace it. */
const leastTimeMs = ({ why }: Candidate): number =>
  why === 'due' || why === 'dead' ? SHORTEST_MINT_MS : SHORTEST_WORK_MS;

async function workOn(candidate: Candidate, listedAtMs: number, options: RunOptions, ports: Ports): Promise<KeyReport> {
  const { key, secret } = candidate;
  const { force, dryRun } = options;
  const approved = options.approved?.get(key.name);
  const isTime = ports.clock.nowMs() + leastTimeMs(candidate) <= ports.deadlineMs;
  if (isTime && !ports.stopping?.aborted)
    return reconcile(key, { secret, listedAtMs, force, dryRun, ...(approved && { approved }) }, ports);
  const why = isTime ? STOPPED : 'the time was up before its turn';
  return { name: key.name, steps: [], outcome: 'left', why, since: null, until: null, code: 'no_time', next: [] };
}
