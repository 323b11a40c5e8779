import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { messageOf } from '../../shared/runtime/errors.ts';

/** https://cloud.ibm.com/docs/codeengine?topic=codeengine-limits: packed, so this is on the safe side. */
const MOST_BYTES = 200 * 1024 * 1024;
/** The one file that a build with the same sources may have or not. */
const MANIFEST = 'manifest.json';
/** What the CLI leaves out of a bundle, and what has it fetch packages. */
const UNWANTED = ['.ceignore', 'package-lock.json', 'node_modules'];

type Files = ReadonlyMap<string, Buffer>;

/** The files of a folder, or null where there is none. */
async function filesIn(folder: string): Promise<Files | null> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => null);
  if (!entries) return null;
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async ({ parentPath, name }): Promise<[string, Buffer]> => {
    const path = join(parentPath, name);
    return [path.slice(folder.length + 1), await readFile(path)];
  });
  return new Map(await Promise.all(read));
}

/**
 * What is wrong with the bundle of a function, before it is pushed: it must be what the sources here give, which `fresh` was just built
 * from, and something that Code Engine takes.
 */
export async function bundleFaults(bundle: string, fresh: string): Promise<string[]> {
  const [given, wanted] = await Promise.all([filesIn(bundle), filesIn(fresh)]);
  if (!given) return [`${bundle}: is not there: npm run build`];
  const unwanted = [...given.keys()].filter((name) => UNWANTED.includes(name.split('/')[0] ?? ''));
  const size = [...given.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
  return [
    ...unwanted.map((name) => `${bundle}/${name}: does not belong there`),
    ...differences(given, wanted ?? new Map()).map(
      (name) => `${bundle}/${name}: is not what the sources here give: npm run build`,
    ),
    ...packageFaults(given).map((fault) => `${bundle}/package.json: ${fault}`),
    ...manifestFaults(given.get(MANIFEST), `${bundle}/${MANIFEST}`),
    ...(size > MOST_BYTES ? [`${bundle}: has ${size} bytes, and Code Engine takes ${MOST_BYTES}`] : []),
  ];
}

function differences(given: Files, wanted: Files): string[] {
  const names = [...new Set([...given.keys(), ...wanted.keys()])].filter(
    (name) => name !== MANIFEST && !UNWANTED.includes(name.split('/')[0] ?? ''),
  );
  return names.filter((name) => !isSame(given.get(name), wanted.get(name))).toSorted();
}

const isSame = (one: Buffer | undefined, other: Buffer | undefined): boolean =>
  one !== undefined && other !== undefined && one.equals(other);

/** Code Engine loads what `main` names, and installs what is depended upon. */
function packageFaults(files: Files): string[] {
  const text = files.get('package.json')?.toString() ?? '{}';
  const { main = '', type, dependencies = {}, scripts = {} } = JSON.parse(text) as Record<string, string | object>;
  return [
    ...(typeof main === 'string' && files.has(main) ? [] : ['main: must name a file of the bundle']),
    ...(type === 'commonjs' ? [] : ['type: must be commonjs']),
    ...(Object.keys(dependencies).length > 0 ? ['dependencies: must be bundled'] : []),
    ...(Object.keys(scripts).length > 0 ? ['scripts: would run in the build at Code Engine'] : []),
  ];
}

function manifestFaults(manifest: Buffer | undefined, place: string): string[] {
  if (!manifest) return [];
  try {
    parseManifest(JSON.parse(manifest.toString()), place);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}
