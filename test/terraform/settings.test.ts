import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { SettingsSchema } from '../../shared/runtime/settings.ts';
import type { Value } from './support/functions.ts';
import { SECRETS, SETTINGS, crn, environments, plan, settingsOf } from './support/inputs.ts';

/** What the module says of a function by itself, or does not need on Code Engine. */
const SET_BY_THE_MODULE = [
  'KEYROTA_ACCOUNT_ID',
  'KEYROTA_LOGIN',
  'KEYROTA_MANIFEST',
  'KEYROTA_OWN_IAM_IDS',
  'KEYROTA_PROFILE_ID',
  'KEYROTA_SHARDS',
  'KEYROTA_TIMER_MINUTES',
];
const NOT_FOR_FUNCTIONS = ['KEYROTA_API_KEY', 'KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE', 'KEYROTA_PROFILE_NAME'];

describe('the settings of the functions', () => {
  it('are all that Keyrota has, and no others', () => {
    const known = [...SET_BY_THE_MODULE, ...NOT_FOR_FUNCTIONS, ...Object.keys(SETTINGS), ...Object.keys(SECRETS)];
    expect(known.toSorted()).toEqual(Object.keys(SettingsSchema.shape).toSorted());
  });

  it('are secret where Keyrota says so', () => {
    const isSecret = (name: string) => z(name).startsWith('Secret. ');
    const z = (name: string) => SettingsSchema.shape[name as keyof typeof SettingsSchema.shape].description ?? '';
    expect(Object.keys(SECRETS).filter((name) => !isSecret(name))).toEqual([]);
    expect(Object.keys(SETTINGS).filter(isSecret)).toEqual([]);
  });

  it('are read by every function, whether all are given or only those that must be', () => {
    for (const inputs of [{}, { settings: SETTINGS, secrets: SECRETS }]) {
      for (const settings of settingsOf(plan(inputs)).values()) {
        expect(settings.login).toMatchObject({ kind: 'trusted-profile' });
        expect(parseManifest(JSON.parse(settings.manifestText ?? ''), 'test').deployment).toBe('prod');
      }
    }
  });

  it('give each function what it needs, and no secret that it has no use for', () => {
    const secretsOf = new Map(
      [...environments(plan({ settings: SETTINGS, secrets: SECRETS }))].map(([name, environment]) => [
        name,
        Object.keys(environment).filter((variable) => Object.hasOwn(SECRETS, variable)),
      ]),
    );
    const matching = (pattern: RegExp) => Object.keys(SECRETS).filter((name) => pattern.test(name));
    const sorted = (name: string) => secretsOf.get(name)?.toSorted();
    expect(sorted('rotate-keys')).toEqual(matching(/NOTICE|TRIGGER/));
    expect(sorted('check-expiry')).toEqual(matching(/NOTICE|TRIGGER/));
    expect(sorted('show-report')).toEqual(matching(/REPORT/));
    expect(sorted('handle-secret-event')).toEqual(matching(/EVENT_NOTIFICATIONS|TRIGGER_TOKEN$/));
    expect(sorted('respond-to-compromise')).toEqual(
      matching(/NOTICE|EVENT_NOTIFICATIONS|GITHUB|GITGUARDIAN|INCIDENT|TRIGGER_TOKEN$/),
    );
  });

  it('connect the functions: each logs in as itself, and reports start rotate-keys within the project', () => {
    const { KEYROTA_ROTATE_KEYS_URL: _, ...notRotate } = SETTINGS;
    const settings = settingsOf(plan({ settings: notRotate, secrets: SECRETS, prefix: 'team-a' }));
    for (const [name, { login }] of settings) expect(login).toMatchObject({ profileId: `Profile-${name}` });
    for (const name of ['respond-to-compromise', 'handle-secret-event']) {
      expect(settings.get(name)?.rotateKeysUrl).toBe('http://team-a-rotate-keys.sub.function.cluster.local');
    }
    expect(settings.get('handle-secret-event')?.ownIamIds).toEqual(
      ['check-expiry', 'respond-to-compromise', 'rotate-keys'].map((name) => `iam-Profile-${name}`),
    );
    expect(settings.get('rotate-keys')?.rotateKeysUrl).toBeNull();
  });

  it('may come from a secret of the project that Terraform does not know', () => {
    const planned = plan({ existing_secret_names: { 'respond-to-compromise': 'senders' } });
    const found = planned.instances.find(
      ({ address }) => address.includes('"respond-to-compromise"') && address.includes('function.'),
    );
    expect(found?.values['run_env_variables']).toContainEqual({ type: 'secret_full_reference', reference: 'senders' });
    expect(JSON.stringify(planned.of('ibm_code_engine_secret'))).not.toContain('senders');
  });

  it('name Secrets Manager by its private address, or the public one', () => {
    const urlOf = (inputs: Record<string, Value>) => settingsOf(plan(inputs)).get('rotate-keys')?.secretsManagerUrl;
    const instance = { existing_secrets_manager_crn: crn('secrets-manager').replace('eu-de', 'us-south') };
    expect(urlOf(instance)).toBe(
      'https://22222222-2222-4333-8444-555555555555.private.us-south.secrets-manager.appdomain.cloud',
    );
    expect(urlOf({ ...instance, secrets_manager_endpoint: 'public' })).toBe(
      'https://22222222-2222-4333-8444-555555555555.us-south.secrets-manager.appdomain.cloud',
    );
  });

  it('leave the manifest out where the bundles hold it', () => {
    expect(settingsOf(plan({ manifest_is_packed: true })).get('rotate-keys')?.manifestText).toBeNull();
  });

  it('are refused where the functions would refuse them beside each other', () => {
    const { KEYROTA_NOTICE_WEBHOOK_URL: _, KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: __, ...rest } = SETTINGS;
    const source = { KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: 'source:api' };
    expect(() => plan({ settings: { ...rest, ...source }, secrets: SECRETS }).instances).toThrow(
      /KEYROTA_NOTICE_WEBHOOK_URL/,
    );
    expect(() => plan({ settings: rest }).instances).toThrow(/without each other/);
  });
});
