import { KeyrotaError, messageOf } from '../runtime/errors.ts';
import { readPackedFile } from '../runtime/packed-file.ts';
import type { Settings } from '../runtime/settings.ts';
import { parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';

/** Where the build packs the manifest, beside `main.js`. */
const PACKED_MANIFEST = 'manifest.json';

/**
 * The manifest of a deployed function: the environment variable, or else the packed file.
 * @throws KeyrotaError `manifest_missing`, `manifest_not_json`, or the ManifestError.
 */
export function readManifest(settings: Settings): Manifest {
  if (settings.manifestText !== null) return fromJson(settings.manifestText, 'KEYROTA_MANIFEST');
  const packed = readPackedFile(PACKED_MANIFEST);
  if (packed !== null) return fromJson(packed, PACKED_MANIFEST);
  throw new KeyrotaError('manifest_missing', 'There is no manifest: KEYROTA_MANIFEST is empty, and none is packed.', {
    next: 'Set KEYROTA_MANIFEST to the manifest as JSON, or build with `npm run build -- --manifest FILE`.',
  });
}

function fromJson(text: string, source: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The message of the parser quotes the text, and who pastes a manifest may paste something else.
    const where = /position \d+/.exec(messageOf(error))?.[0];
    throw new KeyrotaError('manifest_not_json', `${source} is not JSON${where ? ` (${where})` : ''}.`, {
      next: 'Functions take JSON: `npm run keyrota -- validate FILE --json` prints a YAML manifest as JSON.',
    });
  }
  return parseManifest(value, source);
}
