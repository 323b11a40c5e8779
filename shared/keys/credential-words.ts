import type { ApiError } from '../clients/api-error.ts';
import type { CredentialsRedacted } from '../clients/resource-keys.ts';
import type { KeyrotaError } from '../runtime/errors.ts';
import { quoted } from '../runtime/shell-words.ts';
import { grantCommand } from './grant-command.ts';
import type { KindFacts, Obstacle } from './kind.ts';
import type { ServiceCredential } from './manifest.ts';

/** The service of an instance; null for one that is named by its GUID. */
export const serviceIn = (instance: string): string | null => instance.split(':')[4] || null;

/** Role names of a CRN are what the CLI takes, too. */
const roleName = (role: string): string => role.slice(role.lastIndexOf(':') + 1);

const serviceIdCrnOf = ({ parameters }: ServiceCredential): string | null => {
  const { serviceid_crn: crn } = parameters;
  return typeof crn === 'string' ? crn : null;
};

export const CREDENTIAL_FACTS: KindFacts<ServiceCredential> = {
  keysPerOwner: 'many',
  looksAcrossOwners: true,
  rolesNeeded: (key) => {
    const { owner, instance, role } = key;
    const own = role === null || role === 'NONE' ? '' : `,${roleName(role)}`;
    const serviceIdCrn = serviceIdCrnOf(key);
    const onIam =
      serviceIdCrn === null
        ? [
            'Where the account restricts who creates service IDs it needs the role Service ID creator on iam-identity, too, or the entry names a service ID by `parameters: { serviceid_crn: … }`.',
            'With Editor on all service IDs it can also disable an old credential that holds no other secret, before it deletes it.',
          ]
        : [`On IAM Identity it needs Operator on ${roleName(serviceIdCrn)}.`];
    return [
      `On the instance it needs Operator or Editor, and a role as high as that of the credential${role === null ? '' : ` (${role})`}:`,
      grantCommand(
        `--roles ${quoted(`Operator${own}`)} --service-name ${serviceIn(instance) ?? 'SERVICE'} --service-instance ${owner}`,
      ),
      ...onIam,
    ];
  },
  ownerGone: ({ instance }) => ({
    code: 'instance_gone',
    problem: `Instance ${instance} does not exist.`,
    steps: [
      `ibmcloud resource service-instance ${instance}`,
      'Name the right instance in the entry, or say `state: retired`.',
    ],
  }),
  toUnlock: (_, keyId) =>
    `ibmcloud resource service-key ${keyId} names its API key (iam_apikey_id) and service ID; unlock that: ibmcloud iam service-api-key-unlock APIKEY_ID SERVICE_ID`,
  toDelete: (_, keyId) => `ibmcloud resource service-key-delete ${keyId}`,
};

export const instanceNotActive = ({ instance }: ServiceCredential, state: string): Obstacle => ({
  code: 'instance_not_active',
  problem: `Instance ${instance} is ${state}, not active: it takes no new credentials.`,
  steps: [`ibmcloud resource service-instance ${instance}`, 'Restore it, or say `state: retired` in the entry.'],
});

export const roleUnknown = ({ message, next }: KeyrotaError): Obstacle => ({
  code: 'unknown_role',
  problem: `A credential cannot be asked for: ${message}.`,
  steps: [next],
});

/** The key is there, and its credentials are withheld from whoever made it. */
export const credentialsWithheld = (key: ServiceCredential, { message, next }: CredentialsRedacted): Obstacle => ({
  code: 'credentials_withheld',
  problem: message,
  steps: [...(next === '' ? [] : [next]), ...CREDENTIAL_FACTS.rolesNeeded(key)],
});

/** Names of the fields that there are, and no value. */
export const fieldMissing = ({ secret, instance }: ServiceCredential, fieldNames: readonly string[]): Obstacle => ({
  code: 'field_missing',
  problem: `Credentials of ${instance} have no text in the field ${secret.field ?? ''}. They have: ${fieldNames.join(', ')}.`,
  steps: [
    'Name one of these in the entry (`secret: { field: … }`), or store all of them: `secret: { type: kv }`.',
    'If it comes only when it is asked for: add that to `parameters`, such as `HMAC: true`.',
  ],
});

/** What a refused creation asks of a person; null where another attempt may go well. */
export function refusedCreation(key: ServiceCredential, refusal: ApiError): Obstacle | null {
  switch (refusal.code) {
    case 'not_found':
      return CREDENTIAL_FACTS.ownerGone(key);
    case 'forbidden':
      return {
        code: 'role_missing',
        problem: `Keyrota may not make a credential for ${key.name}: ${refusal.message}`,
        steps: CREDENTIAL_FACTS.rolesNeeded(key),
      };
    case 'invalid_request':
      return {
        code: 'credential_refused',
        problem: `The credential cannot be made as the entry asks for it: ${refusal.message}`,
        steps: [
          ...(key.role === null ? ['The service may demand a role: name one in the entry (`role: Writer`).'] : []),
          'Mend `role` and `parameters` in the entry.',
        ],
      };
    case 'limit_reached':
      return limitReached(key, refusal);
    case 'broker_refused':
      return serviceIdInUse(key, refusal);
    default:
      return null;
  }
}

/** Some services take each service ID once: the next credential for it would be refused for ever. */
function serviceIdInUse(key: ServiceCredential, { message }: ApiError): Obstacle | null {
  const serviceIdCrn = serviceIdCrnOf(key);
  if (serviceIdCrn === null || !/\b409\b|in use|conflict/i.test(message)) return null;
  return {
    code: 'service_id_in_use',
    problem: `The service does not make another credential for ${roleName(serviceIdCrn)}: ${message}`,
    steps: ['Leave `serviceid_crn` out of `parameters`: then each credential gets a service ID of its own.'],
  };
}

/** IAM refused what the credential needs there. By its answer alone one limit cannot be told from another. */
function limitReached(key: ServiceCredential, { message }: ApiError): Obstacle {
  const serviceIdCrn = serviceIdCrnOf(key);
  if (serviceIdCrn !== null) {
    const serviceId = roleName(serviceIdCrn);
    return {
      code: 'key_limit_reached',
      problem: `${serviceId} cannot have another API key: ${message}`,
      steps: [
        `ibmcloud iam service-api-keys ${quoted(serviceId)}`,
        `Delete what nobody uses: ibmcloud iam service-api-key-delete KEY_ID ${quoted(serviceId)}`,
      ],
    };
  }
  return {
    code: 'service_id_limit',
    problem: `Each credential needs a service ID of its own, and IAM refuses it: ${message}`,
    steps: [
      'An account can have 2000 service IDs, with those that belong to service credentials. List them: ibmcloud iam service-ids; ibmcloud resource service-keys',
      'Delete what nobody uses: ibmcloud iam service-id-delete SERVICE_ID; ibmcloud resource service-key-delete KEY_ID',
      'Or let the credentials share one service ID: `parameters: { serviceid_crn: … }` in the entry.',
    ],
  };
}
