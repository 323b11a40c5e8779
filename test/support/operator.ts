import type { OperatorContext } from '../../infra/operator/context.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { Laboratory } from './laboratory.ts';

/** What an operator's command works with in a laboratory. */
export function operatorContext(
  lab: Laboratory,
  manifest: Manifest,
  { signal = new AbortController().signal, ...changes }: Partial<RunContext> = {},
): OperatorContext {
  return { ...lab.context(manifest), ...changes, signal, inRealTime: (work) => work() };
}
