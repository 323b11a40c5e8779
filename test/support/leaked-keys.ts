import { ROLE } from '../../infra/demo/admin.ts';
import type { Laboratory } from './laboratory.ts';

/** A key as IAM has it; undefined once it is gone. */
export const keyAt = (lab: Laboratory, keyId: string) => lab.state.iam.apiKeys.find(({ id }) => id === keyId);

/** A key that somebody makes; without an identity it is of the one that the entry `ingest` has. */
export async function makeKey(
  lab: Laboratory,
  { name = 'made', description = '', iamId = lab.serviceId.iamId },
): Promise<{ id: string; value: string }> {
  const body = { name, description, iam_id: iamId, account_id: lab.cloud.account.id };
  const made = await lab.admin.request('POST', '/v1/apikeys', body);
  await lab.pass(10_000);
  return { id: String(made['id']), value: String(made['apikey']) };
}

/** What somebody writes into a key. @throws Error where IAM refuses it. */
export async function editKey(
  lab: Laboratory,
  keyId: string,
  { name = keyAt(lab, keyId)?.name, description = '' }: { name?: string; description?: string },
): Promise<void> {
  const headers = {
    authorization: await lab.adminAuthorization(),
    'if-match': '*',
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ name, description });
  const request = new Request(`http://cloud.test/v1/apikeys/${keyId}`, { method: 'PUT', headers, body });
  const answer = await lab.send(request);
  if (!answer.ok) throw new Error(await answer.text());
}

/** Another service ID, whose keys Keyrota may disable. */
export async function otherIdentity(lab: Laboratory, name = 'other'): Promise<{ id: string; iamId: string }> {
  const { id } = await lab.admin.createServiceId(name, 'Another one.');
  const on = { resourceType: 'serviceid', resource: id };
  await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', on);
  return { id, iamId: `iam-${id}` };
}
