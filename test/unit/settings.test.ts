import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { SettingsError, SettingsSchema, readSettings } from '../../shared/runtime/settings.ts';
import type { Settings } from '../../shared/runtime/settings.ts';

const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
const NEEDED = {
  KEYROTA_ACCOUNT_ID: ACCOUNT_ID,
  KEYROTA_SECRETS_MANAGER_URL: 'https://instance.eu-de.secrets-manager.appdomain.cloud',
  KEYROTA_PROFILE_ID: 'Profile-1',
};

type Environment = Record<string, string>;

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const WEBHOOK = {
  KEYROTA_NOTICE_WEBHOOK_URL: 'https://receiver.example/keyrota',
  KEYROTA_NOTICE_WEBHOOK_SECRET: WEBHOOK_SECRET,
};
const EVENT_NOTIFICATIONS = {
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL:
    'https://eu-de.event-notifications.cloud.ibm.com/event-notifications/v1/instances/11111111-2222-4333-8444-555555555555',
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: '22222222-3333-4444-8555-666666666666:api',
};
const whsec = (bytes: number, fill = 'k') => `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;

const pemOf = (bits: number) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return {
    spki: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};
const PEM = pemOf(2048);
const ELLIPTIC = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });

/** The senders' settings where only these are set. */
const senders = (given: { [sender in keyof Settings['senders']]?: Partial<Settings['senders'][sender]> }) =>
  expect.objectContaining(
    Object.fromEntries(Object.entries(given).map(([sender, fields]) => [sender, expect.objectContaining(fields)])),
  ) as Settings['senders'];

/** The error that reading this environment ends with. */
function errorOf(environment: Record<string, string | undefined>): SettingsError {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
}

/** Each variable with a value, what it makes of the settings, and values that are refused. */
const VARIABLES: Record<string, { good: string; gives: Partial<Settings>; bad: string[]; beside?: Environment }> = {
  KEYROTA_ACCOUNT_ID: {
    good: 'f'.repeat(32),
    gives: { accountId: 'f'.repeat(32) },
    bad: ['f'.repeat(31), 'f'.repeat(33), 'F'.repeat(32), 'g'.repeat(32), `${'f'.repeat(32)}\n`],
  },
  KEYROTA_MANIFEST: { good: '{"keys":[]}', gives: { manifestText: '{"keys":[]}' }, bad: ['x'.repeat(128 * 1024)] },
  KEYROTA_SECRETS_MANAGER_URL: {
    good: 'https://other.example',
    gives: { secretsManagerUrl: 'https://other.example' },
    bad: ['http://other.example', 'mailto:someone@other.example', 'other.example', 'https://'],
  },
  KEYROTA_IAM_URL: {
    good: 'https://private.iam.cloud.ibm.com',
    gives: { iamUrl: 'https://private.iam.cloud.ibm.com' },
    bad: ['http://iam.cloud.ibm.com'],
  },
  KEYROTA_RESOURCE_CONTROLLER_URL: {
    good: 'https://private.us-south.resource-controller.cloud.ibm.com',
    gives: { resourceControllerUrl: 'https://private.us-south.resource-controller.cloud.ibm.com' },
    bad: ['http://resource-controller.cloud.ibm.com'],
  },
  KEYROTA_CLASSIC_URL: {
    good: 'https://api.service.softlayer.com',
    gives: { classicUrl: 'https://api.service.softlayer.com' },
    bad: ['http://api.softlayer.com'],
  },
  KEYROTA_USER_MANAGEMENT_URL: {
    good: 'https://user-management.example',
    gives: { userManagementUrl: 'https://user-management.example' },
    bad: ['http://user-management.cloud.ibm.com'],
  },
  KEYROTA_LOGIN: {
    good: 'trusted-profile',
    gives: { login: expect.objectContaining({ kind: 'trusted-profile' }) as Settings['login'] },
    bad: ['api_key', 'Trusted-Profile', 'none'],
  },
  KEYROTA_PROFILE_ID: {
    good: 'Profile-00000000-0000-4000-8000-000000000000',
    gives: {
      login: expect.objectContaining({
        profileId: 'Profile-00000000-0000-4000-8000-000000000000',
      }) as Settings['login'],
    },
    bad: ['iam-Profile-1', 'profile-1', 'Profile-'],
  },
  KEYROTA_PROFILE_NAME: {
    good: 'keyrota-rotate-keys',
    gives: { login: expect.objectContaining({ profileName: 'keyrota-rotate-keys' }) as Settings['login'] },
    bad: [],
  },
  KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE: {
    good: '/some/token',
    gives: { login: expect.objectContaining({ tokenFile: '/some/token' }) as Settings['login'] },
    bad: [],
  },
  KEYROTA_API_KEY: { good: 'a-made-up-key', gives: {}, bad: ['too-short', 'a-made-up key', 'a-made-up-key\n'] },
  KEYROTA_TRIGGER_TOKEN: {
    good: 't'.repeat(32),
    gives: { triggerTokens: [new SecretValue('t'.repeat(32))] },
    bad: ['t'.repeat(31), `${'t'.repeat(32)}\n`, ` ${'t'.repeat(32)}`, `${'t'.repeat(16)} ${'t'.repeat(16)}`],
  },
  KEYROTA_TRIGGER_TOKEN_PREVIOUS: {
    good: 'p'.repeat(32),
    gives: { triggerTokens: [new SecretValue('p'.repeat(32))] },
    bad: ['p'.repeat(31), `${'p'.repeat(32)}\r\n`, `${'p'.repeat(32)}\t`],
  },
  KEYROTA_REPORT_TOKEN: {
    good: 'r'.repeat(32),
    gives: { reportTokens: [new SecretValue('r'.repeat(32))] },
    bad: ['r'.repeat(31), `${'r'.repeat(32)}\n`, `${'r'.repeat(16)} ${'r'.repeat(16)}`],
  },
  KEYROTA_REPORT_TOKEN_PREVIOUS: {
    good: 'q'.repeat(32),
    gives: { reportTokens: [new SecretValue('q'.repeat(32))] },
    bad: ['q'.repeat(31), `${'q'.repeat(32)}\t`],
  },
  KEYROTA_TIMER_MINUTES: { good: '5', gives: { timerMs: 300_000 }, bad: ['0', '1441', '1.5', 'often', '-1'] },
  KEYROTA_RUN_SECONDS: { good: '45', gives: { runMs: 45_000 }, bad: ['44', '111', '100s'] },
  KEYROTA_SHARDS: { good: '1000', gives: { shardCount: 1_000 }, bad: ['0', '1001', '2.5'] },
  KEYROTA_JOB_SECONDS: { good: '85800', gives: { jobMs: 85_800_000 }, bad: ['59', '85801', '1h'] },
  KEYROTA_KEYS_AT_ONCE: { good: '119', gives: { keysAtOnce: 119 }, bad: ['0', '501', 'Infinity'] },
  KEYROTA_CALL_TIMEOUT_SECONDS: { good: '60', gives: { callTimeoutMs: 60_000 }, bad: ['0', '61'] },
  KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: {
    good: '1000',
    gives: { secretsManagerCallsPerSecond: 1_000 },
    bad: ['0', '1001'],
  },
  KEYROTA_NOTICE_WEBHOOK_URL: {
    good: WEBHOOK.KEYROTA_NOTICE_WEBHOOK_URL,
    gives: { notices: [expect.objectContaining({ url: WEBHOOK.KEYROTA_NOTICE_WEBHOOK_URL })] as Settings['notices'] },
    bad: ['http://receiver.example', 'https://receiver.example?key=value', 'https://user@receiver.example', 'receiver'],
    beside: { KEYROTA_NOTICE_WEBHOOK_SECRET: WEBHOOK_SECRET },
  },
  KEYROTA_NOTICE_WEBHOOK_SECRET: {
    good: WEBHOOK_SECRET,
    gives: {
      notices: [expect.objectContaining({ secrets: [new SecretValue(WEBHOOK_SECRET)] })] as Settings['notices'],
    },
    bad: [
      WEBHOOK_SECRET.slice('whsec_'.length),
      `whsec_${Buffer.alloc(23).toString('base64')}`,
      `whsec_${Buffer.alloc(65).toString('base64')}`,
      `${WEBHOOK_SECRET}\n`,
      `whsec_${Buffer.alloc(32, 255).toString('base64url')}`,
    ],
    beside: { KEYROTA_NOTICE_WEBHOOK_URL: WEBHOOK.KEYROTA_NOTICE_WEBHOOK_URL },
  },
  KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: {
    good: `whsec_${Buffer.alloc(64).toString('base64')}`,
    gives: {
      notices: [
        expect.objectContaining({ secrets: [expect.any(SecretValue), expect.any(SecretValue)] as SecretValue[] }),
      ] as Settings['notices'],
    },
    bad: ['whsec_', 'whsec_short'],
    beside: WEBHOOK,
  },
  KEYROTA_NOTICE_SLACK_URL: {
    good: 'https://hooks.slack.example/services/T0/B0/made-up',
    gives: {
      notices: [
        expect.objectContaining({ id: 'slack', url: expect.any(SecretValue) as SecretValue }),
      ] as Settings['notices'],
    },
    bad: ['http://hooks.slack.example/services', 'https://hooks.slack.example/#x', 'services'],
  },
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: {
    good: EVENT_NOTIFICATIONS.KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL,
    gives: { notices: [expect.objectContaining({ id: 'event-notifications' })] as Settings['notices'] },
    bad: ['https://eu-de.event-notifications.cloud.ibm.com', 'http://eu-de.event-notifications.cloud.ibm.com', 'eu-de'],
    beside: EVENT_NOTIFICATIONS,
  },
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: {
    good: 'source:api',
    gives: { notices: [expect.objectContaining({ sourceId: 'source:api' })] as Settings['notices'] },
    bad: ['source', ':api', 'crn:v1:bluemix'],
    beside: EVENT_NOTIFICATIONS,
  },
  KEYROTA_ALLOWED_TARGETS: {
    good: 'http://127.0.0.1:4000, https://10.0.0.1',
    gives: { notices: [] },
    bad: ['127.0.0.1:4000', 'http://127.0.0.1:4000/', 'http://127.0.0.1:4000,', 'ftp://127.0.0.1', '*'],
    beside: { KEYROTA_IAM_URL: 'http://127.0.0.1:4000' },
  },
  KEYROTA_LOG_LEVEL: { good: 'debug', gives: { logLevel: 'debug' }, bad: ['verbose', 'INFO'] },
  KEYROTA_INCIDENT_SECRET: {
    good: whsec(24),
    gives: { senders: senders({ incident: { current: new SecretValue(whsec(24)) } }) },
    bad: [
      whsec(23),
      whsec(65),
      whsec(32).slice('whsec_'.length),
      `${whsec(32)}\n`,
      whsec(32, '\xff').replaceAll('/', '_'),
      whsec(32).replace('=', ''),
      `whsk_${Buffer.alloc(32).toString('base64')}`,
    ],
  },
  KEYROTA_INCIDENT_SECRET_PREVIOUS: {
    good: whsec(64),
    gives: { senders: senders({ incident: { previous: new SecretValue(whsec(64)) } }) },
    bad: [whsec(0), 'whsec_'],
  },
  KEYROTA_GITHUB_SECRET: {
    good: 'g'.repeat(32),
    gives: { senders: senders({ github: { current: new SecretValue('g'.repeat(32)) } }) },
    bad: ['g'.repeat(31), `${'g'.repeat(32)}\n`],
  },
  KEYROTA_GITHUB_SECRET_PREVIOUS: {
    good: 'h'.repeat(32),
    gives: { senders: senders({ github: { previous: new SecretValue('h'.repeat(32)) } }) },
    bad: ['h'.repeat(31)],
  },
  KEYROTA_GITHUB_TOKEN: {
    good: 'github_pat_a-made-up-token',
    gives: { senders: senders({ github: { token: new SecretValue('github_pat_a-made-up-token') } }) },
    bad: ['too-short', 'a token with blanks in it'],
  },
  KEYROTA_GITHUB_API_URL: {
    good: 'https://github.example/api/v3',
    gives: { senders: senders({ github: { apiUrl: 'https://github.example/api/v3' } }) },
    bad: ['http://api.github.com'],
  },
  KEYROTA_GITHUB_SECRET_TYPES: {
    good: 'ibm_key, our-classic_key',
    gives: { senders: senders({ github: { secretTypes: ['ibm_key', 'our-classic_key'] } }) },
    bad: ['ibm key', 'ibm_key,', ',', 'ibm_key;other', 'ibm_key/other'],
  },
  KEYROTA_GITGUARDIAN_SECRET: {
    good: 'w'.repeat(16),
    gives: { senders: senders({ gitguardian: { current: new SecretValue('w'.repeat(16)) } }) },
    bad: ['w'.repeat(15)],
  },
  KEYROTA_GITGUARDIAN_SECRET_PREVIOUS: {
    good: 'v'.repeat(16),
    gives: { senders: senders({ gitguardian: { previous: new SecretValue('v'.repeat(16)) } }) },
    bad: ['v'.repeat(15)],
  },
  KEYROTA_EVENT_NOTIFICATIONS_SECRET: {
    good: 'e'.repeat(32),
    gives: { senders: senders({ eventNotifications: { current: new SecretValue('e'.repeat(32)) } }) },
    bad: ['e'.repeat(31), `Bearer ${'e'.repeat(32)}`],
  },
  KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS: {
    good: 'f'.repeat(32),
    gives: { senders: senders({ eventNotifications: { previous: new SecretValue('f'.repeat(32)) } }) },
    bad: ['f'.repeat(31)],
  },
  KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY: {
    good: PEM.spki,
    gives: { senders: senders({ eventNotifications: { publicKey: PEM.spki } }) },
    bad: [PEM.pkcs8, `${PEM.pkcs8}${PEM.spki}`, pemOf(1024).spki, String(ELLIPTIC), PEM.spki.slice(0, 100), 'MIIB'],
  },
  KEYROTA_ROTATE_KEYS_URL: {
    good: 'http://rotate-keys.0123abcd.function.cluster.local',
    gives: { rotateKeysUrl: 'http://rotate-keys.0123abcd.function.cluster.local' },
    bad: [
      'http://rotate-keys.0123abcd.svc.cluster.local',
      'http://rotate-keys.0123abcd.function.cluster.local.other.example',
      'http://rotate-keys.0123abcd.function.cluster.local:8080',
      'http://user@rotate-keys.0123abcd.function.cluster.local',
      'http://function.cluster.local',
      'http://other.example',
    ],
  },
  KEYROTA_OWN_IAM_IDS: {
    good: 'iam-Profile-0f1e, iam-ServiceId-0f1e,IBMid-0123456789',
    gives: { ownIamIds: ['iam-Profile-0f1e', 'iam-ServiceId-0f1e', 'IBMid-0123456789'] },
    bad: ['ServiceId-0f1e', 'iam-ServiceId-0f1e;IBMid-1', 'SecretsManager'],
  },
};

describe('settings', () => {
  it('need three variables; all others have a default', () => {
    expect(readSettings(NEEDED)).toEqual({
      accountId: ACCOUNT_ID,
      manifestText: null,
      secretsManagerUrl: NEEDED.KEYROTA_SECRETS_MANAGER_URL,
      iamUrl: 'https://iam.cloud.ibm.com',
      resourceControllerUrl: 'https://resource-controller.cloud.ibm.com',
      classicUrl: 'https://api.softlayer.com',
      userManagementUrl: 'https://user-management.cloud.ibm.com',
      login: {
        kind: 'trusted-profile',
        profileId: 'Profile-1',
        tokenFile: '/var/run/secrets/codeengine.cloud.ibm.com/compute-resource-token/token',
      },
      triggerTokens: [],
      reportTokens: [],
      timerMs: 60_000,
      runMs: 100_000,
      shardCount: 1,
      jobMs: 3_000_000,
      keysAtOnce: 120,
      callTimeoutMs: 10_000,
      secretsManagerCallsPerSecond: 20,
      notices: [],
      logLevel: 'info',
      senders: {
        incident: { current: null, previous: null },
        github: {
          current: null,
          previous: null,
          token: null,
          apiUrl: 'https://api.github.com',
          secretTypes: [],
        },
        gitguardian: { current: null, previous: null },
        eventNotifications: { current: null, previous: null, publicKey: null },
      },
      rotateKeysUrl: null,
      ownIamIds: [],
    });
  });

  it('let no more keys be worked on at once than their calls have turns for', () => {
    const given = { ...NEEDED, KEYROTA_KEYS_AT_ONCE: '500' };
    expect(readSettings(given).keysAtOnce).toBe(120);
    expect(readSettings({ ...given, KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '1' }).keysAtOnce).toBe(6);
    expect(readSettings({ ...given, KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: '100' }).keysAtOnce).toBe(500);
  });

  it('are all tried in these tests', () => {
    expect(Object.keys(VARIABLES)).toEqual(Object.keys(SettingsSchema.shape));
  });

  it.each(Object.entries(VARIABLES))('take %s', (variable, { good, gives, beside }) => {
    expect(readSettings({ ...NEEDED, ...beside, [variable]: good })).toMatchObject(gives);
  });

  it.each(Object.entries(VARIABLES).flatMap(([variable, { bad }]) => bad.map((value) => [variable, value] as const)))(
    'refuse %s with a wrong value, and name it',
    (variable, value) => {
      const { code, faults, next } = errorOf({ ...NEEDED, ...VARIABLES[variable]?.beside, [variable]: value });
      expect(code).toBe('settings_invalid');
      expect(faults).toHaveLength(1);
      expect(faults[0]).toMatch(new RegExp(`^${variable}: \\w`));
      expect(next).toContain('docs/settings.md');
    },
  );

  it('take an empty variable for a missing one', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((variable) => [variable, '']));
    expect(readSettings({ ...empty, ...NEEDED })).toEqual(readSettings(NEEDED));
    expect(errorOf({ ...NEEDED, KEYROTA_ACCOUNT_ID: '' }).faults).toEqual(['KEYROTA_ACCOUNT_ID is missing']);
    expect(errorOf({ ...NEEDED, KEYROTA_ACCOUNT_ID: undefined }).faults).toEqual(['KEYROTA_ACCOUNT_ID is missing']);
  });

  it('refuse a variable of ours that does not exist: it is misspelt', () => {
    expect(errorOf({ ...NEEDED, KEYROTA_LOGLEVEL: 'debug', KEYROTA_X: '1' }).faults).toEqual([
      'KEYROTA_LOGLEVEL, KEYROTA_X: no such setting',
    ]);
  });

  it('do not look at variables of others', () => {
    expect(readSettings({ ...NEEDED, PATH: '/bin', keyrota_account_id: 'x', CE_REGION: 'eu-de' })).toEqual(
      readSettings(NEEDED),
    );
  });

  it('name every fault at once', () => {
    const { faults, message } = errorOf({
      KEYROTA_LOGIN: 'none',
      KEYROTA_RUN_SECONDS: '5',
      KEYROTA_TRIGGER_TOKEN: 'short',
      KEYROTA_MISSPELT: 'x',
    });
    const named = [
      'KEYROTA_ACCOUNT_ID',
      'KEYROTA_SECRETS_MANAGER_URL',
      'KEYROTA_LOGIN',
      'KEYROTA_RUN_SECONDS',
      'KEYROTA_TRIGGER_TOKEN',
      'KEYROTA_MISSPELT',
    ];
    expect(faults).toHaveLength(named.length);
    for (const variable of named) expect(message).toContain(variable);
  });
});

describe('a settings error', () => {
  /** Wrong for every variable but the four that take any text, and not to be taken for a word of the message. */
  const wrong = fc.stringMatching(/^[a-z0-9]{7}[xyz]$/).map((text) => `zq${text}`);
  const takesAnyText = [
    'KEYROTA_PROFILE_NAME',
    'KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE',
    'KEYROTA_API_KEY',
    'KEYROTA_GITHUB_SECRET_TYPES',
  ];
  const environments = fc.record(
    Object.fromEntries(
      Object.keys(VARIABLES)
        .filter((variable) => !takesAnyText.includes(variable))
        .map((variable) => [
          variable,
          variable.endsWith('_URL')
            ? wrong.map((text) => `http://${text}:${text}@${text}.example/${text}?${text}`)
            : variable === 'KEYROTA_MANIFEST'
              ? wrong.map((text) => text.repeat(14_000))
              : wrong,
        ]),
    ),
    { requiredKeys: ['KEYROTA_RUN_SECONDS'] },
  );

  it('names the variables, and never shows a value', () => {
    fc.assert(
      fc.property(environments, wrong, (given, unknownValue) => {
        const environment: Record<string, string> = { ...given, KEYROTA_MISSPELT: unknownValue };
        const error = errorOf(environment);
        const shown = inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error);
        for (const [variable, value] of Object.entries(environment)) {
          expect(shown).toContain(variable);
          for (const part of new Set(value.match(/zq[a-z0-9]{8}/g))) expect(shown).not.toContain(part);
        }
      }),
    );
  });

  it('does not show the secrets beside the fault', () => {
    const secrets = { KEYROTA_API_KEY: 'a-made-up-key', KEYROTA_TRIGGER_TOKEN: 'a-made-up-token-of-some-length-x' };
    const error = errorOf({ ...NEEDED, ...secrets, KEYROTA_RUN_SECONDS: 'x' });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('made-up');
  });
});

describe('secret settings', () => {
  it('do not show when the settings are printed', () => {
    const settings = readSettings({
      ...NEEDED,
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: 'a-made-up-key',
      KEYROTA_TRIGGER_TOKEN: 'a-made-up-token-of-some-length-x',
      KEYROTA_TRIGGER_TOKEN_PREVIOUS: 'a-made-up-token-of-old-length-xx',
      KEYROTA_REPORT_TOKEN: 'a-made-up-token-for-reports-xxxx',
    });
    expect(inspect(settings, { depth: null }) + JSON.stringify(settings)).not.toContain('made-up');
    expect(settings.triggerTokens.map((token) => token.reveal())).toEqual([
      'a-made-up-token-of-some-length-x',
      'a-made-up-token-of-old-length-xx',
    ]);
  });
});

describe('the manifest as a setting', () => {
  // Linux refuses a longer string with E2BIG: KEYROTA_MANIFEST= has 17 bytes, and a zero byte ends it.
  const LONGEST = 128 * 1024 - 17 - 1;

  it('may be as long as Linux lets it', () => {
    expect(readSettings({ ...NEEDED, KEYROTA_MANIFEST: 'x'.repeat(LONGEST) }).manifestText).toHaveLength(LONGEST);
  });

  it('is refused when it is one byte longer, with advice', () => {
    const { faults } = errorOf({ ...NEEDED, KEYROTA_MANIFEST: 'x'.repeat(LONGEST + 1) });
    expect(faults).toEqual([expect.stringContaining('128 KiB')]);
    expect(faults).toEqual([expect.stringContaining('pack the manifest instead')]);
  });

  it('is measured in bytes, not in letters', () => {
    const longest = 'ä'.repeat(LONGEST / 2);
    expect(readSettings({ ...NEEDED, KEYROTA_MANIFEST: longest }).manifestText).toBe(longest);
    expect(errorOf({ ...NEEDED, KEYROTA_MANIFEST: `${longest}ä` }).faults).toHaveLength(1);
  });
});

describe('the targets of notices', () => {
  const ALL = {
    ...NEEDED,
    ...WEBHOOK,
    ...EVENT_NOTIFICATIONS,
    KEYROTA_NOTICE_SLACK_URL: 'https://slack.example/made-up',
  };

  it('are told apart by ids that stay, and another webhook is another target', () => {
    const idsOf = (given: Environment) => readSettings(given).notices.map(({ id }) => id);
    expect(idsOf(ALL)).toEqual([expect.stringMatching(/^webhook-[0-9a-f]{8}$/), 'slack', 'event-notifications']);
    expect(idsOf(ALL)).toEqual(idsOf(ALL));
    const moved = { ...ALL, KEYROTA_NOTICE_WEBHOOK_URL: 'https://receiver.example/other' };
    expect(idsOf(moved)[0]).not.toBe(idsOf(ALL)[0]);
  });

  it('show no secret when they are printed', () => {
    const { notices } = readSettings({ ...ALL, KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: WEBHOOK_SECRET });
    const shown = inspect(notices, { depth: null }) + JSON.stringify(notices);
    expect(shown).not.toContain('made-up');
    expect(shown).not.toContain('whsec_');
  });

  it.each([
    ['KEYROTA_NOTICE_WEBHOOK_URL', 'KEYROTA_NOTICE_WEBHOOK_SECRET'],
    ['KEYROTA_NOTICE_WEBHOOK_SECRET', 'KEYROTA_NOTICE_WEBHOOK_URL'],
    ['KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL', 'KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE'],
    ['KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE', 'KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL'],
  ] as const)('need both: %s is of no use without %s', (variable, needed) => {
    const { [needed]: _, ...without } = ALL;
    expect(errorOf(without).faults).toEqual([`${variable}: is of no use without ${needed}, which is missing`]);
  });

  it('take the former secret of a webhook beside the new one alone', () => {
    expect(errorOf({ ...NEEDED, KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: WEBHOOK_SECRET }).faults).toHaveLength(1);
  });

  const PRIVATE = [
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.0.0.1/',
    'https://10.1.2.3/',
    'https://172.31.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest',
    'https://100.64.0.1/',
    'https://224.0.0.1/',
    'https://0.0.0.0/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::ffff:8.8.8.8]/',
    'https://[64:ff9b::a00:1]/',
    'https://[fc00::1]/',
    'https://[fd12:3456::1]/',
    'https://[fe80::1]/',
    'https://[ff02::1]/',
    'http://localhost:4000/',
  ];

  it.each(PRIVATE)('are not in a private network: not %s', (address) => {
    for (const variable of ['KEYROTA_NOTICE_WEBHOOK_URL', 'KEYROTA_NOTICE_SLACK_URL']) {
      expect(errorOf({ ...ALL, [variable]: address }).faults).toEqual([
        `${variable}: must be an https address without user, query and fragment, and not within a private network`,
      ]);
    }
  });

  it.each(PRIVATE)('may be there where their origin is allowed, on a machine with an IAM of its own: %s', (address) => {
    const { origin } = new URL(address);
    const given = { ...ALL, KEYROTA_NOTICE_SLACK_URL: address, KEYROTA_ALLOWED_TARGETS: origin };
    const { notices } = readSettings({ ...given, KEYROTA_IAM_URL: 'http://localhost:4000' });
    expect(notices.map(({ id, isAllowed }) => [id, isAllowed])).toContainEqual(['slack', true]);
    expect(notices.filter(({ isAllowed }) => isAllowed)).toHaveLength(1);
    for (const iam of ['', 'https://iam.cloud.ibm.com', 'https://127.0.0.1.example']) {
      expect(errorOf({ ...given, KEYROTA_IAM_URL: iam }).faults).toEqual([
        'KEYROTA_ALLOWED_TARGETS: is for trials on one machine: KEYROTA_IAM_URL must be a loopback address',
      ]);
    }
  });

  it.each(['https://8.8.8.8/', 'https://[2606:4700::1111]/', 'https://172.32.0.1/', 'https://a.example:8443/x/'])(
    'may be anywhere else: %s',
    (address) => {
      const [target] = readSettings({ ...ALL, KEYROTA_NOTICE_WEBHOOK_URL: address }).notices;
      expect(target).toMatchObject({ url: address, isAllowed: false });
    },
  );

  it('at Event Notifications name the instance', () => {
    const address = 'https://eu-de.event-notifications.cloud.ibm.com/event-notifications/v1/instances/';
    for (const wrong of [address, `${address}{id}`, `${address}one/two`]) {
      expect(errorOf({ ...ALL, KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: wrong }).faults).toEqual([
        'KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: must end with /event-notifications/v1/instances/ and the instance',
      ]);
    }
  });
});

describe('numbers', () => {
  const numeric = Object.keys(VARIABLES).filter((variable) => /_(MINUTES|SECONDS|ONCE|SECOND)$/.test(variable));

  it.each(['6e1', '0x3c', ' 60', '60 ', '60\n', '60.0', '-60', '+60', '6_0', '６０', '0000000060', 'sixty'])(
    'are digits and nothing else: not %j, and no fault repeats it',
    (value) => {
      expect(numeric).toHaveLength(6);
      for (const variable of numeric) {
        const [fault = '', ...more] = errorOf({ ...NEEDED, [variable]: value }).faults;
        expect(more).toEqual([]);
        expect(fault).toMatch(new RegExp(`^${variable}: must be a whole number from \\d+ to \\d+$`));
      }
    },
  );

  it('are taken at both ends of their range, and no further', () => {
    for (const variable of numeric) {
      const [, least = '', most = ''] =
        /from (\d+) to (\d+)/.exec(errorOf({ ...NEEDED, [variable]: 'x' }).faults.join()) ?? [];
      for (const value of [least, most]) expect(readSettings({ ...NEEDED, [variable]: value })).toBeTruthy();
      for (const value of [Number(least) - 1, Number(most) + 1]) {
        expect(errorOf({ ...NEEDED, [variable]: String(value) }).faults).toHaveLength(1);
      }
    }
  });
});

describe('the login', () => {
  it('by trusted profile needs its id or its name', () => {
    const { KEYROTA_PROFILE_ID: _, ...without } = NEEDED;
    expect(errorOf(without).faults).toEqual([expect.stringContaining('KEYROTA_PROFILE_ID or KEYROTA_PROFILE_NAME')]);
    const byName = readSettings({ ...without, KEYROTA_PROFILE_NAME: 'keyrota' });
    expect(byName.login).toMatchObject({ kind: 'trusted-profile', profileName: 'keyrota' });
    expect(byName.login).not.toHaveProperty('profileId');
  });

  it('by trusted profile does not take the API key along', () => {
    expect(readSettings({ ...NEEDED, KEYROTA_API_KEY: 'a-made-up-key' }).login).not.toHaveProperty('apiKey');
  });

  it('by API key needs the key', () => {
    expect(errorOf({ ...NEEDED, KEYROTA_LOGIN: 'api-key' }).faults).toEqual([
      expect.stringContaining('KEYROTA_API_KEY is missing'),
    ]);
    const { login } = readSettings({ ...NEEDED, KEYROTA_LOGIN: 'api-key', KEYROTA_API_KEY: 'a-made-up-key' });
    expect(login.kind === 'api-key' && login.apiKey.reveal()).toBe('a-made-up-key');
  });
});

describe('addresses that credentials travel to', () => {
  it.each([
    'https://user@other.example',
    'https://:password@other.example',
    'https://user:password@other.example',
    'https://other.example?key=value',
    'https://other.example/path?key',
    'https://other.example#fragment',
    'https://other.example?',
    'https://other.example#',
    'https://other.example ',
    'https://other.example\n',
    'http://user@localhost',
    'http://127.0.0.1/?key=value',
  ])('have no user, no query and no fragment: not %s', (address) => {
    for (const variable of ['KEYROTA_IAM_URL', 'KEYROTA_SECRETS_MANAGER_URL']) {
      const [fault, ...more] = errorOf({ ...NEEDED, [variable]: address }).faults;
      expect(more).toEqual([]);
      expect(fault).toMatch(new RegExp(`^${variable}: must be an https address without user, query and fragment`));
    }
  });

  it.each(['http://127.0.0.1', 'http://127.0.0.1:8080/path', 'http://localhost:3000', 'http://[::1]:3000'])(
    'may be plain HTTP on this machine: %s',
    (address) => {
      expect(readSettings({ ...NEEDED, KEYROTA_IAM_URL: address }).iamUrl).toBe(address);
    },
  );

  it.each([
    'http://iam.cloud.ibm.com',
    'http://127.0.0.1.other.example',
    'http://localhost.other.example',
    'http://localhost@other.example',
    'http://other.example/localhost',
    'http://other.example#127.0.0.1',
    'http://10.0.0.1',
    'http://0.0.0.0',
    'ftp://other.example',
    'localhost:8080',
  ])('must be HTTPS elsewhere: not %s', (address) => {
    expect(errorOf({ ...NEEDED, KEYROTA_IAM_URL: address }).faults).toEqual([
      'KEYROTA_IAM_URL: must be an https address without user, query and fragment (plain http only for a loopback address)',
    ]);
  });
});

describe('what is secret among the settings', () => {
  it('is told in the table of all settings, and nothing else is: what is read as a secret begins with that word', () => {
    const texts = ['k'.repeat(40), WEBHOOK_SECRET, 'https://hooks.example/services/k'];
    const isRead = Object.entries(SettingsSchema.shape).filter(([, schema]) =>
      texts.some((text) => schema.safeParse(text).data instanceof SecretValue),
    );
    const isTold = Object.entries(SettingsSchema.shape).filter(([, { description = '' }]) =>
      description.startsWith('Secret. '),
    );
    const names = (settings: [string, unknown][]) => settings.map(([name]) => name);
    expect(names(isTold)).toEqual(names(isRead));
    expect(isTold.length).toBeGreaterThan(10);
  });
});
