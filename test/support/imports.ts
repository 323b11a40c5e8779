import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Import {
  path: string;
  isType: boolean;
}

/** Files are read once: nobody changes them meanwhile. */
const known = new Map<string, readonly Import[]>();

/** Files that a file imports, by path from the root; with `import type` told apart. */
export function importsOf(file: string): readonly Import[] {
  const before = known.get(file);
  if (before) return before;
  const found = readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s+(type\s)?(?:[^'"]*?from\s+)?'(\.[^']+)'/gms);
  const imports = [...found].map(([, type, path = '']) => {
    return { path: normalize(join(dirname(file), path)), isType: type !== undefined };
  });
  known.set(file, imports);
  return imports;
}

/** All files that come with a file when it is loaded, itself among them. */
export function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { path, isType } of importsOf(file)) if (!isType) loadedWith(path, seen);
  return seen;
}
