import type { KeyIdentity } from '../iam/key-identities.ts';
import type { LoggingKeys } from '../logging/key-book.ts';
import type { SeededRandom } from '../random.ts';
import type { Instance } from './model.ts';
import { isManager } from './key-roles.ts';

/** What the credentials of a key are made from. */
interface CredentialsRequest {
  keyGuid: string;
  instance: Instance;
  roleId: string | null;
  parameters: Readonly<Record<string, unknown>>;
  identity: KeyIdentity | null;
  random: SeededRandom;
  loggingKeys: LoggingKeys;
}

type Credentials = Record<string, unknown>;

/** What a service puts into the credentials of a new key. */
export type CredentialsMaker = (request: CredentialsRequest) => Credentials;

/** The part that every service with IAM has. */
export const iamOnly: CredentialsMaker = ({ identity, roleId }) =>
  identity
    ? {
        apikey: identity.apiKeyValue,
        iam_apikey_description: identity.apiKeyDescription,
        iam_apikey_id: identity.apiKeyId,
        iam_apikey_name: identity.apiKeyName,
        ...(roleId !== null && { iam_role_crn: roleId }),
        iam_serviceid_crn: identity.serviceIdCrn,
      }
    : {};

/** https://cloud.ibm.com/docs/cloud-object-storage?topic=cloud-object-storage-uhc-hmac-credentials-main */
export const objectStorage: CredentialsMaker = (request) => ({
  ...iamOnly(request),
  ...(request.parameters['HMAC'] === true && {
    cos_hmac_keys: {
      access_key_id: request.keyGuid.replaceAll('-', ''),
      secret_access_key: request.random.hex(24),
    },
  }),
  endpoints: 'https://control.cloud-object-storage.cloud.ibm.com/v2/endpoints',
  resource_instance_id: request.instance.crn,
});

/** With the user name and password that Cloudant makes beside the API key. */
export const cloudant: CredentialsMaker = (request) => {
  const host = `${request.instance.id}-bluemix.cloudantnosqldb.appdomain.cloud`;
  const username = `apikey-${request.random.hex(16)}`;
  const password = request.random.hex(32);
  const url = `https://${username}:${password}@${host}`;
  return { ...iamOnly(request), host, password, port: 443, url, username };
};

/** Every key of an instance has the same two values, while they live: making another one rotates nothing. */
export const logdna: CredentialsMaker = (request) => {
  const { instance, roleId, loggingKeys } = request;
  const { ingestion, service } = loggingKeys.handedOut(instance.id, instance.brokerKeys);
  return {
    ...iamOnly(request),
    ...(ingestion !== undefined && { ingestion_key: ingestion }),
    ...(service !== undefined && isManager(roleId) && { service_key: service }),
  };
};

/** Of a service without IAM. */
export const userAndPassword: CredentialsMaker = ({ instance, random }) => ({
  host: `${instance.id}.generic-service.appdomain.cloud`,
  password: random.hex(32),
  port: 443,
  username: `user-${random.hex(8)}`,
});
