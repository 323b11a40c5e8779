// Bundles each function alone: `npm run build -- [--manifest FILE] [--official-secrets-manager] [--out FOLDER]`.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const OFFICIAL = '@ibm-cloud/secrets-manager';

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
    return Number(version.split('.')[0]) >= 2
      ? null
      : `${OFFICIAL} ${version} speaks only the retired v1 API; 2 or newer is needed`;
  } catch {
    return `${OFFICIAL} is not installed: npm install ${OFFICIAL}@2`;
  }
}

/** The manifest as the JSON that functions read: checked, but as it was written. */
async function manifestJson(file) {
  const { loadManifestFile } = await import('./infra/operator/manifest-file.ts');
  return JSON.stringify((await loadManifestFile(file)).value);
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

function fail(message) {
  process.stderr.write(`build: ${message}\n`);
  process.exit(1);
}

async function main() {
  const { values } = parseArgs({
    options: {
      manifest: { type: 'string' },
      out: { type: 'string', default: join(root, 'dist') },
      'official-secrets-manager': { type: 'boolean', default: false },
    },
  });
  const official = values['official-secrets-manager'];
  const obstacle = official ? await whyNotOfficial() : null;
  if (obstacle) fail(obstacle);
  const manifest = values.manifest ? await manifestJson(values.manifest) : null;
  await mkdir(values.out, { recursive: true });
  const entries = await readdir(join(root, 'functions'), { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const bytes = await bundleFunction(name, values.out, { official, manifest });
    process.stderr.write(`build: ${name} ${Math.round(bytes / 1000)} KB\n`);
  }
}

await main().catch((error) => fail(error.message));
