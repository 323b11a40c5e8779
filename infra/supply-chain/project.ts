import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../../shared/runtime/errors.ts';
import { bundlesIn } from '../bundle/bundles.ts';
import { bundledIn } from './bundled-in.ts';
import { InputError } from './fault.ts';
import { lockedPackages } from './locked-packages.ts';
import type { LockedPackage } from './locked-packages.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is locked, and what of it is in bundles. */
export interface Project {
  packages: ReadonlyMap<string, LockedPackage>;
  holders: ReadonlyMap<string, readonly string[]>;
}

/** The project, with the bundles of `--dist`. Null where help is wanted. @throws InputError */
export async function readProject(usage: string): Promise<Project | null> {
  const { dist, help } = readArguments(usage);
  if (help) return null;
  const packages = lockedPackages(await textOf('package-lock.json'));
  const names = (await bundlesIn(join(ROOT, 'functions'))).map(({ name }) => name);
  return { packages, holders: await bundledIn(dist, names, packages) };
}

/** A file of the project. @throws InputError where it cannot be read. */
export async function textOf(file: string): Promise<string> {
  return readFile(join(ROOT, file), 'utf8').catch((error: unknown) => {
    throw new InputError(`${file} cannot be read: ${messageOf(error)}`);
  });
}

function readArguments(usage: string): { dist: string; help: boolean } {
  const options = {
    dist: { type: 'string', default: join(ROOT, 'dist') },
    help: { type: 'boolean', default: false },
  } as const;
  try {
    const { dist, help } = parseArgs({ options }).values;
    if (dist === '') throw new Error('--dist: is empty; name a folder, or leave it out');
    return { dist: resolve(dist), help };
  } catch (error) {
    throw new InputError(`${messageOf(error)}\n\n${usage}`);
  }
}
