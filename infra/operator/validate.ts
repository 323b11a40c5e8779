import { EXIT } from './commands.ts';
import type { ExitCode } from './commands.ts';
import { loadManifestFile } from './manifest-file.ts';
import { print, printJson } from './output.ts';

/** `validate FILE`: checks a manifest. No cloud is needed. */
export async function validateCommand(file: string, options: { json?: boolean }): Promise<ExitCode> {
  const { value, manifest } = await loadManifestFile(file);
  const count = manifest.keys.length;
  const keyless = manifest.keyless.length;
  const without = keyless === 0 ? '' : `, ${keyless} ${keyless === 1 ? 'entry' : 'entries'} without a key`;
  if (options.json) printJson(value);
  else print(`${file}: valid, ${count} ${count === 1 ? 'key' : 'keys'}${without}, deployment ${manifest.deployment}`);
  return EXIT.done;
}
