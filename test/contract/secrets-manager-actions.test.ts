import { expect, it } from 'vitest';
import { json, rotatedOnce, startCloud, UNKNOWN_ID } from './support/secrets-manager-cloud.ts';

const REVOKE = '{"action_type":"private_cert_action_revoke_certificate"}';
const VALIDATE = '{"action_type":"public_cert_action_validate_dns_challenge"}';

it('actions are refused for secrets that are no certificates, with the right to them', async () => {
  await using cloud = await startCloud();
  const { secretId } = await rotatedOnce(cloud);
  const status = async (path: string, body: string, headers: Record<string, string> = {}) =>
    (await cloud.raw('POST', `/api/v2/secrets/${path}/actions`, { ...json, ...headers }, body)).status;
  for (const body of [REVOKE, VALIDATE]) expect(await status(secretId, body)).toBe(400);
  expect(await status(`${secretId}/versions/previous`, REVOKE)).toBe(400);
  const refusal = await cloud.raw('POST', `/api/v2/secrets/${secretId}/actions`, json, REVOKE);
  expect(await refusal.text()).toContain('Secrets of type arbitrary have no such action.');
  expect(await status(UNKNOWN_ID, REVOKE)).toBe(404);
  expect(await status(`${secretId}/versions/${UNKNOWN_ID}`, REVOKE)).toBe(404);
  const asWriter = { authorization: 'Bearer writer' };
  cloud.rights.grant('writer', ['secret-action.create']);
  expect(await status(secretId, REVOKE, asWriter)).toBe(400);
  expect(await status(`${secretId}/versions/current`, REVOKE, asWriter)).toBe(403);
  cloud.rights.grant('writer', ['secret-version-action.create']);
  expect(await status(`${secretId}/versions/current`, REVOKE, asWriter)).toBe(400);
  expect(await status(secretId, REVOKE, asWriter)).toBe(403);
});

it.each(['{}', '{"action_type":"revoke"}', '{"action_type":"private_cert_action_revoke_certificate","x":1}'])(
  'an action is refused that nobody has: %s',
  async (body) => {
    await using cloud = await startCloud();
    const { secretId } = await rotatedOnce(cloud);
    const refusal = await cloud.raw('POST', `/api/v2/secrets/${secretId}/actions`, json, body);
    expect(refusal.status).toBe(400);
    expect(await refusal.text()).toContain('Request validation error');
  },
);
