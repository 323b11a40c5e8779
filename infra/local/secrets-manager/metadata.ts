import { invalid } from './errors.ts';
import type { JsonObject } from './model.ts';
import { fitsMetadata } from './schemas.ts';

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7396: objects are merged, null removes a key, anything else replaces. */
function merged(before: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  return mergedObject(isObject(before) ? before : {}, patch);
}

function mergedObject(before: JsonObject, patch: JsonObject): JsonObject {
  const all = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) all.delete(key);
    else all.set(key, merged(all.get(key), value));
  }
  return Object.fromEntries(all);
}

/** Custom metadata after a patch, as the switch says. Throws 400, naming `field`, when the outcome is too large. */
export function patchedMetadata(
  mode: 'replace' | 'merge',
  before: JsonObject,
  patch: JsonObject,
  field: string,
): JsonObject {
  const after = mode === 'merge' ? mergedObject(before, patch) : patch;
  if (!fitsMetadata(after)) throw invalid(field, 'is larger than 10 KB');
  return after;
}
