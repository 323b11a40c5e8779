import type { Manifest } from '../keys/manifest.ts';
import type { Ports } from '../rotation/ports.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import { withIncidents } from './ledger-data.ts';
import { changeLedger } from './ledger.ts';

/** What a run leaves to be remembered. */
export interface RunResult {
  keys: readonly KeyReport[];
  /** Leaks of keys that no entry manages, as whoever contained them tells. */
  unmanaged: readonly SeenIncident[];
}

/**
 * Writes down what belongs to no single key, at most once a run. Whatever goes wrong with that, no key is worse off: it is a warning.
 */
export async function afterRun(result: RunResult, manifest: Manifest, ports: Ports): Promise<void> {
  const incidents = [...result.keys.flatMap(incidentsOf), ...result.unmanaged];
  if (incidents.length === 0) return;
  try {
    await changeLedger(manifest, ports, (ledger) => withIncidents(ledger, incidents));
  } catch (error) {
    if (ports.signal.aborted) return;
    ports.log.warn('ledger_not_written', `what the run found could not be written into ${manifest.ledger.name}`, {
      error,
    });
  }
}

/** A run may have moved locks of consumers: that is seen in its steps alone. */
function incidentsOf({ incidents = [], steps }: KeyReport): SeenIncident[] {
  const movedLocks = [...new Set(steps.flatMap((step) => step.movedLocks ?? []))];
  return incidents.map((one) => (movedLocks.length === 0 ? one : { ...one, movedLocks }));
}
