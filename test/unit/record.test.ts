import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSummary, readVersionRecord, timeOf, timeText, writeRecord } from '../../shared/rotation/record.ts';
import { recordOf } from '../support/observations.ts';

const summary = { deployment: 'demo', name: 'ingest', kind: 'service-id-api-key', key_id: 'ApiKey-1' };

describe('a record in metadata', () => {
  it('is read as it was written, beside what others keep there', () => {
    const record = recordOf('ApiKey-1', {
      predecessors: [{ key_id: 'ApiKey-0', adopted_at: '2026-01-01T00:00:00.000Z' }],
      restored: true,
    });
    const metadata = writeRecord({ team: 'logs', keyrota: { old: true } }, record);
    expect(metadata).toEqual({ team: 'logs', keyrota: record });
    expect(readVersionRecord(metadata)).toEqual(record);
  });

  it('is replaced in a copy: the metadata that was read stays as it was', () => {
    const metadata = { team: 'logs' };
    writeRecord(metadata, recordOf('ApiKey-1'));
    expect(metadata).toEqual({ team: 'logs' });
  });

  it('gets the fields that an older Keyrota did not write', () => {
    const { deployment, name, kind, key_id, op, reason } = recordOf('ApiKey-1');
    const older = { keyrota: { deployment, name, kind, key_id, op, reason } };
    expect(readVersionRecord(older)).toEqual(recordOf('ApiKey-1', { owner: '' }));
    expect(readSummary({ keyrota: summary })).toMatchObject({ previous_key_id: '', failures: 0, not_before: '' });
  });

  it('loses the fields that this Keyrota does not know', () => {
    expect(readSummary({ keyrota: { ...summary, colour: 'green' } })).not.toHaveProperty('colour');
  });

  it.each([
    ['is not there', {}],
    ['is no object', { keyrota: 'ApiKey-1' }],
    ['lacks a field', { keyrota: { ...summary, key_id: undefined } }],
    ['has a field of another type', { keyrota: { ...summary, key_id: 7 } }],
  ])('is none where it %s', (_, metadata) => {
    expect(readSummary(metadata)).toBeNull();
    expect(readVersionRecord(metadata)).toBeNull();
  });

  it('is none where it was made for a reason that does not exist', () => {
    expect(readVersionRecord({ keyrota: { ...recordOf('ApiKey-1'), reason: 'because' } })).toBeNull();
  });

  it('is read without a failure, whatever somebody wrote there', () => {
    fc.assert(
      fc.property(fc.anything(), (keyrota) => {
        expect([readSummary({ keyrota }), readVersionRecord({ keyrota })]).toEqual([null, null]);
      }),
    );
  });
});

describe('a time in a record', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        expect(timeOf(timeText(date.getTime()))).toBe(date.getTime());
      }),
    );
  });

  it('is none where it is empty or unreadable', () => {
    expect([timeOf(''), timeOf('soon')]).toEqual([null, null]);
  });
});
