// Installs the locked packages when they are missing, once, and makes sure that `node_modules/.bin/node` is a Node 24.
// Plain JavaScript without dependencies: it runs on whatever Node >= 20 the machine has, before anything is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const pinnedNode = join(root, 'node_modules', '.bin', 'node');
const say = (line) => process.stderr.write(`keyrota: ${line}\n`);

/** Versions by path of every package that a lock file holds and this machine needs. */
function packagesOf(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'));
  return new Map(
    Object.entries(packages)
      .filter(([path, entry]) => path !== '' && !entry.optional && !entry.link)
      .map(([path, entry]) => [path, entry.version]),
  );
}

function isInstalled() {
  const installedLock = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedLock)) return false;
  const installed = packagesOf(installedLock);
  return [...packagesOf(join(root, 'package-lock.json'))].every(([path, version]) => installed.get(path) === version);
}

function install() {
  say('installing the locked packages, once ...');
  const npm = process.env.npm_execpath;
  const [command, prefix] = npm ? [process.execPath, [npm]] : ['npm', []];
  const args = [...prefix, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  say(`the installation failed${result.error ? ` (${result.error.message})` : ''}. Nothing was started.`);
  say('Check that this machine reaches its npm registry, then run the same command again.');
  process.exit(1);
}

const majorOf = (node) => Number(/^v(\d+)\./.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }))?.[1]);

function runsNode24(node) {
  try {
    return majorOf(node) >= 24;
  } catch {
    return false; // absent, or built for another C library
  }
}

/** Where no Node 24 is packaged for a platform, a system Node of that age serves. */
function linkSystemNode() {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    say(`no Node 24 is packaged for ${process.platform}-${process.arch}, and this Node is ${process.version}.`);
    say('Install Node 24 or newer, then run the same command again.');
    process.exit(1);
  }
  mkdirSync(dirname(pinnedNode), { recursive: true });
  rmSync(pinnedNode, { force: true });
  symlinkSync(process.execPath, pinnedNode);
}

if (!isInstalled()) install();
if (!runsNode24(pinnedNode)) linkSystemNode();
