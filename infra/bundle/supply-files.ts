import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { billOfMaterials } from './bill-of-materials.ts';
import { readPackages, usesIn } from './bundled-packages.ts';
import { thirdPartyLicences } from './licence-texts.ts';

/** Goes with the bundle. */
const LICENCES = 'THIRD-PARTY-LICENSES.txt';
/** The user's own, and no part of what was built. */
const MANIFEST = 'manifest.json';

/**
 * Says what is in a finished bundle: the licences of others in its folder, and its bill of materials beside it.
 * @param metafiles Portable ones, of all that was built into the folder.
 */
export async function writeSupplyFiles(
  root: string,
  out: string,
  name: string,
  metafiles: readonly Metafile[],
): Promise<void> {
  const uses = usesIn(metafiles);
  const packages = await readPackages(root, uses);
  await writeFile(join(out, name, LICENCES), await thirdPartyLicences(root, packages));
  const { version, license: licence } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string;
    license: string;
  };
  const files = await hashesIn(join(out, name));
  const tools = versionsOf('esbuild', '@cyclonedx/cyclonedx-library');
  const bill = billOfMaterials({ name, version, licence, packages, uses, files, tools });
  await writeFile(join(out, `${name}.cdx.json`), bill);
}

async function hashesIn(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).filter((name) => name !== MANIFEST).toSorted();
  const hash = async (name: string): Promise<[string, string]> => [
    name,
    createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex'),
  ];
  return new Map(await Promise.all(names.map(hash)));
}

const require = createRequire(import.meta.url);

const versionsOf = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, (require(`${name}/package.json`) as { version: string }).version]));
