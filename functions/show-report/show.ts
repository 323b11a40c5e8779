import type { Manifest } from '../../shared/keys/manifest.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import { dataOf, reportOfFleet } from '../../shared/report/fleet-report.ts';
import type { FleetReport } from '../../shared/report/fleet-report.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { METRICS_TYPE, metricsText } from '../../shared/report/metrics.ts';
import { storyOfReport } from '../../shared/report/story-of-report.ts';
import { keylessStory } from '../../shared/report/tell-key-story.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';
import type { FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import type { Route } from './schema.ts';

type ShowContext = Pick<RunContext, 'settings' | 'clock' | 'log' | 'http'>;

/** A person waits: whatever could not be seen until then is said. */
const LOOK_MS = 9_000;

/**
 * The fleet, its metrics, or the story of one key, as they are now. Changes nothing.
 * @throws HttpError 404 for a name that the manifest does not have.
 */
export async function show(route: Exclude<Route, { kind: 'file' }>, context: ShowContext): Promise<FunctionResponse> {
  try {
    const manifest = readManifest(context.settings);
    if (route.kind === 'key') return { status: 200, body: await storyOf(route.name, manifest, context) };
    const report = await fleetOf(manifest, context);
    if (route.kind === 'fleet') return { status: 200, body: dataOf(report) };
    return { status: 200, headers: { 'content-type': METRICS_TYPE }, body: Buffer.from(metricsText(report)) };
  } catch (error) {
    if (error instanceof HttpError || !(error instanceof KeyrotaError)) throw error;
    // Its reader is whoever has to put it right.
    const { code, message, next } = error;
    if (code === 'takes_change') return { status: 409, body: { code, message, next } };
    context.log.warn('report_failed', `The report was not made: ${message}`, { error });
    return { status: 500, body: { code, message, next } };
  }
}

async function fleetOf(manifest: Manifest, context: ShowContext): Promise<FleetReport> {
  const { timerMs, keysAtOnce } = context.settings;
  const report = await looking(manifest, context, (ports) => reportOfFleet(manifest, { timerMs, keysAtOnce }, ports));
  const { tookMs, counts, unseen } = report;
  context.log.info('report_made', report.headline, { tookMs, counts, unseenCount: unseen.length });
  return report;
}

async function storyOf(name: string, manifest: Manifest, context: ShowContext): Promise<KeyStory> {
  const keyless = manifest.keyless.find((one) => one.name === name);
  if (keyless) return keylessStory(keyless, context.clock.nowMs());
  const key = manifest.keys.find((one) => one.name === name);
  if (!key) throw new HttpError(404, 'not_found', 'The manifest has no entry of that name.');
  // Nothing is opened but what this key needs.
  return looking({ ...manifest, keys: [key] }, context, (ports) => storyOfReport(key, manifest, ports));
}

const looking = <T>(
  manifest: Manifest,
  { settings, ...context }: ShowContext,
  look: (ports: Ports) => Promise<T>,
): Promise<T> => withPorts({ ...context, manifest, settings: { ...settings, runMs: LOOK_MS }, readOnly: true }, look);
