// `npm run licences`: whether we may use every locked package as we do, by its licence.
import { licenceText } from '../bundle/licence-texts.ts';
import { EXIT, told } from './fault.ts';
import { licenceFaults, licenceOf } from './licence-faults.ts';
import type { LockedPackage } from './locked-packages.ts';
import { ROOT, readProject } from './project.ts';
import type { Project } from './project.ts';

const USAGE = `Usage: npm run licences [-- --dist FOLDER]

Holds the licence of every package in package-lock.json against those that are allowed: for what is in bundles, as their bills of
materials tell, and for what is in none. Ends with 1 where one is not allowed, and with 2 where nothing could be checked.
  --dist FOLDER  where the bundles are (default: dist)`;

async function withoutText({ packages, holders }: Project): Promise<Set<string>> {
  const paths: string[] = [];
  for (const [path, one] of packages) {
    if (!holders.has(path)) continue;
    if ((await licenceText(ROOT, path, licenceOf(one))) === null) paths.push(path);
  }
  return new Set(paths);
}

/** How many packages there are of each licence, most first. */
function countsOf(packages: readonly LockedPackage[]): string {
  const counts = new Map<string, number>();
  for (const one of packages) counts.set(licenceOf(one) ?? 'none', (counts.get(licenceOf(one) ?? 'none') ?? 0) + 1);
  const sorted = [...counts].toSorted(([, one], [, other]) => other - one);
  return `${packages.length} packages: ${sorted.map(([licence, count]) => `${count} ${licence}`).join(', ')}`;
}

async function run(): Promise<number> {
  const project = await readProject(USAGE);
  if (!project) {
    process.stdout.write(`${USAGE}\n`);
    return EXIT.fine;
  }
  const all = [...project.packages.values()];
  const faults = licenceFaults(all, project.holders, await withoutText(project));
  for (const fault of faults) process.stderr.write(`licences: ${fault}\n`);
  if (faults.length > 0) return EXIT.found;
  const isBundled = ({ path }: LockedPackage) => project.holders.has(path);
  process.stdout.write(`in bundles, ${countsOf(all.filter(isBundled))}\n`);
  process.stdout.write(`in no bundle, ${countsOf(all.filter((one) => !isBundled(one)))}\n`);
  return EXIT.fine;
}

process.exitCode = await run().catch((error: unknown) => told('licences', error));
