import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { openInventory } from '../../shared/inventory/open-inventory.ts';
import { takeInventory } from '../../shared/inventory/take-inventory.ts';
import { wholeCheck } from '../../shared/ledger/whole-check.ts';
import type { CheckReport } from '../../shared/ledger/whole-check.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { Laboratory } from '../support/laboratory.ts';
import { telling, typesTold } from '../support/notice-receivers.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

/** An account in which Keyrota may see everything that a check looks at. */
async function open(): Promise<Laboratory> {
  const lab = await Laboratory.open();
  await lab.admin.grant(lab.keyrota.iamId, ROLE.administrator, 'iam-identity');
  await lab.admin.grant(lab.keyrota.iamId, ROLE.viewer, 'user-management');
  await lab.changeSettings({ restrict_create_platform_apikey: 'RESTRICTED', restrict_create_service_id: 'RESTRICTED' });
  await lab.pass(DAY_MS);
  return lab;
}

const QUIET = { 'account-owner-key': 'off', 'user-key-avoidable': 'off', 'key-without-expiry': 'off' };

const manifestOf = (lab: Laboratory, entry: object = {}, check: object = {}): Manifest => ({
  ...lab.manifest(entry),
  check: parseManifest({ deployment: 'lab', check: { rules: QUIET, ...check }, keys: [PLAIN] }, 'test').check,
});
const PLAIN = { kind: 'service-id-api-key', name: 'plain', serviceId: 'ServiceId-1' };

/** One check, as the function makes it. */
function checkOf(
  lab: Laboratory,
  manifest: Manifest,
  { dryRun = false, ...changes }: Partial<RunContext> & { dryRun?: boolean } = {},
): Promise<CheckReport> {
  const { settings } = lab.context(manifest);
  return lab.withPorts(
    manifest,
    (ports) =>
      wholeCheck(
        manifest,
        {
          dryRun,
          timerMs: HOUR_MS,
          keysAtOnce: 8,
          inventory: (visitor, early) => takeInventory(manifest, visitor, openInventory(settings, early)),
        },
        ports,
      ),
    { readOnly: true, ...changes },
  );
}

/** What was found of the entries and their identity, as rule and severity. */
const ofEntries = ({ findings }: CheckReport): string[] =>
  findings.filter(({ entry }) => entry !== null).map(({ rule, severity }) => `${rule} ${severity}`);

describe('a check of the account', () => {
  it('finds nothing about an entry at rest, and says how many keys and secrets there are', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.fetchValue();
    await lab.pass(HOUR_MS);
    const report = await checkOf(lab, manifest);
    expect(ofEntries(report)).toEqual([]);
    expect([report.keyCounts['service-id-api-key'], report.secretCount]).toEqual([2, 1]);
    expect(report.unseen.map(({ what }) => what)).not.toContain('the entries of the manifest');
  });

  it('changes nothing but the ledger, and in a dry run not even that', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    const effects = lab.recordEffects();
    const before = JSON.stringify(lab.state.secretsManager);
    await checkOf(lab, manifest, { dryRun: true });
    expect([effects, JSON.stringify(lab.state.secretsManager) === before]).toEqual([[], true]);
    await checkOf(lab, manifest);
    expect(effects).toEqual(['store']);
    expect((await ledgerOf(lab, manifest)).check.at).not.toBe('');
  });

  it('finds a key that somebody disabled, one that somebody deleted, and a leak, before any run has seen them', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const keyId = lab.currentKeyId();
    await lab.admin.request('POST', `/v1/apikeys/${keyId}/disable`);
    expect(ofEntries(await checkOf(lab, manifest))).toContain('key-disabled critical');
    await lab.admin.request('DELETE', `/v1/apikeys/${keyId}`);
    expect(ofEntries(await checkOf(lab, manifest))).toContain('key-gone critical');
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    await lab.markCompromised(lab.currentKeyId());
    expect(ofEntries(await checkOf(lab, manifest))).toContain('leak-open critical');
  });

  it('finds a version that somebody else stored, and keys that somebody else made', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    await lab.admin.request('POST', `/api/v2/secrets/${lab.secret().id}/versions`, { payload: 'of somebody else' });
    const found = ofEntries(await checkOf(lab, manifest));
    expect(found).toContain('foreign-version high');
    expect(found).toContain('foreign-key low');
  });

  it('finds an entry that is gone from the manifest', async () => {
    const lab = await open();
    await lab.tick(manifestOf(lab));
    const report = await checkOf(lab, manifestOf(lab, { name: 'another' }));
    expect(report.findings).toContainEqual(
      expect.objectContaining({ rule: 'entry-gone', entry: null, name: 'ingest', subject: lab.secret().id }),
    );
  });

  it('finds a grant that is missing without looking at each identity', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.revoke(lab.serviceId.iamId, 'logs');
    expect(ofEntries(await checkOf(lab, manifest))).toContain('policy-missing high');
  });

  it('finds a timer that stopped, and says so where it cannot know', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await wholeTick(lab, manifest);
    const first = await checkOf(lab, manifest);
    expect(first.unseen.map(({ what }) => what)).toContain('whether the timer of rotate-keys runs');
    await wholeTick(lab, manifest);
    expect(await checkOf(lab, manifest)).toMatchObject({ byRule: {} });
    await lab.pass(4 * HOUR_MS);
    const late = await checkOf(lab, manifest);
    expect(late.byRule['timer-late']).toBe(1);
    await wholeTick(lab, manifest);
    expect((await checkOf(lab, manifest)).byRule['timer-late']).toBeUndefined();
  });
});

describe('what a check remembers', () => {
  it('makes the same finding news once, and tells when it is gone', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    const { id } = await lab.makeKeyByHand();
    const news = ({ newCount, resolvedCount }: CheckReport) => [newCount, resolvedCount];
    expect(news(await checkOf(lab, manifest))).toEqual([1, 0]);
    expect(news(await checkOf(lab, manifest))).toEqual([0, 0]);
    await lab.admin.request('DELETE', `/v1/apikeys/${id}`);
    expect(news(await checkOf(lab, manifest))).toEqual([0, 1]);
    const { check } = await ledgerOf(lab, manifest);
    expect([check.findings, check.known]).toEqual([[], []]);
  });

  it('keeps since when a finding was reported', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    await checkOf(lab, manifest);
    const { check: first } = await ledgerOf(lab, manifest);
    await lab.pass(DAY_MS);
    await checkOf(lab, manifest);
    const { check: second } = await ledgerOf(lab, manifest);
    expect(second.at > first.at).toBe(true);
    expect(second.findings.map((one) => one.first_seen)).toEqual(first.findings.map((one) => one.first_seen));
  });

  it('is no news to anybody while the ledger cannot be read, and the check is made all the same', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    await checkOf(lab, manifest);
    const ledger = lab.secret(manifest.ledger.name);
    lab.fault({ match: `GET /api/v2/secrets/${ledger.id}/versions/*`, status: 500, times: 100 });
    const report = await checkOf(lab, manifest);
    expect([report.newCount, report.byRule['foreign-key']]).toEqual([null, 1]);
    expect(report.unseen.map(({ what }) => what)).toContain('what is new');
  });

  it('costs nothing when it cannot be written', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    lab.fault({ match: 'POST /api/v2/secrets', status: 403, times: 100 });
    const report = await checkOf(lab, manifest);
    expect(report.status).toBe('ok');
    expect(lab.logLines.some((line) => line.includes('"ledger_not_written"'))).toBe(true);
  });
});

describe('who is told of a check', () => {
  it('is told of what is new, once', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    const { id } = await lab.makeKeyByHand();
    await checkOf(lab, manifest, telling(lab, manifest));
    await checkOf(lab, manifest, telling(lab, manifest));
    expect(lab.cloud.notices.webhooks.map(({ body }) => body)).toMatchObject([
      { type: 'check.found', data: { name: 'ingest', details: { code: 'foreign-key', severity: 'low', subject: id } } },
    ]);
  });

  it('is told the next day of what nobody could be told of', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    for (const receiver of ['standard-webhooks', 'slack/*'])
      lab.fault({ match: `POST /notices/${receiver}`, status: 404, times: 100 });
    await checkOf(lab, manifest, telling(lab, manifest));
    expect(typesTold(lab)).toEqual([]);
    lab.cloud.faults.clear();
    const again = await checkOf(lab, manifest, telling(lab, manifest));
    expect([again.newCount, typesTold(lab)]).toEqual([1, ['check.found']]);
    expect((await checkOf(lab, manifest, telling(lab, manifest))).newCount).toBe(0);
  });

  it('hears nothing of a dry run', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    await checkOf(lab, manifest, { ...telling(lab, manifest), dryRun: true });
    expect(typesTold(lab)).toEqual([]);
  });
});

describe('a check that cannot see everything', () => {
  it('says what it could not see, and what makes it visible', async () => {
    const lab = await Laboratory.open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    const { unseen } = await checkOf(lab, manifest);
    expect(unseen.length).toBeGreaterThan(2);
    for (const { what, why, code } of unseen) expect([what, why, code].every((text) => text.length > 0)).toBe(true);
    expect(unseen.some(({ next }) => next.startsWith('ibmcloud iam '))).toBe(true);
  });

  it('takes a role that it lacks itself for no trouble of the entry', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    lab.fault({ match: `GET /api/v2/secrets/${lab.secret().id}/*`, status: 403, times: 1_000 });
    const report = await checkOf(lab, manifest, { dryRun: true });
    expect(ofEntries(report)).toEqual([]);
    expect(report.unseen).toContainEqual(
      expect.objectContaining({ what: 'how entry ingest stands', code: 'forbidden' }),
    );
  });

  it('looks at the rest where Secrets Manager does not answer, and does not say that all is well', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    lab.fault({ match: 'GET /api/v2/secrets', status: 503, times: 1_000 });
    const report = await checkOf(lab, manifest);
    expect(report.unseen.map(({ what }) => what)).toContain('the entries of the manifest');
    expect(report.keyCounts['service-id-api-key']).toBeGreaterThan(0);
    expect(report.byRule['key-gone']).toBeUndefined();
  });
});

describe('what a check says', () => {
  it('holds no value, in no line, answer or ledger', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    const made = await lab.makeKeyByHand();
    const value = await lab.fetchValue();
    const report = await checkOf(lab, manifest);
    const ledger = await ledgerOf(lab, manifest);
    const said = [...lab.logLines, JSON.stringify(report), JSON.stringify(ledger)].join('\n');
    for (const secret of [value, made.value]) {
      expect(secret.length).toBeGreaterThan(20);
      expect(said).not.toContain(secret);
    }
  });

  it('is one line for each finding', async () => {
    const lab = await open();
    const manifest = manifestOf(lab);
    await lab.tick(manifest);
    await lab.makeKeyByHand();
    const before = lab.logLines.length;
    const { findings } = await checkOf(lab, manifest);
    const lines = lab.logLines.slice(before).filter((line) => line.includes('"finding_reported"'));
    expect(lines).toHaveLength(findings.length);
    expect(lines.map((line) => (JSON.parse(line) as { rule: string }).rule).toSorted()).toEqual(
      findings.map(({ rule }) => rule).toSorted(),
    );
  });
});
