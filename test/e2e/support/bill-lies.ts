import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { billFaults, billOf } from '../../support/cyclone-dx.ts';

interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

const textOf = (...path: string[]) => readFileSync(join(...path), 'utf8');
const { packages: locked } = JSON.parse(textOf('package-lock.json')) as {
  packages: Record<string, { version: string; integrity: string; license: string }>;
};

/** What a bill of materials, or the licences beside the code, tell otherwise than the bundle, its metafile and the lock file. */
export function billLies(out: string, name: string): string[] {
  const text = textOf(out, `${name}.cdx.json`);
  const { metadata, components } = billOf(text);
  const files = metadata.component.components.map((file) => `${file.name} ${file.hashes[0]?.content}`);
  const licences = textOf(out, name, 'THIRD-PARTY-LICENSES.txt');
  const billed = components.map(({ version, purl, hashes = [], licenses = [], properties }) => {
    const path = properties[0]?.value ?? '';
    const hash = Buffer.from(hashes[0]?.content ?? '', 'hex').toString('base64');
    const licence = licenses[0]?.license?.id ?? '';
    return { path, told: [decodeURIComponent(purl), version, `sha512-${hash}`, licence].join(' ') };
  });
  return [
    ...billFaults(text),
    ...difference(files, filesIn(join(out, name))),
    ...billed.flatMap(({ path, told }) => difference([told], [lockedAt(path)])),
    ...billed.flatMap(({ path }) => (licences.includes(`\n${headOf(path)}\n`) ? [] : [`no licence of ${path}`])),
    ...(licences.includes('brings no text of its licence') ? ['a licence without a text'] : []),
    // The page of show-report is in its bill, and in no metafile that is kept.
    ...difference(
      billed.map(({ path }) => path).filter((path) => !/\/(?:@observablehq|d3-|isoformat|internmap)/.test(path)),
      packagesIn(JSON.parse(textOf(out, `${name}.meta.json`)) as Metafile),
    ),
  ];
}

const difference = (told: readonly string[], real: readonly string[]): string[] => [
  ...told.filter((one) => !real.includes(one)).map((one) => `told, but not so: ${one}`),
  ...real.filter((one) => !told.includes(one)).map((one) => `so, but not told: ${one}`),
];

const filesIn = (folder: string): string[] =>
  readdirSync(folder).map((file) => {
    const bytes = readFileSync(join(folder, file));
    return `${file} ${createHash('sha256').update(bytes).digest('hex')}`;
  });

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

function lockedAt(path: string): string {
  const { version = '', integrity = '', license = '' } = locked[path] ?? {};
  return [`pkg:npm/${nameOf(path)}@${version}`, version, integrity, license].join(' ');
}

const headOf = (path: string): string => `${nameOf(path)} ${locked[path]?.version} (${locked[path]?.license})`;

/** The packages of which code is in the outputs. */
function packagesIn({ outputs }: Metafile): string[] {
  const held = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  return [...new Set(held.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))];
}
