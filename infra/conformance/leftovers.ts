import type { Bench } from './bench.ts';
import { runOf } from './run-name.ts';

/** A run that was killed before it could remove what it made. */
export interface FormerRun {
  runName: string;
  beganAtMs: number;
  /** Kinds of what was found, in words. */
  found: string[];
}

/** A younger one may still be at work: a run may take more than two hours, and the clocks of two machines may differ. */
export const STALE_AFTER_HOURS = 4;
export const STALE_AFTER_MS = STALE_AFTER_HOURS * 3_600_000;

/** Former runs of which something is still there, by the names that they gave. It only reads. */
export async function findFormerRuns(bench: Bench): Promise<FormerRun[]> {
  const runs = new Map<string, FormerRun>();
  const note = (kind: string, name: unknown) => {
    const run = runOf(String(name));
    if (!run) return;
    const known = runs.get(run.runName) ?? { ...run, found: [] };
    known.found.push(kind);
    runs.set(run.runName, known);
  };
  const { own, signal } = bench;
  const groups = await own.secretsManager.send({ method: 'GET', path: '/api/v2/secret_groups' }, signal);
  for (const { name } of (groups.body['secret_groups'] ?? []) as { name?: unknown }[]) note('secret group', name);
  const part = { order: 'desc', groupId: null } as const;
  for await (const { rows } of bench.account.serviceIds(part, signal))
    for (const { name } of rows) note('service ID', name);
  for await (const { rows } of own.resourceKeys.pagesOfInventory(signal))
    for (const { name } of rows) note('resource key', name);
  return [...runs.values()].toSorted((one, two) => one.beganAtMs - two.beganAtMs);
}
