// `npm run docs [-- --check]`: makes the tables in docs/ from the schemas, and what is made from the catalogue of log events. With
// --check it changes nothing, names the files that are out of date, and ends with 1 if there are any.
import { existsSync, realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { DURATION_TEXT } from '../../shared/keys/duration.ts';
import { ManifestFile } from '../../shared/keys/manifest-schema.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { SettingsSchema } from '../../shared/runtime/settings.ts';
import { conformanceTables } from '../conformance/tables.ts';
import { ruleTables } from './check-tables.ts';
import { commandReference } from './commands-page.ts';
import { doctorTable } from './doctor/table.ts';
import { failuresView, logTables } from './log-tables.ts';
import { markdownTable } from './markdown-table.ts';
import { runbookIndex } from './runbook-index.ts';

const USAGE = `Usage: npm run docs [-- --check]

Makes the tables in docs/ from the schemas, and from the catalogue of log events the tables and the view of failures.
  --check  change nothing, name the files that are out of date, and end with 1 if there are any`;

/** What is read of a JSON Schema. */
interface Schema {
  description?: string;
  type?: string;
  const?: string | true;
  enum?: string[];
  default?: string | number | boolean | unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

/** One field or setting, as a table shows it. */
interface Row {
  name: string;
  type: string;
  standard: string;
  meaning: string;
}

const BEGIN = '<!-- made by npm run docs: begin -->';
const END = '<!-- end -->';

/** A page of which only what stands between its markers is made. */
const between =
  (make: () => string) =>
  (page: string): string =>
    withMade(page, make());

/** What is made, from what is there. */
const FILES: readonly { file: string; from: (present: string) => string }[] = [
  { file: 'docs/settings.md', from: between(() => table('setting', settingRows())) },
  { file: 'docs/manifest.md', from: between(manifestTables) },
  { file: 'docs/commands.md', from: between(commandReference) },
  { file: 'docs/logs.md', from: between(logTables) },
  { file: 'docs/check.md', from: between(ruleTables) },
  { file: 'docs/doctor.md', from: between(doctorTable) },
  { file: 'docs/conformance.md', from: between(conformanceTables) },
  { file: 'docs/runbook.md', from: (page) => withMade(page, runbookIndex(page)) },
  { file: 'infra/cloud-logs/views/failures.json', from: failuresView },
];

export const MADE: readonly string[] = FILES.map(({ file }) => file);

/** More words than this are told elsewhere. */
const MOST_WORDS = 10;

const schemaOf = (type: z.ZodType): Schema => z.toJSONSchema(type, { io: 'input' }) as Schema;

/** Every setting. */
export const settingRows = (): Row[] => rowsOf(schemaOf(SettingsSchema));

/** The fields of a kind of entry that not all entries with a key have, or have otherwise. */
interface KindRows {
  kind: string;
  rows: Row[];
}

/** Every field of the manifest: of the file, of every entry with a key, of each kind, and of the policy. */
export function manifestRows(): { file: Row[]; entry: Row[]; kinds: KindRows[]; policy: Row[] } {
  const { defaults, keys, ...rest } = schemaOf(ManifestFile).properties ?? {};
  const policy = rowsOf(defaults);
  const inPolicy = new Set(policy.map(({ name }) => name));
  const all = (keys?.items?.oneOf ?? []).map((schema) => ({
    kind: String(schema.properties?.['kind']?.const),
    rows: rowsOf(schema).filter(({ name }) => name !== 'kind' && !inPolicy.has(name)),
  }));
  const withKeys = all.filter(({ rows }) => rows.some(({ name }) => name === 'secret'));
  const [first] = withKeys;
  const has = (rows: readonly Row[], wanted: Row) => rows.some(({ name }) => name === wanted.name);
  const entry = (first?.rows ?? []).filter((row) => withKeys.every(({ rows }) => has(rows, row)));
  const isCommon = (row: Row) => entry.some((common) => JSON.stringify(common) === JSON.stringify(row));
  const kinds = all.map(({ kind, rows }) => ({ kind, rows: rows.filter((row) => !isCommon(row)) }));
  const outer = { ...rest, defaults: { ...defaults, properties: {} }, keys: { ...keys, items: { type: 'object' } } };
  return { file: rowsOf({ properties: outer, required: ['deployment', 'keys'] }), entry, kinds, policy };
}

function manifestTables(): string {
  const { file, entry, kinds, policy } = manifestRows();
  return [
    '### The file',
    table('field', file),
    '### An entry of `keys` that has a key',
    table('field', entry),
    ...kinds.flatMap(({ kind, rows }) => [`### Of kind \`${kind}\``, table('field', rows)]),
    '### The policy, in `defaults` or in an entry',
    table('field', policy),
  ].join('\n\n');
}

/** The fields of an object and, below each, those inside it. */
function rowsOf(schema: Schema | undefined, within = ''): Row[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([field, inner]) => {
    const name = within + field;
    const row = rowOf(name, inner, schema?.required?.includes(field) ?? false);
    const alternatives = (inner.anyOf ?? []).flatMap((one) => rowsOf(one, `${name}.`));
    return [row, ...rowsOf(inner, `${name}.`), ...rowsOf(inner.items, `${name}[].`), ...alternatives];
  });
}

function rowOf(name: string, schema: Schema, isRequired: boolean): Row {
  const description = schema.description;
  if (description === undefined) throw new Error(`${name} has no description: give it one in its schema`);
  const [, meaning = description, told] = /^(.*) Default: (.*)\.$/s.exec(description) ?? [];
  const standard = isRequired ? 'required' : (standardOf(schema) ?? toldStandard(told, schema));
  return { name, type: typeOf(schema), standard, meaning };
}

/** A default that the schema itself knows; null when it has none, or only its description tells. */
function standardOf(schema: Schema): string | null {
  // Whatever may be left out of an object has its own default.
  if (schema.type === 'object' && schema.properties && (schema.required ?? []).length === 0) return 'as below';
  if (schema.type === 'object' && schema.default !== undefined) return 'none';
  if (Array.isArray(schema.default)) return schema.default.length === 0 ? 'none' : JSON.stringify(schema.default);
  return schema.default === undefined ? null : `\`${schema.default}\``;
}

/** A default as the description tells it: a value, or in words. */
function toldStandard(told: string | undefined, { type, enum: values }: Schema): string {
  if (told === undefined) return 'none';
  return type === 'boolean' || values?.includes(told) || DURATION_TEXT.test(told) ? `\`${told}\`` : told;
}

function typeOf(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  const { type, items, minimum, maximum } = schema;
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  if (values.length > MOST_WORDS) return `one of ${values.length} words`;
  if (values.length > 0) return values.map((value) => `\`${value}\``).join(' or ');
  if (type === 'boolean') return '`true` or `false`';
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'array') return `list of ${items?.type === 'object' ? 'objects' : 'texts'}`;
  return type === 'string' ? textTypeOf(schema) : (type ?? 'anything');
}

function textTypeOf({ format, pattern, minLength = 0, maxLength }: Schema): string {
  if (pattern === DURATION_TEXT.source) return 'duration';
  if (format === 'date-time') return 'time';
  if (format === 'uri') return 'URL';
  if (maxLength !== undefined) return `text, ${minLength} to ${maxLength} characters`;
  return minLength > 1 ? `text, at least ${minLength} characters` : 'text';
}

function table(title: string, rows: readonly Row[]): string {
  const cells = rows.map(({ name, type, standard, meaning }) => [`\`${name}\``, type, standard, meaning]);
  return markdownTable([[title, 'allowed', 'default', 'meaning'], ...cells]);
}

/** A page with `made` between its markers. @throws Error when it does not have both. */
export function withMade(page: string, made: string): string {
  const [before, rest, ...more] = page.split(BEGIN);
  const end = rest?.indexOf(END) ?? -1;
  if (rest === undefined || end < 0 || more.length > 0)
    throw new Error(`a page needs ${BEGIN} once, and ${END} after it`);
  return `${before}${BEGIN}\n\n${made}\n\n${rest.slice(end)}`;
}

/** Brings what is made below `root` up to date, unless `check`. Gives the names of those that were not. */
export async function writeDocs(root: URL, check: boolean): Promise<string[]> {
  const outdated: string[] = [];
  for (const { file, from } of FILES) {
    const place = new URL(file, root);
    const present = await readFile(place, 'utf8');
    const wanted = from(present);
    if (wanted === present) continue;
    outdated.push(file);
    if (!check) await writeFile(place, wanted);
  }
  return outdated;
}

class UsageError extends Error {}

function readArguments(): { check: boolean; help: boolean } {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { check: flag, help: flag } }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

async function run(): Promise<void> {
  const { check, help } = readArguments();
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const outdated = await writeDocs(new URL('../../', import.meta.url), check);
  for (const file of outdated) process.stderr.write(`${file}: ${check ? 'out of date: npm run docs' : 'written'}\n`);
  if (check && outdated.length > 0) process.exitCode = 1;
}

/** Whether this file is what was started, and not imported. `import.meta.main` would say so, but came with Node 24.2. */
const [, started = ''] = process.argv;
const isStarted = existsSync(started) && realpathSync(started) === fileURLToPath(import.meta.url);

if (isStarted) {
  await run().catch((error: unknown) => {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`docs: ${messageOf(error)}\n${isUsage ? `\n${USAGE}\n` : ''}`);
    process.exitCode = isUsage ? 2 : 1;
  });
}
