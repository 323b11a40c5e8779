import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { observe } from '../rotation/observe.ts';
import type { Ports } from '../rotation/ports.ts';
import { rotateAll } from '../rotation/rotate-all.ts';
import type { RunOptions, RunReport } from '../rotation/rotate-all.ts';
import { withTimeKeptBack } from '../rotation/run.ts';
import { seenIncidents } from '../rotation/seen-incidents.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import { undo } from '../rotation/undo.ts';
import type { UndoReport } from '../rotation/undo.ts';
import { afterDismissal, afterRun } from './after-run.ts';

/**
 * One run with all that belongs to it: the keys, and then, in the time that is kept back for it, what is told and remembered. A dry
 * run tells nobody, and writes nothing.
 * @param unmanaged Leaks of keys that no entry manages. They are remembered though nothing can be done with the keys.
 * @throws what `rotateAll` throws.
 */
export async function wholeRun(
  manifest: Manifest,
  options: RunOptions,
  unmanaged: readonly SeenIncident[],
  ports: Ports,
): Promise<RunReport> {
  if (options.dryRun) return rotateAll(manifest, options, ports);
  const done = await withTimeKeptBack(ports, (early) => rotateAll(manifest, options, early)).catch(
    async (error: unknown) => {
      await afterRun({ keys: [], unmanaged, shard: options.shard ?? null }, manifest, ports);
      throw error;
    },
  );
  await afterRun({ keys: done.keys, unmanaged, shard: options.shard ?? null }, manifest, ports);
  return done;
}

/**
 * An undo. The incident of a report that was false is remembered with it, also where no run has seen it yet: afterwards nothing at
 * the key tells of it.
 * @throws what `undo` throws.
 */
export async function undoAndRemember(key: ManagedKey, manifest: Manifest, ports: Ports): Promise<UndoReport> {
  const before = seenIncidents(key, await observe(key, null, false, ports), ports.clock.nowMs());
  const undone = await undo(key, ports);
  if (undone.supersededKeyId === null) await afterDismissal(undone.keyId, before, manifest, ports);
  return undone;
}
