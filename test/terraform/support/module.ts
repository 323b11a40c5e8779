import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAll } from './expressions.ts';
import { parse } from './hcl.ts';

/** The body of a block: arguments as templates and values, blocks as lists of bodies. */
export type Body = Readonly<Record<string, unknown>>;

/** A resource or a data source. */
export interface Declared {
  file: string;
  type: string;
  name: string;
  body: Body;
}

/** A folder of Terraform, as its files declare it. */
export interface Module {
  folder: string;
  variables: ReadonlyMap<string, Body>;
  outputs: ReadonlyMap<string, Body>;
  locals: ReadonlyMap<string, unknown>;
  resources: readonly Declared[];
  data: readonly Declared[];
  /** Calls of other modules. */
  calls: ReadonlyMap<string, Body>;
  providers: ReadonlyMap<string, Body>;
  /** What `terraform` blocks say. */
  settings: readonly Body[];
}

/** Text of each file, by name. */
export type Files = ReadonlyMap<string, string>;

/** The files of a folder. */
export const filesOf = (folder: string): Files =>
  new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith('.tf'))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );

type Blocks = Readonly<Record<string, unknown>>;
const blocks = (given: unknown): Blocks => (given ?? {}) as Blocks;
const bodies = (given: unknown): Body[] => (given ?? []) as Body[];

/** Blocks with one label, by that. */
const labelled = (given: unknown): [string, Body][] =>
  Object.entries(blocks(given)).flatMap(([name, all]) => bodies(all).map((body): [string, Body] => [name, body]));

const declared = (file: string, given: unknown): Declared[] =>
  Object.entries(blocks(given)).flatMap(([type, named]) =>
    labelled(named).map(([name, body]) => ({ file, type, name, body })),
  );

/** What is declared twice is told: Terraform would refuse it. */
function once<T>(entries: readonly [string, T][]): Map<string, T> {
  const names = entries.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`${twice} is declared twice`);
  return new Map(entries);
}

/** Parses a folder. @throws Error with file, line and column where it is no HCL. */
export async function parseModule(folder: string, files: Files = filesOf(folder)): Promise<Module> {
  const parsed: { file: string; blocks: Blocks }[] = [];
  for (const [file, text] of files) parsed.push({ file, blocks: blocks(await parse(join(folder, file), text)) });
  for (const one of parsed) await parseAll(one.blocks);
  const all = (kind: string) => parsed.flatMap((one) => labelled(one.blocks[kind]));
  return {
    folder,
    variables: once(all('variable')),
    outputs: once(all('output')),
    locals: once(parsed.flatMap((one) => bodies(one.blocks['locals']).flatMap((body) => Object.entries(body)))),
    resources: parsed.flatMap((one) => declared(one.file, one.blocks['resource'])),
    data: parsed.flatMap((one) => declared(one.file, one.blocks['data'])),
    calls: once(all('module')),
    providers: once(all('provider')),
    settings: parsed.flatMap((one) => bodies(one.blocks['terraform'])),
  };
}
