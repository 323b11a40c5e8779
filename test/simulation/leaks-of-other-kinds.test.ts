import { describe, expect, it } from 'vitest';
import type { Laboratory } from '../support/laboratory.ts';
import type { LeakedCredential } from '../../shared/incidents/leak-report.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { hashesOf } from '../../shared/keys/value-hashes.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { ClassicWorld } from '../support/classic-user.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import { byValue, keyOf, leakReport, respond } from '../support/leaks.ts';
import { LoggingLaboratory } from '../support/logging-laboratory.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

/** Keys that no issuer can disable: the response hands them over, and a tick ends them. */
interface LeakedThere {
  lab: Laboratory;
  manifest: Manifest;
  name: string;
  keyId: string;
  value: string;
}

/** The ledger where Keyrota may write. */
const withLedger = (manifest: Manifest, { groupId }: Laboratory): Manifest => ({
  ...manifest,
  ledger: { ...manifest.ledger, groupId },
});

const sha256 = (value: string): LeakedCredential => ({
  by: 'sha256',
  hash: hashesOf(new SecretValue(value)).sha256,
});

async function pair(entry: object = {}): Promise<LeakedThere & { keyIds: () => string[] }> {
  const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
  const { lab } = world;
  const written = world.manifest({
    role: 'Writer',
    parameters: { HMAC: true },
    evidence: { unused: false },
    ...entry,
  });
  const manifest = withLedger(written, lab);
  await lab.tick(manifest);
  await lab.pass(HOUR_MS);
  const value = await lab.fetchStored('credential');
  const keyIds = () => world.keys.map(({ id }) => id);
  return { lab, manifest, name: 'credential', keyId: lab.currentKeyId('credential'), value, keyIds };
}

describe('a leaked credential with an HMAC pair', () => {
  it.each([
    { replaceFirst: false, effects: ['resource-key.delete', 'resource-key.create', 'secret-version.create'] },
    { replaceFirst: true, effects: ['resource-key.create', 'secret-version.create', 'resource-key.delete'] },
  ])('is replaced and ended in the order that its entry wants: replaceFirst $replaceFirst', async (given) => {
    const { lab, manifest, keyId, keyIds } = await pair({ onCompromise: { replaceFirst: given.replaceFirst } });
    const answer = await respond(lab, manifest, leakReport({ by: 'id', id: keyId }));
    expect(keyOf(answer)).toMatchObject({ outcome: 'handed-over', name: 'credential', poked: true });
    const effects: string[] = [];
    lab.cloud.audit.watch((record) => {
      const isLedger = 'name' in record && record.name.startsWith('keyrota-ledger');
      if (/^(resource-key|secret-version)\./.test(record.action) && !isLedger) effects.push(record.action);
    });
    await wholeTick(lab, manifest, { only: ['credential'] });
    expect(effects).toEqual(given.effects);
    expect(keyIds()).toEqual([lab.currentKeyId('credential')]);
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents).toMatchObject([{ key_id: keyId, replaced_by: lab.currentKeyId('credential') }]);
  });
});

async function classic(): Promise<LeakedThere> {
  const world = await ClassicWorld.open();
  const { lab } = world;
  const manifest = withLedger(world.manifest, lab);
  await world.tick();
  await lab.pass(HOUR_MS);
  const value = await lab.fetchStored('classic');
  return { lab, manifest, name: 'classic', keyId: lab.currentKeyId('classic'), value };
}

async function logging(): Promise<LeakedThere> {
  const world = await LoggingLaboratory.open();
  const { lab } = world;
  const manifest = withLedger(world.manifest('ingestion'), lab);
  await lab.tick(manifest);
  await lab.pass(HOUR_MS);
  const value = await lab.fetchStored('ingest');
  return { lab, manifest, name: 'ingest', keyId: lab.currentKeyId(), value };
}

describe.each([
  { what: 'classic key', open: classic },
  { what: 'logging key', open: logging },
])('a leaked $what', ({ open }) => {
  it.each<{ by: string; credential: (leak: LeakedThere) => LeakedCredential }>([
    { by: 'value', credential: ({ value }) => byValue(value) },
    { by: 'hash', credential: ({ value }) => sha256(value) },
    { by: 'id', credential: ({ keyId }) => ({ by: 'id', id: keyId }) },
  ])('that is reported by its $by is handed over, ended by the next tick and replaced', async ({ credential }) => {
    const leak = await open();
    const { lab, manifest, name, keyId } = leak;
    const answer = await respond(lab, manifest, leakReport(credential(leak)));
    expect(answer.status).toBe(202);
    expect(keyOf(answer)).toMatchObject({
      keyId,
      name,
      outcome: 'handed-over',
      marked: { version: true },
      poked: true,
    });
    await lab.pass(MINUTE_MS);
    const { keys } = await wholeTick(lab, manifest);
    expect(keys.find((one) => one.name === name)).toMatchObject({ outcome: 'rest' });
    expect(lab.currentKeyId(name)).not.toBe(keyId);
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents).toMatchObject([{ key_id: keyId, replaced_by: lab.currentKeyId(name), dismissed_at: '' }]);
    expect(incidents[0]?.deleted_at).not.toBe('');
  });
});
