// `npm run vulnerabilities`: what is known of the locked packages, as the npm registry tells it.
import { spawnSync } from 'node:child_process';
import { readAcceptances } from './accepted-advisories.ts';
import { vulnerabilitiesIn } from './audit-report.ts';
import { askedWithControl, withoutControl } from './control-question.ts';
import { EXIT, UnknownError, told } from './fault.ts';
import { ROOT, readProject, textOf } from './project.ts';
import { verdictOf } from './vulnerability-lines.ts';

const ACCEPTED = 'infra/supply-chain/accepted-advisories.json';

const USAGE = `Usage: npm run vulnerabilities [-- --dist FOLDER]

Asks the npm registry for known vulnerabilities of every package in package-lock.json, what is in bundles first. Ends with 1 where there
is one that is not accepted in ${ACCEPTED}, with 2 where something is wrong with what it is given, and
with 4 where the registry does not answer, or does not know what every registry of advisories knows: then nothing is known.
  --dist FOLDER  where the bundles are (default: dist)`;

/**
 * Whatever a machine or an environment leaves out elsewhere is asked about here. Offline, npm would find nothing, and say so with a good
 * exit code.
 */
const ARGUMENTS = [
  'audit',
  '--json',
  '--package-lock-only',
  '--no-offline',
  '--audit',
  ...['dev', 'optional', 'peer'].map((kind) => `--include=${kind}`),
  '--fetch-retries=1',
  '--fetch-timeout=60000',
];

/** What npm writes of a folder: a report, or why there is none. Its exit code says no more. @throws UnknownError */
function audit(folder: string): string {
  const npm = process.env['npm_execpath'];
  const [command, prefix] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const { stdout, stderr, error } = spawnSync(command, [...prefix, ...ARGUMENTS], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error) throw new UnknownError(`npm could not be started: ${error.message}`);
  if (stdout.trim() === '') throw new UnknownError(`npm audit wrote nothing: ${stderr.trim()}`);
  return stdout;
}

async function run(): Promise<number> {
  const project = await readProject(USAGE);
  if (!project) {
    process.stdout.write(`${USAGE}\n`);
    return EXIT.fine;
  }
  const acceptances = readAcceptances(await textOf(ACCEPTED), ACCEPTED, Date.now());
  const report = await askedWithControl(ROOT, audit);
  const vulnerabilities = withoutControl(vulnerabilitiesIn(report, project.packages.size + 1));
  const { open, accepted, needless } = verdictOf(vulnerabilities, acceptances, project);
  for (const text of [...open, ...accepted]) process.stdout.write(`${text}\n\n`);
  for (const text of needless) process.stderr.write(`vulnerabilities: ${text}: take it out of ${ACCEPTED}\n`);
  const counts = `${open.length} to mend, ${accepted.length} accepted`;
  process.stdout.write(`${project.packages.size} packages asked about: ${counts}\n`);
  return open.length > 0 ? EXIT.found : EXIT.fine;
}

process.exitCode = await run().catch((error: unknown) => told('vulnerabilities', error));
