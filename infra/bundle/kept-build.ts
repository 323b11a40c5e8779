import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a build reads of ours. All else it takes from packages, which the lock file pins: their installation takes away what is kept. */
const SOURCES = [
  'functions',
  'shared',
  'infra/bundle',
  'LICENSE',
  'esbuild.config.mjs',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
];

const KEPT = 'node_modules/.cache/bundles';

/** Others may still be copied from so long after they were made, in milliseconds. */
const IN_USE_MS = 60 * 60_000;

/**
 * Puts the bundles of the functions into a folder, as `npm run build` makes them without arguments. They are built when anything that
 * they are made of has changed since the last time, and are kept in `node_modules/.cache/bundles`; where nothing can be kept they are
 * built each time. What was in the folder is taken away.
 *
 * @throws Error when they cannot be built, with what the build said.
 */
export function putBundles(out: string, root = ROOT): void {
  rmSync(out, { recursive: true, force: true });
  const digest = digestOf(root);
  const kept = join(root, KEPT, digest);
  if (isCopied(kept, out)) return;
  build(root, out);
  // What was changed while it was built may be in it, or not.
  if (digestOf(root) === digest) keep(out, kept);
}

function build(root: string, out: string): void {
  const args = [join(root, 'esbuild.config.mjs'), '--out', out];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the functions could not be built:\n${stderr}`);
}

function isCopied(kept: string, out: string): boolean {
  if (!existsSync(kept)) return false;
  try {
    cpSync(kept, out, { recursive: true });
    return true;
  } catch {
    rmSync(out, { recursive: true, force: true }); // it was taken away meanwhile
    return false;
  }
}

/** Whole or not at all: others may look for it at any moment. */
function keep(out: string, kept: string): void {
  const folder = join(kept, '..');
  const unfinished = join(folder, randomUUID());
  try {
    mkdirSync(folder, { recursive: true });
    cpSync(out, unfinished, { recursive: true });
    renameSync(unfinished, kept);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (path !== kept && Date.now() - statSync(path).mtimeMs > IN_USE_MS) rmSync(path, { recursive: true });
    }
  } catch {
    // Another one was first, or nothing can be written there.
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Of the names and bytes of all that a build reads, and of the Node that builds. */
function digestOf(root: string): string {
  const files = SOURCES.flatMap((source) => {
    if (!statSync(join(root, source)).isDirectory()) return [source];
    const entries = readdirSync(join(root, source), { recursive: true, encoding: 'utf8' });
    return entries.map((entry) => join(source, entry)).filter((file) => statSync(join(root, file)).isFile());
  });
  const hash = createHash('sha256').update(process.version);
  for (const file of files.toSorted()) {
    const bytes = readFileSync(join(root, file));
    hash.update(`\0${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}
