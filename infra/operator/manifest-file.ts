import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { KeyrotaError, messageOf } from '../../shared/runtime/errors.ts';

export interface ManifestSource {
  /** As it was written, for functions that read JSON. */
  value: unknown;
  manifest: Manifest;
}

/**
 * Reads and checks a manifest in YAML or JSON.
 * @throws KeyrotaError `manifest_unreadable` or `manifest_not_yaml` (with line and column), or the ManifestError.
 */
export async function loadManifestFile(file: string): Promise<ManifestSource> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new KeyrotaError('manifest_unreadable', `${file}: cannot be read: ${messageOf(error)}`);
  });
  const document = parseDocument(text); // JSON is YAML
  const [fault] = document.errors;
  if (fault) throw new KeyrotaError('manifest_not_yaml', `${file}: ${fault.message.trim()}`);
  const value: unknown = document.toJS();
  return { value, manifest: parseManifest(value, file) };
}
