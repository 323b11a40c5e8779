import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import { NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import { describe, expect, it } from 'vitest';
import { inProcess } from '../support/in-process.ts';
import { Laboratory } from '../support/laboratory.ts';

/** IBM's own client on the adapter, without a token. */
async function open(options: { timeout?: number } = {}) {
  const lab = await Laboratory.open();
  const serviceUrl = 'http://cloud.local';
  const given = { serviceUrl, authenticator: new NoAuthAuthenticator(), adapter: inProcess(lab.cloud), ...options };
  return { lab, identity: new IamIdentityV1(given) };
}

const DETAILS = 'GET /v1/apikeys/details';

describe('the adapter that stands in for the network', () => {
  it('rejects a refusal with its status and body, as the network does', async () => {
    const { identity } = await open();
    await expect(identity.getApiKeysDetails({})).rejects.toMatchObject({
      status: 401,
      result: { errors: [{ code: 'invalid_access_token' }] },
    });
  });

  it('gives up when the timeout is over, in virtual time', async () => {
    const { lab, identity } = await open({ timeout: 5_000 });
    lab.fault({ match: DETAILS, delayMs: 60_000 });
    const startMs = lab.clock.nowMs();
    await expect(identity.getApiKeysDetails({})).rejects.toMatchObject({ statusText: 'ECONNABORTED' });
    expect(lab.clock.nowMs() - startMs).toBe(5_000);
  });

  it('is not held up by a timeout that is not reached', async () => {
    const { lab, identity } = await open({ timeout: 5_000 });
    const startMs = lab.clock.nowMs();
    await expect(identity.getApiKeysDetails({})).rejects.toMatchObject({ status: 401 });
    expect(lab.clock.nowMs()).toBe(startMs);
  });

  it('gives up when the signal aborts', async () => {
    const { lab, identity } = await open();
    lab.fault({ match: DETAILS, delayMs: 60_000 });
    const controller = new AbortController();
    lab.clock.at(lab.clock.nowMs() + 1_000, () => controller.abort());
    await expect(identity.getApiKeysDetails({ signal: controller.signal })).rejects.toThrow('canceled');
  });

  it.each([
    ['refused', { refuse: true }, 'ECONNREFUSED'],
    ['lost', { drop: 'answer' as const }, 'ECONNRESET'],
  ])('tells of a connection that is %s', async (_, fault, statusText) => {
    const { lab, identity } = await open();
    lab.fault({ match: DETAILS, ...fault });
    await expect(identity.getApiKeysDetails({})).rejects.toMatchObject({ statusText });
  });
});
