import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PATH_PROPERTY } from '../bundle/bill-of-materials.ts';
import { InputError } from './fault.ts';
import { jsonOf } from './json.ts';
import type { LockedPackage } from './locked-packages.ts';

/** What is read of a bill of materials that `npm run build` wrote. */
const Bill = z.object({
  components: z
    .array(
      z.object({
        group: z.string().optional(),
        name: z.string(),
        version: z.string(),
        properties: z.array(z.object({ name: z.string(), value: z.string() })),
      }),
    )
    .default([]),
});

const AGAIN = 'npm run build';

/**
 * The bundles that hold code of a package, by its path in the lock file, as their bills of materials tell.
 * @param names Of the bundles.
 * @throws InputError where one has no bill, or holds what is not locked.
 */
export async function bundledIn(
  dist: string,
  names: readonly string[],
  locked: ReadonlyMap<string, LockedPackage>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const holders = new Map<string, string[]>();
  for (const name of names.toSorted()) {
    const file = join(dist, `${name}.cdx.json`);
    for (const { path, id } of await heldIn(file)) {
      const one = locked.get(path);
      if (!one || `${one.name} ${one.version}` !== id) {
        throw new InputError(`${file} holds ${id}, which package-lock.json does not have: ${AGAIN}, or have it locked`);
      }
      holders.set(path, [...(holders.get(path) ?? []), name]);
    }
  }
  return holders;
}

async function heldIn(file: string): Promise<{ path: string; id: string }[]> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) throw new InputError(`${file} is not there: ${AGAIN}`);
  const bill = Bill.safeParse(jsonOf(text));
  if (!bill.success) throw new InputError(`${file} is no bill of materials of ours: ${AGAIN}`);
  return bill.data.components.map(({ group, name, version, properties }) => ({
    path: properties.find((one) => one.name === PATH_PROPERTY)?.value ?? '',
    id: `${group === undefined ? '' : `${group}/`}${name} ${version}`,
  }));
}
