import { afterEach, describe, expect, it } from 'vitest';
import { Admin } from '../../infra/demo/admin.ts';
import { CloudClock } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';

const URL = 'http://cloud.local';

const clocks: CloudClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.stop();
});

function openCloud(seed: string, troubleRate?: number): EmbeddedCloud {
  const clock = new CloudClock({ startMs: Date.UTC(2026, 10, 20), speed: Infinity });
  clocks.push(clock);
  return new EmbeddedCloud({ clock, seed, switches: troubleRate === undefined ? {} : { troubleRate } });
}

/** What becomes of so many calls, one after the other: the status or a break, and how long it took. */
async function outcomesOf(cloud: EmbeddedCloud, count = 200): Promise<string[]> {
  const before = cloud.calls.total;
  for (let call = 0; call < count; call += 1) {
    await cloud.handle(new Request(`${URL}/v1/apikeys`)).catch(() => null);
  }
  return cloud.calls.list(before + 1).map(({ outcome, tookMs }) => `${outcome} ${tookMs}`);
}

describe('trouble by the switch', () => {
  it('meets the same calls in the same way for the same seed, and others for another', async () => {
    const first = await outcomesOf(openCloud('one', 0.3));
    expect(await outcomesOf(openCloud('one', 0.3))).toEqual(first);
    expect(await outcomesOf(openCloud('two', 0.3))).not.toEqual(first);
  });

  it('is as frequent as the rate says', async () => {
    const met = async (rate: number) => {
      const outcomes = await outcomesOf(openCloud('rates', rate), 1_000);
      return outcomes.filter((outcome) => outcome !== '401 0').length;
    };
    expect(await met(0)).toBe(0);
    expect(Math.abs((await met(0.1)) - 100)).toBeLessThan(30);
    expect(await met(1)).toBe(1_000);
  });

  it('is off unless it is switched on, begins anew with a reset, and is off again after one', async () => {
    const cloud = openCloud('one');
    expect(new Set(await outcomesOf(cloud))).toEqual(new Set(['401 0']));
    cloud.switches.troubleRate = 0.5;
    const first = await outcomesOf(cloud);
    cloud.reset();
    expect(new Set(await outcomesOf(cloud))).toEqual(new Set(['401 0']));
    cloud.switches.troubleRate = 0.5;
    expect(await outcomesOf(cloud)).toEqual(first);
  });

  it('comes in every kind, with an effect only where the answer is what is lost or late', async () => {
    const cloud = openCloud('kinds');
    await cloud.clock.advanceTo(cloud.clock.nowMs() + 60_000);
    const admin = new Admin((request) => cloud.handle(request), URL, cloud.account.id, cloud.iam.adminApiKey);
    await admin.createServiceId('first', 'Logs the owner in.');
    cloud.switches.troubleRate = 0.8;
    const before = cloud.calls.total;
    for (let n = 0; n < 300; n += 1) await admin.createServiceId(`made-${n}`, 'One of many.').catch(() => null);
    cloud.switches.troubleRate = 0;
    const { serviceIds } = cloud.iam.snapshot({ withValues: false }) as { serviceIds: { name: string }[] };
    const made = new Set(serviceIds.map(({ name }) => name));
    const kinds = cloud.calls.list(before + 1).map(({ outcome, tookMs }, n) => {
      const isLate = tookMs >= 1_000 && tookMs <= 5_000 && tookMs % 1_000 === 0;
      return `${outcome}${isLate ? ' late' : ''}${made.has(`made-${n}`) ? ' made' : ''}`;
    });
    const expected = ['201 late made', '201 made', '429', '500', '503', 'reset', 'reset made'];
    expect([...new Set(kinds)].toSorted()).toEqual(expected);
  });

  it('tells who is throttled when to come again', async () => {
    const cloud = openCloud('throttled', 1);
    const told = new Set<number>();
    for (let call = 0; call < 100; call += 1) {
      const response = await cloud.handle(new Request(`${URL}/v1/apikeys`)).catch(() => null);
      const retryAfter = response?.headers.get('retry-after') ?? null;
      expect(retryAfter === null).toBe(response?.status !== 429);
      if (retryAfter !== null) told.add(Number(retryAfter));
    }
    expect([...told].every((seconds) => [1, 2, 3, 4, 5].includes(seconds)) && told.size > 1).toBe(true);
  });

  it('spares log lines, and calls that an injected fault waits for', async () => {
    const cloud = openCloud('spared', 1);
    for (const path of ['/logs/v1/singles', '/logs-router/v1/singles']) {
      expect((await cloud.handle(new Request(URL + path, { method: 'POST' }))).status).toBe(401);
    }
    const fault = { match: 'GET /v1/apikeys', times: 1, status: 418, afterEffect: false, delayMs: 0, lateMs: 0 };
    cloud.faults.add({ ...fault, refuse: false });
    expect((await cloud.handle(new Request(`${URL}/v1/apikeys`))).status).toBe(418);
  });
});

describe('the date of an answer', () => {
  it('is the virtual one', async () => {
    const cloud = openCloud('dates');
    const dateOf = async () => (await cloud.handle(new Request(`${URL}/v1/apikeys`))).headers.get('date');
    expect(await dateOf()).toBe('Fri, 20 Nov 2026 00:00:00 GMT');
    await cloud.clock.advanceTo(Date.UTC(2027, 0, 1));
    expect(await dateOf()).toBe('Fri, 01 Jan 2027 00:00:00 GMT');
  });
});
