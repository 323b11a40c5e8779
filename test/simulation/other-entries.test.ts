import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { FunctionalId } from '../support/functional-id.ts';
import { Laboratory } from '../support/laboratory.ts';
import { onlyKey } from '../support/rotated.ts';
import { manifestOf } from '../support/manifests.ts';

const ONE = { name: 'ingest' };
const TWO = { name: 'other' };

/** Two entries of one service ID, each with its key. */
async function both(adoptions: string[] = []) {
  const lab = await Laboratory.open();
  const keys = [...lab.manifest(TWO).keys, ...lab.manifest({ ...ONE, adopt: adoptions }).keys];
  const manifest = manifestOf('lab', keys);
  await lab.tick(manifest);
  return { lab, manifest, one: onlyKey(lab.manifest(ONE)), otherId: lab.currentKeyId('other') };
}

/** Long enough for anything superseded to be deleted. */
async function settle(lab: Laboratory, manifest: Manifest): Promise<void> {
  for (let day = 0; day < 14; day += 1) {
    await lab.pass(DAY_MS);
    await lab.tick(manifest, { timerMs: DAY_MS / 2 });
  }
}

describe('the key of another entry', () => {
  it('is not adopted by the operator', async () => {
    const { lab, manifest, one, otherId } = await both();
    const adopting = lab.withPorts(manifest, (ports) => adopt(one, otherId, ports));
    await expect(adopting).rejects.toMatchObject({ code: 'adoption_refused' });
  });

  it('is not retired because the manifest names it in `adopt`', async () => {
    const { lab, manifest, otherId } = await both();
    const [two, one] = manifest.keys;
    if (!two || !one) throw new Error('there are two entries');
    await settle(lab, { ...manifest, keys: [two, { ...one, adopt: [otherId] }] });
    expect(lab.keys.find(({ id }) => id === otherId)).toMatchObject({ disabled: false });
  });

  it('is not imported, also where a person made it and it bears no name of ours', async () => {
    const user = await FunctionalId.withLogin();
    const importing = user.import('pipeline', user.firstValue);
    await expect(importing).rejects.toMatchObject({
      code: 'import_refused',
      message: expect.stringContaining('login') as string,
    });
    expect(user.lab.state.secretsManager.secrets.map(({ name }) => name)).toEqual(['login']);
  });
});

describe('the API key behind a service credential', () => {
  /** A credential that was given the log agent's own service ID. */
  async function given() {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.fetchValue();
    const { crn } = lab.cloud.account.cloudLogs;
    const serviceIdCrn = `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::serviceid:${lab.serviceId.id}`;
    const body = { name: 'credential', source: crn, role: 'Manager', parameters: { serviceid_crn: serviceIdCrn } };
    const { credentials } = await lab.admin.request('POST', '/v2/resource_keys', body);
    const { iam_apikey_id: id, apikey } = credentials as { iam_apikey_id: string; apikey: string };
    await lab.pass(HOUR_MS);
    return { lab, manifest, id, apikey };
  }

  it('is not retired because the manifest names it in `adopt`', async () => {
    const { lab, manifest, id } = await given();
    await settle(lab, { ...manifest, keys: [{ ...onlyKey(manifest), adopt: [id] }] });
    expect(lab.keys.find((key) => key.id === id)).toMatchObject({ disabled: false });
  });

  it('is not imported', async () => {
    const { lab, manifest, apikey } = await given();
    const importing = lab.withPorts(manifest, (ports) => importKey(onlyKey(manifest), new SecretValue(apikey), ports));
    await expect(importing).rejects.toMatchObject({ code: 'import_refused' });
  });

  it('keeps nobody from replacing a lost key of ours', async () => {
    const { lab, manifest } = await given();
    await lab.admin.request('DELETE', `/v1/apikeys/${lab.currentKeyId()}`);
    await lab.pass(HOUR_MS);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys[0]?.steps[0]).toMatchObject({ step: 'mint' });
  });
});

describe('a login that is refused for a moment', () => {
  it('is tried again before what consumers hold is read', async () => {
    const user = await FunctionalId.withLogin();
    const { lab } = user;
    await lab.tick(user.manifest);
    await lab.pass(30 * DAY_MS);
    const from = lab.cloud.calls.total + 1;
    const body = { errorCode: 'BXNIM0415E', errorMessage: 'Provided API key could not be found.' };
    const handle = lab.cloud.handle.bind(lab.cloud);
    let refusals = 0;
    lab.cloud.handle = async (request) => {
      const isLogin =
        request.url.endsWith('/identity/token') && (await request.clone().text()).includes(user.firstValue);
      if (!isLogin || refusals > 0) return handle(request);
      refusals += 1;
      return Response.json(body, { status: 400 });
    };
    expect((await lab.tick(user.manifest, { only: ['pipeline'] })).keys).toMatchObject([{ steps: [{ step: 'mint' }] }]);
    expect([refusals, user.readsOf('pipeline', from)]).toEqual([1, 0]);
  });
});

describe('a dry run', () => {
  it('does not read what consumers hold, whatever else works', async () => {
    const user = await FunctionalId.withLogin();
    const { lab } = user;
    await lab.tick(user.manifest);
    await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId('login')}/disable`);
    await lab.pass(HOUR_MS);
    const from = lab.cloud.calls.total + 1;
    const { keys } = await lab.tick(user.manifest, { dryRun: true }, { readOnly: true });
    expect(keys.map(({ outcome, code }) => [outcome, code])).toContainEqual(['ask', 'user_login_lost']);
    expect(user.readsOf('pipeline', from)).toBe(0);
    expect(lab.secret('pipeline').versions).toMatchObject([{ downloaded: false }]);
  });
});
