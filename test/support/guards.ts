import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';
import type * as simulation from './simulation.ts';

/** Something in the product that keeps keys safe, and how the test build leaves it out. */
export interface Guard {
  name: string;
  /** What the design says of it. */
  rule: string;
  file: string;
  /** The code that is the guard: it stands exactly once in the file. */
  code: string;
  /** What the test build has in its place. */
  instead: string;
}

/** Every guard of the protocol. */
export const GUARDS = [
  {
    name: 'claim',
    rule: 'whoever mints says so on the current version, and other runs hold for that lease',
    file: 'shared/rotation/mint-rules.ts',
    code: 'if (lease) {',
    instead: 'if (lease && false) {',
  },
  {
    name: 'guard lock',
    rule: 'the current version is locked before a mint, so that of two stores one is refused',
    file: 'shared/rotation/mint.ts',
    code: 'await ports.secrets.lockVersion(secret.id, current.id, lock, ports.signal);',
    instead: 'void lock;',
  },
  {
    name: 'verification',
    rule: 'a key is stored only after it has logged in twice',
    file: 'shared/rotation/verification.ts',
    code: 'await clock.sleep(FIRST_PAUSE_MS, signal);',
    instead: "if (clock) return { outcome: 'accepted' };",
  },
  {
    name: 'evidence',
    rule: 'an old key goes only on evidence that nobody uses it',
    file: 'shared/rotation/retire-rules.ts',
    code: 'const missing = missingEvidence(old, situation);',
    instead: 'const missing: string[] = []; void missingEvidence;',
  },
  {
    name: 'fresh observation',
    rule: 'lists may be stale: whatever is to be changed is asked for by its id right before',
    file: 'shared/rotation/observe.ts',
    code: '...ours.filter((one) => !isWell(one)).map((one) => one.id),',
    instead: '...ours.filter((one) => !isWell(one) && !one.disabled).map((one) => one.id),',
  },
  {
    name: 'look-up after an unclear create',
    rule: 'a key whose creation was not answered is looked for by its name, and removed',
    file: 'shared/rotation/mint.ts',
    code: "if (error.effect !== 'none') await removeByName(attempt, name);",
    instead: 'void removeByName;',
  },
  {
    name: 'look-up after an unclear store',
    rule: 'a key whose store was not answered is never deleted: the next look knows whether it is current',
    file: 'shared/rotation/mint.ts',
    code: "if (error.effect === 'unknown') return",
    instead: "if (error.effect === 'unknown') return notStored(attempt, created, error); if (!error) return",
  },
  {
    name: 'age rule',
    rule: 'a key of ours that no version names is left alone while a run may still be about to store it',
    file: 'shared/rotation/retire-rules.ts',
    code: 'if (supersededAtMs !== null || nowMs >= untilMs) return null;',
    instead: 'if (supersededAtMs !== null || nowMs >= 0) return null;',
  },
  {
    name: 'name match',
    rule: 'only keys that bear the name of the entry are its own',
    file: 'shared/rotation/situation.ts',
    code: 'name?.deployment === key.deployment && [key.name, ...key.formerly].includes(name.name)',
    instead: 'name?.deployment === key.deployment',
  },
  {
    name: 'deployment match',
    rule: 'keys of another installation on the same identity are none of ours',
    file: 'shared/rotation/situation.ts',
    code: 'name?.deployment === key.deployment && [key.name, ...key.formerly].includes(name.name)',
    instead: "[key.name, ...key.formerly].includes(name?.name ?? '')",
  },
  {
    name: 'release by version id',
    rule: 'a release names the version that was seen as current, so that a late one frees nothing else',
    file: 'shared/rotation/apply.ts',
    code: 'await ports.secrets.lockVersion(secret.id, step.versionId, lock, ports.signal);',
    instead: "await ports.secrets.lockVersion(secret.id, 'current', lock, ports.signal);",
  },
  {
    name: 'lock of an undo',
    rule: 'an undo locks the key at its issuer first, so that no run that looked before can delete it after',
    file: 'shared/rotation/undo.ts',
    code: 'await kind.lock(key, keyId, ports.signal);\n  try {',
    instead: 'try {',
  },
  {
    name: 'taking back a disable',
    rule: 'a run that has disabled a key which an undo made current meanwhile enables it again',
    file: 'shared/rotation/apply.ts',
    code: 'if (currentKeyId(seen) === keyId || currentKeyId(after) !== keyId) return',
    instead: 'if (currentKeyId) return',
  },
  {
    name: 'look after an undo',
    rule: 'an undo looks at the key after its store, and enables it again where a run has disabled it meanwhile',
    file: 'shared/rotation/undo.ts',
    code: 'await keepOn(key, former, kind, ports);',
    instead: 'void keepOn;',
  },
] as const satisfies readonly Guard[];

export type GuardName = (typeof GUARDS)[number]['name'];

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The laboratory and all that is tried in it: with the product as it is, or from a test build without one guard. */
export type Simulation = typeof simulation;

/**
 * Builds product, embedded cloud and simulation into one file, with one guard left out, and loads it. The product itself
 * has no switch for that.
 * @throws Error when the guard's code is not found exactly once.
 */
export async function simulationWithout(guardName: GuardName): Promise<Simulation> {
  const guard: Guard | undefined = GUARDS.find(({ name }) => name === guardName);
  if (!guard) throw new Error(`there is no guard ${guardName}`);
  const folder = mkdtempSync(join(tmpdir(), 'keyrota-guard-'));
  try {
    return await builtWithout(guard, join(folder, 'simulation.cjs'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function builtWithout(guard: Guard, outfile: string): Promise<Simulation> {
  await build({
    absWorkingDir: root,
    entryPoints: ['test/support/simulation.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'silent',
    plugins: [leavingOut(guard)],
  });
  return createRequire(import.meta.url)(outfile) as Simulation;
}

const leavingOut = ({ file, code, instead, name }: Guard): Plugin => ({
  name: 'leave-out-a-guard',
  setup(bundle) {
    const isFile = new RegExp(`${file.replaceAll('.', '\\.').replaceAll('/', '[\\\\/]')}$`);
    bundle.onLoad({ filter: isFile }, ({ path }) => {
      const parts = readFileSync(path, 'utf8').split(code);
      if (parts.length !== 2) throw new Error(`the guard "${name}" stands ${parts.length - 1} times in ${file}`);
      return { contents: parts.join(instead), loader: 'ts' };
    });
  },
});
