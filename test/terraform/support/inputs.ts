import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { EVENTS, EVENTS_PUBLIC_KEY, GITGUARDIAN, GITHUB, INCIDENT } from '../../support/webhook-requests.ts';
import type { Value } from './functions.ts';
import { made } from './made.ts';
import { parseModule } from './module.ts';
import { Plan } from './plan.ts';

const module = await parseModule('infra/terraform');
const folder = mkdtempSync(join(tmpdir(), 'keyrota-terraform-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;

/** A manifest in a file, by its text. */
export function manifestFile(text: string): string {
  const file = join(folder, `${(count += 1)}.yaml`);
  writeFileSync(file, text);
  return file;
}

const MANIFEST = 'docs/manifest.example.yaml';
export const TOKEN = '0123456789abcdef0123456789abcdef';
export const crn = (service: string) =>
  `crn:v1:bluemix:public:${service}:eu-de:a/0123456789abcdef0123456789abcdef:22222222-2222-4333-8444-555555555555::`;

/** Every setting that the module takes, with values that Keyrota takes. */
export const SETTINGS: Record<string, string> = {
  KEYROTA_ALLOWED_TARGETS: 'http://127.0.0.1:1',
  KEYROTA_CALL_TIMEOUT_SECONDS: '5',
  KEYROTA_CLASSIC_URL: 'https://api.softlayer.com',
  KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY: EVENTS_PUBLIC_KEY,
  KEYROTA_GITHUB_API_URL: 'https://github.example/api/v3',
  KEYROTA_GITHUB_SECRET_TYPES: 'ibm_key',
  KEYROTA_IAM_URL: 'http://127.0.0.1:1',
  KEYROTA_JOB_SECONDS: '7000',
  KEYROTA_KEYS_AT_ONCE: '8',
  KEYROTA_LOG_LEVEL: 'debug',
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: 'source:api',
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL:
    'https://eu-de.event-notifications.cloud.ibm.com/event-notifications/v1/instances/instance-1',
  KEYROTA_NOTICE_WEBHOOK_URL: 'https://receiver.example/keyrota',
  KEYROTA_RESOURCE_CONTROLLER_URL: 'https://resource-controller.cloud.ibm.com',
  KEYROTA_ROTATE_KEYS_URL: 'https://rotate.example',
  KEYROTA_RUN_SECONDS: '90',
  KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '10',
  KEYROTA_SECRETS_MANAGER_URL: 'https://secrets.example',
  KEYROTA_USER_MANAGEMENT_URL: 'https://user-management.cloud.ibm.com',
};
export const SECRETS: Record<string, string> = {
  KEYROTA_EVENT_NOTIFICATIONS_SECRET: EVENTS[0],
  KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS: EVENTS[1],
  KEYROTA_GITGUARDIAN_SECRET: GITGUARDIAN[0],
  KEYROTA_GITGUARDIAN_SECRET_PREVIOUS: GITGUARDIAN[1],
  KEYROTA_GITHUB_SECRET: GITHUB[0],
  KEYROTA_GITHUB_SECRET_PREVIOUS: GITHUB[1],
  KEYROTA_GITHUB_TOKEN: `github-${TOKEN}`,
  KEYROTA_INCIDENT_SECRET: INCIDENT[0],
  KEYROTA_INCIDENT_SECRET_PREVIOUS: INCIDENT[1],
  KEYROTA_NOTICE_SLACK_URL: 'https://hooks.slack.example/services/x',
  KEYROTA_NOTICE_WEBHOOK_SECRET: INCIDENT[0],
  KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: INCIDENT[1],
  KEYROTA_REPORT_TOKEN: `report-${TOKEN}`,
  KEYROTA_REPORT_TOKEN_PREVIOUS: `former-report-${TOKEN}`,
  KEYROTA_TRIGGER_TOKEN: `trigger-${TOKEN}`,
  KEYROTA_TRIGGER_TOKEN_PREVIOUS: `former-trigger-${TOKEN}`,
};

/** The secrets without those of notices, which are of no use without an address. */
export const QUIET_SECRETS = Object.fromEntries(Object.entries(SECRETS).filter(([name]) => !name.includes('NOTICE')));

export const plan = (inputs: Record<string, Value> = {}) =>
  new Plan(module, { region: 'eu-de', manifest_file: MANIFEST, ...inputs }, made);

/** What a function finds in its environment, by its name in Keyrota. */
export function environments(planned: Plan): Map<string, Record<string, string>> {
  const dataOf = (type: string, name: string) =>
    planned.of(type).find(({ values }) => values['name'] === name)?.values['data'] as Record<string, string>;
  const names = planned.output('function_names') as Record<string, string>;
  return new Map(
    Object.entries(names).map(([short, name]) => {
      const found = planned.of('ibm_code_engine_function').find(({ values }) => values['name'] === name);
      const entries = (found?.values['run_env_variables'] ?? []) as Record<string, string>[];
      const variables = entries.map(({ type, name: variable = '', value = '', reference = '' }) => {
        if (type === 'literal') return { [variable]: value };
        const isMap = type === 'config_map_full_reference';
        return dataOf(isMap ? 'ibm_code_engine_config_map' : 'ibm_code_engine_secret', reference);
      });
      return [short, Object.assign({}, ...variables) as Record<string, string>];
    }),
  );
}

export const settingsOf = (planned: Plan) =>
  new Map([...environments(planned)].map(([name, environment]) => [name, readSettings(environment)]));
