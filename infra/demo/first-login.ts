import { parseManifest } from '../../shared/keys/manifest.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { LOGIN } from './demo-keys.ts';

/** Takes in the first key of the functional ID, as a person does with `keyrota import`. */
export async function importFirstLogin(
  apiKey: string,
  manifest: object,
  environment: Record<string, string>,
  clock: Clock,
): Promise<void> {
  const parsed = parseManifest(manifest, 'demo');
  const key = parsed.keys.find(({ name }) => name === LOGIN);
  if (!key) throw new Error(`the demo has no entry ${LOGIN}`);
  const log = createLog({ clock, write: () => undefined });
  const context = { settings: readSettings(environment), manifest: parsed, clock, log };
  await withPorts(context, (ports) => importKey(key, new SecretValue(apiKey), ports));
}
