import { ROLE } from '../../../infra/demo/admin.ts';
import type { Login } from '../../../shared/runtime/settings.ts';
import type { Laboratory } from '../../support/laboratory.ts';
import { logInWith } from './product.ts';

/** What the open questions of the platform are answered with, one way and the other. */
export const ANSWERS = [
  { answers: 'as the facts are read', switches: {} },
  {
    answers: 'the other way',
    switches: {
      hiddenValue: 'absent',
      staleIfMatchStatus: 412,
      unknownKeyLoginStatus: 401,
      refusedKeyLoginStatus: 401,
      lockRefusesDisable: true,
      partialAccountLists: 'filtered',
      repeatedChangeStatus: 409,
      disabledKeysCount: false,
    },
  },
] as const;

/** A key made by the account's owner, as IBM answers it. */
export async function ownersKey(
  lab: Laboratory,
  iamId: string,
  more: object = {},
): Promise<{ id: string; value: string }> {
  const body = { name: 'made by hand', iam_id: iamId, account_id: lab.cloud.account.id, ...more };
  const created = await lab.admin.request('POST', '/v1/apikeys', body);
  return { id: String(created['id']), value: String(created['apikey']) };
}

/** A key as IBM shows it to the account's owner. */
export const seenByOwner = (lab: Laboratory, keyId: string): Promise<Record<string, unknown>> =>
  lab.admin.request('GET', `/v1/apikeys/${keyId}?include_history=true&include_activity=true`);

/** Somebody who may rotate the keys of the log agent and see nothing else. */
export async function narrowLogin(lab: Laboratory): Promise<Login> {
  const { iamId } = await lab.admin.createServiceId('narrow', 'May rotate the keys of one service ID.');
  const resource = { resourceType: 'serviceid', resource: lab.serviceId.id };
  await lab.admin.grant(iamId, ROLE.operator, 'iam-identity', resource);
  return loginOf(lab, iamId);
}

/** Somebody who may do nothing at all. */
export async function powerlessLogin(lab: Laboratory): Promise<Login> {
  const { iamId } = await lab.admin.createServiceId('powerless', 'May do nothing.');
  return loginOf(lab, iamId);
}

async function loginOf(lab: Laboratory, iamId: string): Promise<Login> {
  const { value } = await ownersKey(lab, iamId, { name: 'login' });
  await lab.pass(10_000);
  return logInWith(value, lab);
}

/** A trusted profile, and a function that may log in as it. */
export async function trustedProfile(lab: Laboratory, name = 'keyrota') {
  const crn = `crn:v1:bluemix:public:codeengine:us-south:a/${lab.cloud.account.id}:9a0b::`;
  const component = { crn, componentType: 'function', componentName: 'rotate-keys' } as const;
  const link = { crn, component_type: component.componentType, component_name: component.componentName };
  const { id, iamId } = await lab.admin.createProfile(name, link);
  return { id, iamId, name, newToken: () => lab.cloud.iam.issueComputeResourceToken(component) };
}
