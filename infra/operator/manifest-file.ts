import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { KeyrotaError, messageOf } from '../../shared/runtime/errors.ts';
import { maskSecrets } from '../../shared/runtime/secret-value.ts';

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
  if (fault) throw notYaml(file, fault);
  const value = valueOf(document, file);
  return { value, manifest: parseManifest(value, file) };
}

/** The first line says what is wrong and where; the lines after it quote the file, which may hold what it should not. */
function notYaml(file: string, fault: Error): KeyrotaError {
  const [what = ''] = fault.message.split('\n');
  return new KeyrotaError('manifest_not_yaml', `${file}: ${maskSecrets(what.replace(/:$/, ''))}`);
}

/** Aliases are resolved only now: one may name nothing, or stand for more than fits. */
function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS() as unknown;
  } catch (error) {
    throw notYaml(file, error as Error);
  }
}
