import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';

const require = createRequire(import.meta.url);
const library = dirname(require.resolve('@cyclonedx/cyclonedx-library/package.json'));
const schema = (name: string) =>
  JSON.parse(readFileSync(join(library, 'res', 'schema', `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;

// Texts are held against their patterns; formats of addresses that the standard names are not looked at.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(schema('spdx'), 'http://cyclonedx.org/schema/spdx.SNAPSHOT.schema.json');
ajv.addSchema(schema('jsf-0.82'), 'http://cyclonedx.org/schema/jsf-0.82.SNAPSHOT.schema.json');
const validate = ajv.compile(schema('bom-1.6'));

/** What is wrong with a bill of materials, by the schema of CycloneDX 1.6 itself. */
export function billFaults(text: string): string[] {
  validate(JSON.parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** What tests read of a bill of materials. */
export interface Bill {
  serialNumber: string;
  metadata: { component: { components: { name: string; hashes: { content: string }[] }[] } };
  components: {
    name: string;
    purl: string;
    version: string;
    hashes?: { alg: string; content: string }[];
    licenses?: { license?: { id: string }; expression?: string }[];
    properties: { value: string }[];
  }[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

export const billOf = (text: string): Bill => JSON.parse(text) as Bill;
