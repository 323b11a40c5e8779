// `npm run schema [-- FILE]`: the JSON Schema of the manifest, for editors. Default: standard output.
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { ManifestFile } from '../../shared/keys/manifest-schema.ts';

const schema = { ...z.toJSONSchema(ManifestFile, { io: 'input' }), title: 'Keyrota manifest' };
const text = `${JSON.stringify(schema, null, 2)}\n`;
const [file] = process.argv.slice(2);
if (file) await writeFile(file, text);
else process.stdout.write(text);
