import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Value } from './support/functions.ts';
import { SECRETS, SETTINGS, TOKEN, crn, manifestFile, plan, settingsOf } from './support/inputs.ts';
import { Refused } from './support/plan.ts';

const PLACEHOLDER = 'infra/terraform/placeholder.cjs';

describe('the functions', () => {
  const PAIRS = ['0.25 1G', '0.5 2G', '1 4G'];
  const planned = plan({ settings: SETTINGS, secrets: SECRETS });
  const functions = planned.of('ibm_code_engine_function');

  it('are those of the product, and far fewer than a project may have', () => {
    expect(Object.keys(planned.output('function_names') as object).toSorted()).toEqual([
      'check-expiry',
      'handle-secret-event',
      'respond-to-compromise',
      'rotate-keys',
      'show-report',
    ]);
    expect(functions.length).toBeLessThanOrEqual(20);
  });

  it.each(functions.map(({ values }) => [String(values['name']), values] as const))(
    '%s has a shape that Code Engine has',
    (_, values) => {
      expect(values['runtime']).toBe('nodejs-24');
      expect(PAIRS).toContain(`${String(values['scale_cpu_limit'])} ${String(values['scale_memory_limit'])}`);
      expect(`${String(values['scale_cpu_limit'])} ${String(values['scale_memory_limit'])}`).toBe('0.25 1G');
      expect(Number(values['scale_max_execution_time'])).toBeLessThanOrEqual(120);
      expect(values).toMatchObject({ run_compute_resource_token_enabled: true, scale_concurrency: 1 });
      expect(String(values['code_reference']).length).toBeLessThanOrEqual(100_000);
    },
  );

  it('tell whoever calls before their code is there to come again', () => {
    const text = Buffer.from(
      String(functions[0]?.values['code_reference']).replace(/^data:text\/plain;base64,/, ''),
      'base64',
    );
    expect(text.equals(readFileSync(PLACEHOLDER))).toBe(true);
    const { main } = createRequire(import.meta.url)(resolve(PLACEHOLDER)) as { main: () => unknown };
    expect(main()).toEqual({
      statusCode: 503,
      headers: { 'content-type': 'application/json' },
      body: { code: 'not_deployed', message: expect.stringContaining('npm run push-bundles') as string },
    });
  });

  it('end by themselves before Code Engine ends them', () => {
    for (const [name, { runMs }] of settingsOf(planned)) {
      if (!['rotate-keys', 'check-expiry'].includes(name)) continue;
      const seconds = functions.find(({ values }) => values['name'] === name)?.values['scale_max_execution_time'];
      expect(runMs).toBeLessThan(Number(seconds) * 1_000);
    }
  });

  it('are public only where somebody outside calls them', () => {
    const visible: Record<string, string> = Object.fromEntries(
      functions.map(({ values }) => [String(values['name']), String(values['managed_domain_mappings'])]),
    );
    expect(visible).toEqual({
      'rotate-keys': 'local',
      'check-expiry': 'local',
      'respond-to-compromise': 'local_public',
      'handle-secret-event': 'local_public',
      'show-report': 'local_public',
    });
  });

  it('are linked to a profile of their own by their exact name', () => {
    const links = plan({ prefix: 'team-a' }).of('ibm_iam_trusted_profile_link');
    for (const { key, values } of links) {
      expect(values['profile_id']).toBe(`Profile-${key}`);
      expect(values['link']).toEqual([
        expect.objectContaining({ component_type: 'function', component_name: `team-a-${key}` }),
      ]);
    }
    expect(links).toHaveLength(5);
  });
});

describe('names', () => {
  const CODE_ENGINE = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
  const LIMITS: Record<string, [pattern: RegExp, most: number]> = {
    ibm_code_engine_function: [CODE_ENGINE, 63],
    ibm_code_engine_config_map: [CODE_ENGINE, 253],
    ibm_code_engine_secret: [CODE_ENGINE, 253],
    ibm_code_engine_project: [/^[-\w. ]+$/, 128],
    ibm_sm_secret_group: [/^.{2,64}$/, 64],
  };

  it.each([null, 'ab', 'a-sixteen-chars1'])(
    'have the form and the length that the platform wants, with the prefix %s',
    (prefix) => {
      const text = 'deployment: abcdefghijklmnop\nkeys:\n  - {name: a-key, kind: service-id-api-key}\n';
      const { instances } = plan({ prefix, manifest_file: manifestFile(text), settings: SETTINGS, secrets: SECRETS });
      const named = instances.filter(({ values }) => values['name'] !== undefined);
      for (const { type, values } of named) {
        const [pattern, most] = LIMITS[type] ?? [/^\S.*$/, 250];
        expect(String(values['name'])).toMatch(pattern);
        expect(String(values['name']).length).toBeLessThanOrEqual(most);
      }
      const twice = named.map(({ type, values }) => `${type} ${String(values['name'])}`);
      expect(new Set(twice).size).toBe(twice.length);
    },
  );

  it.each(['A', 'a', '-ab', 'ab-', 'a--b', 'a-seventeen-chars', 'a_b', ''])('cannot begin with %j', (prefix) => {
    expect(() => plan({ prefix })).toThrow(Refused);
  });
});

describe('logs', () => {
  it('are routed to Cloud Logs where that is wanted', () => {
    const planned = plan({ existing_cloud_logs_crn: crn('logs') });
    expect(planned.of('ibm_logs_router_target').map(({ values }) => values['destination_crn'])).toEqual([crn('logs')]);
    expect(planned.of('ibm_logs_router_route')).toHaveLength(1);
    expect(plan().instances.filter(({ type }) => type.startsWith('ibm_logs'))).toEqual([]);
  });
});

describe('inputs', () => {
  it.each<[string, Record<string, Value>]>([
    ['an unknown function', { functions: ['rotate-keys', 'x'] }],
    ['no rotate-keys', { functions: ['show-report'] }],
    ['an unknown setting', { settings: { KEYROTA_X: '1' } }],
    ['a secret among the settings', { settings: { KEYROTA_TRIGGER_TOKEN: TOKEN } }],
    ['a setting among the secrets', { secrets: { KEYROTA_LOG_LEVEL: 'debug' } }],
    ['an API key', { secrets: { KEYROTA_API_KEY: TOKEN } }],
    ['a CRN of another service', { existing_secrets_manager_crn: crn('logs') }],
    ['a region that is none', { region: 'Frankfurt' }],
    ['a visibility that is none', { report_visibility: 'public' }],
  ])('are refused with %s', (_, inputs) => {
    expect(() => plan(inputs)).toThrow(Refused);
  });

  it('may leave out functions, and nothing is left of those', () => {
    const planned = plan({ functions: ['rotate-keys'], settings: SETTINGS, secrets: SECRETS });
    expect(planned.of('ibm_code_engine_function')).toHaveLength(1);
    expect(planned.of('ibm_iam_trusted_profile')).toHaveLength(1);
    expect(
      planned.instances.filter(({ key }) => key !== null && !key.startsWith('rotate-keys') && key !== '0'),
    ).toEqual([]);
  });
});
