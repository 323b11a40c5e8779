import { describe, expect, it } from 'vitest';
import { containAndReplace, containExitCode } from '../../infra/operator/contain/command.ts';
import type { ContainOptions } from '../../infra/operator/contain/command.ts';
import { containText } from '../../infra/operator/contain/contain-text.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { readLedger } from '../../shared/ledger/ledger.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import { Laboratory } from '../support/laboratory.ts';
import { makeKey } from '../support/leaked-keys.ts';
import { operatorContext } from '../support/operator.ts';
import { minted, onlyKey } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { WatchedRun, isWrite } from '../support/watched-run.ts';

type Place = Pick<Scene, 'lab' | 'manifest'>;

/** `contain NAME --yes`, and how it ends. */
async function contain({ lab, manifest }: Place, options: ContainOptions = {}, changes: Partial<RunContext> = {}) {
  const key = onlyKey(manifest);
  const context = operatorContext(lab, manifest, changes);
  const contained = await containAndReplace(key, { yes: true, ...options }, context);
  const text = containText(contained, key, manifest.incidents.dryRun);
  return { ...contained, text, exitCode: containExitCode(contained, key, options.dryRun ?? false) };
}

const keyOf = (lab: Laboratory, id: string) => lab.keys.find((key) => key.id === id);
const withIncidents = (manifest: Manifest, incidents: Partial<Manifest['incidents']>): Manifest => ({
  ...manifest,
  incidents: { ...manifest.incidents, ...incidents },
});

describe('contain', () => {
  it('disables the current key first, stores another one in the same run, and then deletes it', async () => {
    const scene = await minted(5);
    const { lab, effects } = scene;
    const keyId = lab.currentKeyId();
    const oldValue = await lab.fetchValue();
    const beganMs = lab.clock.nowMs();
    const contained = await contain(scene);
    expect(lab.clock.nowMs() - beganMs).toBeLessThan(MINUTE_MS);
    const inLedger = 'store';
    expect(effects).toEqual(['disable K1', 'create K2', 'store', 'delete K1', inLedger]);
    expect(contained).toMatchObject({
      keyId,
      wasCurrent: true,
      incident: { outcome: 'contained', name: 'ingest', marked: { issuer: true, version: true } },
      replacedBy: lab.currentKeyId(),
      exitCode: 0,
    });
    expect([await lab.works(oldValue), await lab.works(await lab.fetchValue())]).toEqual([false, true]);
    for (const words of [
      `${keyId} is contained: it logs in no more`,
      `replaced by ${lab.currentKeyId()}`,
      'tokens that were made with it may be valid until 2026-01-10T',
      `npm run keyrota -- export ${contained.incident.incident}`,
      'Have every program fetch secret ingest anew.',
    ])
      expect(contained.text).toContain(words);
  });

  it('is remembered as what an operator did', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const { keyId, incident } = await contain(scene);
    const { incidents } = await lab.withPorts(manifest, (ports) => readLedger(manifest, ports));
    const delivery = expect.stringMatching(/^contain_/) as string;
    expect(incidents).toMatchObject([
      { incident: incident.incident, key_id: keyId, reports: [{ by: 'operator', delivery }] },
    ]);
    expect(incidents[0]?.replaced_by).toBe(lab.currentKeyId());
  });

  it('overrides a pause and a freeze, as a report does', async () => {
    const { lab } = await minted(5);
    const keyId = lab.currentKeyId();
    const { exitCode } = await contain({ lab, manifest: lab.manifest({ paused: true }) });
    expect([exitCode, lab.currentKeyId() === keyId]).toEqual([0, false]);
  });

  it('takes a former key of the entry by its id, and leaves the current one alone', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const formerId = lab.currentKeyId();
    await lab.tick(manifest, { only: ['ingest'] });
    const currentId = lab.currentKeyId();
    const contained = await contain(scene, { keyId: formerId });
    expect(contained).toMatchObject({ keyId: formerId, wasCurrent: false, replacedBy: null, exitCode: 0 });
    expect([lab.currentKeyId(), keyOf(lab, currentId)?.disabled, keyOf(lab, formerId)]).toEqual([
      currentId,
      false,
      undefined,
    ]);
  });

  it.each([
    ['of nobody', 'ApiKey-22222222-3333-4444-8555-666666666666', 'not_its_key'],
    ['that a person made', null, 'not_its_key'],
  ])('refuses a key %s, and touches nothing', async (_, given, code) => {
    const scene = await minted(5);
    const { lab } = scene;
    const keyId = given ?? (await makeKey(lab, { name: 'of-a-person' })).id;
    const effects = lab.recordEffects();
    await expect(contain(scene, { keyId })).rejects.toMatchObject({ code });
    expect(effects).toEqual([]);
  });

  it('says so where there is no key yet', async () => {
    const lab = await Laboratory.open();
    await expect(contain({ lab, manifest: lab.manifest() })).rejects.toMatchObject({
      code: 'no_key_yet',
      message: 'ingest has no key yet: there is nothing to contain.',
    });
  });

  it('only says what would be done in a dry run', async () => {
    const scene = await minted(5);
    const contained = await contain(scene, { dryRun: true });
    expect(contained).toMatchObject({ incident: { outcome: 'dry-run', wouldBe: 'contained' }, run: null, exitCode: 0 });
    expect([scene.effects, contained.text]).toEqual([[], expect.stringContaining('nothing was done to ApiKey-')]);
  });

  it('does nothing where the manifest says that reports are tried out, and says that this is why', async () => {
    const { lab, manifest, effects } = await minted(5);
    const contained = await contain({ lab, manifest: withIncidents(manifest, { dryRun: true }) });
    expect([contained.exitCode, effects]).toEqual([1, []]);
    expect(contained.text).toContain('incidents: { dryRun: true }');
  });

  it('meets the brakes of the manifest', async () => {
    const { lab, manifest, effects } = await minted(5);
    const braked = withIncidents(manifest, { senders: { operator: { perHour: 0 } } });
    await expect(contain({ lab, manifest: braked })).rejects.toMatchObject({ code: 'too_many_keys' });
    expect(effects).toEqual([]);
  });

  it('of a retired entry ends the key, and stores no other', async () => {
    const { lab } = await minted(5);
    const keyId = lab.currentKeyId();
    const contained = await contain({ lab, manifest: lab.manifest({ state: 'retired' }) });
    expect(contained).toMatchObject({ replacedBy: null, exitCode: 0 });
    expect(keyOf(lab, keyId)?.disabled ?? true).toBe(true);
    expect(lab.secret().versions).toHaveLength(1);
  });

  describe('of the key that Keyrota itself runs on', () => {
    async function ownKey(): Promise<Place & { keyId: string; value: string }> {
      const lab = await Laboratory.open();
      const operator = 'crn:v1:bluemix:public:iam::::role:Operator';
      const on = { resourceType: 'serviceid', resource: lab.keyrota.id };
      await lab.admin.grant(lab.keyrota.iamId, operator, 'iam-identity', on);
      const manifest = lab.manifest({ serviceId: lab.keyrota.id, grants: [], runsKeyrota: true });
      await lab.tick(manifest);
      await lab.pass(HOUR_MS);
      return { lab, manifest, keyId: lab.currentKeyId(), value: await lab.fetchValue() };
    }
    const isOn = (lab: Laboratory, keyId: string) =>
      lab.state.iam.apiKeys.some(({ id, disabled }) => id === keyId && !disabled);

    it('replaces it with another login at hand, and asks for a fresh start', async () => {
      const { lab, manifest, keyId } = await ownKey();
      const contained = await contain({ lab, manifest });
      expect(contained).toMatchObject({ keyId, incident: { outcome: 'replaced-first' }, exitCode: 3 });
      expect([lab.currentKeyId() === keyId, isOn(lab, keyId)]).toEqual([false, false]);
      expect(contained.text).toContain('is out of use: the run that followed has ended it');
      expect(contained.text).toContain('Start Keyrota with the current value of secret ingest');
    });

    it('lets it work until then where the command itself is logged in with it', async () => {
      const { lab, manifest, keyId, value } = await ownKey();
      const { settings } = lab.context(manifest, { KEYROTA_API_KEY: value });
      const contained = await contain({ lab, manifest }, {}, { settings });
      expect(contained).toMatchObject({ keyId, incident: { outcome: 'replaced-first' }, exitCode: 3 });
      expect([lab.currentKeyId() === keyId, isOn(lab, keyId)]).toEqual([false, true]);
      expect(contained.text).toContain('is marked, and still works: Keyrota itself runs on it');
    });
  });
});

describe('contain of a key that no issuer can disable', () => {
  it('has the run end it, and says so', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const manifest = world.manifest({ role: 'Writer', parameters: { HMAC: true }, evidence: { unused: false } });
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const keyId = lab.currentKeyId('credential');
    const contained = await contain({ lab, manifest });
    const replacedBy = lab.currentKeyId('credential');
    expect(contained).toMatchObject({ keyId, incident: { outcome: 'handed-over' }, replacedBy, exitCode: 0 });
    expect(contained.text).toContain(`${keyId} is out of use: the run that followed has ended it`);
    expect(world.keys.map(({ id }) => id)).toEqual([replacedBy]);
  });
});

describe('contain, in trouble', () => {
  it('tells that the key is out of use where it cannot be replaced, and the timer goes on', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const keyId = lab.currentKeyId();
    lab.fault({ match: 'POST /api/v2/secrets/*/versions/*/locks_bulk', times: 10_000, status: 503 });
    const contained = await contain(scene);
    expect(contained).toMatchObject({ incident: { outcome: 'contained' }, replacedBy: null, exitCode: 1 });
    expect(contained.text).toContain('not replaced yet: ');
    expect(contained.text).toContain('npm run keyrota -- explain ingest');
    expect(keyOf(lab, keyId)?.disabled).toBe(true);
    lab.cloud.faults.clear();
    await lab.pass(20 * MINUTE_MS);
    await lab.tick(manifest, { only: ['ingest'] });
    expect(lab.currentKeyId()).not.toBe(keyId);
  });

  it('contains by its id alone while Secrets Manager does not tell which key is current', async () => {
    const scene = await minted(5);
    const { lab } = scene;
    const keyId = lab.currentKeyId();
    lab.fault({ match: 'GET /api/v2/secrets/*/versions', times: 10_000, status: 503 });
    await expect(contain(scene)).rejects.toMatchObject({ code: 'service_failed' });
    expect(keyOf(lab, keyId)?.disabled).toBe(false);
    const contained = await contain(scene, { keyId });
    expect([contained.incident.outcome, contained.exitCode, keyOf(lab, keyId)?.disabled]).toEqual([
      'contained',
      1,
      true,
    ]);
  });

  it('does nothing, and says so, while IAM does not answer', async () => {
    const scene = await minted(5);
    const { lab, effects } = scene;
    lab.fault({ match: 'GET /v1/apikeys/*', times: 10_000, status: 503 });
    await expect(contain(scene)).rejects.toMatchObject({
      code: 'cloud_not_answering',
      next: expect.stringContaining('Nothing was changed') as string,
    });
    expect(effects).toEqual([]);
  });

  it('leaves no key that leaked on, wherever it is cut off after the first change', async () => {
    const first = await minted(5);
    const traced = new WatchedRun(first.lab);
    await traced.perform(first.manifest, (changes) => contain(first, {}, changes));
    const firstWrite = traced.calls.findIndex(isWrite) + 1;
    expect(traced.calls[firstWrite - 1]).toMatch(/^POST \/v1\/apikeys\/\S+\/disable$/);
    for (let nth = firstWrite + 1; nth <= traced.calls.length; nth += 1) {
      const { lab, manifest } = await minted(5);
      const keyId = lab.currentKeyId();
      const run = new WatchedRun(lab, ({ index }, send, running) => (index === nth ? running.kill() : send()));
      await run.perform(manifest, (changes) => contain({ lab, manifest }, {}, changes));
      await lab.pass(20 * MINUTE_MS);
      for (const _tick of [1, 2]) {
        await lab.tick(manifest, { only: ['ingest'] });
        await lab.pass(HOUR_MS);
      }
      const current = keyOf(lab, lab.currentKeyId());
      expect([nth, current?.id === keyId, current?.disabled, keyOf(lab, keyId)?.disabled ?? true]).toEqual([
        nth,
        false,
        false,
        true,
      ]);
    }
  });

  it('may be repeated: what is contained and replaced stays so', async () => {
    const scene = await minted(5);
    const { lab } = scene;
    const { keyId } = await contain(scene);
    const currentId = lab.currentKeyId();
    await lab.pass(DAY_MS);
    const effects = lab.recordEffects();
    const again = await contain(scene, { keyId });
    expect(again).toMatchObject({ incident: { outcome: 'gone' }, wasCurrent: false, exitCode: 0 });
    expect([effects, lab.currentKeyId()]).toEqual([[], currentId]);
  });
});
