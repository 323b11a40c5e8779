import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Vulnerability } from './audit-report.ts';
import { UnknownError } from './fault.ts';

/** Every registry that knows anything of vulnerabilities knows those of this one: GHSA-xvch-5gv4-984h, for example. */
const CONTROL = { name: 'minimist', version: '0.0.8' };
const ALIAS = 'keyrota-control-question';
const PLACE = `node_modules/${ALIAS}`;

type Json = Record<string, Record<string, unknown> | undefined>;

/**
 * Has an audit ask about what is locked and, in the same request, about a package that is known to be bad: a registry that answers every
 * audit with an empty list looks like one that has nothing to tell. Nothing is installed, and the project's own files stay as they are.
 * @param audit Runs npm in a folder.
 */
export async function askedWithControl(root: string, audit: (folder: string) => string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keyrota-audit-'));
  try {
    const packageJson = await jsonIn(root, 'package.json');
    const lock = await jsonIn(root, 'package-lock.json');
    const packages = (lock['packages'] ?? {}) as Json;
    addControl(packageJson);
    addControl(packages[''] as Json);
    packages[PLACE] = { ...CONTROL, dev: true };
    await writeFile(join(folder, 'package.json'), JSON.stringify(packageJson));
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
    // It may hold a token for the registry, so it is not copied.
    await symlink(join(root, '.npmrc'), join(folder, '.npmrc'));
    return audit(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const jsonIn = async (root: string, file: string): Promise<Json> =>
  JSON.parse(await readFile(join(root, file), 'utf8')) as Json;

function addControl(project: Json): void {
  const { name, version } = CONTROL;
  project['devDependencies'] = { ...project['devDependencies'], [ALIAS]: `npm:${name}@${version}` };
}

/** What was found but by the control question. @throws UnknownError where that was not answered as it must be. */
export function withoutControl(vulnerabilities: readonly Vulnerability[]): Vulnerability[] {
  if (!vulnerabilities.some(({ paths }) => paths.includes(PLACE))) {
    throw new UnknownError(
      `the registry answered, but knows nothing of ${CONTROL.name} ${CONTROL.version}, which has had advisories since 2020\n` +
        'So what it does not know of our packages says nothing. Ask another: npm run vulnerabilities --registry=URL',
    );
  }
  return vulnerabilities.flatMap((one) => {
    const paths = one.paths.filter((path) => path !== PLACE);
    return paths.length < one.paths.length && paths.length === 0 ? [] : [{ ...one, paths }];
  });
}
