import { describe, expect, it } from 'vitest';
import { byValue, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import { minted } from '../../support/rotated.ts';

describe('a key whose value is reported', () => {
  it('is disabled, marked and handed on, and the answer says so', async () => {
    const { lab, manifest } = await minted(5);
    const value = await lab.fetchValue();
    const keyId = lab.currentKeyId();
    const told = nothingTold();
    const answer = await respond(lab, manifest, leakReport(byValue(value)), { told });
    expect(answer.status).toBe(202);
    expect(keyOf(answer)).toMatchObject({
      keyId,
      name: 'ingest',
      outcome: 'contained',
      marked: { issuer: true, version: true },
      siblings: [],
      poked: true,
    });
    expect(told.names).toEqual([['ingest']]);
    expect(lab.keys.find(({ id }) => id === keyId)).toMatchObject({ disabled: true });
  });
});
