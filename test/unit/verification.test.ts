import { describe, expect, it } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import type { Verdict } from '../../shared/keys/kind.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { verifyNewKey, verifyRestoredKey } from '../../shared/rotation/verification.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { managedKey } from '../support/observations.ts';

const key = managedKey();
const value = new SecretValue('a-made-up-value');
const accepted: Verdict = { outcome: 'accepted' };
const refused: Verdict = { outcome: 'refused', why: 'not known yet' };
const failed: Verdict = { outcome: 'failed', why: 'no answer' };

/** A world in which time jumps to whatever is waited for, and that tells when logins were tried, in seconds. */
function world(options: { verdicts: Verdict[]; last?: Verdict; deadlineSeconds?: number; signal?: AbortSignal }) {
  const clock = new CloudClock({ startMs: 0, speed: Infinity });
  const triedAt: number[] = [];
  const verify = () => {
    triedAt.push(clock.nowMs() / 1_000);
    return Promise.resolve(options.verdicts[triedAt.length - 1] ?? options.last ?? accepted);
  };
  const { deadlineSeconds = 1_000, signal = new AbortController().signal } = options;
  // Verification uses no other part of the world.
  const ports = {
    clock,
    signal,
    deadlineMs: deadlineSeconds * 1_000,
    kindOf: () => ({ verify }),
  } as unknown as Ports;
  return { ports, triedAt };
}

describe('a new key', () => {
  it('must log in twice, fifteen seconds apart, and is left alone for two seconds first', async () => {
    const { ports, triedAt } = world({ verdicts: [] });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(accepted);
    expect(triedAt).toEqual([2, 17]);
  });

  it('may be refused for a while: IAM spreads it through the world', async () => {
    const { ports, triedAt } = world({ verdicts: [refused, refused, failed, refused, refused] });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(accepted);
    expect(triedAt).toEqual([2, 3, 5, 8, 13, 18, 33]);
  });

  it('is given up when it is refused for a minute', async () => {
    const { ports, triedAt } = world({ verdicts: [], last: refused });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(refused);
    expect(triedAt.at(-1)).toBeGreaterThanOrEqual(62);
    expect(triedAt.at(-1)).toBeLessThan(62 + 5 + 1);
  });

  it('is given up with the last answer when nobody can tell for a minute', async () => {
    const { ports } = world({ verdicts: [refused, refused], last: failed });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(failed);
  });

  it('must still log in the second time: the first may have been luck', async () => {
    const { ports, triedAt } = world({ verdicts: [accepted], last: refused });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(refused);
    expect(triedAt.slice(0, 3)).toEqual([2, 17, 18]);
  });

  it('is tried for no longer than the run has time to settle and to store it', async () => {
    const { ports, triedAt } = world({ verdicts: [], last: refused, deadlineSeconds: 40 });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(refused);
    expect(triedAt).toEqual([2, 3, 5, 8, 13]);
  });

  it('is tried at least once, however little time is left', async () => {
    const { ports, triedAt } = world({ verdicts: [], deadlineSeconds: 1 });
    await expect(verifyNewKey(key, value, ports)).resolves.toEqual(accepted);
    expect(triedAt).toEqual([2, 17]);
  });

  it('is not waited for when the run ends', async () => {
    const reason = new Error('the run is over');
    const { ports, triedAt } = world({ verdicts: [], signal: AbortSignal.abort(reason) });
    await expect(verifyNewKey(key, value, ports)).rejects.toBe(reason);
    expect(triedAt).toEqual([]);
  });
});

describe('a key that was enabled again', () => {
  it('must log in once, and is tried at once', async () => {
    const { ports, triedAt } = world({ verdicts: [] });
    await expect(verifyRestoredKey(key, value, ports)).resolves.toEqual(accepted);
    expect(triedAt).toEqual([0]);
  });

  it('may be refused for a while, as a fresh one', async () => {
    const { ports, triedAt } = world({ verdicts: [refused, refused] });
    await expect(verifyRestoredKey(key, value, ports)).resolves.toEqual(accepted);
    expect(triedAt).toEqual([0, 1, 3]);
  });
});
