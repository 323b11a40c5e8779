import { isApiError } from '../clients/api-error.ts';
import { quoted } from '../runtime/shell-words.ts';
import { grantCommand } from './grant-command.ts';
import type { KindFacts, Obstacle } from './kind.ts';
import type { LoggingKey } from './manifest.ts';

/** So many keys of each use an instance can have. Of service keys docs/activity-tracker tells, of ingestion keys docs/log-analysis. */
const MOST_KEYS: Readonly<Record<LoggingKey['use'], number>> = { service: 20, ingestion: 10 };

const grants = ({ instance }: LoggingKey): string[] => {
  const [, , , , service = 'logdna', , , guid = instance] = instance.startsWith('crn:') ? instance.split(':') : [];
  return [
    `On the instance it needs Operator, for resource keys, and Manager, to see the service key (of Activity Tracker the service is logdnaat):`,
    grantCommand(`--roles Operator,Manager --service-name ${service} --service-instance ${guid}`),
  ];
};

const deletion = ({ apiUrl }: LoggingKey, keyId: string): string =>
  `curl -X DELETE ${quoted(`${apiUrl}/v1/config/keys/${keyId}`)} -H "servicekey: $OTHER_SERVICE_KEY", or in the web console of the instance`;

export const LOGGING_KEY_FACTS: KindFacts<LoggingKey> = {
  keysPerOwner: 'many',
  looksAcrossOwners: false,
  rolesNeeded: grants,
  ownerGone: ({ instance }) => ({
    code: 'instance_gone',
    problem: `Instance ${instance} does not exist. Log Analysis and Activity Tracker ended on 30 March 2025.`,
    steps: [
      `ibmcloud resource service-instance ${instance}`,
      'Say `state: retired`, and let agents send to Cloud Logs: an entry of kind `service-id-api-key` with the role Sender.',
    ],
  }),
  toUnlock: (key, keyId) =>
    `the instance hands this very key out to Keyrota, or another key has the same value: without it Keyrota may see nothing there any more. Delete it yourself: ${deletion(key, keyId)}`,
  toDelete: deletion,
};

/** Keyrota's own identity may not make a key for itself on the instance, or not see what is in it. */
export const helperForbidden = (key: LoggingKey, why: string): Obstacle => ({
  code: 'role_missing',
  problem: `Keyrota cannot get a service key of instance ${key.instance}: ${why}.`,
  steps: [
    ...grants(key),
    'Where Keyrota logs in with the API key of a service ID: service-policy-create and that service ID instead.',
  ],
});

/** There are as many keys of that use as there can be. */
export function limitReached(key: LoggingKey, keyCount: number): Obstacle | null {
  const most = MOST_KEYS[key.use];
  if (keyCount < most) return null;
  return {
    code: 'key_limit_reached',
    problem: `Instance ${key.instance} has ${keyCount} ${key.use} keys of at most ${most}.`,
    steps: [
      `curl ${quoted(`${key.apiUrl}/v1/config/keys?type=${key.use}`)} -H "servicekey: $SERVICE_KEY"`,
      `Delete what nobody uses: ${deletion(key, 'KEY_ID')}`,
    ],
  };
}

/** What a refusal of the configuration API asks of a person; null where another attempt may go well. */
export function refusalOf(key: LoggingKey, error: unknown): Obstacle | null {
  if (isApiError(error, 'not_logged_in')) {
    const problem = `The service key that instance ${key.instance} hands out to Keyrota is dead: somebody deleted it.`;
    return { code: 'service_key_dead', problem, steps: resetByHand(key) };
  }
  if (isApiError(error, 'forbidden')) {
    const problem = `Instance ${key.instance} refuses its configuration API to Keyrota: its keys are left to the web console, or the service key that it hands out is dead.`;
    return { code: 'console_only', problem, steps: resetByHand(key) };
  }
  return null;
}

const resetByHand = ({ name, use, instance }: LoggingKey): string[] => [
  `Open the dashboard of the instance: ibmcloud resource service-instance ${instance}`,
  `There, in Settings > Organization > API Keys, reset the ${use} key that is there; where there can be several, make a new one.`,
  `keyrota import ${name}, and type the new value in: it reads standard input. It is taken if the instance hands it out to Keyrota, or as a service key that opens the API.`,
  `When consumers have the new value, delete the old ${use} key on that page.`,
];
