import { isAbsolute, relative, sep } from 'node:path';
import type { Metafile } from 'esbuild';

type Files<T> = Record<string, T>;

/** The same metafile wherever the project is and wherever `out` is: inputs by their place in the project, outputs by theirs in `out`. */
export function portableMetafile({ inputs, outputs }: Metafile, root: string, out: string): Metafile {
  const within = (file: string): string => relative(root, file).replaceAll(sep, '/');
  const prefix = within(out);
  const inOut = (file: string): string => (file.startsWith(`${prefix}/`) ? file.slice(prefix.length + 1) : file);
  // Of injected files esbuild tells the whole path, as of something external.
  const asLocked = (file: string): string => inLockFile(isAbsolute(file) ? within(file) : file);
  return {
    inputs: changed(inputs, asLocked, (input) => ({
      ...input,
      imports: input.imports.map((one) => ({ ...one, path: asLocked(one.path) })),
    })),
    outputs: changed(outputs, inOut, (output) => ({
      ...output,
      inputs: changed(output.inputs, asLocked, (told) => told),
    })),
  };
}

/** A package is at its place in the lock file, wherever its folder really is: it may be linked. */
const inLockFile = (file: string): string => file.slice(Math.max(0, `/${file}`.indexOf('/node_modules/')));

/** In the order of the new names, for the old ones were in theirs. */
const changed = <T>(files: Files<T>, rename: (file: string) => string, change: (told: T) => T): Files<T> => {
  const told = new Map(Object.entries(files).map(([file, one]) => [rename(file), change(one)]));
  return Object.fromEntries([...told].toSorted(([one], [other]) => (one < other ? -1 : 1)));
};
