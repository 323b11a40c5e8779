// `npm run push-bundles -- --project NAME`: brings the bundles in `dist` to the functions that Terraform made.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../../shared/runtime/errors.ts';
import { quoted } from '../../shared/runtime/shell-words.ts';
import { bundleFaults } from './bundle-faults.ts';

const USAGE = `Usage: npm run push-bundles -- --project NAME [options]

Pushes what is in dist, once it is what the sources here give. IBM's CLI with its plugin code-engine does the work:
it packs each folder, pushes it to Container Registry, and points the function to it. Of a job it builds the image.

  --project NAME              the Code Engine project
  --prefix PREFIX             that of the Terraform module
  --only NAME,NAME            these functions alone
  --job                       the job for fleets as well, which fleet_shards makes
  --image NAME                where the image of the job goes, as REGISTRY/NAMESPACE/NAME:TAG (default: as Code Engine chooses)
  --dist FOLDER               where the bundles are (default: dist)
  --official-secrets-manager  the bundles were built with that
  --uncommitted               push though the sources are not committed
  --dry-run                   check everything, and print the commands only

Ends with 2 when something is wrong before anything was pushed, and with 1 when a command of the CLI failed.`;

const CLI = 'ibmcloud';
const RUNTIME = 'nodejs-24';
/** The job for fleets: its bundle, and its name behind the prefix. */
const JOB = 'rotate-keys-job';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Nothing was pushed. */
class InputError extends Error {}

/** Some of it may be pushed. */
class PushError extends Error {}

interface Options {
  project: string;
  prefix: string;
  only: string[] | null;
  job: boolean;
  image: string | null;
  dist: string;
  official: boolean;
  uncommitted: boolean;
  dryRun: boolean;
}

const NAMED = { type: 'string' } as const;
const FLAG = { type: 'boolean', default: false } as const;

/** Null where help is wanted. */
function readArguments(): Options | null {
  const options = {
    project: NAMED,
    prefix: NAMED,
    only: NAMED,
    job: FLAG,
    image: NAMED,
    dist: NAMED,
    'official-secrets-manager': FLAG,
    uncommitted: FLAG,
    'dry-run': FLAG,
    help: FLAG,
  };
  try {
    const { values } = parseArgs({ options });
    if (values.help) return null;
    const { project, prefix = '', only, job, image = null, dist = 'dist', uncommitted } = values;
    if (!project) throw new Error('--project: name the Code Engine project');
    if (!/^([a-z][-a-z0-9]{0,14}[a-z0-9])?$/.test(prefix)) throw new Error('--prefix: that of the Terraform module');
    if (image !== null && !job) throw new Error('--image: is that of the job; say --job as well');
    const flags = { official: values['official-secrets-manager'], uncommitted, dryRun: values['dry-run'] };
    return { project, prefix, only: only === undefined ? null : only.split(','), job, image, dist, ...flags };
  } catch (error) {
    throw new InputError(`${messageOf(error)}\n\n${USAGE}`);
  }
}

/** Names of what is pushed: functions, and the job. */
async function namesOf({ only, job }: Options): Promise<string[]> {
  const entries = await readdir(join(ROOT, 'functions'), { withFileTypes: true });
  const all = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const unknown = (only ?? []).filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new InputError(`--only: there are ${all.join(', ')}, and no ${unknown.join(', ')}`);
  return [...(only ?? all), ...(job ? [JOB] : [])];
}

/** What is pushed can be had again: it stands in the history. */
function demandCommitted({ uncommitted }: Options): void {
  const { status, stdout, error } = spawnSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' });
  if (error || status !== 0) {
    process.stderr.write('push-bundles: this is no git checkout, so nothing tells which version is pushed\n');
    return;
  }
  if (stdout.trim() === '' || uncommitted) return;
  throw new InputError('the sources have changes that are not committed: commit them, or say --uncommitted');
}

async function demandGoodBundles(names: readonly string[], { dist, official }: Options): Promise<void> {
  const fresh = await mkdtemp(join(tmpdir(), 'keyrota-bundles-'));
  try {
    const args = ['esbuild.config.mjs', '--out', fresh, ...(official ? ['--official-secrets-manager'] : [])];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    if (status !== 0) throw new InputError(`the sources cannot be built:\n${stderr.trim()}`);
    const faults: string[] = [];
    for (const name of names) faults.push(...(await bundleFaults(join(dist, name), join(fresh, name))));
    if (faults.length > 0) throw new InputError(faults.join('\n'));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** The commands of the CLI: the first says where, each other one pushes a function or the job. */
function commandsFor(names: readonly string[], { project, prefix, image, dist }: Options): string[][] {
  const update = (name: string) => {
    const named = prefix === '' ? name : `${prefix}-${name}`;
    const source = relative('.', join(dist, name));
    if (name === JOB) {
      const place = image === null ? [] : ['--image', image];
      return [
        CLI,
        'ce',
        'job',
        'update',
        '--name',
        named,
        '--build-source',
        source,
        '--build-strategy',
        'dockerfile',
        ...place,
      ];
    }
    return [CLI, 'ce', 'fn', 'update', '--name', named, '--runtime', RUNTIME, '--build-source', source];
  };
  return [[CLI, 'ce', 'project', 'select', '--name', project], ...names.map(update)];
}

function demandCli(): void {
  const { error } = spawnSync(CLI, ['--version'], { stdio: 'ignore' });
  if (!error) return;
  throw new InputError('the CLI ibmcloud with its plugin code-engine is needed: https://cloud.ibm.com/docs/cli');
}

function run([program = '', ...args]: readonly string[], done: number): void {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  const pushed = done <= 1 ? 'nothing was pushed' : `${done - 1} bundles were pushed before`;
  throw new PushError(`${args.join(' ')} failed, and ${pushed}. Repeat it: what is pushed again stays the same.`);
}

async function main(): Promise<void> {
  const options = readArguments();
  if (!options) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const names = await namesOf(options);
  if (!options.dryRun) demandCli();
  demandCommitted(options);
  await demandGoodBundles(names, options);
  const commands = commandsFor(names, options);
  for (const [done, command] of commands.entries()) {
    process.stdout.write(`${command.map(quoted).join(' ')}\n`);
    if (!options.dryRun) run(command, done);
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`push-bundles: ${messageOf(error)}\n`);
  process.exitCode = error instanceof InputError ? 2 : 1;
});
