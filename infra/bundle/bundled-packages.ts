import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** A package of which a bundle holds code. */
export interface BundledPackage {
  /** Its place in the lock file and on disk, such as `node_modules/zod`. */
  path: string;
  name: string;
  version: string;
  /** As it declares it: an SPDX expression, or whatever it says; null where it says nothing. */
  licence: string | null;
  /** Of its archive, as the lock file tells it; null where the lock file does not have this version. */
  integrity: string | null;
}

/** What a bundle holds of packages: by path, and for each the paths of those that it uses itself. `''` stands for our own code. */
export type Uses = ReadonlyMap<string, ReadonlySet<string>>;

const OURS = '';

/** The package that a file belongs to, by its path. */
function packageOf(file: string): string {
  const found = /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file);
  return found?.[1] ?? OURS;
}

/** Only what has bytes in an output is held: what was read, but fell away, is not. Metafiles are portable ones. */
export function usesIn(metafiles: readonly Metafile[]): Uses {
  const outputs = metafiles.flatMap((metafile) => Object.values(metafile.outputs));
  const files = outputs.flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  const held = new Set([OURS, ...files.map(packageOf)]);
  const inputs = Object.assign({}, ...metafiles.map((metafile) => metafile.inputs)) as Metafile['inputs'];
  return new Map([...held].toSorted().map((path) => [path, usedBy(path, held, inputs)]));
}

/** A package of which nothing is held may still lead to one of which something is. */
function usedBy(path: string, held: ReadonlySet<string>, inputs: Metafile['inputs']): Set<string> {
  const used = new Set<string>();
  const waiting = Object.keys(inputs).filter((file) => packageOf(file) === path);
  const seen = new Set(waiting);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const { path: imported } of inputs[file]?.imports ?? []) {
      if (seen.has(imported) || !inputs[imported]) continue;
      seen.add(imported);
      const owner = packageOf(imported);
      if (owner !== path && held.has(owner)) used.add(owner);
      else waiting.push(imported);
    }
  }
  used.delete(OURS);
  return new Set([...used].toSorted());
}

/** What is read of a `package.json`; older ones tell licences in other shapes. */
interface PackageJson {
  name: string;
  version: string;
  license?: string | { type?: string };
  licenses?: { type?: string }[];
}

function licenceOf({ license, licenses = [] }: PackageJson): string | null {
  if (typeof license === 'string') return license;
  const told = [license, ...licenses].flatMap((one) => one?.type ?? []);
  return told.length > 1 ? `(${told.join(' OR ')})` : (told[0] ?? null);
}

/** The packages of a bundle, as they are installed, by path. */
export async function readPackages(root: string, uses: Uses): Promise<BundledPackage[]> {
  const { packages: locked } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  const paths = [...uses.keys()].filter((path) => path !== OURS);
  return Promise.all(
    paths.map(async (path) => {
      const packageJson = JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8')) as PackageJson;
      const { name, version } = packageJson;
      const lock = locked[path];
      const integrity = lock?.version === version ? (lock.integrity ?? null) : null;
      return { path, name, version, licence: licenceOf(packageJson), integrity };
    }),
  );
}
