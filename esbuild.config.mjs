// Bundles each function alone: `npm run build -- [--manifest FILE] [--official-secrets-manager] [--out FOLDER]`.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const functionsFolder = join(root, 'functions');
const OFFICIAL = '@ibm-cloud/secrets-manager';
const WHERE_OFFICIAL_IS = `the public registry has only its versions for the retired v1 API.
Take 2 or newer from https://github.com/IBM/secrets-manager-node-sdk, as a tarball (npm install FILE.tgz), or from a registry of yours.`;

/** Takes IBM's own Secrets Manager class, where it is installed, in place of ours. Nothing else changes. */
const officialSecretsManager = {
  name: 'official-secrets-manager',
  setup(bundle) {
    bundle.onResolve({ filter: /clients\/secrets-manager\.ts$|^\.\/secrets-manager\.ts$/ }, () => ({
      path: OFFICIAL,
      namespace: 'official',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'official' }, () => ({
      contents: `import imported from '${OFFICIAL}/secrets-manager/v2.js';
        export const SecretsManagerV2 = imported.default ?? imported;`,
      loader: 'js',
      resolveDir: root,
    }));
  },
};

/** Why the official class cannot be bundled, or null. */
async function whyNotOfficial() {
  try {
    const { version } = createRequire(import.meta.url)(`${OFFICIAL}/package.json`);
    if (Number(version.split('.')[0]) >= 2) return null;
    return `${OFFICIAL} is installed as ${version}, and 2 or newer is needed: ${WHERE_OFFICIAL_IS}`;
  } catch {
    return `${OFFICIAL} is not installed: ${WHERE_OFFICIAL_IS}`;
  }
}

/** The manifest as the JSON that functions read: checked, but as it was written. */
async function manifestJson(file) {
  const { loadManifestFile } = await import('./infra/operator/manifest-file.ts');
  const { value } = await loadManifestFile(file).catch((error) => fail(error.message, WRONG_INPUT));
  return JSON.stringify(value);
}

async function bundleFunction(name, out, options) {
  const folder = join(out, name);
  await rm(folder, { recursive: true, force: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: [`functions/${name}/handler.ts`],
    outfile: join(folder, 'main.js'),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
    plugins: options.official ? [officialSecretsManager] : [],
  });
  // CommonJS whatever a folder above it says.
  const packageJson = { name, private: true, type: 'commonjs', main: 'main.js' };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(packageJson, null, 2)}\n`);
  if (options.manifest) await writeFile(join(folder, 'manifest.json'), options.manifest);
  await writeFile(join(out, `${name}.meta.json`), JSON.stringify(result.metafile));
  return result.metafile.outputs[Object.keys(result.metafile.outputs).find((file) => file.endsWith('main.js'))].bytes;
}

const WRONG_INPUT = 2;

function fail(message, exitCode = 1) {
  process.stderr.write(`build: ${message}\n`);
  process.exit(exitCode);
}

/** Where nothing is given, `manifest` is null; an empty text is nobody's wish: a variable of a script was not set. */
function readArguments() {
  const options = {
    manifest: { type: 'string' },
    out: { type: 'string', default: join(root, 'dist') },
    'official-secrets-manager': { type: 'boolean', default: false },
  };
  try {
    const { values } = parseArgs({ options });
    const empty = ['manifest', 'out'].find((name) => values[name] === '');
    if (empty) throw new Error(`--${empty}: is empty; name a ${empty === 'out' ? 'folder' : 'file'}, or leave it out`);
    const out = resolve(values.out);
    if (out === functionsFolder) throw new Error(`--out: ${out} holds the sources; name another folder`);
    return { out, manifest: values.manifest ?? null, official: values['official-secrets-manager'] };
  } catch (error) {
    return fail(error.message, WRONG_INPUT);
  }
}

async function main() {
  const { out, official, manifest: manifestFile } = readArguments();
  const obstacle = official ? await whyNotOfficial() : null;
  if (obstacle) fail(obstacle);
  const manifest = manifestFile === null ? null : await manifestJson(manifestFile);
  await mkdir(out, { recursive: true });
  const entries = await readdir(functionsFolder, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const bytes = await bundleFunction(name, out, { official, manifest });
    process.stderr.write(`build: ${name} ${Math.round(bytes / 1000)} KB\n`);
  }
}

await main().catch((error) => fail(error.message));
