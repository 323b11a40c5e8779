import type { LedgerData } from '../../shared/ledger/ledger-data.ts';
import { readLedger } from '../../shared/ledger/ledger.ts';
import { wholeRun } from '../../shared/ledger/whole-run.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { RunOptions, RunReport } from '../../shared/rotation/rotate-all.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { Laboratory } from './laboratory.ts';

/** One tick of the timer, as the function works it off: what belongs to no single key is written down at its end. */
export function wholeTick(
  lab: Laboratory,
  manifest: Manifest,
  options: Partial<RunOptions> = {},
  changes: Partial<RunContext> = {},
): Promise<RunReport> {
  const wish = { only: null, force: false, dryRun: false, timerMs: 60_000, keysAtOnce: 8, ...options };
  return lab.withPorts(manifest, (ports) => wholeRun(manifest, wish, [], ports), changes);
}

export const ledgerOf = (lab: Laboratory, manifest: Manifest): Promise<LedgerData> =>
  lab.withPorts(manifest, (ports) => readLedger(manifest, ports));

/** A consumer locks a version of the secret, as it does with the one that it uses. */
export async function lockByConsumer(lab: Laboratory, alias: 'current' | 'previous', name: string): Promise<void> {
  const { id, versions } = lab.secret();
  const version = versions.find((one) => one.alias === alias);
  const locks = [{ name, attributes: { host: 'billing-1' } }];
  await lab.admin.request('POST', `/api/v2/secrets/${id}/versions/${version?.id}/locks_bulk`, { locks });
}

/** Names of the locks on a version of the secret. */
export const lockNames = (lab: Laboratory, alias: 'current' | 'previous'): string[] =>
  (lab.secret().versions.find((one) => one.alias === alias)?.locks ?? []).map(({ name }) => name).toSorted();
