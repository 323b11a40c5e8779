// `npm run schema [-- FILE]`: the JSON Schema of the manifest, for editors.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ManifestFile } from '../../shared/keys/manifest-schema.ts';
import { messageOf } from '../../shared/runtime/errors.ts';

const USAGE = `Usage: npm run schema [-- FILE]

Writes the JSON Schema of the manifest, for editors, to FILE. Default: standard output.`;

class UsageError extends Error {}

/** The file to write; null for standard output. */
function readArguments(): { file: string | null; help: boolean } {
  try {
    const options = { help: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length > 1) throw new UsageError(`takes one file, found ${positionals.length}`);
    const [file = null] = positionals;
    if (file === '') throw new UsageError('FILE: is empty; name a file, or leave it out');
    return { file, help: values.help };
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

async function run(): Promise<void> {
  const { file, help } = readArguments();
  const schema = { ...z.toJSONSchema(ManifestFile, { io: 'input' }), title: 'Keyrota manifest' };
  const text = help ? `${USAGE}\n` : `${JSON.stringify(schema, null, 2)}\n`;
  if (help || file === null) {
    process.stdout.write(text);
    return;
  }
  await writeFile(file, text).catch((error: unknown) => {
    throw new Error(`${file}: cannot be written: ${messageOf(error)}`);
  });
}

await run().catch((error: unknown) => {
  const usage = error instanceof UsageError ? `\n${USAGE}\n` : '';
  process.stderr.write(`schema: ${messageOf(error)}\n${usage}`);
  process.exitCode = 2;
});
