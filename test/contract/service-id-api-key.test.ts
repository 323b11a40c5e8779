import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import type { IssuerKey, KeyKind, KeyRequest } from '../../shared/keys/kind.ts';
import type { ServiceIdApiKey } from '../../shared/keys/manifest.ts';
import { serviceIdApiKeys } from '../../shared/keys/service-id-api-key.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, cloudAdapter } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, outcomeOf } from './support/failures.ts';
import { ANSWERS, narrowLogin, ownersKey, seenByOwner } from './support/identities.ts';
import { productOn, watchCalls } from './support/product.ts';
import type { ProductOptions } from './support/product.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** As many keys as any identity may have. */
const FULL = 20;
const TOKEN = 'POST /identity/token';
const LINE = 'POST /logs/v1/singles';
const UNKNOWN_KEY = 'ApiKey-00000000-0000-4000-8000-000000000000';

const { signal } = new AbortController();

const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;

interface Bench {
  lab: Laboratory;
  kind: KeyKind<ServiceIdApiKey>;
  key: ServiceIdApiKey;
  request: KeyRequest;
}

/** The kind as the product makes it, and a manifest entry for the log agent's identity. */
async function open(
  options: ProductOptions & { switches?: Partial<Switches>; entry?: object; on?: Laboratory } = {},
): Promise<Bench> {
  const lab = options.on ?? (await Laboratory.open(options.switches));
  const { identity, policies, tokens, logLines } = productOn(lab, options);
  const [key] = lab.manifest(options.entry).keys;
  if (key?.kind !== 'service-id-api-key') throw new Error('the manifest has no key');
  const request = {
    name: 'keyrota-lab-ingest-abcdefghijkl',
    description: 'Made.',
    expiresAtMs: lab.clock.nowMs() + 90 * DAY_MS,
    predecessorId: null,
    removes: null,
  };
  return { lab, kind: serviceIdApiKeys({ identity, policies, tokens, logLines }), key, request };
}

async function listed(kind: KeyKind<ServiceIdApiKey>, key: ServiceIdApiKey): Promise<IssuerKey[]> {
  const found = await kind.list(key, signal);
  if (!found) throw new Error('the identity is gone');
  return found;
}

const WITH_PROBE = { probe: { url: 'http://127.0.0.1:1/logs/v1/singles' } };

describe.each(ANSWERS)('the keys of a service ID, open questions answered $answers', ({ switches }) => {
  it('are those of the entry’s identity, ours or not', async () => {
    const { lab, kind, key, request } = await open({ switches });
    await ownersKey(lab, lab.serviceId.iamId, { name: 'made by hand' });
    await ownersKey(lab, lab.keyrota.iamId, { name: 'of somebody else' });
    const created = await kind.create(key, request, signal);
    const found = await listed(kind, key);
    expect(found.map(({ name }) => name)).toEqual(['made by hand', request.name]);
    expect(found[1]).toEqual({
      id: created.id,
      name: request.name,
      description: 'Made.',
      createdAtMs: minuteOf(lab.clock.nowMs()),
      expiresAtMs: Math.ceil(request.expiresAtMs / MINUTE_MS) * MINUTE_MS,
      disabled: false,
      canDisable: true,
      locked: false,
      ownerMatches: true,
      generatedFor: null,
      disabledAtMs: null,
      enabledAtMs: null,
      lastUsed: 'unknown',
    });
  });

  it('are looked at with their last use', async () => {
    const { lab, kind, key, request } = await open({ switches });
    const { id, value } = await kind.create(key, request, signal);
    expect((await kind.look(key, id, signal))?.lastUsed).toBe('never');
    await lab.pass(HOUR_MS);
    await kind.verify(key, value, true, signal);
    expect((await kind.look(key, id, signal))?.lastUsed).toEqual({ atMs: minuteOf(lab.clock.nowMs()) });
  });

  it('are null, and not none, when their identity is gone', async () => {
    const { lab, kind, key, request } = await open({ switches });
    expect(await kind.list(key, signal)).toEqual([]);
    await kind.create(key, request, signal);
    await lab.admin.request('DELETE', `/v1/serviceids/${lab.serviceId.id}`);
    expect(await kind.list(key, signal)).toBeNull();
  });

  it.each([
    { fault: { status: 400 }, code: 'invalid_request' },
    { fault: { status: 401, times: 2 }, code: 'not_logged_in' },
    { fault: { status: 403 }, code: 'forbidden' },
    { fault: { status: 409 }, code: 'conflict' },
    { fault: { status: 429, times: 4 }, code: 'throttled' },
    { fault: { status: 500, times: 4 }, code: 'service_failed' },
    { fault: { drop: 'answer', times: 4 }, code: 'no_answer' },
  ] as const)('are never null or none because they cannot be listed: $code', async ({ fault, code }) => {
    const { lab, kind, key, request } = await open({ switches });
    await kind.create(key, request, signal);
    lab.fault({ match: 'GET /v1/apikeys', ...fault });
    expect(await outcomeOf(kind.list(key, signal))).toMatchObject({ code, effect: 'none' });
  });

  it('are null when they are gone, and only then', async () => {
    const { lab, kind, key, request } = await open({ switches });
    const { id } = await kind.create(key, request, signal);
    await kind.delete(key, id, signal);
    expect(await kind.look(key, id, signal)).toBeNull();
    expect(await kind.look(key, UNKNOWN_KEY, signal)).toBeNull();
    lab.fault({ match: 'GET /v1/apikeys/*', status: 403 });
    expect(await outcomeOf(kind.look(key, id, signal))).toMatchObject({ code: 'forbidden' });
  });

  it('are disabled, enabled, locked, unlocked and deleted', async () => {
    const { lab, kind, key, request } = await open({ switches });
    const { id } = await kind.create(key, request, signal);
    const look = async () => {
      const seen = await kind.look(key, id, signal);
      return seen && [seen.disabled, seen.locked];
    };
    await kind.disable(key, id, signal);
    expect(await look()).toEqual([true, false]);
    await kind.enable(key, id, signal);
    await kind.lock(key, id, signal);
    expect(await look()).toEqual([false, true]);
    expect(await outcomeOf(kind.delete(key, id, signal))).toMatchObject({ code: 'conflict', effect: 'none' });
    await kind.unlock(key, id, signal);
    await kind.delete(key, id, signal);
    expect([await look(), lab.keys]).toEqual([null, []]);
  });

  it('are done with where they are gone: disable, unlock and delete', async () => {
    const { kind, key } = await open({ switches });
    await expect(kind.disable(key, UNKNOWN_KEY, signal)).resolves.toBeUndefined();
    await expect(kind.unlock(key, UNKNOWN_KEY, signal)).resolves.toBeUndefined();
    await expect(kind.delete(key, UNKNOWN_KEY, signal)).resolves.toBeUndefined();
  });

  it('are extended, and keep their name and description', async () => {
    const { lab, kind, key, request } = await open({ switches });
    const { id } = await kind.create(key, request, signal);
    const [seen] = await listed(kind, key);
    if (!seen) throw new Error('the key is not listed');
    await kind.extend(key, seen.id, Date.UTC(2027, 0, 1), signal);
    expect(await seenByOwner(lab, id)).toMatchObject({
      name: request.name,
      description: request.description,
      expires_at: '2027-01-01T00:00+0000',
      action_when_leaked: 'disable',
    });
  });

  it('are created with a value that works, and carries nothing else away', async () => {
    const { lab, kind, key, request } = await open({ switches });
    const created = await kind.create(key, request, signal);
    expect(created).toMatchObject({ id: lab.keys[0]?.id, createdAtMs: minuteOf(lab.clock.nowMs()) });
    expect(everythingIn(created)).not.toContain(created.value.reveal());
    await lab.pass(10_000);
    expect(await lab.works(created.value.reveal())).toBe(true);
  });

  describe('are verified:', () => {
    const made = async (entry: object = {}) => {
      const bench = await open({ switches, entry });
      const { id, value } = await bench.kind.create(bench.key, bench.request, signal);
      return { ...bench, id, value, verify: () => bench.kind.verify(bench.key, value, true, signal) };
    };

    it('refused while they spread, then accepted', async () => {
      const { lab, verify } = await made();
      expect(await verify()).toMatchObject({
        outcome: 'refused',
        why: expect.stringContaining('BXNIM0415E') as string,
      });
      await lab.pass(2_000);
      expect(await verify()).toEqual({ outcome: 'accepted' });
    });

    it('by a fresh login each time', async () => {
      const { lab, verify } = await made();
      await lab.pass(10_000);
      const calls = watchCalls(lab);
      await verify();
      await verify();
      expect(calls().map(({ call }) => call)).toEqual([TOKEN, TOKEN]);
    });

    it('refused when they are disabled, deleted or expired', async () => {
      const { lab, kind, key, id, verify } = await made();
      await lab.pass(10_000);
      await kind.disable(key, id, signal);
      expect(await verify()).toMatchObject({ outcome: 'refused', why: expect.stringContaining('disabled') as string });
      await kind.enable(key, id, signal);
      expect(await verify()).toEqual({ outcome: 'accepted' });
      await lab.pass(91 * DAY_MS);
      expect(await verify()).toMatchObject({ outcome: 'refused', why: expect.stringContaining('expired') as string });
      await kind.delete(key, id, signal);
      expect(await verify()).toMatchObject({
        outcome: 'refused',
        why: expect.stringContaining('BXNIM0415E') as string,
      });
    });

    it('without a probe no line is shipped', async () => {
      const { lab, verify } = await made();
      await lab.pass(10_000);
      await verify();
      expect(lab.cloud.calls.lines).toBe(0);
    });

    it('with a probe a line is shipped that says so', async () => {
      const { lab, verify } = await made(WITH_PROBE);
      await lab.pass(10_000);
      expect(await verify()).toEqual({ outcome: 'accepted' });
      expect(lab.state.logs.lastLine).toEqual({
        text: 'Keyrota checks a new key of ingest.',
        iamId: lab.serviceId.iamId,
      });
    });

    it('with a probe that is not asked for no line is shipped, by a login all the same', async () => {
      const { lab, kind, key, value } = await made(WITH_PROBE);
      expect(await kind.verify(key, value, false, signal)).toMatchObject({ outcome: 'refused' });
      await lab.pass(10_000);
      lab.fault({ match: LINE, status: 403 });
      const calls = watchCalls(lab);
      expect(await kind.verify(key, value, false, signal)).toEqual({ outcome: 'accepted' });
      expect(calls().map(({ call }) => call)).toEqual([TOKEN]);
      expect(lab.cloud.calls.lines).toBe(0);
    });

    it('with a probe nothing is shipped before the login works', async () => {
      const { lab, verify } = await made(WITH_PROBE);
      expect(await verify()).toMatchObject({ outcome: 'refused' });
      expect(lab.cloud.calls.lines).toBe(0);
    });
  });
});

describe('a verdict', () => {
  async function fresh(entry: object = WITH_PROBE) {
    const bench = await open({ entry });
    const { value } = await bench.kind.create(bench.key, bench.request, signal);
    await bench.lab.pass(10_000);
    return { ...bench, value, verify: (until = signal) => bench.kind.verify(bench.key, value, true, until) };
  }

  it.each([
    { match: TOKEN, fault: { status: 400 }, outcome: 'refused' },
    { match: TOKEN, fault: { status: 401 }, outcome: 'refused' },
    { match: TOKEN, fault: { status: 403 }, outcome: 'refused' },
    { match: TOKEN, fault: { status: 429, times: 4 }, outcome: 'failed' },
    { match: TOKEN, fault: { status: 500, times: 4 }, outcome: 'failed' },
    { match: TOKEN, fault: { status: 503, times: 4 }, outcome: 'failed' },
    { match: TOKEN, fault: { drop: 'answer', times: 4 }, outcome: 'failed' },
    { match: TOKEN, fault: { refuse: true, times: 4 }, outcome: 'failed' },
    { match: TOKEN, fault: { delayMs: DAY_MS, times: 4 }, outcome: 'failed' },
    { match: LINE, fault: { status: 400 }, outcome: 'failed' },
    { match: LINE, fault: { status: 401 }, outcome: 'refused' },
    { match: LINE, fault: { status: 403 }, outcome: 'refused' },
    { match: LINE, fault: { status: 429, times: 4 }, outcome: 'failed' },
    { match: LINE, fault: { status: 503, times: 4 }, outcome: 'failed' },
    { match: LINE, fault: { drop: 'request', times: 4 }, outcome: 'failed' },
  ] as const)('tells a key that is refused from a service that cannot tell: $match $fault: $outcome', async (one) => {
    const { lab, verify } = await fresh();
    lab.fault({ match: one.match, ...one.fault });
    const verdict = await verify();
    expect(verdict.outcome).toBe(one.outcome);
    const operation = one.match === TOKEN ? 'getToken' : 'shipLogLine';
    expect(verdict).toMatchObject({ why: expect.stringMatching(new RegExp(`^${operation}: `)) as string });
  });

  it('is “accepted” after trouble that passes', async () => {
    const { lab, verify } = await fresh();
    lab.fault({ match: TOKEN, times: 3, status: 503 });
    lab.fault({ match: LINE, times: 3, drop: 'answer' });
    expect(await verify()).toEqual({ outcome: 'accepted' });
  });

  it('is “refused” when the identity may not send', async () => {
    const lab = await Laboratory.open();
    const { id, iamId } = await lab.admin.createServiceId('silent', 'May send nothing.');
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', {
      resourceType: 'serviceid',
      resource: id,
    });
    const { kind, key, request } = await open({ on: lab, entry: { ...WITH_PROBE, serviceId: id } });
    const { value } = await kind.create(key, request, signal);
    await lab.pass(10_000);
    expect(await kind.verify(key, value, true, signal)).toMatchObject({
      outcome: 'refused',
      why: expect.stringContaining('shipLogLine: status 403') as string,
    });
    expect(lab.keys.filter((one) => one.iamId === iamId)).toEqual([]);
  });

  it('is “failed” when the answer is no answer about the key: the address of the probe is wrong', async () => {
    const { lab, verify } = await fresh();
    lab.fault({ match: LINE, status: 404 });
    expect(await verify()).toMatchObject({
      outcome: 'failed',
      why: expect.stringMatching(/^shipLogLine: status 404/) as string,
    });
  });

  it('is “failed” where nobody is at the address of the probe', async () => {
    const { lab, verify } = await fresh();
    lab.fault({ match: LINE, times: 4, refuse: true });
    expect(await verify()).toMatchObject({
      outcome: 'failed',
      why: expect.stringMatching(/^shipLogLine: no answer/) as string,
    });
  });

  it('is none when the run ends: the reason is passed on', async () => {
    const { lab, verify } = await fresh();
    const run = new AbortController();
    const reason = new KeyrotaError('time_is_up', 'The run took too long.');
    lab.fault({ match: TOKEN, delayMs: HOUR_MS });
    lab.clock.at(lab.clock.nowMs() + 3_000, () => run.abort(reason));
    expect(await failureOf(verify(run.signal))).toBe(reason);
  });

  it('never tells the value or a token', async () => {
    const { lab, kind, key, value, verify } = await fresh();
    lab.fault({ match: LINE, status: 403 });
    const verdicts = [await verify(), await kind.verify(key, new SecretValue('x'.repeat(30)), true, signal)];
    expect(everythingIn(verdicts)).not.toMatch(new RegExp(`eyJ|x{30}|${value.reveal()}`));
  });
});

describe('what is seen of a key', () => {
  it('is when it was last disabled, to the minute', async () => {
    const { lab, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    await kind.disable(key, id, signal);
    await lab.pass(DAY_MS);
    await kind.enable(key, id, signal);
    await lab.pass(DAY_MS);
    await kind.disable(key, id, signal);
    const disabledAtMs = minuteOf(lab.clock.nowMs());
    await lab.pass(DAY_MS);
    await kind.disable(key, id, signal); // done already: not a new date
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, disabledAtMs });
    expect(await kind.list(key, signal)).toMatchObject([{ disabled: true, disabledAtMs }]);
  });

  it('is when it was last disabled, or enabled again, also where the history tells of both as changes of a property', async () => {
    const { lab, kind, key, request } = await open({ switches: { stateHistory: 'updates' } });
    const { id } = await kind.create(key, request, signal);
    await kind.extend(key, id, lab.clock.nowMs() + 90 * DAY_MS, signal);
    expect(await kind.look(key, id, signal)).toMatchObject({ disabledAtMs: null, enabledAtMs: null });
    await lab.pass(DAY_MS);
    await kind.disable(key, id, signal);
    const disabledAtMs = minuteOf(lab.clock.nowMs());
    expect(await kind.look(key, id, signal)).toMatchObject({ disabledAtMs, enabledAtMs: null });
    await lab.pass(DAY_MS);
    await kind.enable(key, id, signal);
    const enabledAtMs = minuteOf(lab.clock.nowMs());
    expect(await kind.look(key, id, signal)).toMatchObject({ disabledAtMs: null, enabledAtMs });
  });

  it('is no date of disabling where the history says that it was enabled after that, and it is disabled', async () => {
    const { lab, kind: full, key, request } = await open();
    const { id } = await full.create(key, request, signal);
    await full.disable(key, id, signal);
    await lab.pass(DAY_MS);
    await full.enable(key, id, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body) => {
      body['disabled'] = true;
    });
    const { kind } = await open({ on: lab, adapter });
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, disabledAtMs: null });
  });

  it('is no date of disabling where the history does not tell', async () => {
    const { lab, kind: full, key, request } = await open();
    const { id } = await full.create(key, request, signal);
    await full.disable(key, id, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body) => {
      delete body['history'];
    });
    const { kind } = await open({ on: lab, adapter });
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, disabledAtMs: null });
  });

  it.each([
    ['there is no activity', undefined, 'unknown'],
    ['it never logged in', { authn_count: 0 }, 'never'],
    ['it logged in, and the date is missing', { authn_count: 3 }, 'unknown'],
    ['it logged in', { authn_count: 3, last_authn: '2026-01-05T09:30+0000' }, { atMs: Date.UTC(2026, 0, 5, 9, 30) }],
    [
      'there is a date, and the count lags behind',
      { authn_count: 0, last_authn: '2026-01-05T09:30+0000' },
      { atMs: Date.UTC(2026, 0, 5, 9, 30) },
    ],
  ])('is its last use, where %s', async (_, activity, lastUsed) => {
    const { lab, kind: full, key, request } = await open();
    const { id } = await full.create(key, request, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path.startsWith('/v1/apikeys/')) body['activity'] = activity;
    });
    const { kind } = await open({ on: lab, adapter });
    expect((await kind.look(key, id, signal))?.lastUsed).toEqual(lastUsed);
  });

  it('is neither a date of disabling nor a last use where the dates cannot be read', async () => {
    const { lab, kind: full, key, request } = await open();
    const { id } = await full.create(key, request, signal);
    await full.disable(key, id, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (!path.startsWith('/v1/apikeys/')) return;
      for (const entry of body['history'] as object[]) Object.assign(entry, { timestamp: 'lately' });
      body['activity'] = { last_authn: 'lately', authn_count: 3 };
    });
    const { kind } = await open({ on: lab, adapter });
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, disabledAtMs: null, lastUsed: 'unknown' });
  });

  it('is no date of disabling where only the latest cannot be read: an earlier one would shorten the quarantine', async () => {
    const { lab, kind: full, key, request } = await open();
    const { id } = await full.create(key, request, signal);
    await full.disable(key, id, signal);
    await lab.pass(10 * DAY_MS);
    await full.enable(key, id, signal);
    await full.disable(key, id, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body) => {
      const latest = ((body['history'] ?? []) as object[]).at(-1);
      if (latest) Object.assign(latest, { timestamp: 'soon' });
    });
    const { kind } = await open({ on: lab, adapter });
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, disabledAtMs: null });
  });

  it.each([
    ['', 0, 'never'],
    [null, 0, 'never'],
    ['lately', 0, 'unknown'],
    ['lately', 3, 'unknown'],
  ])(
    'is its last use where IAM writes %o as its date, and counts %d logins',
    async (last_authn, authn_count, lastUsed) => {
      const { lab, kind: full, key, request } = await open();
      const { id } = await full.create(key, request, signal);
      const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
        if (path.startsWith('/v1/apikeys/')) body['activity'] = { last_authn, authn_count };
      });
      const { kind } = await open({ on: lab, adapter });
      expect((await kind.look(key, id, signal))?.lastUsed).toBe(lastUsed);
    },
  );

  it('is its last use as late as IAM reports it', async () => {
    const { lab, kind, key, request } = await open({ switches: { activityDelayMs: DAY_MS } });
    const { id, value } = await kind.create(key, request, signal);
    await lab.pass(10_000);
    const usedAtMs = lab.clock.nowMs();
    await kind.verify(key, value, true, signal);
    expect((await kind.look(key, id, signal))?.lastUsed).toBe('never');
    await lab.pass(DAY_MS);
    expect((await kind.look(key, id, signal))?.lastUsed).toEqual({ atMs: minuteOf(usedAtMs) });
  });

  it('is that it belongs to somebody else', async () => {
    const { lab, kind, key } = await open();
    const { id } = await ownersKey(lab, lab.keyrota.iamId, { name: 'of somebody else' });
    expect(await kind.look(key, id, signal)).toMatchObject({ name: 'of somebody else', ownerMatches: false });
  });

  it('is that it never expires', async () => {
    const { lab, kind, key } = await open();
    await ownersKey(lab, lab.serviceId.iamId);
    expect(await kind.list(key, signal)).toMatchObject([{ expiresAtMs: null, description: '' }]);
  });

  it('may be old in a list, and never by its id', async () => {
    const { kind, key, request } = await open({ switches: { staleListMs: MINUTE_MS } });
    const { id } = await kind.create(key, request, signal);
    expect(await kind.list(key, signal)).toEqual([]);
    expect(await kind.look(key, id, signal)).toMatchObject({ id });
  });
});

describe('a survey', () => {
  const all = async ({ kind, key }: Pick<Bench, 'kind' | 'key'>) => {
    const pages = [];
    for await (const page of kind.survey?.([key], signal) ?? [])
      pages.push(page.map(({ id, name, disabled }) => ({ id, name, disabled })));
    return pages;
  };

  it('tells the keys of all service IDs of the account, a page at a time', async () => {
    const { lab, kind, key } = await open();
    const before = (await all({ kind, key })).flat().length;
    for (let group = 0; group < 12; group += 1) {
      const { iamId } = await lab.admin.createServiceId(`other-${group}`, 'Not managed.');
      for (let count = 0; count < 10; count += 1) await ownersKey(lab, iamId, { name: `other-${group}-${count}` });
    }
    const pages = await all({ kind, key });
    expect(pages.map((page) => page.length)).toEqual([100, 20 + before]);
  });

  it('tells which are disabled', async () => {
    const { lab, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    await kind.disable(key, id, signal);
    const found = (await all({ kind, key })).flat();
    expect(found.filter(({ disabled }) => disabled)).toEqual([{ id, name: request.name, disabled: true }]);
    expect(found).toHaveLength(lab.state.iam.apiKeys.length - 1); // without the key of the account's owner
  });

  it.each([
    { partialAccountLists: 'refused', seen: 'forbidden' },
    { partialAccountLists: 'filtered', seen: ['keyrota-lab-ingest-abcdefghijkl'] },
  ] as const)('without a right on the account is $partialAccountLists', async ({ partialAccountLists, seen }) => {
    const { lab, kind: own, key, request } = await open({ switches: { partialAccountLists } });
    await own.create(key, request, signal);
    const { kind } = await open({ on: lab, login: await narrowLogin(lab) });
    const found = await all({ kind, key }).then(
      (pages) => pages.flat().map(({ name }) => name),
      (error: { code: string }) => error.code,
    );
    expect(found).toEqual(seen);
  });
});

describe('obstacles to a new key', () => {
  const codes = async ({ kind, key }: Bench) => (await kind.obstacles(key, FULL, signal)).map(({ code }) => code);

  /** Removes the policies of an identity that are about a service. */
  it('are none where the identity has its role and room for a key', async () => {
    expect(await codes(await open())).toEqual([]);
  });

  it('are a missing role, with the command that grants it', async () => {
    const bench = await open();
    await bench.lab.revoke(bench.lab.serviceId.iamId, 'logs');
    const { serviceId } = bench.key;
    expect(await bench.kind.obstacles(bench.key, FULL, signal)).toEqual([
      {
        code: 'grant_missing',
        problem: `${serviceId} does not show the role Sender on logs: it is missing, or Keyrota may not see it.`,
        steps: [
          `ibmcloud iam service-policy-create ${serviceId} --service-name logs --roles Sender`,
          "If it is there: give Keyrota's own identity the role Viewer on logs, so that it sees the policy.",
          'If the role comes through an access group, which Keyrota does not look into: leave it out of `grants`, and set a probe.',
        ],
      },
    ]);
  });

  it('are a role that Keyrota may not see', async () => {
    const bench = await open();
    await bench.lab.revoke(bench.lab.keyrota.iamId, 'logs');
    expect(await codes(bench)).toEqual(['grant_missing']);
  });

  it('are a role on another instance, and the command names the right one', async () => {
    const lab = await Laboratory.open();
    const instance = lab.cloud.account.cloudLogs.guid;
    await lab.revoke(lab.serviceId.iamId, 'logs');
    await lab.admin.grant(lab.serviceId.iamId, ROLE.cloudLogsSender, 'logs', { serviceInstance: 'another' });
    const bench = await open({ on: lab, entry: { grants: [{ service: 'logs', role: 'Sender', instance }] } });
    const [obstacle] = await bench.kind.obstacles(bench.key, FULL, signal);
    expect(obstacle?.code).toBe('grant_missing');
    expect(obstacle?.steps[0]).toContain(`--service-instance ${instance}`);
    await lab.admin.grant(lab.serviceId.iamId, ROLE.cloudLogsSender, 'logs', { serviceInstance: instance });
    expect(await codes(bench)).toEqual([]);
  });

  it('are every missing role, and none that is there', async () => {
    const grants = [
      { service: 'logs', role: 'Sender' },
      { service: 'logs', role: 'Manager' },
      { service: 'logs-router', role: 'Writer' },
    ];
    const bench = await open({ entry: { grants } });
    const found = await bench.kind.obstacles(bench.key, FULL, signal);
    expect(found.map(({ problem }) => /role (\w+ on [\w-]+)/.exec(problem)?.[1])).toEqual([
      'Manager on logs',
      'Writer on logs-router',
    ]);
  });

  it('are not looked for among policies where no role is needed', async () => {
    const bench = await open({ entry: { grants: [] } });
    const calls = watchCalls(bench.lab);
    expect(await codes(bench)).toEqual([]);
    expect(calls().filter(({ call }) => call === 'GET /v1/policies')).toEqual([]);
  });

  it('are twenty keys, of which some must go', async () => {
    const bench = await open();
    for (let count = 0; count < 19; count += 1) await ownersKey(bench.lab, bench.lab.serviceId.iamId);
    expect(await codes(bench)).toEqual([]);
    await ownersKey(bench.lab, bench.lab.serviceId.iamId);
    const { serviceId } = bench.key;
    expect(await bench.kind.obstacles(bench.key, FULL, signal)).toEqual([
      {
        code: 'key_limit_reached',
        problem: `${serviceId} has 20 API keys of at most 20.`,
        steps: [
          `ibmcloud iam service-api-keys ${serviceId}`,
          `Delete what nobody uses: ibmcloud iam service-api-key-delete KEY_ID ${serviceId}`,
        ],
      },
    ]);
  });

  it('are not asked for while the identity has fewer keys than any may have', async () => {
    const bench = await open();
    const calls = watchCalls(bench.lab);
    expect(await bench.kind.obstacles(bench.key, FULL - 1, signal)).toEqual([]);
    expect(calls().map(({ call }) => call)).toEqual([TOKEN, 'GET /v1/policies']);
  });

  it('are twenty keys also when some are disabled', async () => {
    const bench = await open();
    for (let count = 0; count < 20; count += 1) await ownersKey(bench.lab, bench.lab.serviceId.iamId);
    for (const { id } of bench.lab.keys) await bench.kind.disable(bench.key, id, signal);
    expect(await codes(bench)).toEqual(['key_limit_reached']);
  });

  it('are told all at once', async () => {
    const bench = await open();
    await bench.lab.revoke(bench.lab.serviceId.iamId, 'logs');
    for (let count = 0; count < 20; count += 1) await ownersKey(bench.lab, bench.lab.serviceId.iamId);
    expect(await codes(bench)).toEqual(['key_limit_reached', 'grant_missing']);
  });

  it('are no limits that Keyrota may not see: the issuer itself refuses a key too many', async () => {
    const bench = await open();
    for (let count = 0; count < 20; count += 1) await ownersKey(bench.lab, bench.lab.serviceId.iamId);
    bench.lab.fault({ match: 'GET /v1/accounts/*/limits/identity', status: 403 });
    expect(await codes(bench)).toEqual([]);
    expect(await outcomeOf(bench.kind.create(bench.key, bench.request, signal))).toMatchObject({
      code: 'limit_reached',
      effect: 'none',
    });
  });

  it.each([
    { match: 'GET /v1/accounts/*/limits/identity', operation: 'getAccountLimits' },
    { match: 'GET /v1/policies', operation: 'listPolicies' },
  ])('are unknown while IAM does not answer: $operation', async ({ match, operation }) => {
    const bench = await open();
    bench.lab.fault({ match, times: 4, status: 503 });
    expect(await apiFailureOf(bench.kind.obstacles(bench.key, FULL, signal))).toMatchObject({
      operation,
      code: 'service_failed',
    });
  });

  it('change nothing: they are only looked for', async () => {
    const bench = await open();
    const before = bench.lab.state;
    const calls = watchCalls(bench.lab);
    await bench.kind.obstacles(bench.key, FULL, signal);
    expect(bench.lab.state.secretsManager).toEqual(before.secretsManager);
    expect(new Set(calls().map(({ call }) => call.split(' ')[0]))).toEqual(new Set(['POST', 'GET']));
    expect(
      calls()
        .filter(({ call }) => call.startsWith('POST'))
        .map(({ call }) => call),
    ).toEqual([TOKEN]);
  });
});

describe('a creation', () => {
  it('that is sent twice makes two keys of one name', async () => {
    const { kind, key, request } = await open();
    await kind.create(key, request, signal);
    await kind.create(key, request, signal);
    expect((await listed(kind, key)).map(({ name }) => name)).toEqual([request.name, request.name]);
  });

  it('whose answer is lost is not sent again: its name is found in the list', async () => {
    const { lab, kind, key, request } = await open();
    lab.fault({ match: 'POST /v1/apikeys', drop: 'answer' });
    expect(await outcomeOf(kind.create(key, request, signal))).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    expect((await listed(kind, key)).map(({ name }) => name)).toEqual([request.name]);
  });

  it.each([
    { status: 400, code: 'invalid_request', effect: 'none' },
    { status: 403, code: 'forbidden', effect: 'none' },
    { status: 409, code: 'conflict', effect: 'none' },
    { status: 422, code: 'limit_reached', effect: 'none' },
    { status: 429, code: 'throttled', effect: 'none' },
    { status: 500, code: 'service_failed', effect: 'unknown' },
  ] as const)('that fails says whether there may be a key: $status, $effect', async ({ status, code, effect }) => {
    const { lab, kind, key, request } = await open();
    lab.fault({ match: 'POST /v1/apikeys', times: 4, status });
    expect(await outcomeOf(kind.create(key, request, signal))).toMatchObject({ status, code, effect });
  });
});
