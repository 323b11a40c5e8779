import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS } from './support/checks.ts';
import { filesOf, parseModule } from './support/module.ts';
import type { Files } from './support/module.ts';

const MODULE = 'infra/terraform';
const EXAMPLES = readdirSync(`${MODULE}/examples`);
const FOLDERS = [MODULE, ...EXAMPLES.map((name) => `${MODULE}/examples/${name}`)];
type CheckName = keyof typeof CHECKS;
const NAMES = Object.keys(CHECKS) as CheckName[];

const module = await parseModule(MODULE);

describe.each(FOLDERS)('%s', (folder) => {
  it.each(NAMES)('has no fault in its %s', async (name) => {
    expect(CHECKS[name](await parseModule(folder))).toEqual([]);
  });

  it('has the files that IBM’s modules have', () => {
    const files = readdirSync(folder);
    const wanted = ['main.tf', 'variables.tf', 'outputs.tf', 'version.tf', 'README.md'];
    expect(files).toEqual(expect.arrayContaining(folder === MODULE ? wanted : [...wanted, 'provider.tf']));
  });
});

describe('the examples', () => {
  it.each(EXAMPLES)('%s calls the module with inputs that there are, and gives all that it needs', async (name) => {
    const { calls } = await parseModule(`${MODULE}/examples/${name}`);
    const { source, ...inputs } = calls.get('keyrota') ?? {};
    expect(source).toBe('../..');
    expect(Object.keys(inputs).filter((input) => !module.variables.has(input))).toEqual([]);
    const required = [...module.variables]
      .filter(([, body]) => !Object.hasOwn(body, 'default'))
      .map(([input]) => input);
    expect(required.filter((input) => !Object.hasOwn(inputs, input))).toEqual([]);
  });

  it('read outputs that there are', async () => {
    for (const name of EXAMPLES) {
      const text = [...filesOf(`${MODULE}/examples/${name}`).values()].join('\n');
      const read = [...text.matchAll(/module\.keyrota\.(\w+)/g)].map(([, output = '']) => output);
      expect(read.length).toBeGreaterThan(0);
      expect(read.filter((output) => !module.outputs.has(output))).toEqual([]);
    }
  });

  it('pin the lowest provider in the basic one, and take the module’s range in the other', async () => {
    const versionIn = async (folder: string) => {
      const [settings = {}] = (await parseModule(folder)).settings;
      const [{ ibm }] = settings['required_providers'] as [{ ibm: { source: string; version: string } }];
      return ibm;
    };
    const range = await versionIn(MODULE);
    expect(range).toEqual({ source: 'IBM-Cloud/ibm', version: '>= 1.88.0, < 3.0.0' });
    expect(await versionIn(`${MODULE}/examples/basic`)).toEqual({ ...range, version: '1.88.0' });
    expect(await versionIn(`${MODULE}/examples/complete`)).toEqual(range);
  });
});

/** A module that is broken as people break them, and the check that tells. */
const MUTATIONS: [what: string, file: string, from: string | RegExp, to: string, check: CheckName, fault: RegExp][] = [
  ['a missing argument', 'identity.tf', /^ {2}cr_type .*$/m, '', 'types', /cr_type is missing/],
  ['a missing block', 'identity.tf', /^ {2}link \{[^}]*\}$/m, '', 'types', /link is missing/],
  [
    'a wrong type',
    'identity.tf',
    'resource "ibm_iam_trusted_profile" ',
    'resource "ibm_iam_profile" ',
    'types',
    /no type ibm_iam_profile/,
  ],
  [
    'an unknown argument',
    'functions.tf',
    'scale_down_delay ',
    'scale_downdelay ',
    'types',
    /no argument scale_downdelay/,
  ],
  [
    'an unknown argument in a block',
    'policies.tf',
    'resource_instance_id =',
    'instance_id          =',
    'types',
    /no argument instance_id/,
  ],
  ['an undeclared variable', 'main.tf', 'var.region', 'var.regoin', 'references', /nothing is called var\.regoin/],
  [
    'an undeclared local',
    'main.tf',
    'local.prefix}',
    'local.prefixx}',
    'references',
    /nothing is called local\.prefixx/,
  ],
  [
    'an undeclared resource',
    'functions.tf',
    'ibm_code_engine_config_map.settings',
    'ibm_code_engine_config_map.common',
    'references',
    /ibm_code_engine_config_map\.common/,
  ],
  [
    'an attribute that is not there',
    'functions.tf',
    'rotate_keys.endpoint_internal',
    'rotate_keys.internal_url',
    'references',
    /rotate_keys\.internal_url/,
  ],
  [
    'a name that only a loop knows',
    'configuration.tf',
    'secret if contains',
    'secrets if contains',
    'references',
    /nothing is called secrets/,
  ],
  [
    'an unused variable',
    'variables.tf',
    /^/,
    'variable "left" {\n  type        = string\n  description = "Is left over from before."\n}\n',
    'declarations',
    /var\.left: is not used/,
  ],
  ['an unused local', 'main.tf', 'locals {', 'locals {\n  left = 1', 'declarations', /local\.left: is not used/],
  ['a variable without a type', 'variables.tf', /^ {2}type .*\n/m, '', 'declarations', /var\.region: has no type/],
  [
    'a variable without a description',
    'variables.tf',
    /^ {2}description .*\n/m,
    '',
    'declarations',
    /var\.region: is not described/,
  ],
  [
    'an output without a description',
    'outputs.tf',
    /^ {2}description .*\n/m,
    '',
    'declarations',
    /output\.project_id: is not described/,
  ],
  [
    'a literal secret',
    'events.tf',
    'Authorization = local.event_token',
    'Authorization = "Bearer abcdefgh12"',
    'secrets',
    /written down/,
  ],
  [
    'a literal token by its name',
    'main.tf',
    'locals {',
    'locals {\n  trigger_token = "a"',
    'secrets',
    /trigger_token: a secret/,
  ],
  ['a secret that is not marked', 'variables.tf', /^ {2}sensitive .*\n/m, '', 'secrets', /var\.secrets: is not marked/],
  ['a provider without a version', 'version.tf', /^ {6}version .*\n/m, '', 'versions', /needs a source and a version/],
  [
    'a provider that the module configures',
    'main.tf',
    /^/,
    'provider "ibm" {\n  region = var.region\n}\n',
    'versions',
    /must not configure/,
  ],
  [
    'a function whose code Terraform puts back',
    'functions.tf',
    /code_reference, code_secret, code_binary/,
    'code_secret',
    'lifecycles',
    /placeholder back/,
  ],
  [
    'a job whose image Terraform puts back',
    'fleet.tf',
    /image_reference, image_secret/,
    'image_secret',
    'lifecycles',
    /placeholder back/,
  ],
  [
    'secrets that an apply may remove',
    'main.tf',
    'prevent_destroy = true',
    'prevent_destroy = false',
    'lifecycles',
    /remove all secrets/,
  ],
  [
    'a managed key as a resource',
    'main.tf',
    /^/,
    'resource "ibm_iam_service_api_key" "key" {\n  name = "k"\n}\n',
    'types',
    /no type ibm_iam_service_api_key/,
  ],
];

describe('a module that was broken', () => {
  it.each(MUTATIONS)('is told apart: %s in %s', async (_, file, from, to, check, fault) => {
    const files = new Map(filesOf(MODULE));
    const text = files.get(file) ?? '';
    const broken = text.replace(from, to);
    expect(broken).not.toBe(text);
    files.set(file, broken);
    expect(CHECKS[check](await parseModule(MODULE, files)).join('\n')).toMatch(fault);
  });

  it.each<[string, (files: Files) => [string, string], RegExp]>([
    [
      'a brace that is missing',
      (files) => ['main.tf', (files.get('main.tf') ?? '').replace(/\}\s*$/, '')],
      /main\.tf:\d+,\d+/,
    ],
    [
      'a text that does not end',
      (files) => ['logs.tf', (files.get('logs.tf') ?? '').replace('"send"', '"send')],
      /logs\.tf:\d+,\d+/,
    ],
    [
      'a variable twice',
      (files) => ['outputs.tf', `${files.get('outputs.tf')}variable "region" {\n}\n`],
      /region is declared twice/,
    ],
  ])('is no module at all: %s', async (_, change, fault) => {
    const files = new Map(filesOf(MODULE));
    files.set(...change(files));
    await expect(parseModule(MODULE, files)).rejects.toThrow(fault);
  });
});

describe('the README of the module', () => {
  const readme = readFileSync(`${MODULE}/README.md`, 'utf8');
  const tableUnder = (title: string) => {
    const [, after = ''] = readme.split(`\n## ${title}\n`);
    const [table = ''] = after.split('\n## ');
    return [...table.matchAll(/^\| `(\w+)`\s*\|(.*)\|$/gm)].map(([, name = '', rest = '']) => [name, rest] as const);
  };
  const cells = (rest: string) => rest.split('|').map((cell) => cell.trim());

  it('tells every input with its type, its default and its description', () => {
    const told = tableUnder('Inputs').map(([name, rest]) => [name, ...cells(rest)]);
    const wanted = [...module.variables].map(([name, body]) => [
      name,
      `\`${String(body['type']).replace(/^\$\{(.*)\}$/, '$1')}\``,
      Object.hasOwn(body, 'default') ? `\`${JSON.stringify(body['default'])}\`` : 'required',
      String(body['description']),
    ]);
    expect(told).toEqual(wanted);
  });

  it('tells every output with its description', () => {
    const told = tableUnder('Outputs').map(([name, rest]) => [name, ...cells(rest)]);
    expect(told).toEqual([...module.outputs].map(([name, body]) => [name, String(body['description'])]));
  });
});
