import { createHash } from 'node:crypto';
import { Factories } from '@cyclonedx/cyclonedx-library/Contrib/License';
import * as Enums from '@cyclonedx/cyclonedx-library/Enums';
import * as Models from '@cyclonedx/cyclonedx-library/Models';
import { JSON as CycloneJson, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import parseSpdx from 'spdx-expression-parse';
import type { BundledPackage, Uses } from './bundled-packages.ts';

/** What a bill of materials tells. */
export interface Materials {
  /** Of the bundle. */
  name: string;
  version: string;
  licence: string;
  packages: readonly BundledPackage[];
  uses: Uses;
  /** The files of the bundle, each with its SHA-256, hexadecimal. */
  files: ReadonlyMap<string, string>;
  /** What made it, by name, with versions. */
  tools: Readonly<Record<string, string>>;
}

/** As npm's own bills name the place of a package: https://github.com/CycloneDX/cyclonedx-property-taxonomy */
export const PATH_PROPERTY = 'cdx:npm:package:path';

const ALGORITHMS: Readonly<Record<string, Enums.HashAlgorithm>> = {
  sha256: Enums.HashAlgorithm['SHA-256'],
  sha384: Enums.HashAlgorithm['SHA-384'],
  sha512: Enums.HashAlgorithm['SHA-512'],
};

/**
 * The bill of materials of a bundle, as CycloneDX 1.6: the same bytes for the same materials. So it has no time, and its serial
 * number follows from what it tells. https://cyclonedx.org/docs/1.6/json/
 */
export function billOfMaterials(materials: Materials): string {
  const bom = new Models.Bom({ metadata: metadataOf(materials) });
  const components = new Map(materials.packages.map((one) => [one.path, libraryOf(one)]));
  for (const [path, used] of materials.uses) {
    const user = components.get(path) ?? bom.metadata.component;
    for (const one of used) {
      const component = components.get(one);
      if (component) user?.dependencies.add(component.bomRef);
    }
  }
  for (const component of components.values()) bom.components.add(component);
  const serializer = new JsonSerializer(new CycloneJson.Normalize.Factory(Spec1dot6));
  // Everything is in order already; the serializer would sort it as the machine's language does.
  const write = () => serializer.serialize(bom, { space: 2 });
  bom.serialNumber = `urn:uuid:${uuidOf(write())}`;
  return `${write()}\n`;
}

/** Every reference is told: what has none is given a random one. */
function metadataOf({ name, version, licence, files, tools }: Materials): Models.Metadata {
  const { Application, File } = Enums.ComponentType;
  const bundle = new Models.Component(Application, name, { bomRef: name, version, licenses: licencesOf(licence) });
  for (const [file, sha256] of files) {
    const hashes = new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], sha256]]);
    bundle.components.add(new Models.Component(File, file, { bomRef: `${name}/${file}`, hashes }));
  }
  const made = Object.entries(tools).map(
    ([tool, at]) => new Models.Component(Application, tool, { bomRef: `tool:${tool}@${at}`, version: at }),
  );
  return new Models.Metadata({
    lifecycles: new Models.LifecycleRepository([Enums.LifecyclePhase.Build]),
    tools: new Models.Tools({ components: new Models.ComponentRepository(made) }),
    component: bundle,
  });
}

function libraryOf({ path, name, version, licence, integrity }: BundledPackage): Models.Component {
  const [, group, plain = name] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  return new Models.Component(Enums.ComponentType.Library, plain, {
    ...(group === undefined ? {} : { group }),
    version,
    bomRef: path,
    purl: `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`,
    hashes: hashesOf(integrity),
    licenses: licencesOf(licence),
    properties: new Models.PropertyRepository([new Models.Property(PATH_PROPERTY, path)]),
  });
}

/** @param integrity As in a lock file: one or more of `ALGORITHM-BASE64`. */
function hashesOf(integrity: string | null): Models.HashDictionary {
  const hashes = new Models.HashDictionary();
  for (const one of integrity?.split(/\s+/) ?? []) {
    const [name = '', base64 = ''] = one.split(/-(.*)/s);
    const algorithm = ALGORITHMS[name];
    if (algorithm) hashes.set(algorithm, Buffer.from(base64, 'base64').toString('hex'));
  }
  return hashes;
}

function licencesOf(licence: string | null): Models.LicenseRepository {
  if (licence === null) return new Models.LicenseRepository();
  const told = new Factories.LicenseFactory(parseSpdx).makeFromString(licence);
  told.acknowledgement = Enums.LicenseAcknowledgement.Declared;
  return new Models.LicenseRepository([told]);
}

/** Names of ours, for UUIDs of version 5: https://www.rfc-editor.org/rfc/rfc9562#section-5.5 */
const NAMESPACE = Buffer.from('7c1d5b0e4f6a5a3c9c0b3f6f2d1e8a47', 'hex');

function uuidOf(text: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
