// Bundles each function and each job alone: `npm run build -- [--manifest FILE] [--official-secrets-manager] [--out FOLDER] [--whole-libraries]`.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { DOCKERFILE, bundlesIn } from './infra/bundle/bundles.ts';
import { portableMetafile } from './infra/bundle/portable-metafile.ts';
import { writeSupplyFiles } from './infra/bundle/supply-files.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
const functionsFolder = join(root, 'functions');
const OFFICIAL = '@ibm-cloud/secrets-manager';
const WHERE_OFFICIAL_IS = `the public registry has only its versions for the retired v1 API.
Take 2 or newer from https://github.com/IBM/secrets-manager-node-sdk, as a tarball (npm install FILE.tgz), or from a registry of yours.`;

/**
 * What the bundles leave out of libraries, and why nobody misses it: how the module's path below `node_modules` begins, what
 * of `infra/bundle/stand-ins.ts` stands in for it, and for an ES module the names that others import from it.
 * `--whole-libraries` leaves out nothing.
 */
const LEFT_OUT = [
  // Cookies, and a list of all public suffixes with them: none of our clients has a jar.
  ['ibm-cloud-sdk-core/lib/cookie-support', 'absent'],
  // Uploads: no call of ours has a form with files. Types of files, with a table of all, serve nothing else.
  ['form-data/', 'absentOnceMade'],
  ['mime-types/', 'absent'],
  // The SDK's own logins but the one with user and password, and its reading of files and environments for them: we log in ourselves.
  ['ibm-cloud-sdk-core/auth/authenticators/(?!index|authenticator|no-auth|basic)', 'absent'],
  ['ibm-cloud-sdk-core/auth/token-managers/(?!index)', 'absent'],
  ['ibm-cloud-sdk-core/auth/utils/(?!index|helpers)', 'absent'],
  // The SDK's own repeats: `Calls` repeats.
  ['retry-axios/', 'absent'],
  // The SDK's trace of every request and answer: it may hold what is secret, and must not depend on a variable.
  ['debug/', 'silentDebug'],
  // Redirects: none is followed. HTTP/2: nothing asks for it.
  ['follow-redirects/', 'absent'],
  ['http2$', 'absent'],
  // JSON Schema: only `npm run schema` and `npm run docs` write it.
  ['zod/v4/core/json-schema-processors', 'absent'],
  ['zod/v4/core/json-schema-generator', 'absent'],
  ['zod/v4/core/to-json-schema', 'absent', 'createStandardJSONSchemaMethod, createToJSONSchemaMethod'],
].map(([module, standIn, names]) => ({ module, pattern: new RegExp(`^${module}`), standIn, names, isUsed: false }));

/** What runs before anything else in a bundle; each file says why. */
const INJECTED = ['infra/bundle/global-scope.ts', 'infra/bundle/no-compiled-parsers.ts'];

const leaveOut = {
  name: 'leave-out',
  setup(bundle) {
    const SEEN = Symbol('resolved by the others');
    bundle.onResolve({ filter: /./ }, async ({ path, pluginData, ...importer }) => {
      if (pluginData === SEEN) return null;
      const found = await bundle.resolve(path, { ...importer, pluginData: SEEN });
      const module = found.path.split(`${sep}node_modules${sep}`).at(-1).replaceAll(sep, '/');
      const row = LEFT_OUT.find(({ pattern }) => pattern.test(module));
      if (!row) return null;
      row.isUsed = true;
      return { path: row.module, namespace: 'stand-in', pluginData: row };
    });
    bundle.onLoad({ filter: /./, namespace: 'stand-in' }, ({ pluginData: { module, standIn, names } }) => {
      const name = module.replace(/\/?(\(.*|\$)?$/, '');
      const made = `${standIn}('${name}')`;
      const contents = names
        ? `import { ${standIn} } from './infra/bundle/stand-ins.ts'; export const { ${names} } = ${made};`
        : `module.exports = require('./infra/bundle/stand-ins.ts').${made};`;
      return { contents, resolveDir: root };
    });
  },
};

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

/** Functions that serve a page, and where its sources are. */
const PAGES = { 'show-report': 'shared/report/page' };

/** The page of a function, for browsers, beside its bundle. Returns the metafile of its script. */
async function bundlePage(source, folder) {
  const common = { absWorkingDir: root, bundle: true, minify: true, target: 'es2023', logLevel: 'warning' };
  const script = { entryPoints: [`${source}/main.ts`], outfile: join(folder, 'report.js'), format: 'iife' };
  const { metafile } = await build({
    ...common,
    ...script,
    platform: 'browser',
    legalComments: 'linked',
    metafile: true,
  });
  await build({ ...common, entryPoints: [`${source}/report.css`], outfile: join(folder, 'report.css') });
  const html = await readFile(join(root, source, 'report.html'), 'utf8');
  await writeFile(join(folder, 'report.html'), html.replaceAll(/\s*\n\s*/g, '\n'));
  return metafile;
}

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

/** Bundles all in one go, for they share most of what is read: each whole, in a folder of its own. Returns the metafile. */
async function bundleAll(bundles, out, options) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: bundles.map(({ name, entry }) => ({ in: entry, out: `${name}/main` })),
    outdir: out,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
    inject: options.whole ? [] : INJECTED,
    plugins: [...(options.official ? [officialSecretsManager] : []), ...(options.whole ? [] : [leaveOut])],
  });
  return portableMetafile(metafile, root, out);
}

/** What the metafile says of one bundle. */
function partOf({ inputs, outputs }, { name, entry }) {
  const read = new Set();
  const visit = (file) => {
    if (read.has(file) || !inputs[file]) return;
    read.add(file);
    for (const { path } of inputs[file].imports) visit(path);
  };
  for (const file of [...INJECTED, entry]) visit(file);
  return { inputs: only(inputs, (file) => read.has(file)), outputs: only(outputs, (file) => folderOf(file) === name) };
}

const only = (files, isOwn) => Object.fromEntries(Object.entries(files).filter(([file]) => isOwn(file)));

const folderOf = (file) => file.split('/').at(-2);

/** What is beside the code of a bundle. Returns the metafiles of it, portable. */
async function complete({ name, isJob }, out, manifest) {
  const folder = join(out, name);
  // CommonJS whatever a folder above it says.
  const packageJson = { name, private: true, type: 'commonjs', main: 'main.js' };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(packageJson, null, 2)}\n`);
  if (manifest) await writeFile(join(folder, 'manifest.json'), manifest);
  if (isJob) await writeFile(join(folder, 'Dockerfile'), DOCKERFILE);
  return PAGES[name] ? [portableMetafile(await bundlePage(PAGES[name], folder), root, out)] : [];
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
    'whole-libraries': { type: 'boolean', default: false },
  };
  try {
    const { values } = parseArgs({ options });
    const empty = ['manifest', 'out'].find((name) => values[name] === '');
    if (empty) throw new Error(`--${empty}: is empty; name a ${empty === 'out' ? 'folder' : 'file'}, or leave it out`);
    const out = resolve(values.out);
    if (out === functionsFolder) throw new Error(`--out: ${out} holds the sources; name another folder`);
    const { manifest = null, 'official-secrets-manager': official, 'whole-libraries': whole } = values;
    return { out, manifest, official, whole };
  } catch (error) {
    return fail(error.message, WRONG_INPUT);
  }
}

async function main() {
  const { out, official, whole, manifest: manifestFile } = readArguments();
  const obstacle = official ? await whyNotOfficial() : null;
  if (obstacle) fail(obstacle);
  const manifest = manifestFile === null ? null : await manifestJson(manifestFile);
  await mkdir(out, { recursive: true });
  const bundles = await bundlesIn(functionsFolder);
  for (const { name } of bundles) {
    for (const former of [name, `${name}.cdx.json`]) await rm(join(out, former), { recursive: true, force: true });
  }
  const metafile = await bundleAll(bundles, out, { official, whole });
  for (const bundle of bundles) {
    const { name } = bundle;
    const part = partOf(metafile, bundle);
    await writeSupplyFiles(root, out, name, [part, ...(await complete(bundle, out, manifest))]);
    await writeFile(join(out, `${name}.meta.json`), JSON.stringify(part));
    const [, { bytes }] = Object.entries(part.outputs).find(([file]) => file.endsWith('/main.js'));
    process.stderr.write(`build: ${name} ${Math.round(bytes / 1000)} KB\n`);
  }
  const unused = whole ? [] : LEFT_OUT.filter(({ isUsed }) => !isUsed).map(({ module }) => module);
  if (unused.length > 0) fail(`nothing loads ${unused.join(', ')} any more: LEFT_OUT is out of date`);
}

await main().catch((error) => fail(error.message));
