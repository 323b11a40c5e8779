import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { hashesOf } from '../../shared/keys/value-hashes.ts';
import {
  emptySummary,
  metadataAfterFailure,
  metadataAfterRelease,
  metadataOfMint,
} from '../../shared/rotation/mint-record.ts';
import type { Attempt } from '../../shared/rotation/mint-record.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { readSummary, readVersionRecord, timeText } from '../../shared/rotation/record.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { NOW_MS, daysAgo, managedKey, secretWith, version } from '../support/observations.ts';

const TEXT = 'made-up_Value-0123456789-not-a-key-of-anyone';
const created = { id: 'ApiKey-2', createdAtMs: NOW_MS - 20_000, ...hashesOf(new SecretValue(TEXT)) };
const key = managedKey({ adopt: ['ApiKey-0'] });

// Nothing but the time is asked of the world here.
const ports = { clock: { nowMs: () => NOW_MS } } as unknown as Ports;
const attempt = (facts: Partial<Attempt> = {}): Attempt => ({
  key,
  op: 'bbbbbbbbbbbb',
  reason: 'due',
  removes: null,
  secret: null,
  ports,
  ...facts,
});

const former = { sha256: 'former sha', hmsl: 'former hmsl' };
const stored = secretWith([version('ApiKey-1', daysAgo(30), { record: former })], {
  metadata: { team: 'logs', keyrota: {} },
});

describe('what is written beside a new value', () => {
  it('never holds the value, only its hashes', () => {
    const metadata = metadataOfMint(attempt({ secret: stored }), created);
    expect(JSON.stringify(metadata)).not.toContain(TEXT);
    const hashes = hashesOf(new SecretValue(TEXT));
    expect(readVersionRecord(metadata.versionMetadata)).toMatchObject(hashes);
    expect(readSummary(metadata.secretMetadata)).toMatchObject(hashes);
  });

  it('is the history of the key on its version', () => {
    const { versionMetadata } = metadataOfMint(attempt({ secret: stored }), created);
    expect(readVersionRecord(versionMetadata)).toMatchObject({
      deployment: 'demo',
      name: 'ingest',
      kind: 'service-id-api-key',
      key_id: 'ApiKey-2',
      op: 'bbbbbbbbbbbb',
      key_created_at: timeText(NOW_MS - 20_000),
      reason: 'due',
      restored: false,
    });
  });

  it('is the summary on the secret: when the next one is due, and when the former one may go', () => {
    const { secretMetadata } = metadataOfMint(attempt({ secret: stored }), created);
    expect(readSummary(secretMetadata)).toMatchObject({
      key_id: 'ApiKey-2',
      rotated_at: timeText(NOW_MS),
      next_due: timeText(NOW_MS + key.policy.dueAfterMs),
      previous_key_id: 'ApiKey-1',
      previous_sha256: 'former sha',
      previous_hmsl: 'former hmsl',
      retire_after: timeText(NOW_MS + 7 * DAY_MS),
      failures: 0,
      not_before: '',
    });
  });

  it('leaves what others keep on the secret', () => {
    expect(metadataOfMint(attempt({ secret: stored }), created).secretMetadata).toMatchObject({ team: 'logs' });
  });

  it('names adopted keys as predecessors of the first version, and of no other', () => {
    const predecessorsOf = (facts: Partial<Attempt>) =>
      readVersionRecord(metadataOfMint(attempt(facts), created).versionMetadata)?.predecessors;
    expect(predecessorsOf({ secret: null })).toEqual([{ key_id: 'ApiKey-0', adopted_at: timeText(NOW_MS) }]);
    expect(predecessorsOf({ secret: stored })).toEqual([]);
  });

  it('has an adopted key as the former one of the first, and none where nothing was adopted', () => {
    const summaryOf = (facts: Partial<Attempt>) => readSummary(metadataOfMint(attempt(facts), created).secretMetadata);
    expect(summaryOf({})).toMatchObject({ previous_key_id: 'ApiKey-0', retire_after: timeText(NOW_MS + 7 * DAY_MS) });
    expect(summaryOf({ key: managedKey() })).toMatchObject({ previous_key_id: '', retire_after: '' });
  });

  it('says of an undo that its key is locked by us', () => {
    const { versionMetadata } = metadataOfMint(attempt({ secret: stored, reason: 'undo' }), created);
    expect(readVersionRecord(versionMetadata)).toMatchObject({ restored: true, reason: 'undo' });
  });
});

describe('what is written after a mint that failed', () => {
  const afterFailures = (failures: number) =>
    readSummary(
      metadataAfterFailure(
        attempt(),
        secretWith([version('ApiKey-1', daysAgo(30))], {
          summaryOf: { key_id: 'ApiKey-1', failures },
        }),
      ),
    );

  it('makes the next one wait for five minutes, then twice as long each time', () => {
    expect(afterFailures(0)).toMatchObject({ failures: 1, not_before: timeText(NOW_MS + 5 * MINUTE_MS) });
    expect(afterFailures(1)).toMatchObject({ failures: 2, not_before: timeText(NOW_MS + 10 * MINUTE_MS) });
    expect(afterFailures(3)).toMatchObject({ failures: 4, not_before: timeText(NOW_MS + 40 * MINUTE_MS) });
  });

  it('never makes it wait for longer than six hours', () => {
    fc.assert(
      fc.property(fc.integer({ min: 7, max: 5_000 }), (failures) => {
        expect(afterFailures(failures)?.not_before).toBe(timeText(NOW_MS + 6 * HOUR_MS));
      }),
    );
  });

  it('keeps the rest of the summary, or makes one anew where it was lost', () => {
    const kept = secretWith([version('ApiKey-1', daysAgo(30))], {
      summaryOf: { key_id: 'ApiKey-1', previous_key_id: 'ApiKey-0' },
    });
    expect(readSummary(metadataAfterFailure(attempt(), kept))).toMatchObject({ previous_key_id: 'ApiKey-0' });
    expect(readSummary(metadataAfterFailure(attempt(), stored))).toMatchObject({ key_id: 'ApiKey-1', failures: 1 });
    const ofAnother = secretWith([version('ApiKey-1', daysAgo(30))], {
      summaryOf: { key_id: 'ApiKey-9', failures: 4 },
    });
    expect(readSummary(metadataAfterFailure(attempt(), ofAnother))).toMatchObject({ key_id: 'ApiKey-1', failures: 1 });
  });
});

describe('what is written once the former key is gone', () => {
  it('forgets that key, and nothing else', () => {
    const before = {
      key_id: 'ApiKey-2',
      previous_key_id: 'ApiKey-1',
      previous_sha256: 'x',
      previous_hmsl: 'y',
      retire_after: timeText(NOW_MS),
      failures: 2,
    };
    const secret = secretWith([version('ApiKey-2', daysAgo(10))], { summaryOf: before });
    expect(readSummary(metadataAfterRelease(key, secret))).toEqual({
      ...secret.summary,
      previous_key_id: '',
      previous_sha256: '',
      previous_hmsl: '',
      retire_after: '',
    });
  });
});

describe('a summary that is made anew', () => {
  it('says what the current version says', () => {
    expect(emptySummary(key, stored)).toMatchObject({
      key_id: 'ApiKey-1',
      ...former,
      rotated_at: timeText(daysAgo(30)),
      next_due: timeText(daysAgo(30) + key.policy.dueAfterMs),
    });
  });

  it('is empty for a secret without versions', () => {
    expect(emptySummary(key, secretWith([]))).toMatchObject({ key_id: '', rotated_at: '', next_due: '' });
  });
});
