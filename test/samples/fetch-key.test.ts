import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { KeyFetcher } from '../../docs/samples/fetch-key.ts';
import { Key } from '../../docs/samples/key.ts';
import type { LogAgent } from '../../docs/samples/log-agent.ts';
import { Refused } from '../../docs/samples/log-in.ts';
import { ROLE } from '../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { byValue, leakReport, respond } from '../support/leaks.ts';
import { minted } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { wholeTick } from '../support/whole-tick.ts';
import { LINES, fetchOn, fetching, logAgent, loginOf, workloadLogin } from './consumer.ts';
import type { Call } from './consumer.ts';

const READ = /\/secret_types\/arbitrary\/secrets\/ingest$/;
const TOKEN = '/identity/token';
const SECRET = 'GET /api/v2/secret_groups/*/secret_types/*/secrets/*';
const ALWAYS = 10_000;

const rotateNow = (lab: Laboratory, manifest: Parameters<Laboratory['tick']>[0]) =>
  lab.tick(manifest, { only: ['ingest'], force: true });

/** Does `work` again and again, beside whatever else goes on. */
function again(lab: Laboratory, work: () => Promise<void>, pauseMs = 1_000): { stop: () => void } {
  let stopped = false;
  const next = () => {
    lab.clock.at(lab.clock.nowMs() + pauseMs, async (hold) => {
      if (stopped) return;
      await hold.wait(work());
      next();
    });
  };
  next();
  return { stop: () => (stopped = true) };
}

/** The least that the manifest takes for a consumer that looks once a day. */
const LEAST = { consumersRefreshWithin: '24h', grace: '25h', unusedFor: '49h' };

/** Lets days go by with ticks, in which the agent ships a line every hour. Returns the ids of the keys that were current. */
async function shipForDays(agent: LogAgent, { lab, manifest }: Scene, days: number): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let hour = 0; hour < days * 24; hour += 1) {
    await lab.pass(HOUR_MS);
    if (hour % 6 === 0) await lab.tick(manifest, { timerMs: 6 * HOUR_MS });
    await agent.ship(LINES);
    ids.add(lab.currentKeyId());
  }
  return ids;
}

const deadLogins = (calls: readonly Call[]): Call[] =>
  calls.filter(({ path, status }) => path === TOKEN && status === 400);

describe('a consumer that looks as seldom as the manifest allows', () => {
  it('goes through two whole rotations without a refusal', async () => {
    const scene = await minted(0, { entry: LEAST });
    const { lab } = scene;
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch, keepForMs: DAY_MS });
    expect((await shipForDays(agent, scene, 75)).size).toBe(3);
    expect(calls.filter(({ status }) => status === null || status >= 400)).toEqual([]);
    // The keys that it used are gone, but for the current one.
    expect(lab.keys.map(({ id }) => id)).toEqual([lab.currentKeyId()]);
  });

  it('and one that looks far less often, where time alone is the evidence, is refused, and has the new key at once', async () => {
    const scene = await minted(0, { entry: { ...LEAST, evidence: { unused: false } } });
    const { lab } = scene;
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch, keepForMs: 365 * DAY_MS });
    const other = again(lab, () => lab.fetchValue().then(() => undefined), DAY_MS);
    // Every line is taken all the same.
    expect((await shipForDays(agent, scene, 40)).size).toBe(2);
    other.stop();
    expect(deadLogins(calls)).toHaveLength(1);
  });
});

describe('a look', () => {
  it('comes when the time is over, at the latest, and not before the spread', async () => {
    const { lab } = await minted(0);
    const reader = await loginOf(lab, 'reader', ROLE.secretsReader);
    for (const [random, keptForMs] of [
      [0, HOUR_MS],
      [1, 0.9 * HOUR_MS],
    ] as const) {
      const { fetch, calls } = fetchOn(lab);
      const keys = new KeyFetcher(fetching(lab, reader, { fetch, random: () => random }));
      await keys.key();
      await lab.pass(keptForMs - 1);
      await keys.key();
      expect(calls).toHaveLength(1);
      await lab.pass(1);
      await keys.key();
      expect(calls).toHaveLength(2);
    }
  });

  it('is one, however many ask at once', async () => {
    const { lab } = await minted(0);
    const { fetch, calls } = fetchOn(lab);
    const keys = new KeyFetcher(fetching(lab, await loginOf(lab, 'reader', ROLE.secretsReader), { fetch }));
    const found = await Promise.all([keys.key(), keys.key(), keys.look()]);
    expect([new Set(found).size, calls.length]).toEqual([1, 1]);
  });

  it('that began before somebody told of a new key does not count', async () => {
    const { lab } = await minted(0);
    const { fetch, calls } = fetchOn(lab);
    const keys = new KeyFetcher(fetching(lab, await loginOf(lab, 'reader', ROLE.secretsReader), { fetch }));
    const looking = keys.look();
    keys.lookSoon();
    await looking;
    await keys.key();
    await keys.key();
    expect(calls).toHaveLength(2);
  });
});

describe('the time of a look', () => {
  it('counts from when it was asked for: what comes late was true then', async () => {
    const { lab } = await minted(0);
    const reader = await loginOf(lab, 'reader', ROLE.secretsReader);
    await reader.token();
    const { fetch, calls } = fetchOn(lab);
    const keys = new KeyFetcher(fetching(lab, reader, { fetch, random: () => 0 }));
    lab.fault({ match: SECRET, delayMs: 5_000 });
    await keys.key();
    await lab.pass(HOUR_MS - 5_001);
    await keys.key();
    expect(calls).toHaveLength(1);
    await lab.pass(1);
    await keys.key();
    expect(calls).toHaveLength(2);
  });
});

describe('while Secrets Manager does not answer', () => {
  it.each([
    ['is down', { status: 503 }],
    ['refuses the reader', { status: 403 }],
    ['cannot be reached', { refuse: true }],
  ])('the last good key is used, and the next look comes soon: it %s', async (_, trouble) => {
    const { lab } = await minted(0);
    const warnings: string[] = [];
    const { fetch, calls } = fetchOn(lab);
    const keys = new KeyFetcher(fetching(lab, await loginOf(lab, 'reader', ROLE.secretsReader), { fetch, warnings }));
    const key = await keys.key();
    lab.fault({ match: SECRET, times: ALWAYS, ...trouble });
    await lab.pass(2 * HOUR_MS);
    for (let second = 0; second < 60; second += 1) {
      expect(await keys.key()).toBe(key);
      await lab.pass(1_000);
    }
    expect([calls.length, warnings.length]).toEqual([3, 2]);
    lab.cloud.faults.clear();
    await lab.pass(MINUTE_MS);
    await keys.key();
    await lab.pass(MINUTE_MS);
    await keys.key();
    expect(calls).toHaveLength(4);
  });

  it('an answer without a value is none', async () => {
    const { lab } = await minted(0);
    const fetch = () => Promise.resolve(Response.json({ id: 'id', state_description: 'destroyed' }));
    const keys = new KeyFetcher(fetching(lab, await loginOf(lab, 'reader', ROLE.secretsReader), { fetch }));
    await expect(keys.key()).rejects.toThrow('The secret holds no value.');
  });

  it('there is no key at the start, and whoever asks is told so', async () => {
    const { lab } = await minted(0);
    const keys = new KeyFetcher(fetching(lab, await loginOf(lab, 'reader', ROLE.secretsReader)));
    lab.fault({ match: SECRET, status: 503 });
    await expect(keys.key()).rejects.toThrow('Secrets Manager answered 503.');
    await expect(keys.key()).resolves.toMatchObject({ secretId: lab.secret().id });
  });
});

describe('a key that leaked', () => {
  it.each([400, 401] as const)('is given up with the first login that is refused with %i', async (status) => {
    const { lab, manifest } = await minted(5, {
      switches: { refusedKeyLoginStatus: status, unknownKeyLoginStatus: status },
    });
    const agent = logAgent(lab, await workloadLogin(lab), { keepForMs: DAY_MS });
    await agent.ship(LINES);
    const leaked = await agent.keys.key();
    await respond(lab, manifest, leakReport(byValue(leaked.reveal())));
    await wholeTick(lab, manifest, { only: ['ingest'] });
    // A token lives on for a while. The next login is refused, and the new key is there.
    await agent.ship(LINES);
    expect(await agent.keys.key()).toBe(leaked);
    await lab.pass(HOUR_MS);
    await agent.ship(LINES);
    expect((await agent.keys.key()).equals(leaked)).toBe(false);
  });

  it('and has no successor yet causes no storm; the successor is used with the next attempt', async () => {
    const { lab, manifest } = await minted(5);
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch, keepForMs: DAY_MS });
    const leaked = await agent.keys.key();
    await respond(lab, manifest, leakReport(byValue(leaked.reveal())));
    const containedMs = lab.clock.nowMs();
    let storedMs = 0;
    lab.cloud.audit.watch(({ action, atMs }) => {
      if (action === 'secret-version.create') storedMs = atMs;
    });
    const shipped: number[] = [];
    const refused: number[] = [];
    const errors: unknown[] = [];
    const agentAtWork = again(lab, () =>
      agent.ship(LINES).then(
        () => void shipped.push(lab.clock.nowMs()),
        (error: unknown) => {
          errors.push(error);
          refused.push(lab.clock.nowMs());
        },
      ),
    );
    await lab.pass(40_000);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await lab.pass(5 * MINUTE_MS);
    agentAtWork.stop();
    expect(storedMs).toBeGreaterThan(containedMs + 40_000);
    expect(errors.filter((error) => !(error instanceof Refused))).toEqual([]);
    // It wanted to ship every second, and logged in with the dead key after 0, 4, 12, 27 and 58 s.
    const dead = deadLogins(calls).map(({ atMs }) => atMs);
    expect(refused.length).toBeGreaterThan(50);
    expect(dead.length).toBeLessThanOrEqual(6);
    // With its first attempt after the store it has the new key, and no line is refused from then on.
    const [last = 0, ...more] = dead.filter((atMs) => atMs > storedMs);
    expect([more, shipped[0], refused.filter((atMs) => atMs > last)]).toEqual([[], last, []]);
    expect(last - storedMs).toBeLessThan(2 * MINUTE_MS);
    expect((await agent.keys.key()).equals(leaked)).toBe(false);
  });

  it.each([
    [0, [0, 5, 15, 35, 75, 155, 275, 395, 515]],
    [1, [0, 3, 8, 18, 38, 78, 138, 198, 258, 318, 378, 438, 498, 558]],
  ])('is tried less and less often, with chance at %i', async (random, seconds) => {
    const { lab } = await minted(5);
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch, keepForMs: DAY_MS, random: () => random });
    await agent.keys.key();
    await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`);
    const beganMs = lab.clock.nowMs();
    for (let second = 0; second < 600; second += 1) {
      await agent.ship(LINES).catch(() => undefined);
      await lab.pass(1_000);
    }
    expect(deadLogins(calls).map(({ atMs }) => (atMs - beganMs) / 1_000)).toEqual(seconds);
    // One look for each attempt, and one before.
    expect(calls.filter(({ path }) => READ.test(path))).toHaveLength(seconds.length + 1);
  });

  it('is replaced by one look, however many attempts were refused', async () => {
    const { lab, manifest } = await minted(30);
    const { fetch, calls } = fetchOn(lab);
    const keys = new KeyFetcher(fetching(lab, await workloadLogin(lab), { fetch, keepForMs: DAY_MS }));
    const former = await keys.key();
    await lab.tick(manifest);
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const attempts = gates.map(({ promise }) =>
      keys.tryWith(async (key) => {
        if (key !== former) return key;
        await promise;
        throw new Refused('no');
      }),
    );
    gates[0]?.resolve();
    const first = await attempts[0];
    gates[1]?.resolve();
    expect([await attempts[1], calls.length]).toEqual([first, 2]);
  });

  it('is waited for no longer once somebody tells of its successor', async () => {
    const { lab, manifest } = await minted(5);
    const agent = logAgent(lab, await workloadLogin(lab));
    const leaked = await agent.keys.key();
    await respond(lab, manifest, leakReport(byValue(leaked.reveal())));
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await agent.ship(LINES).catch(() => undefined);
      await lab.pass(MINUTE_MS);
    }
    await agent.ship(LINES).catch(() => undefined);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await expect(agent.ship(LINES)).rejects.toThrow('refused a moment ago');
    agent.keys.lookSoon();
    await agent.ship(LINES);
  });

  it('and was enabled again, for the report was false, works again', async () => {
    const { lab } = await minted(5);
    const agent = logAgent(lab, await workloadLogin(lab));
    const path = `/v1/apikeys/${lab.currentKeyId()}/disable`;
    await lab.admin.request('POST', path);
    await expect(agent.ship(LINES)).rejects.toThrow(Refused);
    await lab.admin.request('DELETE', path);
    await lab.pass(MINUTE_MS);
    await agent.ship(LINES);
  });
});

describe('a login that is refused with 403', () => {
  it('is a refusal of the key as well', async () => {
    const { lab } = await minted(0);
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch });
    await agent.keys.key();
    lab.fault({ match: 'POST /identity/token', status: 403 });
    await expect(agent.ship(LINES)).rejects.toThrow('IAM refused the login with 403.');
    expect(calls.filter(({ path }) => READ.test(path))).toHaveLength(2);
  });
});

describe('a login that fails otherwise', () => {
  it.each([429, 503])('says nothing of the key: status %i', async (status) => {
    const { lab } = await minted(0);
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch });
    await agent.keys.key();
    lab.fault({ match: 'POST /identity/token', status });
    await expect(agent.ship(LINES)).rejects.toThrow(`IAM answered ${status}.`);
    await agent.ship(LINES);
    expect(calls.filter(({ path }) => READ.test(path))).toHaveLength(1);
  });

  it('and a token that is not taken is given up', async () => {
    const { lab } = await minted(0);
    const { fetch, calls } = fetchOn(lab);
    const agent = logAgent(lab, await workloadLogin(lab), { fetch });
    lab.fault({ match: 'POST /logs/v1/singles', status: 401 });
    await expect(agent.ship(LINES)).rejects.toThrow('Cloud Logs answered 401.');
    await agent.ship(LINES);
    expect(calls.filter(({ path }) => path === TOKEN)).toHaveLength(2);
    expect(calls.filter(({ path }) => READ.test(path))).toHaveLength(1);
  });
});

describe('a value', () => {
  it('is shown by nothing but `reveal`', async () => {
    const { lab, manifest } = await minted(0);
    const warnings: string[] = [];
    const agent = logAgent(lab, await workloadLogin(lab), { warnings });
    const key = await agent.keys.key();
    const value = key.reveal();
    expect(value).toBe(await lab.fetchValue());
    await respond(lab, manifest, leakReport(byValue(value)));
    const error = await agent.ship(LINES).catch((thrown: unknown) => thrown);
    lab.fault({ match: SECRET, status: 500 });
    agent.keys.lookSoon();
    await agent.keys.key();
    expect(warnings).toHaveLength(1);
    const shown = [key, agent, agent.keys, error, warnings].map((one) =>
      [inspect(one, { depth: 9, showHidden: true }), JSON.stringify(one), String(one)].join('\n'),
    );
    expect(shown.join('\n')).not.toContain(value);
  });

  it('of another secret is another key, though it be the same', () => {
    const [one, same, other] = ['a', 'a', 'b'].map((secretId) => new Key(secretId, 'value'));
    expect([same, other].map((key) => key && one?.equals(key))).toEqual([true, false]);
    expect(one?.equals(new Key('a', 'changed'))).toBe(false);
  });

  it('of a credential is all its fields, of one version', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const manifest = world.manifest({ role: 'Writer', parameters: { HMAC: true }, evidence: { unused: false } });
    await lab.tick(manifest);
    const secret = { group: 'ingestion', type: 'kv' as const, name: 'credential' };
    const keys = new KeyFetcher(fetching(lab, await workloadLogin(lab), { secret }));
    const stored = world.keys[0]?.credentials as { apikey: string; cos_hmac_keys: Record<string, string> };
    const key = await keys.key();
    expect(key.reveal()).toBe(stored.apikey);
    for (const field of ['access_key_id', 'secret_access_key']) {
      expect(key.reveal(`cos_hmac_keys.${field}`)).toBe(stored.cos_hmac_keys[field]);
    }
    expect(() => key.reveal('cos_hmac_keys')).toThrow('The secret has no text cos_hmac_keys.');
    expect(() => key.reveal('password')).toThrow('The secret has no text password.');
  });

  it('of one field whose name has dots is found by that name', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const place = { type: 'kv', field: 'cos_hmac_keys.secret_access_key' };
    const more = { role: 'Writer', parameters: { HMAC: true }, evidence: { unused: false }, secret: place };
    await lab.tick(world.manifest(more));
    const secret = { group: 'ingestion', type: 'kv' as const, name: 'credential' };
    const keys = new KeyFetcher(fetching(lab, await workloadLogin(lab), { secret }));
    const stored = world.keys[0]?.credentials as { cos_hmac_keys: Record<string, string> };
    expect((await keys.key()).reveal(place.field)).toBe(stored.cos_hmac_keys['secret_access_key']);
  });
});

describe('a reader', () => {
  it('with SecretsReader on the group reads, and one without any role does not', async () => {
    const { lab, manifest } = await minted(0);
    const reader = await loginOf(lab, 'reader', ROLE.secretsReader);
    const stranger = await loginOf(lab, 'stranger', ROLE.viewer);
    const before = await new KeyFetcher(fetching(lab, reader)).key();
    await expect(new KeyFetcher(fetching(lab, stranger)).key()).rejects.toThrow('Secrets Manager answered 403.');
    await rotateNow(lab, manifest);
    expect((await new KeyFetcher(fetching(lab, reader)).key()).equals(before)).toBe(false);
  });
});
