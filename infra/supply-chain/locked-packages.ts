import { z } from 'zod';
import { InputError } from './fault.ts';

const Dependencies = z.record(z.string(), z.string()).default({});

/** What is read of a lock file of version 3: https://docs.npmjs.com/cli/configuring-npm/package-lock-json */
const LockFile = z.object({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.object({
      name: z.string().optional(),
      version: z.string().default(''),
      license: z.string().optional(),
      dependencies: Dependencies,
      devDependencies: Dependencies,
      optionalDependencies: Dependencies,
      peerDependencies: Dependencies,
    }),
  ),
});

/** A package as the lock file has it. */
export interface LockedPackage {
  /** Its place, such as `node_modules/zod`. */
  path: string;
  name: string;
  version: string;
  /** As it declares it; null where it declares none. */
  licence: string | null;
  /** How it comes in: the names from a dependency of ours down to this package. */
  broughtInBy: readonly string[];
}

/** Every package of a lock file, by path. @throws InputError where it is none. */
export function lockedPackages(text: string): ReadonlyMap<string, LockedPackage> {
  const { packages } = parsed(text);
  const chains = chainsOf(packages);
  const entries = Object.entries(packages).filter(([path]) => path !== '');
  return new Map(
    entries.map(([path, { name, version, license }]) => {
      const ownName = name ?? nameAt(path);
      return [
        path,
        { path, name: ownName, version, licence: license ?? null, broughtInBy: chains.get(path) ?? [ownName] },
      ];
    }),
  );
}

type Packages = z.infer<typeof LockFile>['packages'];

function parsed(text: string): z.infer<typeof LockFile> {
  try {
    return LockFile.parse(JSON.parse(text));
  } catch (error) {
    const where = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new InputError(`package-lock.json is no lock file of version 3: ${where}`);
  }
}

const FOLDER = 'node_modules/';
const nameAt = (path: string): string => path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);

/** The shortest way to each package, breadth first. */
function chainsOf(packages: Packages): Map<string, string[]> {
  const chains = new Map<string, string[]>([['', []]]);
  // A map goes on with what is added to it while it is walked through.
  for (const [path, chain] of chains) {
    const one = packages[path];
    const wanted = {
      ...one?.dependencies,
      ...one?.devDependencies,
      ...one?.optionalDependencies,
      ...one?.peerDependencies,
    };
    for (const name of Object.keys(wanted)) {
      const found = placeOf(name, path, packages);
      if (found !== null && !chains.has(found)) chains.set(found, [...chain, name]);
    }
  }
  return chains;
}

/** Where a package finds another: in its own folder, or in one further out. Null where it is not installed. */
function placeOf(name: string, from: string, packages: Packages): string | null {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf(`/${FOLDER}`)))) {
    const place = `${folder === '' ? '' : `${folder}/`}${FOLDER}${name}`;
    if (packages[place]) return place;
    if (folder === '') return null;
  }
}
