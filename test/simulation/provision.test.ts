import { describe, expect, it } from 'vitest';
import { provision } from '../../infra/operator/provision/provision.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { Laboratory } from '../support/laboratory.ts';
import { onlyKey } from '../support/rotated.ts';

/** An entry without a service ID, and an operator who is the account's owner. */
async function open(entry: object = {}) {
  const lab = await Laboratory.open();
  const manifest = lab.manifest({ name: 'fresh', serviceId: undefined, description: 'Sends “logs”.', ...entry });
  const context = lab.context(manifest, { KEYROTA_API_KEY: lab.cloud.iam.adminApiKey });
  const identities = () =>
    lab.admin.request('GET', `/v1/serviceids?account_id=${lab.cloud.account.id}&name=keyrota-lab-fresh`);
  return { lab, manifest, context, identities, run: (dryRun = false) => provision(onlyKey(manifest), dryRun, context) };
}

const statesOf = ({ steps }: { steps: { state: string }[] }) => steps.map(({ state }) => state);

const LOGS_ROUTER = { service: 'logs-router', role: 'Writer' };
const CLOUD_LOGS = { service: 'logs', role: 'Sender' };

describe('provisioning a service ID’s key', () => {
  it('makes the service ID, its policies and the first key, which ships lines', async () => {
    const { lab, run, identities } = await open({ grants: [CLOUD_LOGS, LOGS_ROUTER] });
    const report = await run();
    expect(statesOf(report)).toEqual(['made', 'made', 'made', 'made']);
    expect(report.key).toMatchObject({ outcome: 'rest', steps: [{ step: 'mint' }] });
    expect(await lab.works(await lab.fetchValue('fresh'))).toBe(true);
    expect(await identities()).toMatchObject({ serviceids: [{ id: report.serviceId, description: 'Sends “logs”.' }] });
  });

  it('only tells the commands in a dry run, and changes nothing', async () => {
    const { lab, run, identities } = await open({ grants: [CLOUD_LOGS, LOGS_ROUTER] });
    const report = await run(true);
    expect(report.steps.map(({ command }) => command)).toEqual([
      "ibmcloud iam service-id-create keyrota-lab-fresh --description 'Sends “logs”.'",
      'ibmcloud iam service-policy-create SERVICE_ID --service-name logs --roles Sender',
      'ibmcloud iam service-policy-create SERVICE_ID --service-name logs-router --roles Writer',
      'keyrota rotate fresh',
    ]);
    expect(statesOf(report)).toEqual(['to do', 'to do', 'to do', 'to do']);
    expect(await identities()).toMatchObject({ serviceids: [] });
    expect(lab.state.secretsManager.secrets).toEqual([]);
  });

  it('tells commands that a shell takes word by word, whatever the names and descriptions hold', async () => {
    const grants = [{ service: 'iam-identity', role: 'User API key creator', instance: '$(id)' }];
    const { run } = await open({ description: "It's `id` of $HOME", grants });
    expect((await run(true)).steps.map(({ command }) => command).slice(0, 2)).toEqual([
      String.raw`ibmcloud iam service-id-create keyrota-lab-fresh --description 'It'\''s ${'`id`'} of $HOME'`,
      "ibmcloud iam service-policy-create SERVICE_ID --service-name iam-identity --service-instance '$(id)' --roles 'User API key creator'",
    ]);
  });

  it('tells in a dry run what is there, the first key too, and reads no value', async () => {
    const { lab, run } = await open();
    await run();
    await lab.pass(10_000);
    expect(statesOf(await run(true))).toEqual(['there', 'there', 'there']);
    expect(lab.secret('fresh').versions).toMatchObject([{ downloaded: false }]);
  });

  it('can be repeated: what is there is left alone', async () => {
    const { run, identities, lab } = await open();
    const first = await run();
    const second = await run();
    expect(statesOf(second)).toEqual(['there', 'there', 'there']);
    expect(second.serviceId).toBe(first.serviceId);
    expect(await identities()).toMatchObject({ serviceids: [{ id: first.serviceId }] });
    expect(lab.secret('fresh').versions).toHaveLength(1);
  });

  it.each(['POST /v1/serviceids', 'POST /v1/policies', 'POST /v1/apikeys'])(
    'makes nothing twice when the answer to %s is lost and it is repeated',
    async (match) => {
      const { lab, run, identities } = await open();
      lab.fault({ match, drop: 'answer' });
      await run().catch(() => undefined);
      await lab.pass(20 * 60_000);
      expect(statesOf(await run()).at(-1)).not.toBe('to do');
      expect(await lab.works(await lab.fetchValue('fresh'))).toBe(true);
      const { serviceids } = (await identities()) as { serviceids: { iam_id: string }[] };
      expect(serviceids).toHaveLength(1);
      const query = `account_id=${lab.cloud.account.id}&iam_id=${serviceids[0]?.iam_id}`;
      expect((await lab.admin.request('GET', `/v1/policies?${query}`))['policies']).toHaveLength(1);
    },
  );

  it('finds the service ID of a lost answer in a list that is late, and does not make another', async () => {
    const { lab, run, identities } = await open();
    lab.cloud.switches.staleListMs = 60_000;
    lab.fault({ match: 'POST /v1/serviceids', drop: 'answer' });
    expect(statesOf(await run())).toEqual(['made', 'made', 'made']);
    await lab.pass(60_000);
    expect((await identities())['serviceids']).toHaveLength(1);
  });

  it('tells the ids of namesakes, of which the entry is to name one', async () => {
    const { lab, run } = await open();
    const twins = [
      await lab.admin.createServiceId('keyrota-lab-fresh', ''),
      await lab.admin.createServiceId('keyrota-lab-fresh', ''),
    ];
    const failure: unknown = await run().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ambiguous_name', next: expect.stringContaining('serviceId: …') as string });
    for (const { id } of twins) expect((failure as Error).message).toContain(id);
  });

  it('gives an entry that names its service ID what it lacks', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest({ grants: [CLOUD_LOGS, LOGS_ROUTER] });
    const context = lab.context(manifest, { KEYROTA_API_KEY: lab.cloud.iam.adminApiKey });
    const report = await provision(onlyKey(manifest), false, context);
    expect(statesOf(report)).toEqual(['there', 'made', 'made']);
  });

  it('never says of a policy that it was made where the service ID is locked, and names the way out', async () => {
    const { lab, run } = await open();
    const { serviceId } = await run();
    const unlocked = await lab.admin.request('GET', `/v1/serviceids/${serviceId}`);
    await lab.revoke(String(unlocked['iam_id']), 'logs');
    await lab.admin.request('POST', `/v1/serviceids/${serviceId}/lock`);
    const failure: unknown = await run().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'policy_refused',
      next: expect.stringContaining(`ibmcloud iam service-id-unlock ${serviceId}`) as string,
    });
    await lab.admin.request('DELETE', `/v1/serviceids/${serviceId}/lock`);
    expect(statesOf(await run())).toEqual(['there', 'made', 'there']);
  });

  it.each(['crn:v1:bluemix:public:logs::::serviceRole:Sender', 'Sender'])(
    'finds what it gave: role %s',
    async (role) => {
      const { run } = await open({ grants: [{ service: 'logs', role }] });
      await run();
      expect(statesOf(await run())).toEqual(['there', 'there', 'there']);
    },
  );

  it('is what an entry without a service ID waits for, and no other entry does', async () => {
    const { lab, manifest } = await open();
    const both: Manifest = { ...manifest, keys: [...manifest.keys, ...lab.manifest().keys] };
    const { keys } = await lab.tick(both);
    expect(keys).toMatchObject([
      { name: 'fresh', outcome: 'ask', code: 'not_provisioned', next: ['keyrota provision fresh', expect.any(String)] },
      { name: 'ingest', outcome: 'rest' },
    ]);
  });

  it('is refused for kinds whose owner is no identity, and nothing is made', async () => {
    const lab = await Laboratory.open();
    const entry = {
      kind: 'service-credential',
      instance: lab.cloud.account.cloudLogs.guid,
      serviceId: undefined,
      grants: undefined,
    };
    const manifest = lab.manifest(entry);
    await expect(provision(onlyKey(manifest), false, lab.context(manifest))).rejects.toMatchObject({
      code: 'nothing_to_provision',
    });
  });

  it('is refused for a retired entry, and nothing is made', async () => {
    const { run, identities } = await open({ state: 'retired' });
    await expect(run()).rejects.toMatchObject({ code: 'nothing_to_provision' });
    expect(await identities()).toMatchObject({ serviceids: [] });
  });

  it('says what stands in the way when the operator may not make identities', async () => {
    const { manifest, lab } = await open();
    await expect(provision(onlyKey(manifest), false, lab.context(manifest))).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});
