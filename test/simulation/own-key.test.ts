import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { Laboratory } from '../support/laboratory.ts';
import { manifestOf } from '../support/manifests.ts';

/** Keyrota rotates the keys of its own service ID, and starts with what its secret holds. */
class SelfRotation {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  /** What Keyrota was started with. */
  #apiKey = '';

  private constructor(lab: Laboratory, entry: object) {
    this.lab = lab;
    const own = { name: 'keyrota-own', serviceId: lab.keyrota.id, grants: [], ...entry };
    const keys = [...lab.manifest(own).keys, ...lab.manifest().keys];
    this.manifest = manifestOf('lab', keys);
  }

  static async open(entry: object = {}): Promise<SelfRotation> {
    const lab = await Laboratory.open();
    const { id } = lab.keyrota;
    const operator = 'crn:v1:bluemix:public:iam::::role:Operator';
    await lab.admin.grant(lab.keyrota.iamId, operator, 'iam-identity', { resourceType: 'serviceid', resource: id });
    const self = new SelfRotation(lab, entry);
    await self.tick();
    await self.start();
    return self;
  }

  /** A fresh start loads the key from the secret. */
  async start(): Promise<void> {
    await this.lab.pass(HOUR_MS);
    this.#apiKey = await this.lab.fetchStored('keyrota-own');
  }

  async tick(options: Parameters<Laboratory['tick']>[1] = {}) {
    const started = this.#apiKey === '' ? {} : { KEYROTA_API_KEY: this.#apiKey };
    const { settings } = this.lab.context(this.manifest, started);
    const report = await this.lab.tick(this.manifest, { timerMs: DAY_MS / 2, ...options }, { settings });
    return report.keys.find(({ name }) => name === 'keyrota-own');
  }

  get keyIds(): string[] {
    return this.lab.state.iam.apiKeys
      .filter(({ iamId, name, disabled }) => iamId === this.lab.keyrota.iamId && name !== 'login' && !disabled)
      .map(({ id }) => id);
  }
}

describe('the key that Keyrota itself runs on', () => {
  it('is reported, and not rotated, where the manifest does not say that Keyrota loads it from its secret', async () => {
    const self = await SelfRotation.open();
    await self.lab.pass(31 * DAY_MS);
    expect(await self.tick()).toMatchObject({ outcome: 'ask', code: 'own_key', steps: [] });
    expect(self.keyIds).toHaveLength(1);
  });

  it('is rotated where it says so, and the old one stays until a fresh start was seen using the new one', async () => {
    const self = await SelfRotation.open({ runsKeyrota: true });
    const [formerId] = self.keyIds;
    await self.lab.pass(31 * DAY_MS);
    expect((await self.tick())?.steps).toMatchObject([{ step: 'mint' }]);
    for (let day = 0; day < 20; day += 1) {
      await self.lab.pass(DAY_MS);
      await self.tick();
    }
    expect(await self.tick()).toMatchObject({ outcome: 'hold', steps: [] });
    expect(self.keyIds).toContain(formerId);
    await self.start();
    const steps: string[] = [];
    for (let day = 0; day < 8; day += 1) {
      await self.lab.pass(DAY_MS);
      steps.push(...((await self.tick())?.steps.map(({ step }) => step) ?? []));
    }
    expect(steps).toEqual(['disable', 'delete', 'release']);
    expect(self.keyIds).toEqual([self.lab.currentKeyId('keyrota-own')]);
  });

  it('is worked on last, when all others are done', async () => {
    const self = await SelfRotation.open({ runsKeyrota: true });
    await self.lab.pass(31 * DAY_MS);
    const effects = self.lab.recordEffects();
    await self.tick({ only: ['keyrota-own', 'ingest'] });
    expect(effects).toEqual(['create K1', 'store', 'create K2', 'store']);
    const names = self.lab.logLines.flatMap((line) => {
      const { event, key } = JSON.parse(line) as { event: string; key?: string };
      return event === 'key_minted' ? [key] : [];
    });
    expect(names.slice(-2)).toEqual(['ingest', 'keyrota-own']);
  });
});

describe('an entry that needs no key', () => {
  const withProfile = (lab: Laboratory): Manifest => ({
    ...lab.manifest(),
    keyless: [{ name: 'report-job', profileId: 'Profile-1' }],
  });

  it('is told in a plan: nothing has to rotate', async () => {
    const lab = await Laboratory.open();
    const { keys } = await lab.tick(withProfile(lab), { dryRun: true });
    expect(keys.find(({ name }) => name === 'report-job')).toMatchObject({
      outcome: 'rest',
      why: 'its workload logs in as trusted profile Profile-1: there is no key, and nothing has to rotate',
    });
  });

  it('counts as resting in a tick', async () => {
    const lab = await Laboratory.open();
    const report = await lab.tick(withProfile(lab));
    expect(report).toMatchObject({ restingCount: 1, keys: [{ name: 'ingest' }] });
  });
});

describe('a service ID that was made for a service credential', () => {
  it('is recognised, and its key is not touched', async () => {
    const lab = await Laboratory.open();
    const { crn } = lab.cloud.account.cloudLogs;
    const body = { name: 'credential', source: crn, role: 'Manager' };
    const made = await lab.admin.request('POST', '/v2/resource_keys', body);
    const { iam_serviceid_crn: serviceIdCrn } = made['credentials'] as { iam_serviceid_crn: string };
    const serviceId = serviceIdCrn.split(':').at(-1) ?? '';
    const operator = 'crn:v1:bluemix:public:iam::::role:Operator';
    const resource = { resourceType: 'serviceid', resource: serviceId };
    await lab.admin.grant(lab.keyrota.iamId, operator, 'iam-identity', resource);
    const before = JSON.stringify(lab.state.iam.apiKeys);
    const { keys } = await lab.tick(lab.manifest({ serviceId, grants: [] }));
    expect(keys).toMatchObject([{ outcome: 'ask', code: 'made_for_credential', steps: [] }]);
    expect(keys[0]?.next.join()).toContain('resource-key');
    expect(JSON.parse(before)).toHaveLength(lab.state.iam.apiKeys.length);
  });

  it('is not taken for one that was only given to a credential, and has keys of its own', async () => {
    const lab = await Laboratory.open();
    await lab.tick(lab.manifest());
    const { crn } = lab.cloud.account.cloudLogs;
    const serviceIdCrn = `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::serviceid:${lab.serviceId.id}`;
    const parameters = { serviceid_crn: serviceIdCrn };
    await lab.admin.request('POST', '/v2/resource_keys', {
      name: 'credential',
      source: crn,
      role: 'Manager',
      parameters,
    });
    await lab.pass(31 * 86_400_000);
    const { keys } = await lab.tick(lab.manifest());
    expect(keys).toMatchObject([{ steps: [{ step: 'mint' }] }]);
  });
});
