import type { Manifest } from '../../shared/keys/manifest.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import { onStopRequest } from '../local/stop-request.ts';
import { findDemo, holdDemoClock } from './demo.ts';
import type { Demo } from './demo.ts';
import { loadManifestFile } from './manifest-file.ts';

/** A person waits longer than Code Engine does. */
const OPERATOR_RUN_MS = 15 * 60_000;

export interface OperatorOptions {
  /** File with the manifest; otherwise the environment's, or the demo's. */
  manifest?: string;
}

/** What a command works with. */
export interface OperatorContext extends RunContext {
  /** Aborts at Ctrl-C. */
  signal: AbortSignal;
  /** Lets the demo's time run as fast as real time for what must be answered within seconds. Does nothing elsewhere. */
  inRealTime: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Runs an operator's command with the environment's settings, or in the demo that runs in this folder. Ctrl-C ends it
 * between two calls. `work` is told of the demo; null for none.
 */
export async function withContext<T>(
  options: OperatorOptions,
  work: (context: OperatorContext, demo: Demo | null) => Promise<T>,
): Promise<T> {
  const interrupted = new AbortController();
  using _stop = onStopRequest(() => interrupted.abort(new Error('interrupted')));
  const demo = process.env['KEYROTA_ACCOUNT_ID'] ? null : await findDemo();
  if (!demo) {
    const context = await contextOf(options, settingsOfPerson(), systemClock, interrupted.signal);
    return await work({ ...context, inRealTime: (deed) => deed() }, null);
  }
  using clock = await holdDemoClock(demo, interrupted.signal);
  const settings = readSettings(environmentOf(demo));
  const manifest = options.manifest ?? demo.manifestFile;
  const context = await contextOf({ manifest }, settings, clock, interrupted.signal);
  return await work({ ...context, inRealTime: (deed) => clock.inRealTime(deed) }, demo);
}

/** The environment's settings. Where there are none, a person may have meant the demo. */
function settingsOfPerson(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (process.env['KEYROTA_ACCOUNT_ID']) throw error;
    throw withHint(error, 'No demo runs in this folder: `npm start` begins one.');
  }
}

/** The environment's manifest, or the packed one. A person has another way to give it. */
function manifestOfPerson(settings: Settings): Manifest {
  try {
    return readManifest(settings);
  } catch (error) {
    const isMissing = error instanceof KeyrotaError && error.code === 'manifest_missing';
    throw isMissing ? withHint(error, 'Name its file with `--manifest FILE`.') : error;
  }
}

/** The same failure, with one more thing to do, named first. */
function withHint(error: unknown, hint: string): unknown {
  if (!(error instanceof KeyrotaError)) return error;
  const { code, message, effect, next, cause } = error;
  return new KeyrotaError(code, message, { effect, next: `${hint}\n${next}`, cause });
}

async function contextOf(
  options: OperatorOptions,
  settings: Settings,
  clock: Clock,
  signal: AbortSignal,
): Promise<Omit<OperatorContext, 'inRealTime'>> {
  const manifest: Manifest = options.manifest
    ? (await loadManifestFile(options.manifest)).manifest
    : manifestOfPerson(settings);
  const log = createLog({
    clock,
    write: (line) => process.stderr.write(`${line}\n`),
    level: settings.logLevel,
    format: process.stderr.isTTY ? 'text' : 'json',
  });
  return { settings: { ...settings, runMs: OPERATOR_RUN_MS }, manifest, clock, log, signal };
}

const environmentOf = (demo: Demo): Record<string, string> => ({
  KEYROTA_ACCOUNT_ID: demo.accountId,
  KEYROTA_IAM_URL: demo.url,
  KEYROTA_RESOURCE_CONTROLLER_URL: demo.url,
  KEYROTA_CLASSIC_URL: demo.url,
  KEYROTA_USER_MANAGEMENT_URL: demo.url,
  KEYROTA_TIMER_MINUTES: '60',
  KEYROTA_SECRETS_MANAGER_URL: demo.secretsManagerUrl,
  KEYROTA_LOGIN: 'api-key',
  KEYROTA_API_KEY: demo.adminApiKey,
  KEYROTA_LOG_LEVEL: process.env['KEYROTA_LOG_LEVEL'] ?? 'warn',
});
