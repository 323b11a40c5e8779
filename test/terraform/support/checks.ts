import { expressionsIn, knownParts, referencesIn } from './expressions.ts';
import type { Body, Declared, Module } from './module.ts';
import { DATA_TYPES, RESOURCE_TYPES } from './resource-types.ts';
import type { Shape } from './resource-types.ts';

/** What is wrong with a module, one line for each fault. */
type Check = (module: Module) => string[];

/** Arguments and blocks that every resource may have. */
const OF_TERRAFORM = ['count', 'for_each', 'depends_on', 'lifecycle', 'provisioner', 'dynamic'];

const entriesOf = (body: Body): [string, unknown][] =>
  Object.entries(body).filter(([name]) => !OF_TERRAFORM.includes(name));

/** Resource types, their arguments and blocks are those of the table. */
const checkTypes: Check = ({ resources, data }) => [
  ...resources.flatMap((one) => shapeFaults(one, RESOURCE_TYPES)),
  ...data.flatMap((one) => shapeFaults(one, DATA_TYPES)),
];

function shapeFaults({ type, name, body }: Declared, types: typeof RESOURCE_TYPES): string[] {
  const shape = types[type];
  return shape ? bodyFaults(body, shape, `${type}.${name}`) : [`${type}.${name}: there is no type ${type}`];
}

function bodyFaults(body: Body, shape: Shape, place: string): string[] {
  const dynamic = (body['dynamic'] ?? {}) as Record<string, Body[]>;
  const given = new Map(entriesOf(body));
  const missing = [
    ...shape.arguments.filter(({ name, isRequired }) => isRequired && !given.has(name)).map(({ name }) => name),
    ...Object.entries(shape.blocks)
      .filter(([name, { isRequired }]) => isRequired && !given.has(name) && !Object.hasOwn(dynamic, name))
      .map(([name]) => name),
  ];
  const inner = Object.entries(dynamic).flatMap(([name, all]) =>
    all.map(({ content }): [string, unknown] => [name, content]),
  );
  return [
    ...missing.map((name) => `${place}: ${name} is missing`),
    ...[...given, ...inner].flatMap(([name, value]) => partFaults(name, value, shape, place)),
  ];
}

function partFaults(name: string, value: unknown, shape: Shape, place: string): string[] {
  const block = shape.blocks[name];
  if (block) return (value as Body[]).flatMap((body, at) => bodyFaults(body, block, `${place}.${name}[${at}]`));
  return shape.arguments.some((argument) => argument.name === name) ? [] : [`${place}: there is no argument ${name}`];
}

/** Names at the root of an expression that Terraform itself gives. */
const GIVEN = new Set(['each', 'count', 'path', 'self', 'terraform']);

/** Everything that is referred to is declared. */
const checkReferences: Check = (module) => {
  const faults: string[] = [];
  for (const { place, value, bound } of placesOf(module)) {
    const references = expressionsIn(value).flatMap((expression) => referencesIn(expression, bound));
    faults.push(
      ...references
        .filter((path) => !isDeclared(path, module))
        .map((path) => `${place}: nothing is called ${path.join('.')}`),
    );
  }
  return faults;
};

function isDeclared([root = '', first = '', second = '', third = '']: string[], module: Module): boolean {
  if (GIVEN.has(root)) return true;
  if (root === 'var') return module.variables.has(first);
  if (root === 'local') return module.locals.has(first);
  if (root === 'module') return module.calls.has(first);
  if (root === 'data') return isKnown(module.data, DATA_TYPES, first, [second, third]);
  return isKnown(module.resources, RESOURCE_TYPES, root, [first, second]);
}

function isKnown(
  all: readonly Declared[],
  types: typeof RESOURCE_TYPES,
  type: string,
  [name, attribute = '']: string[],
): boolean {
  const found = all.find((one) => one.type === type && one.name === name);
  if (!found) return false;
  // Of one instance of many the attribute stands behind its key.
  const isSingle = found.body['count'] === undefined && found.body['for_each'] === undefined;
  const shape = types[type];
  if (!isSingle || attribute === '' || !shape) return true;
  return shape.exports.includes(attribute) || shape.arguments.some((argument) => argument.name === attribute);
}

interface Place {
  place: string;
  value: unknown;
  /** Names that stand for the elements of a dynamic block. */
  bound: ReadonlySet<string>;
}

/** What lists of names, which are no expressions, stand in. */
const OF_NAMES = ['ignore_changes'];

function placesOf(module: Module): Place[] {
  const none = new Set<string>();
  return [
    ...[...module.variables].map(([name, body]) => ({
      place: `var.${name}`,
      value: Object.fromEntries(Object.entries(body).filter(([part]) => part !== 'type')),
      bound: none,
    })),
    ...[...module.locals].map(([name, value]) => ({ place: `local.${name}`, value, bound: none })),
    ...[...module.outputs].map(([name, value]) => ({ place: `output.${name}`, value, bound: none })),
    ...[...module.calls].map(([name, value]) => ({ place: `module.${name}`, value, bound: none })),
    ...[...module.providers].map(([name, value]) => ({ place: `provider.${name}`, value, bound: none })),
    ...[...module.resources, ...module.data].flatMap(({ type, name, body }) =>
      bodyPlaces(`${type}.${name}`, body, none),
    ),
  ];
}

function bodyPlaces(place: string, body: Body, bound: ReadonlySet<string>): Place[] {
  return Object.entries(body).flatMap(([name, value]) => {
    if (OF_NAMES.includes(name)) return [];
    if (name === 'provisioner')
      return [{ place: `${place}.${name}`, value: withoutMoment(value as Provisioners), bound }];
    if (name === 'lifecycle') return (value as Body[]).flatMap((one) => bodyPlaces(`${place}.lifecycle`, one, bound));
    if (name !== 'dynamic') return [{ place: `${place}.${name}`, value, bound }];
    return Object.entries(value as Record<string, Body[]>).flatMap(([label, all]) =>
      all.flatMap(({ for_each: each, content }) => [
        { place: `${place}.${label}`, value: each, bound },
        { place: `${place}.${label}`, value: content, bound: new Set([...bound, label]) },
      ]),
    );
  });
}

type Provisioners = Readonly<Record<string, Body[]>>;

/** `when` has a word of Terraform's own. */
const withoutMoment = (provisioners: Provisioners): Body[] =>
  Object.values(provisioners).flatMap((all) =>
    all.map((body) => Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'when'))),
  );

/** Variables and locals are used; variables and outputs are described in sentences, and variables have a type. */
const checkDeclarations: Check = (module) => {
  const used = new Set(
    placesOf(module).flatMap(({ place, value, bound }) =>
      expressionsIn(value)
        .flatMap((expression) => referencesIn(expression, bound))
        // What only its own validation looks at serves nothing.
        .filter(([root, name]) => `${root}.${name}` !== place)
        .map(([root, name]) => `${root}.${name}`),
    ),
  );
  const isTold = ({ description }: Body) => /^\S.{10,}\.$/s.test(typeof description === 'string' ? description : '');
  return [
    ...[...module.variables.keys()]
      .filter((name) => !used.has(`var.${name}`))
      .map((name) => `var.${name}: is not used`),
    ...[...module.locals.keys()]
      .filter((name) => !used.has(`local.${name}`))
      .map((name) => `local.${name}: is not used`),
    ...[...module.variables].filter(([, body]) => !isTold(body)).map(([name]) => `var.${name}: is not described`),
    ...[...module.variables]
      .filter(([, body]) => body['type'] === undefined)
      .map(([name]) => `var.${name}: has no type`),
    ...[...module.outputs].filter(([, body]) => !isTold(body)).map(([name]) => `output.${name}: is not described`),
  ];
};

const SECRET_NAME = /(^|_)(secrets?|token|password|api_?key|authorization)($|_(?!groups?|names?|manager|roles|types))/i;
const SECRET_VALUE = /whsec_[A-Za-z0-9+/]{16}|^Bearer \S{8}|-----BEGIN|^[A-Za-z0-9_-]{40,}$|^[A-Za-z0-9+/]{40,}=*$/;

/** No secret is written down, and what holds one is marked. */
const checkSecrets: Check = (module) => {
  const faults: string[] = [];
  const visit = (value: unknown, place: string, name: string) => {
    if (Array.isArray(value)) value.forEach((one, at) => visit(one, `${place}[${at}]`, name));
    else if (value !== null && typeof value === 'object') {
      for (const [inner, one] of Object.entries(value)) visit(one, `${place}.${inner}`, inner);
    } else if (typeof value === 'string' && isSecret(name, value)) faults.push(`${place}: a secret is written down`);
  };
  for (const { place, value } of placesOf(module)) visit(value, place, place.slice(place.lastIndexOf('.') + 1));
  const unmarked = [...module.variables].filter(
    ([name, body]) => SECRET_NAME.test(name) && String(body['type']).includes('string') && body['sensitive'] !== true,
  );
  return [...faults, ...unmarked.map(([name]) => `var.${name}: is not marked as sensitive`)];
};

function isSecret(name: string, value: string): boolean {
  const isText = knownParts(value).every((part) => typeof part === 'string');
  const isDescription = ['description', 'error_message'].includes(name) || value.startsWith('KEYROTA_');
  if (!isText || isDescription || value === '') return false;
  return SECRET_NAME.test(name) || SECRET_VALUE.test(value);
}

/** Versions of Terraform and of the provider are bounded; a module leaves the provider to who calls it. */
const checkVersions: Check = (module) => {
  const faults: string[] = [];
  const [settings = {}, ...more] = module.settings;
  if (more.length > 0) faults.push('terraform: is declared twice');
  if (settings['required_version'] !== '>= 1.9.0') faults.push('terraform: required_version must be >= 1.9.0');
  const [providers = {}] = (settings['required_providers'] ?? []) as Body[];
  for (const [name, given] of Object.entries(providers)) {
    const { source, version } = given as { source?: string; version?: string };
    if (!source || !version) faults.push(`provider ${name}: needs a source and a version`);
  }
  const needed = new Set([...module.resources, ...module.data].map(({ type }) => type.split('_')[0] ?? ''));
  needed.delete('terraform');
  faults.push(
    ...[...needed].filter((name) => !Object.hasOwn(providers, name)).map((name) => `provider ${name}: is not required`),
  );
  if (module.calls.size === 0 && module.providers.size > 0) faults.push('provider: a module must not configure it');
  return faults;
};

/** What Terraform would undo, or must not do, is kept from it. */
const checkLifecycles: Check = ({ resources }) =>
  resources.flatMap(({ type, name, body }) => {
    const [lifecycle = {}] = (body['lifecycle'] ?? []) as Body[];
    const ignored = ((lifecycle['ignore_changes'] ?? []) as string[]).map((one) => one.replace(/^\$\{(.*)\}$/, '$1'));
    const faults: string[] = [];
    const isMissing = (argument: string) => !ignored.includes(argument);
    if (type === 'ibm_code_engine_function' && ['code_reference', 'code_secret', 'code_binary'].some(isMissing)) {
      faults.push(`${type}.${name}: an apply would put the placeholder back`);
    }
    if (type === 'ibm_code_engine_job' && ['image_reference', 'image_secret'].some(isMissing)) {
      faults.push(`${type}.${name}: an apply would put the placeholder back`);
    }
    if (body['service'] === 'secrets-manager' && lifecycle['prevent_destroy'] !== true) {
      faults.push(`${type}.${name}: an apply could remove all secrets`);
    }
    return faults;
  });

export const CHECKS = {
  types: checkTypes,
  references: checkReferences,
  declarations: checkDeclarations,
  secrets: checkSecrets,
  versions: checkVersions,
  lifecycles: checkLifecycles,
};
