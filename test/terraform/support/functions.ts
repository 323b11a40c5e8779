import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A value of Terraform: text, number, truth, null, list or object. */
export type Value = unknown;

/** What Terraform would refuse: `try` and `can` catch it. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

const fail = (why: string): never => {
  throw new EvaluationError(why);
};

export const isList = (value: Value): value is Value[] => Array.isArray(value);
export const isObject = (value: Value): value is Record<string, Value> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const list = (value: Value): Value[] => (isList(value) ? value : fail(`not a list: ${JSON.stringify(value)}`));
const object = (value: Value): Record<string, Value> =>
  isObject(value) ? value : fail(`not an object: ${JSON.stringify(value)}`);

export function text(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return fail(`not a text: ${JSON.stringify(value)}`);
}

/** Terraform's objects and maps have no order: their names are sorted. */
export const sorted = (value: Record<string, Value>): [string, Value][] =>
  Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));

const distinct = (values: readonly Value[]): Value[] => {
  const seen = new Set<string>();
  return values.filter((value) => {
    const key = JSON.stringify(value);
    return seen.has(key) ? false : seen.add(key);
  });
};

const toSet = (value: Value): Value[] =>
  distinct(list(value)).toSorted((one, other) => (text(one) < text(other) ? -1 : 1));

/** Go's regular expressions are those of JavaScript, for what the module writes. */
function regex(pattern: Value, subject: Value): string {
  return new RegExp(text(pattern)).exec(text(subject))?.[0] ?? fail(`does not match ${text(pattern)}`);
}

/** JSON as Terraform writes it: names sorted, and what HTML would read escaped. */
const json = (value: Value): string =>
  JSON.stringify(value, (_, inner: Value) => (isObject(inner) ? Object.fromEntries(sorted(inner)) : inner)).replaceAll(
    /[<>&]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );

/** Terraform reads the words of YAML 1.1, such as `off`, but leaves times as they are written. */
const yaml = (source: Value): Value =>
  parse(text(source), {
    version: '1.1',
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:timestamp'),
  }) as Value;

const flatten = (values: readonly Value[]): Value[] =>
  values.flatMap((value) => (isList(value) ? flatten(value) : [value]));

/** The functions of Terraform that the module uses. https://developer.hashicorp.com/terraform/language/functions */
export const FUNCTIONS: Readonly<Record<string, (...given: Value[]) => Value>> = {
  alltrue: (values) => list(values).every((value) => value === true),
  anytrue: (values) => list(values).some((value) => value === true),
  base64encode: (value) => Buffer.from(text(value)).toString('base64'),
  compact: (values) => list(values).filter((value) => value !== null && value !== ''),
  concat: (...lists) => lists.flatMap(list),
  contains: (values, wanted) => list(values).some((value) => JSON.stringify(value) === JSON.stringify(wanted)),
  distinct: (values) => distinct(list(values)),
  element: (values, at) =>
    list(values).length === 0 ? fail('an empty list') : list(values)[Number(at) % list(values).length],
  endswith: (value, end) => text(value).endsWith(text(end)),
  file: (path) => readFileSync(text(path), 'utf8'),
  filebase64: (path) => readFileSync(text(path)).toString('base64'),
  flatten: (values) => flatten(list(values)),
  floor: (value) => Math.floor(Number(text(value))),
  format: (pattern, ...values) => {
    let at = 0;
    return text(pattern).replaceAll('%s', () => text(values[at++]));
  },
  join: (separator, values) => list(values).map(text).join(text(separator)),
  jsondecode: (value) => JSON.parse(text(value)) as Value,
  jsonencode: json,
  keys: (value) => sorted(object(value)).map(([name]) => name),
  length: (value) =>
    isList(value) ? value.length : isObject(value) ? Object.keys(value).length : Array.from(text(value)).length,
  lookup: (value, name, otherwise) => object(value)[text(name)] ?? otherwise,
  max: (...numbers) => Math.max(...numbers.map((value) => Number(text(value)))),
  merge: (...objects) => Object.assign({}, ...objects.map(object)) as Value,
  nonsensitive: (value) => value,
  one: (values) => (list(values).length > 1 ? fail('more than one') : (list(values)[0] ?? null)),
  regex,
  reverse: (values) => list(values).toReversed(),
  setintersection: (first, ...others) =>
    toSet(first).filter((value) => others.every((other) => list(other).includes(value))),
  setsubtract: (first, other) => toSet(first).filter((value) => !list(other).includes(value)),
  setunion: (...sets) => toSet(sets.flatMap(list)),
  split: (separator, value) => text(value).split(text(separator)),
  strcontains: (value, part) => text(value).includes(text(part)),
  tobool: (value) =>
    value === true || value === 'true' ? true : value === false || value === 'false' ? false : fail('not a truth'),
  tolist: (values) => list(values),
  tonumber: (value) => (Number.isNaN(Number(text(value))) ? fail('not a number') : Number(text(value))),
  toset: toSet,
  tostring: (value) => (value === null ? null : text(value)),
  trimsuffix: (value, end) => (text(value).endsWith(text(end)) ? text(value).slice(0, -text(end).length) : text(value)),
  yamldecode: yaml,
  values: (value) => sorted(object(value)).map(([, inner]) => inner),
};
