import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import type { ApiError } from '../../shared/clients/api-error.ts';
import { iamDate } from '../../shared/clients/iam-identity-answers.ts';
import type { SurveyedKey } from '../../shared/clients/iam-identity-answers.ts';
import { givesRole } from '../../shared/clients/iam-policies.ts';
import type { Policy } from '../../shared/clients/iam-policies.ts';
import type { KeyrotaError } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import type { Login } from '../../shared/runtime/settings.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, answeringAll, answeringFirst, cloudAdapter, withShortPages } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, outcomeOf } from './support/failures.ts';
import { ANSWERS, narrowLogin, ownersKey, powerlessLogin, seenByOwner, trustedProfile } from './support/identities.ts';
import { logInWith, productOn, timesOf, watchCalls } from './support/product.ts';
import type { Product } from './support/product.ts';
import { temporaryFolder, tokenFile } from './support/token-file.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TOKEN = 'POST /identity/token';
const UNKNOWN_KEY = 'ApiKey-00000000-0000-4000-8000-000000000000';

const { signal } = new AbortController();

const namesOf = (keys: readonly SurveyedKey[]): string[] => keys.map(({ name }) => name);

async function pagesOf(product: Product): Promise<SurveyedKey[][]> {
  const pages: SurveyedKey[][] = [];
  for await (const page of product.identity.pagesOfAccount('serviceid', signal)) pages.push(page);
  return pages;
}

describe.each(ANSWERS)('API keys, open questions answered $answers', ({ switches }) => {
  /** An account with one key of the log agent's identity. */
  async function open() {
    const lab = await Laboratory.open(switches);
    const key = await ownersKey(lab, lab.serviceId.iamId, { name: 'first', description: 'The first one.' });
    await lab.pass(10_000);
    const product = productOn(lab);
    const wish = {
      iamId: lab.serviceId.iamId,
      name: 'new',
      description: 'A new one.',
      expiresAtMs: lab.clock.nowMs() + DAY_MS,
    };
    return { lab, key, product, identity: product.identity, wish };
  }

  describe('listed by identity', () => {
    it('are all there, in pages as small as the service likes', async () => {
      const { lab, wish } = await open();
      for (let count = 1; count < 20; count += 1) await ownersKey(lab, wish.iamId, { name: `key-${count}` });
      const { identity, sent } = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'pagesize', 7) });
      const keys = await identity.listApiKeys(wish.iamId, signal);
      expect(namesOf(keys)).toEqual(['first', ...Array.from({ length: 19 }, (_, place) => `key-${place + 1}`)]);
      expect(sent.filter(({ method }) => method === 'GET')).toHaveLength(3);
    });

    it('are asked for a hundred at a time', async () => {
      const { lab, identity, product } = await open();
      await identity.listApiKeys(lab.serviceId.iamId, signal);
      expect(product.sent.at(-1)?.query.get('pagesize')).toBe('100');
    });

    it('are those of that identity alone', async () => {
      const { lab, identity } = await open();
      await ownersKey(lab, lab.keyrota.iamId, { name: 'not its own' });
      expect(namesOf(await identity.listApiKeys(lab.serviceId.iamId, signal))).toEqual(['first']);
    });

    it('are seen where the service ID is in a group, whose id nobody gave', async () => {
      const { lab, identity } = await open();
      const group = await lab.admin.request('POST', '/v1/serviceid_groups', {
        account_id: lab.cloud.account.id,
        name: 'agents',
      });
      const grouped = await lab.admin.request('POST', '/v1/serviceids', {
        account_id: lab.cloud.account.id,
        name: 'grouped',
        group_id: String(group['id']),
      });
      const iamId = String(grouped['iam_id']);
      const resource = { resourceType: 'serviceid', resource: String(grouped['id']) };
      await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', resource);
      expect(await identity.listApiKeys(iamId, signal)).toEqual([]);
      await ownersKey(lab, iamId, { name: 'its key' });
      expect(namesOf(await productOn(lab).identity.listApiKeys(iamId, signal))).toEqual(['its key']);
    });

    it('have their history and no last use', async () => {
      const { lab, key, identity } = await open();
      await identity.disableApiKey(key.id, signal);
      const [listed] = await identity.listApiKeys(lab.serviceId.iamId, signal);
      expect(listed?.history?.map(({ action }) => action)).toEqual(['create-apikey', 'disable-apikey']);
      expect(listed).not.toHaveProperty('activity');
    });

    it('never hold a value, even one that IAM stores', async () => {
      const { lab, wish, identity } = await open();
      const { value } = await ownersKey(lab, wish.iamId, { name: 'stored', store_value: true });
      expect(everythingIn(await identity.listApiKeys(wish.iamId, signal))).not.toContain(value);
    });

    it('are not told to somebody without the right', async () => {
      const { lab } = await open();
      const { identity } = productOn(lab, { login: await powerlessLogin(lab) });
      const listing = identity.listApiKeys(lab.serviceId.iamId, signal);
      expect(await outcomeOf(listing)).toEqual({
        code: 'forbidden',
        status: 403,
        effect: 'none',
        ibmCode: 'BXNIM0513E',
      });
    });

    it('of an identity that is gone are not found', async () => {
      const { lab, identity } = await open();
      await lab.admin.request('DELETE', `/v1/serviceids/${lab.serviceId.id}`);
      expect(await outcomeOf(identity.listApiKeys(lab.serviceId.iamId, signal))).toMatchObject({ code: 'not_found' });
    });
  });

  describe('listed by account', () => {
    it('come in pages of a hundred, with those of all other identities', async () => {
      const { lab, product } = await open();
      const before = (await pagesOf(product)).flat().length;
      for (let group = 0; group < 25; group += 1) {
        const { iamId } = await lab.admin.createServiceId(`other-${group}`, 'Not managed.');
        for (let count = 0; count < 10; count += 1) await ownersKey(lab, iamId, { name: `other-${group}-${count}` });
      }
      const pages = await pagesOf(product);
      expect(pages.map((page) => page.length)).toEqual([100, 100, 50 + before]);
      expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(250 + before);
    });

    it('are those of service IDs, not of users, even for somebody who sees both', async () => {
      const { lab } = await open();
      const product = productOn(lab, { login: logInWith(lab.cloud.iam.adminApiKey, lab) });
      const listed = new Set((await pagesOf(product)).flat().map(({ id }) => id));
      const owners = lab.state.iam.apiKeys.filter(({ id }) => listed.has(id)).map(({ iamId }) => iamId);
      expect(new Set(owners)).toEqual(new Set([lab.serviceId.iamId, lab.keyrota.iamId]));
    });

    it('are not those behind resource keys, whose names they have', async () => {
      const { lab, product } = await open();
      const before = await pagesOf(product);
      const { guid } = lab.cloud.account.cloudLogs;
      const made = { name: 'keyrota-lab-ingest', source: guid, role: ROLE.cloudLogsSender };
      const { credentials } = await lab.admin.request('POST', '/v2/resource_keys', made);
      const { iam_apikey_id: innerId } = credentials as Record<string, string>;
      expect(lab.state.iam.apiKeys).toContainEqual(
        expect.objectContaining({ id: innerId, name: 'keyrota-lab-ingest' }),
      );
      expect(await pagesOf(product)).toEqual(before);
    });

    it('are asked for page by page: who stops early asks for no more', async () => {
      const { lab } = await open();
      const product = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'pagesize', 1) });
      const pages = product.identity.pagesOfAccount('serviceid', signal);
      await pages.next();
      await pages.return(undefined);
      expect(product.sent.filter(({ method }) => method === 'GET')).toHaveLength(1);
    });

    it('are refused, or only those in sight, to somebody who may see those of one service ID', async () => {
      const { lab } = await open();
      const product = productOn(lab, { login: await narrowLogin(lab) });
      const seen = await pagesOf(product).then(
        (pages) => namesOf(pages.flat()),
        (error: unknown) => (error as ApiError).code,
      );
      expect(seen).toEqual(lab.cloud.switches.partialAccountLists === 'filtered' ? ['first'] : 'forbidden');
    });
  });

  describe('asked for by id', () => {
    it('have their history and their last use', async () => {
      const { lab, key, identity, product } = await open();
      const usedAtMs = lab.clock.nowMs();
      await product.tokens.exchange({ grant: 'apikey', apiKey: new SecretValue(key.value) }, signal);
      const found = await identity.getApiKey(key.id, signal);
      const minuteMs = Math.floor(usedAtMs / MINUTE_MS) * MINUTE_MS;
      expect(found?.activity).toEqual({ authn_count: 1, last_authn: minuteMs });
      expect(found?.history).toMatchObject([{ action: 'create-apikey', timestamp: found?.created_at }]);
    });

    it('tell who owns them, their dates in milliseconds, and whether they are disabled and locked', async () => {
      const { lab, wish, identity } = await open();
      const expires = '2026-03-01T00:00+0000';
      const { id } = await ownersKey(lab, wish.iamId, { name: 'known', description: 'Known.', expires_at: expires });
      await identity.disableApiKey(id, signal);
      await identity.lockApiKey(id, signal);
      expect(await identity.getApiKey(id, signal)).toMatchObject({
        id,
        name: 'known',
        description: 'Known.',
        iam_id: wish.iamId,
        created_at: Math.floor(lab.clock.nowMs() / MINUTE_MS) * MINUTE_MS,
        expires_at: Date.UTC(2026, 2, 1),
        disabled: true,
        locked: true,
      });
    });

    it('never used have a count of zero and no date', async () => {
      const { key, identity } = await open();
      expect((await identity.getApiKey(key.id, signal))?.activity).toEqual({ authn_count: 0 });
    });

    it('without a description have an empty one', async () => {
      const { lab, wish, identity } = await open();
      const { id } = await ownersKey(lab, wish.iamId);
      expect((await identity.getApiKey(id, signal))?.description).toBe('');
    });

    it('never hold a value, even one that IAM stores', async () => {
      const { lab, wish, identity } = await open();
      const { id, value } = await ownersKey(lab, wish.iamId, { store_value: true });
      expect(await seenByOwner(lab, id)).toHaveProperty('apikey', value);
      expect(everythingIn(await identity.getApiKey(id, signal))).not.toContain(value);
    });

    it('are null when IAM says that they are gone', async () => {
      const { key, identity } = await open();
      expect(await identity.getApiKey(UNKNOWN_KEY, signal)).toBeNull();
      await identity.deleteApiKey(key.id, signal);
      expect(await identity.getApiKey(key.id, signal)).toBeNull();
    });

    it.each([
      { fault: { status: 401, times: 2 }, code: 'not_logged_in' },
      { fault: { status: 403 }, code: 'forbidden' },
      { fault: { status: 429, times: 4 }, code: 'throttled' },
      { fault: { status: 500, times: 4 }, code: 'service_failed' },
      { fault: { refuse: true, times: 4 }, code: 'no_answer' },
    ] as const)('are never null for another reason: $code', async ({ fault, code }) => {
      const { lab, key, identity } = await open();
      lab.fault({ match: `GET /v1/apikeys/${key.id}`, ...fault });
      expect(await outcomeOf(identity.getApiKey(key.id, signal))).toMatchObject({ code });
    });
  });

  describe('created', () => {
    it('log in, and their value is in that answer alone', async () => {
      const { lab, identity, product, wish } = await open();
      const { key, value } = await identity.createApiKey(wish, signal);
      expect(everythingIn(key)).not.toContain(value.reveal());
      expect((await seenByOwner(lab, key.id))['apikey'] ?? '').toBe('');
      await lab.pass(10_000);
      await expect(product.tokens.exchange({ grant: 'apikey', apiKey: value }, signal)).resolves.toBeTruthy();
    });

    it('are as was wished, disabled by IBM when they leak, and not stored by IAM', async () => {
      const { lab, identity, product, wish } = await open();
      const { key } = await identity.createApiKey(wish, signal);
      expect(await seenByOwner(lab, key.id)).toMatchObject({
        name: 'new',
        description: 'A new one.',
        iam_id: lab.serviceId.iamId,
        account_id: lab.cloud.account.id,
        action_when_leaked: 'disable',
        locked: false,
        disabled: false,
      });
      expect(JSON.parse(product.sent.at(-1)?.body ?? '')).toMatchObject({ store_value: false });
    });

    it.each([
      [0, 0],
      [1, MINUTE_MS],
      [59_999, MINUTE_MS],
    ])('expire with a whole minute, never early: %i ms after one', async (beyondMs, roundedMs) => {
      const { identity, wish } = await open();
      const minuteMs = Date.UTC(2026, 5, 30, 23, 59);
      const { key } = await identity.createApiKey({ ...wish, expiresAtMs: minuteMs + beyondMs }, signal);
      expect(key.expires_at).toBe(minuteMs + roundedMs);
    });

    it('are made once, also when the answer is lost: the key is found by its name', async () => {
      const { lab, identity, wish } = await open();
      const calls = watchCalls(lab);
      lab.fault({ match: 'POST /v1/apikeys', drop: 'answer' });
      expect(await outcomeOf(identity.createApiKey(wish, signal))).toMatchObject({
        code: 'no_answer',
        effect: 'unknown',
      });
      expect(calls().filter(({ call }) => call === 'POST /v1/apikeys')).toHaveLength(1);
      expect(namesOf(await identity.listApiKeys(wish.iamId, signal))).toEqual(['first', 'new']);
    });

    it('may have the name of another', async () => {
      const { identity, wish } = await open();
      await identity.createApiKey(wish, signal);
      await identity.createApiKey(wish, signal);
      expect(namesOf(await identity.listApiKeys(wish.iamId, signal))).toEqual(['first', 'new', 'new']);
    });

    it('are at most twenty an identity', async () => {
      const { identity, wish } = await open();
      for (let count = 1; count < 20; count += 1) await identity.createApiKey(wish, signal);
      expect(await outcomeOf(identity.createApiKey(wish, signal))).toEqual({
        code: 'limit_reached',
        status: 422,
        effect: 'none',
        ibmCode: 'BXNIM0151E',
      });
    });

    it('are refused without the right, and for an identity that is gone', async () => {
      const { lab, identity, wish } = await open();
      const powerless = productOn(lab, { login: await powerlessLogin(lab) });
      expect(await outcomeOf(powerless.identity.createApiKey(wish, signal))).toMatchObject({
        code: 'forbidden',
        effect: 'none',
      });
      await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity');
      await lab.admin.request('DELETE', `/v1/serviceids/${lab.serviceId.id}`);
      expect(await outcomeOf(identity.createApiKey(wish, signal))).toMatchObject({ code: 'not_found', effect: 'none' });
    });

    it('without a value in the answer are an answer that is not understood', async () => {
      const { lab, wish } = await open();
      const hiding = altering(cloudAdapter(lab.cloud), (body, { path }) => {
        if (path === '/v1/apikeys') body['apikey'] = '';
      });
      const creating = productOn(lab, { adapter: hiding }).identity.createApiKey(wish, signal);
      expect(await outcomeOf(creating)).toMatchObject({ code: 'unexpected_answer', effect: 'changed' });
    });
  });

  describe('described', () => {
    const marked = (description: string) => `Marked. ${description}`;

    it('keep name, expiry and what happens when they leak', async () => {
      const { lab, identity, wish } = await open();
      const { key } = await identity.createApiKey({ ...wish, expiresAtMs: Date.UTC(2026, 6, 1, 12) }, signal);
      const before = await seenByOwner(lab, key.id);
      expect(await identity.describeApiKey(key.id, marked, signal)).toBe(`Marked. ${key.description}`);
      const { name, expires_at, action_when_leaked } = before;
      const description = `Marked. ${key.description}`;
      expect(await seenByOwner(lab, key.id)).toMatchObject({ name, expires_at, action_when_leaked, description });
    });

    it('as they are already, are only looked at', async () => {
      const { key, identity, product } = await open();
      expect(await identity.describeApiKey(key.id, (description) => description, signal)).toBe('The first one.');
      expect(product.sent.at(-1)?.method).toBe('GET');
    });

    it('are told once where the answer is lost', async () => {
      const { lab, key, identity } = await open();
      lab.fault({ match: `PUT /v1/apikeys/${key.id}`, drop: 'answer' });
      expect(await identity.describeApiKey(key.id, marked, signal)).toBe('Marked. The first one.');
      expect((await identity.getApiKey(key.id, signal))?.description).toBe('Marked. The first one.');
    });

    it('are refused when somebody changes them meanwhile, or locks them', async () => {
      const { lab, key, identity } = await open();
      await lab.admin.request('POST', `/v1/apikeys/${key.id}/lock`);
      const failure = await apiFailureOf(identity.describeApiKey(key.id, marked, signal));
      expect(failure).toMatchObject({ code: 'conflict', effect: 'none' });
    });

    it('when they are gone, have none', async () => {
      const { identity } = await open();
      expect(await identity.describeApiKey(UNKNOWN_KEY, marked, signal)).toBeNull();
    });
  });

  describe('extended', () => {
    it('expire later, and keep name, description and what happens when they leak', async () => {
      const { lab, identity, wish } = await open();
      const odd = { name: 'key “7” & co', description: 'Zeile 1\nLine 2 \u2713' };
      const { key } = await identity.createApiKey({ ...wish, ...odd }, signal);
      const expiresAtMs = Date.UTC(2026, 6, 1, 12, 0, 1);
      await identity.extendApiKey(key.id, expiresAtMs, signal);
      expect(await seenByOwner(lab, key.id)).toMatchObject({
        ...odd,
        expires_at: '2026-07-01T12:01+0000',
        action_when_leaked: 'disable',
      });
    });

    it('have no description when they had none', async () => {
      const { lab, identity, wish } = await open();
      const { key } = await identity.createApiKey({ ...wish, description: '' }, signal);
      await identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      expect((await identity.getApiKey(key.id, signal))?.description).toBe('');
    });

    it('are so whatever was changed since they were looked at', async () => {
      const { lab, key, identity } = await open();
      const seen = await identity.getApiKey(key.id, signal);
      await identity.disableApiKey(key.id, signal);
      await identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      const found = await identity.getApiKey(key.id, signal);
      expect([seen?.expires_at ?? null, found?.expires_at, found?.disabled]).toEqual([null, expect.any(Number), true]);
    });

    it('twice, are so once', async () => {
      const { lab, key, identity } = await open();
      const expiresAtMs = lab.clock.nowMs() + DAY_MS;
      lab.fault({ match: `PUT /v1/apikeys/${key.id}`, drop: 'answer' });
      await identity.extendApiKey(key.id, expiresAtMs, signal);
      expect((await identity.getApiKey(key.id, signal))?.expires_at).toBe(
        Math.ceil(expiresAtMs / MINUTE_MS) * MINUTE_MS,
      );
    });

    it('send nothing but what they are at that moment, with the tag that they have then', async () => {
      const { lab, key, identity, product } = await open();
      await identity.getApiKey(key.id, signal);
      await lab.admin.request('POST', `/v1/apikeys/${key.id}/disable`); // somebody else, after our look
      const { entity_tag: tag } = await seenByOwner(lab, key.id);
      await identity.extendApiKey(key.id, Date.UTC(2027, 0, 1), signal);
      const sent = product.sent.filter(({ path }) => path === `/v1/apikeys/${key.id}`).slice(-2);
      expect(sent.map(({ method }) => method)).toEqual(['GET', 'PUT']);
      expect(sent[1]?.headers.get('if-match')).toBe(tag);
      expect(JSON.parse(sent[1]?.body ?? '')).toEqual({
        name: 'first',
        description: 'The first one.',
        action_when_leaked: 'disable',
        expires_at: '2027-01-01T00:00+0000',
      });
    });

    it.each(['none', 'disable', 'delete'])('keep what happens when they leak, whoever chose it: %s', async (action) => {
      const { lab, wish, identity } = await open();
      const { id } = await ownersKey(lab, wish.iamId, { action_when_leaked: action });
      await identity.extendApiKey(id, lab.clock.nowMs() + DAY_MS, signal);
      expect(await seenByOwner(lab, id)).toMatchObject({ action_when_leaked: action });
    });

    it('have nothing said of what happens when they leak where nothing was', async () => {
      const { lab, key } = await open();
      const silent = altering(cloudAdapter(lab.cloud), (body, { path }) => {
        if (path.startsWith('/v1/apikeys/')) delete body['action_when_leaked'];
      });
      const { identity, sent } = productOn(lab, { adapter: silent });
      await identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      expect(JSON.parse(sent.at(-1)?.body ?? '')).not.toHaveProperty('action_when_leaked');
    });

    it('are so whatever their tag is where none is told', async () => {
      const { lab, key } = await open();
      const silent = altering(cloudAdapter(lab.cloud), (body, { path }) => {
        if (path.startsWith('/v1/apikeys/')) delete body['entity_tag'];
      });
      const { identity, sent } = productOn(lab, { adapter: silent });
      await identity.extendApiKey(key.id, Date.UTC(2027, 0, 1), signal);
      expect(sent.at(-1)?.headers.get('if-match')).toBe('*');
      expect(lab.keys).toMatchObject([{ expiresAtMs: Date.UTC(2027, 0, 1) }]);
    });

    it('are not when somebody changed them meanwhile, and the change stays', async () => {
      const { lab, key } = await open();
      const cloud = cloudAdapter(lab.cloud);
      let isChanged = false;
      const { identity } = productOn(lab, {
        adapter: async (config) => {
          const answer = await cloud(config);
          const isLook = (config as { url: string }).url.endsWith(key.id);
          if (isLook && !isChanged) await lab.admin.request('POST', `/v1/apikeys/${key.id}/disable`);
          isChanged ||= isLook;
          return answer;
        },
      });
      const extending = identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      const code = lab.cloud.switches.staleIfMatchStatus === 409 ? 'conflict' : 'locked';
      expect(await outcomeOf(extending)).toMatchObject({ code, effect: 'none' });
      expect(lab.keys).toMatchObject([{ disabled: true, expiresAtMs: null }]);
    });

    it('gone meanwhile, are left gone', async () => {
      const { lab, identity, product } = await open();
      await identity.extendApiKey(UNKNOWN_KEY, lab.clock.nowMs() + DAY_MS, signal);
      expect(product.sent.at(-1)?.method).toBe('GET');
    });

    it('are so when no attempt was answered and one of them was heard', async () => {
      const { lab, key, identity } = await open();
      const expiresAtMs = Date.UTC(2027, 0, 1, 0, 0, 1);
      lab.fault({ match: 'PUT /v1/apikeys/*', times: 2, drop: 'request' });
      lab.fault({ match: 'PUT /v1/apikeys/*', times: 2, drop: 'answer' });
      await identity.extendApiKey(key.id, expiresAtMs, signal);
      expect(lab.keys).toMatchObject([{ expiresAtMs: Date.UTC(2027, 0, 1, 0, 1) }]);
    });

    it('are not when no attempt was heard, and that is a failure', async () => {
      const { lab, key, identity } = await open();
      lab.fault({ match: 'PUT /v1/apikeys/*', times: 4, drop: 'request' });
      const extending = identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      expect(await apiFailureOf(extending)).toMatchObject({
        operation: 'updateApiKey',
        code: 'no_answer',
        effect: 'unknown',
      });
      expect(lab.keys).toMatchObject([{ expiresAtMs: null }]);
    });

    it('may have been when nobody can look, and that is a failure of the extension', async () => {
      const { lab, key } = await open();
      const inner = cloudAdapter(lab.cloud);
      const { identity } = productOn(lab, {
        adapter: (config) => {
          if ((config as { method?: string }).method === 'put')
            lab.fault({ match: 'GET /v1/apikeys/*', status: 500, times: 4 });
          return inner(config);
        },
      });
      lab.fault({ match: 'PUT /v1/apikeys/*', drop: 'answer' });
      lab.fault({ match: 'PUT /v1/apikeys/*', status: 400 });
      const failure = await apiFailureOf(identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal));
      expect(failure).toMatchObject({ operation: 'updateApiKey', effect: 'unknown' });
    });

    it('are not when they were deleted instead, and that is a failure', async () => {
      const { lab, key, identity } = await open();
      lab.fault({ match: 'PUT /v1/apikeys/*', drop: 'request' });
      lab.clock.at(lab.clock.nowMs() + 100, async () => {
        await lab.admin.request('DELETE', `/v1/apikeys/${key.id}`);
      });
      const extending = identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      expect(await outcomeOf(extending)).toMatchObject({ code: 'not_found', effect: 'unknown' });
    });

    it('are not looked at again when they were clearly refused', async () => {
      const { lab, key, identity } = await open();
      const calls = watchCalls(lab);
      lab.fault({ match: 'PUT /v1/apikeys/*', status: 403 });
      const extending = identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      expect(await outcomeOf(extending)).toMatchObject({ code: 'forbidden', effect: 'none' });
      expect(calls().map(({ call }) => call.split(' ')[0])).toEqual(['POST', 'GET', 'PUT']);
    });

    it('are not while they are locked', async () => {
      const { lab, key, identity } = await open();
      await identity.lockApiKey(key.id, signal);
      const extending = identity.extendApiKey(key.id, lab.clock.nowMs() + DAY_MS, signal);
      expect(await outcomeOf(extending)).toMatchObject({ code: 'conflict', effect: 'none' });
    });

    it('into the past are refused', async () => {
      const { lab, key, identity } = await open();
      const extending = identity.extendApiKey(key.id, lab.clock.nowMs() - DAY_MS, signal);
      expect(await outcomeOf(extending)).toMatchObject({ code: 'invalid_request', effect: 'none' });
    });
  });

  describe('disabled, enabled, locked, unlocked and deleted', () => {
    type Change = 'disableApiKey' | 'enableApiKey' | 'lockApiKey' | 'unlockApiKey' | 'deleteApiKey';

    it('are so, one after the other', async () => {
      const { lab, key, identity } = await open();
      const stateOf = async () => {
        const { disabled, locked } = await seenByOwner(lab, key.id);
        return { disabled, locked };
      };
      await identity.disableApiKey(key.id, signal);
      expect(await stateOf()).toEqual({ disabled: true, locked: false });
      await identity.enableApiKey(key.id, signal);
      await identity.lockApiKey(key.id, signal);
      expect(await stateOf()).toEqual({ disabled: false, locked: true });
      await identity.unlockApiKey(key.id, signal);
      expect(await stateOf()).toEqual({ disabled: false, locked: false });
      await identity.deleteApiKey(key.id, signal);
      expect(lab.keys).toEqual([]);
    });

    it.each<[Change, object[]]>([
      ['disableApiKey', [{ disabled: true, locked: false }]],
      ['enableApiKey', [{ disabled: false, locked: false }]],
      ['lockApiKey', [{ disabled: false, locked: true }]],
      ['unlockApiKey', [{ disabled: false, locked: false }]],
      ['deleteApiKey', []],
    ])('are so already when the first answer was lost: %s', async (change, keys) => {
      const { lab, key, identity } = await open();
      lab.fault({ match: '* /v1/apikeys/**', drop: 'answer' });
      await identity[change](key.id, signal);
      expect(lab.keys).toMatchObject(keys);
      expect(lab.keys).toHaveLength(keys.length);
    });

    it.each<Change>(['disableApiKey', 'unlockApiKey', 'deleteApiKey'])(
      'gone already counts as done: %s',
      async (change) => {
        const { identity } = await open();
        await expect(identity[change](UNKNOWN_KEY, signal)).resolves.toBeUndefined();
      },
    );

    it.each<Change>(['enableApiKey', 'lockApiKey'])('gone is a failure: %s', async (change) => {
      const { identity } = await open();
      expect(await outcomeOf(identity[change](UNKNOWN_KEY, signal))).toEqual({
        code: 'not_found',
        status: 404,
        effect: 'none',
        ibmCode: 'BXNIM0102E',
      });
    });

    it('locked, are not deleted until they are unlocked', async () => {
      const { lab, key, identity } = await open();
      await identity.lockApiKey(key.id, signal);
      expect(await outcomeOf(identity.deleteApiKey(key.id, signal))).toEqual({
        code: 'conflict',
        status: 409,
        effect: 'none',
        ibmCode: 'BXNIM0105E',
      });
      expect(lab.keys).toHaveLength(1);
      await identity.unlockApiKey(key.id, signal);
      await identity.deleteApiKey(key.id, signal);
      expect(lab.keys).toEqual([]);
    });

    it.each<Change>(['disableApiKey', 'enableApiKey'])(
      'locked, are so all the same, or refuse it with a conflict: %s',
      async (change) => {
        const { lab, key, identity } = await open();
        if (change === 'enableApiKey') await identity.disableApiKey(key.id, signal);
        await identity.lockApiKey(key.id, signal);
        const outcome = await identity[change](key.id, signal).then(
          () => 'done',
          ({ code, effect }: ApiError) => ({ code, effect }),
        );
        const refusal = { code: 'conflict', effect: 'none' };
        expect(outcome).toEqual(lab.cloud.switches.lockRefusesDisable ? refusal : 'done');
      },
    );

    it.each<Change>(['disableApiKey', 'enableApiKey', 'lockApiKey', 'unlockApiKey', 'deleteApiKey'])(
      'are not without the right: %s',
      async (change) => {
        const { lab, key } = await open();
        const { identity } = productOn(lab, { login: await powerlessLogin(lab) });
        expect(await outcomeOf(identity[change](key.id, signal))).toMatchObject({ code: 'forbidden', effect: 'none' });
        expect(lab.keys).toMatchObject([{ disabled: false, locked: false }]);
      },
    );
  });

  describe('counted', () => {
    it('are as many as there are, of those that may be', async () => {
      const { identity, wish } = await open();
      expect(await identity.keyQuota(wish.iamId, signal)).toEqual({ count: 1, limit: 20 });
      await identity.createApiKey(wish, signal);
      expect(await identity.keyQuota(wish.iamId, signal)).toEqual({ count: 2, limit: 20 });
    });

    it('are none where the answer does not name the identity', async () => {
      const { lab, wish } = await open();
      const silent = altering(cloudAdapter(lab.cloud), (body, { path }) => {
        if (path.endsWith('/limits/identity')) body['apikeys_per_identity'] = { limit: 50 };
      });
      expect(await productOn(lab, { adapter: silent }).identity.keyQuota(wish.iamId, signal)).toEqual({
        count: 0,
        limit: 50,
      });
    });

    it('are not told to somebody without the right', async () => {
      const { lab, wish } = await open();
      const { identity } = productOn(lab, { login: await powerlessLogin(lab) });
      expect(await outcomeOf(identity.keyQuota(wish.iamId, signal))).toMatchObject({ code: 'forbidden' });
    });
  });

  describe('logging in', () => {
    const exchange = ({ tokens }: Product, value: string) =>
      tokens.exchange({ grant: 'apikey', apiKey: new SecretValue(value) }, signal);

    const codeFor = (status: 400 | 401) => ({ code: status === 400 ? 'invalid_request' : 'not_logged_in', status });

    it('gets a token that lives an hour from when it was asked for', async () => {
      const { lab, key, product } = await open();
      const { value, expiresAtMs } = await exchange(product, key.value);
      expect(expiresAtMs).toBe(lab.clock.nowMs() + HOUR_MS);
      expect(lab.cloud.iam.callerOf(`Bearer ${value.reveal()}`)?.iamId).toBe(lab.serviceId.iamId);
      expect(String(value)).toBe('[redacted]');
    });

    it('gets a fresh token each time', async () => {
      const { key, product } = await open();
      const [one, other] = [await exchange(product, key.value), await exchange(product, key.value)];
      expect(one.value.reveal()).not.toBe(other.value.reveal());
    });

    it('is refused with a key that is unknown, deleted or too fresh', async () => {
      const { lab, key, product, wish } = await open();
      const expected = { ...codeFor(lab.cloud.switches.unknownKeyLoginStatus), effect: 'none', ibmCode: 'BXNIM0415E' };
      expect(await outcomeOf(exchange(product, 'never existed'))).toEqual(expected);
      const { value } = await product.identity.createApiKey(wish, signal);
      expect(await outcomeOf(exchange(product, value.reveal()))).toEqual(expected);
      await product.identity.deleteApiKey(key.id, signal);
      expect(await outcomeOf(exchange(product, key.value))).toEqual(expected);
    });

    it('is refused with a key that is disabled or expired', async () => {
      const { lab, key, product, wish } = await open();
      const expected = { ...codeFor(lab.cloud.switches.refusedKeyLoginStatus), effect: 'none', ibmCode: 'BXNIM0462E' };
      const { value } = await product.identity.createApiKey(
        { ...wish, expiresAtMs: lab.clock.nowMs() + HOUR_MS },
        signal,
      );
      await product.identity.disableApiKey(key.id, signal);
      expect(await outcomeOf(exchange(product, key.value))).toEqual(expected);
      await lab.pass(2 * HOUR_MS);
      expect(await outcomeOf(exchange(product, value.reveal()))).toEqual(expected);
    });

    it('works with a locked key, and again with one that was enabled', async () => {
      const { key, product } = await open();
      await product.identity.disableApiKey(key.id, signal);
      await product.identity.enableApiKey(key.id, signal);
      await product.identity.lockApiKey(key.id, signal);
      await expect(exchange(product, key.value)).resolves.toBeTruthy();
    });

    it('says why it was refused, and not with which key', async () => {
      const { lab, key, product } = await open();
      await product.identity.disableApiKey(key.id, signal);
      const error = await apiFailureOf(exchange(product, key.value));
      const status = lab.cloud.switches.refusedKeyLoginStatus;
      expect(error.message).toBe(`getToken: status ${status} BXNIM0462E: Provided API key is disabled.`);
      expect(everythingIn(error)).not.toContain(key.value);
    });

    it('with a key that is refused is not tried again', async () => {
      const { lab, product } = await open();
      const calls = watchCalls(lab);
      await failureOf(exchange(product, 'never existed'));
      await lab.pass(HOUR_MS);
      expect(timesOf(calls())).toEqual([0]);
    });
  });
});

describe('tokens', () => {
  const key = (lab: Laboratory) => ({ grant: 'apikey' as const, apiKey: new SecretValue(lab.cloud.iam.adminApiKey) });

  it.each([
    { fault: { status: 429, times: 4 }, code: 'throttled' },
    { fault: { status: 503, times: 4 }, code: 'service_failed' },
    { fault: { drop: 'answer', times: 4 }, code: 'no_answer' },
    { fault: { status: 400 }, code: 'invalid_request' },
    { fault: { status: 401 }, code: 'not_logged_in' },
    { fault: { status: 403 }, code: 'forbidden' },
  ] as const)('that cannot be had fail without effect: $code', async ({ fault, code }) => {
    const lab = await Laboratory.open();
    const calls = watchCalls(lab);
    lab.fault({ match: TOKEN, ...fault });
    expect(await outcomeOf(productOn(lab).tokens.exchange(key(lab), signal))).toMatchObject({ code, effect: 'none' });
    expect(calls()).toHaveLength('times' in fault ? fault.times : 1);
  });

  it('are asked for again after trouble that passes', async () => {
    const lab = await Laboratory.open();
    lab.fault({ match: TOKEN, times: 3, status: 503 });
    const startMs = lab.clock.nowMs();
    const { expiresAtMs } = await productOn(lab).tokens.exchange(key(lab), signal);
    expect(lab.clock.nowMs() - startMs).toBe(5_500);
    expect(expiresAtMs).toBeLessThanOrEqual(lab.clock.nowMs() + HOUR_MS);
  });

  it.each([
    ['{}', 'access_token, expires_in'],
    ['{"access_token": "", "expires_in": 3600}', 'access_token'],
    ['{"access_token": "secret-token"}', 'expires_in'],
    ['{"access_token": "secret-token", "expires_in": 0}', 'expires_in'],
    ['{"access_token": "secret-token", "expires_in": "3600"}', 'expires_in'],
  ])('that make no sense are not understood, and not told: %s', async (body, fields) => {
    const lab = await Laboratory.open();
    const adapter = answeringFirst(cloudAdapter(lab.cloud), TOKEN, [{ status: 200, body }]);
    const error = await apiFailureOf(productOn(lab, { adapter }).tokens.exchange(key(lab), signal));
    expect(error.message).toBe(`getToken: status 200: not understood: ${fields}`);
    expect(everythingIn(error)).not.toContain('secret-token');
  });

  it.each([
    ['id', ['profile_id']],
    ['name', ['profile_name']],
    ['both', ['profile_id', 'profile_name']],
  ] as const)('for a compute resource name the trusted profile by its %s', async (by, fields) => {
    const lab = await Laboratory.open();
    const profile = await trustedProfile(lab);
    const { tokens, sent } = productOn(lab);
    const { value } = await tokens.exchange(
      {
        grant: 'cr-token',
        computeResourceToken: new SecretValue(profile.newToken()),
        ...(by !== 'name' && { profileId: profile.id }),
        ...(by !== 'id' && { profileName: profile.name }),
      },
      signal,
    );
    expect(lab.cloud.iam.callerOf(`Bearer ${value.reveal()}`)?.iamId).toBe(profile.iamId);
    const form = new URLSearchParams(sent[0]?.body);
    expect([...form.keys()].toSorted()).toEqual(['cr_token', 'grant_type', ...fields]);
    expect(form.get('grant_type')).toBe('urn:ibm:params:oauth:grant-type:cr-token');
  });

  it('for a compute resource are refused where no link of the profile names it', async () => {
    const lab = await Laboratory.open();
    const [own, other] = [await trustedProfile(lab), await trustedProfile(lab, 'other')];
    const links = await lab.admin.request('GET', `/v1/profiles/${other.id}/links`);
    const [{ id }] = links['links'] as [{ id: string }];
    await lab.admin.request('DELETE', `/v1/profiles/${other.id}/links/${id}`);
    const request = { grant: 'cr-token' as const, computeResourceToken: new SecretValue(own.newToken()) };
    const { tokens } = productOn(lab);
    const refused = { code: 'invalid_request', status: 400, effect: 'none', ibmCode: 'BXNIM0398E' };
    expect(await outcomeOf(tokens.exchange({ ...request, profileId: other.id }, signal))).toEqual(refused);
    expect(await outcomeOf(tokens.exchange({ ...request, profileName: 'nobody' }, signal))).toEqual(refused);
  });

  it('for a compute resource are refused with a token that Code Engine did not issue', async () => {
    const lab = await Laboratory.open();
    const profile = await trustedProfile(lab);
    const request = { grant: 'cr-token' as const, computeResourceToken: new SecretValue('eyJ.forged.token') };
    const error = await apiFailureOf(productOn(lab).tokens.exchange({ ...request, profileId: profile.id }, signal));
    expect(error).toMatchObject({ code: 'invalid_request', effect: 'none' });
    expect(everythingIn(error)).not.toContain('forged');
  });
});

describe('the login', () => {
  const asProfile = (profileName: string, path: string): Login => ({
    kind: 'trusted-profile',
    profileName,
    tokenFile: path,
  });

  it('is one exchange, however many callers wait for it', async () => {
    const lab = await Laboratory.open();
    const calls = watchCalls(lab);
    const { login } = productOn(lab);
    lab.fault({ match: TOKEN, delayMs: 2_000 });
    await Promise.all(Array.from({ length: 50 }, () => login.ready(signal)));
    await Promise.all(Array.from({ length: 50 }, () => login.ready(signal)));
    expect(calls().map(({ call }) => call)).toEqual([TOKEN]);
  });

  it('is one exchange for the clients of IAM and Secrets Manager together', async () => {
    const lab = await Laboratory.open();
    const calls = watchCalls(lab);
    const { identity, policies, secrets } = productOn(lab);
    const { iamId } = lab.serviceId;
    await Promise.all([
      identity.listApiKeys(iamId, signal),
      policies.listPolicies(iamId, signal),
      secrets.listOwn(signal).next(),
    ]);
    expect(calls().filter(({ call }) => call === TOKEN)).toHaveLength(1);
  });

  it.each([
    [3_600, 48 * MINUTE_MS],
    [900, 12 * MINUTE_MS],
  ])('is renewed when 80 % of its life is over: %i s', async (lifeSeconds, renewedAfterMs) => {
    const lab = await Laboratory.open();
    const shortLived = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path === '/identity/token') body['expires_in'] = lifeSeconds;
    });
    const { login } = productOn(lab, { adapter: shortLived, runMs: DAY_MS });
    const calls = watchCalls(lab);
    await login.ready(signal);
    await lab.pass(renewedAfterMs - 1);
    await login.ready(signal);
    await lab.pass(1);
    await login.ready(signal);
    await lab.pass(renewedAfterMs - 1);
    await login.ready(signal);
    expect(timesOf(calls())).toEqual([0, renewedAfterMs]);
  });

  it('is counted from when the token was asked for, not from when it came', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab, { runMs: DAY_MS });
    lab.fault({ match: TOKEN, delayMs: 9_000 });
    const calls = watchCalls(lab);
    await login.ready(signal);
    await lab.pass(48 * MINUTE_MS - 9_000);
    await login.ready(signal);
    expect(timesOf(calls()).at(-1)).toBe(48 * MINUTE_MS);
    expect(calls()).toHaveLength(2);
  });

  it('goes on for the others when the one who began it stops waiting', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    lab.fault({ match: TOKEN, delayMs: 4_000 });
    const calls = watchCalls(lab);
    const startMs = lab.clock.nowMs();
    const [impatient, reason] = [new AbortController(), new Error('This call is over.')];
    lab.clock.at(startMs + 1_000, () => impatient.abort(reason));
    const given = failureOf(login.ready(impatient.signal)).then((error) => [error, lab.clock.nowMs() - startMs]);
    const others = Promise.all([login.ready(signal), login.ready(signal)]);
    expect(await given).toEqual([reason, 1_000]);
    await others;
    expect(lab.clock.nowMs() - startMs).toBe(4_000);
    expect(calls()).toHaveLength(1);
  });

  it('leaves nothing behind at the signals of those who waited', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    const { signal: own } = new AbortController();
    lab.fault({ match: TOKEN, status: 400 });
    await Promise.all([1, 2, 3].map(() => failureOf(login.ready(own))));
    await Promise.all([1, 2, 3].map(() => login.ready(own)));
    expect(getEventListeners(own, 'abort')).toEqual([]);
  });

  it('is not begun for one who has stopped waiting', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    const calls = watchCalls(lab);
    const reason = new Error('This call is over.');
    expect(await failureOf(login.ready(AbortSignal.abort(reason)))).toBe(reason);
    const request = { axiosOptions: { signal: AbortSignal.abort(reason) } };
    expect(await failureOf(login.authenticate(request))).toBe(reason);
    expect(calls()).toEqual([]);
  });

  it('that was stopped by the end of the run is ended for all', async () => {
    const lab = await Laboratory.open();
    const run = new AbortController();
    const { login } = productOn(lab, { signal: run.signal });
    lab.fault({ match: TOKEN, times: 4, status: 503 });
    const calls = watchCalls(lab);
    const reason = new Error('The run took too long.');
    lab.clock.at(lab.clock.nowMs() + 1_000, () => run.abort(reason));
    expect(await Promise.all([1, 2].map(() => failureOf(login.ready(signal))))).toEqual([reason, reason]);
    await lab.pass(HOUR_MS);
    expect(timesOf(calls())).toEqual([0, 500]);
  });

  it('gives its failure to all who wait for it, and the next one tries anew', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    lab.fault({ match: TOKEN, status: 400 });
    const calls = watchCalls(lab);
    const waiting = await Promise.all(Array.from({ length: 5 }, () => outcomeOf(login.ready(signal))));
    expect(new Set(waiting.map(({ code }) => code))).toEqual(new Set(['invalid_request']));
    expect(calls()).toHaveLength(1);
    await login.ready(signal);
    expect(calls()).toHaveLength(2);
  });

  it('is got first where a call comes without one', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    const request: { headers?: OutgoingHttpHeaders } = {};
    await login.authenticate(request);
    expect(request.headers?.['Authorization']).toMatch(/^Bearer eyJ/);
  });

  it('adds itself to the headers that are there', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    await login.ready(signal);
    const request = { headers: { Accept: 'application/json' } };
    await login.authenticate(request);
    expect(Object.keys(request.headers)).toEqual(['Accept', 'Authorization']);
    expect(Object.values(request.headers).join(' ')).toMatch(/^application\/json Bearer eyJ/);
  });

  it('that is to be forgotten is made anew', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    const calls = watchCalls(lab);
    await login.ready(signal);
    await login.ready(signal);
    expect(calls()).toHaveLength(1);
    login.forget();
    await login.ready(signal);
    expect(calls()).toHaveLength(2);
  });

  describe('whose renewal fails', () => {
    const LIFE_MS = HOUR_MS;
    const RENEWAL_MS = 48 * MINUTE_MS;

    /** A login with a token that is so old; its header, and when it asked for a token since then. */
    async function withTokenOf(ageMs: number) {
      const lab = await Laboratory.open();
      const { login } = productOn(lab, { runMs: DAY_MS });
      const header = async () => {
        const request: { headers?: OutgoingHttpHeaders } = {};
        await login.authenticate(request);
        return request.headers?.['Authorization'];
      };
      const first = await header();
      await lab.pass(ageMs);
      const calls = watchCalls(lab);
      return { lab, login, header, first, calls };
    }

    it.each([
      { fault: { status: 400 } },
      { fault: { status: 401 } },
      { fault: { status: 503, times: 4 } },
      { fault: { refuse: true, times: 4 } },
    ] as const)('goes on with the token that it has: $fault', async ({ fault }) => {
      const { lab, login, header, first } = await withTokenOf(RENEWAL_MS);
      const { generation } = login;
      lab.fault({ match: TOKEN, ...fault });
      expect(await header()).toBe(first);
      expect(login.generation).toBe(generation); // no other token
    });

    it('tries again a minute later, and not before', async () => {
      const { lab, header, first, calls } = await withTokenOf(RENEWAL_MS);
      lab.fault({ match: TOKEN, status: 400, times: 2 });
      for (const delayMs of [0, MINUTE_MS - 1, 1, MINUTE_MS - 1]) {
        await lab.pass(delayMs);
        expect(await header()).toBe(first);
      }
      await lab.pass(1);
      expect(await header()).not.toBe(first);
      expect(timesOf(calls())).toEqual([0, MINUTE_MS, 2 * MINUTE_MS]);
    });

    it('counts that minute from the failure', async () => {
      const { lab, header, calls } = await withTokenOf(RENEWAL_MS);
      lab.fault({ match: TOKEN, status: 503, times: 4 });
      await header();
      await lab.pass(MINUTE_MS - 1);
      await header();
      await lab.pass(1);
      await header();
      expect(timesOf(calls())).toEqual([0, 500, 2_000, 5_500, 5_500 + MINUTE_MS]);
    });

    it('tries again when half a minute is left, however short the time since it tried', async () => {
      const { lab, header, first, calls } = await withTokenOf(LIFE_MS - MINUTE_MS);
      lab.fault({ match: TOKEN, status: 400 });
      for (const delayMs of [0, MINUTE_MS / 2 - 1]) {
        await lab.pass(delayMs);
        expect(await header()).toBe(first);
      }
      await lab.pass(1);
      expect(await header()).not.toBe(first);
      expect(timesOf(calls())).toEqual([0, MINUTE_MS / 2]);
    });

    it('fails when less than half a minute is left', async () => {
      const { lab, login, header, first } = await withTokenOf(LIFE_MS - MINUTE_MS / 2);
      lab.fault({ match: TOKEN, status: 400, times: 2 });
      expect(await header()).toBe(first);
      await lab.pass(1);
      expect(await outcomeOf(login.ready(signal))).toMatchObject({ code: 'invalid_request' });
    });

    it('fails when less than half a minute is left by then', async () => {
      const { lab, login } = await withTokenOf(LIFE_MS - MINUTE_MS / 2 - 5_000);
      lab.fault({ match: TOKEN, status: 503, times: 4 }); // gives up after 5.5 s
      expect(await outcomeOf(login.ready(signal))).toMatchObject({ code: 'service_failed' });
    });

    it('fails when its token was refused, before or meanwhile', async () => {
      const { lab, login, first, header } = await withTokenOf(RENEWAL_MS);
      lab.fault({ match: TOKEN, status: 503, times: 4 });
      lab.clock.at(lab.clock.nowMs() + 1_000, () => login.forget());
      expect(await outcomeOf(login.ready(signal))).toMatchObject({ code: 'service_failed' });
      lab.fault({ match: TOKEN, status: 400 });
      expect(await outcomeOf(login.ready(signal))).toMatchObject({ code: 'invalid_request' });
      expect(await header()).not.toBe(first);
    });

    it('goes on with the token that it has when the token file is gone', async () => {
      const lab = await Laboratory.open();
      const profile = await trustedProfile(lab);
      const path = tokenFile(profile.newToken());
      const { login } = productOn(lab, { login: asProfile(profile.name, path), runMs: DAY_MS });
      await login.ready(signal);
      writeFileSync(path, '');
      await lab.pass(RENEWAL_MS);
      await expect(login.ready(signal)).resolves.toBeUndefined();
      await lab.pass(LIFE_MS - RENEWAL_MS);
      expect(await failureOf(login.ready(signal))).toMatchObject({ code: 'compute_resource_token_missing' });
    });
  });

  it('forgets no token but the one that was refused', async () => {
    const lab = await Laboratory.open();
    const { login } = productOn(lab);
    await login.ready(signal);
    const refused = login.generation;
    login.forget(refused);
    await login.ready(signal);
    expect(login.generation).not.toBe(refused);
    const calls = watchCalls(lab);
    login.forget(refused);
    await login.ready(signal);
    expect(calls()).toEqual([]);
  });

  it('says to the SDKs what it is', async () => {
    const lab = await Laboratory.open();
    expect(productOn(lab).login.authenticationType()).toBe('iam');
    const profile = productOn(lab, { login: asProfile('keyrota', tokenFile('')) });
    expect(profile.login.authenticationType()).toBe('container');
  });

  it('never shows its token or its key', async () => {
    const lab = await Laboratory.open();
    const { login, sent } = productOn(lab);
    await login.ready(signal);
    const request: { headers?: Record<string, string> } = {};
    await login.authenticate(request);
    const token = request.headers?.['Authorization']?.replace('Bearer ', '') ?? '';
    const key = new URLSearchParams(sent[0]?.body).get('apikey') ?? '';
    expect([token.length, key.length].every((length) => length > 40)).toBe(true);
    const shown = everythingIn(login);
    expect([shown.includes(token), shown.includes(key)]).toEqual([false, false]);
  });

  it('as a trusted profile reads the token file, without the white space around it', async () => {
    const lab = await Laboratory.open();
    const profile = await trustedProfile(lab);
    const token = profile.newToken();
    const product = productOn(lab, { login: asProfile(profile.name, tokenFile(`\n${token} \n`)) });
    await product.login.ready(signal);
    expect(new URLSearchParams(product.sent[0]?.body).get('cr_token')).toBe(token);
  });

  it('picks up a new token file at the next exchange', async () => {
    const lab = await Laboratory.open();
    const profile = await trustedProfile(lab);
    const tokens = [profile.newToken(), profile.newToken()];
    const path = tokenFile(tokens[0] ?? '');
    const product = productOn(lab, { login: asProfile(profile.name, path), runMs: DAY_MS });
    await product.login.ready(signal);
    writeFileSync(path, tokens[1] ?? '');
    await lab.pass(48 * MINUTE_MS);
    await product.login.ready(signal);
    expect(product.sent.map(({ body }) => new URLSearchParams(body).get('cr_token'))).toEqual(tokens);
  });

  it.each([
    ['is missing', () => tokenFile(null), 'cannot be read (ENOENT)'],
    ['is a folder', () => temporaryFolder(), 'cannot be read (EISDIR)'],
    ['is empty', () => tokenFile(''), 'is empty'],
    ['is white space', () => tokenFile(' \n'), 'is empty'],
  ])('fails at once where the token file %s, and says what to do', async (_, path, problem) => {
    const lab = await Laboratory.open();
    const where = path();
    const product = productOn(lab, { login: asProfile('keyrota', where) });
    const calls = watchCalls(lab);
    const startMs = lab.clock.nowMs();
    const error = await failureOf(product.identity.listApiKeys(lab.serviceId.iamId, signal));
    expect(error).toMatchObject({ code: 'compute_resource_token_missing', effect: 'none' });
    expect((error as KeyrotaError).message).toBe(`The compute-resource token ${where} ${problem}.`);
    expect((error as KeyrotaError).next).toContain('--trusted-profiles-enabled');
    expect([calls(), lab.clock.nowMs()]).toEqual([[], startMs]);
  });

  it('works again as soon as the token file is there', async () => {
    const lab = await Laboratory.open();
    const profile = await trustedProfile(lab);
    const path = tokenFile(null);
    const { login } = productOn(lab, { login: asProfile(profile.name, path) });
    await failureOf(login.ready(signal));
    writeFileSync(path, profile.newToken());
    await expect(login.ready(signal)).resolves.toBeUndefined();
  });
});

describe('log lines', () => {
  const URL = 'http://127.0.0.1:1/logs/v1/singles';

  async function open() {
    const lab = await Laboratory.open();
    const { value } = await ownersKey(lab, lab.serviceId.iamId);
    await lab.pass(10_000);
    const product = productOn(lab);
    const token = await product.tokens.exchange({ grant: 'apikey', apiKey: new SecretValue(value) }, signal);
    return { lab, product, token, ship: (url = URL) => product.logLines.ship(url, 'A line.', token, signal) };
  }

  it('are taken with the token of an identity that may send', async () => {
    const { lab, ship } = await open();
    await ship();
    expect(lab.state.logs.lastLine).toEqual({ text: 'A line.', iamId: lab.serviceId.iamId });
  });

  it('say where they come from', async () => {
    const { product, ship } = await open();
    await ship();
    const line = { applicationName: 'keyrota', subsystemName: 'probe', severity: 3, text: 'A line.' };
    expect(JSON.parse(product.sent.at(-1)?.body ?? '')).toEqual([line]);
  });

  it('go to the address as it is written, wherever that is', async () => {
    const { lab, token } = await open();
    const adapter = answeringAll(cloudAdapter(lab.cloud), { status: 200, body: '{}' });
    const { logLines, sent } = productOn(lab, { adapter });
    await logLines.ship('https://other.example:8443/a/b/singles', 'A line.', token, signal);
    expect(sent.at(-1)).toMatchObject({ method: 'POST', url: 'https://other.example:8443/a/b/singles' });
  });

  it('are refused with a token that is no more', async () => {
    const { lab, ship } = await open();
    await lab.pass(2 * HOUR_MS);
    expect(await outcomeOf(ship())).toMatchObject({ code: 'not_logged_in', status: 401, effect: 'none' });
  });

  it('are refused without the role', async () => {
    const { lab, product } = await open();
    const { value } = await ownersKey(lab, lab.keyrota.iamId);
    await lab.pass(10_000);
    const token = await product.tokens.exchange({ grant: 'apikey', apiKey: new SecretValue(value) }, signal);
    const shipping = product.logLines.ship(URL, 'A line.', token, signal);
    expect(await outcomeOf(shipping)).toMatchObject({ code: 'forbidden', status: 403, effect: 'none' });
  });

  it('are sent again after trouble that passes', async () => {
    const { lab, ship } = await open();
    lab.fault({ match: 'POST /logs/v1/singles', times: 2, status: 503 });
    const startMs = lab.clock.nowMs();
    await ship();
    expect(lab.clock.nowMs() - startMs).toBe(2_000);
    expect(lab.state.logs.lastLine?.text).toBe('A line.');
  });

  it('that fail do not tell the token', async () => {
    const { lab, token, ship } = await open();
    lab.fault({ match: 'POST /logs/v1/singles', times: 4, drop: 'answer' });
    expect(everythingIn(await failureOf(ship()))).not.toContain(token.value.reveal());
  });
});

describe('dates of IAM', () => {
  const NOON = Date.UTC(2026, 10, 20, 12, 9);

  /** What the client makes of a date, given as that of a key's creation. */
  async function createdAt(text: unknown) {
    const lab = await Laboratory.open();
    const { id } = await ownersKey(lab, lab.serviceId.iamId);
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path.startsWith('/v1/apikeys/')) body['created_at'] = text;
    });
    return productOn(lab, { adapter }).identity.getApiKey(id, signal);
  }

  it.each([
    ['2026-11-20T12:09+0000', NOON],
    ['2026-11-20T12:09+00:00', NOON],
    ['2026-11-20T12:09Z', NOON],
    ['2026-11-20T12:09:30+0000', NOON + 30_000],
    ['2026-11-20T12:09:30+00:00', NOON + 30_000],
    ['2026-11-20T12:09:30Z', NOON + 30_000],
    ['2026-11-20T12:09:30.250Z', NOON + 30_250],
    ['2026-11-20T12:09:30.250+0000', NOON + 30_250],
    ['2026-11-20T14:09+0200', NOON],
    ['2026-11-20T08:39-03:30', NOON],
    ['2026-11-21T00:00+0000', Date.UTC(2026, 10, 21)],
  ])('are understood in each form: %s', async (text, atMs) => {
    expect((await createdAt(text))?.created_at).toBe(atMs);
  });

  it.each([
    '',
    'soon',
    '20.11.2026',
    '2026-11-20',
    '2026-11-20T12:09',
    '2026-13-20T12:09+0000',
    '2026-11-20T25:09+0000',
    1_795_000_000,
  ])('are never guessed: %s', async (text) => {
    const error = await apiFailureOf(createdAt(text));
    expect(error.message).toBe('getApiKey: status 200: not understood: created_at');
  });

  it.each([[null], [''], [undefined]])('of expiry may be missing: %s', async (text) => {
    const lab = await Laboratory.open();
    const { id } = await ownersKey(lab, lab.serviceId.iamId);
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path.startsWith('/v1/apikeys/')) body['expires_at'] = text;
    });
    expect((await productOn(lab, { adapter }).identity.getApiKey(id, signal))?.expires_at ?? null).toBeNull();
  });

  it.each([
    [NOON, '2026-11-20T12:09+0000'],
    [NOON + 1, '2026-11-20T12:10+0000'],
    [NOON + 60_000, '2026-11-20T12:10+0000'],
    [Date.UTC(2026, 11, 31, 23, 59, 30), '2027-01-01T00:00+0000'],
  ])('are written in whole minutes, rounded up: %i', (atMs, text) => {
    expect(iamDate(atMs)).toBe(text);
  });
});

describe('dates of IAM that are told about a key', () => {
  it.each([[''], ['soon'], ['1767600000'], [1_767_600_000], [null]])(
    'count as unknown where they cannot be read, and the key does not: %o',
    async (date) => {
      const lab = await Laboratory.open();
      const { id } = await ownersKey(lab, lab.serviceId.iamId, { name: 'first' });
      const spoil = (key: Record<string, unknown>) => {
        for (const entry of (key['history'] ?? []) as object[]) Object.assign(entry, { timestamp: date });
        if (key['activity']) Object.assign(key['activity'], { last_authn: date, authn_count: 3 });
      };
      const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
        if (path === '/v1/apikeys') (body['apikeys'] as Record<string, unknown>[]).forEach(spoil);
        if (path === `/v1/apikeys/${id}`) spoil(body);
      });
      const { identity } = productOn(lab, { adapter });
      const found = await identity.getApiKey(id, signal);
      expect(found?.history).toEqual([{ action: 'create-apikey', params: [] }]);
      expect(found?.activity?.last_authn ?? null).toBeNull();
      const [listed] = await identity.listApiKeys(lab.serviceId.iamId, signal);
      expect(listed?.history).toEqual([{ action: 'create-apikey', params: [] }]);
    },
  );
});

describe('lists of API keys', () => {
  /** Three keys, the second of which is odd in lists; and how both lists show them. */
  async function withOddKey(name: string, spoil: (key: Record<string, unknown>) => unknown) {
    const lab = await Laboratory.open();
    for (const one of ['first', name, 'third']) await ownersKey(lab, lab.serviceId.iamId, { name: one });
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path !== '/v1/apikeys') return;
      const keys = body['apikeys'] as Record<string, unknown>[];
      body['apikeys'] = keys.map((key) => (key['name'] === name ? spoil(key) : key));
    });
    const product = productOn(lab, { adapter });
    const ofIdentity = () => product.identity.listApiKeys(lab.serviceId.iamId, signal).then(namesOf);
    const ofAccount = () => pagesOf(product).then((pages) => namesOf(pages.flat()));
    return { ofIdentity, ofAccount };
  }

  const without = (field: string) => (key: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(key).filter(([name]) => name !== field));

  const ODDITIES: [string, (key: Record<string, unknown>) => unknown][] = [
    ['a date of creation that is none', (key) => ({ ...key, created_at: 'soon' })],
    ['an expiry that is no date', (key) => ({ ...key, expires_at: 'later' })],
    ['no id', without('id')],
    ['an empty id', (key) => ({ ...key, id: '' })],
    ['no owner', without('iam_id')],
    ['a lock that is neither on nor off', (key) => ({ ...key, locked: 'perhaps' })],
    ['no lock', without('locked')],
  ];

  it.each(ODDITIES)('leave out a foreign key with %s, and no other', async (_, spoil) => {
    for (const name of ['theirs', 'keyrotary-lab-ingest-1', 'not-keyrota-lab-ingest-1', 'keyrota']) {
      const { ofIdentity, ofAccount } = await withOddKey(name, spoil);
      expect(await ofIdentity()).toEqual(['first', 'third']);
      expect(await ofAccount()).toEqual(expect.arrayContaining(['first', 'third']));
    }
  });

  it.each<[unknown]>([[null], [7], ['text'], [[]], [{}], [{ name: null }], [{ name: { text: 'keyrota-' } }]])(
    'leave out what is no key at all: %o',
    async (thing) => {
      const { ofIdentity, ofAccount } = await withOddKey('theirs', () => thing);
      expect(await ofIdentity()).toEqual(['first', 'third']);
      expect(await ofAccount()).not.toContain('theirs');
    },
  );

  it.each(ODDITIES)(
    'of an identity are not understood where a key that is named like ours has %s',
    async (_, spoil) => {
      const { ofIdentity } = await withOddKey('keyrota-lab-ingest-abcdefghijkl', spoil);
      expect((await apiFailureOf(ofIdentity())).message).toBe(
        'listApiKeys: status 200: not understood: apikeys.keyrota-lab-ingest-abcdefghijkl',
      );
    },
  );

  it('of the account are understood as far as they are read: an odd key of another installation blinds nobody', async () => {
    const name = 'keyrota-other-ingest-abcdefghijkl';
    const dated = await withOddKey(name, (key) => ({ ...key, created_at: 'soon' }));
    expect(await dated.ofAccount()).toContain(name);
    const nameless = await withOddKey(name, without('id'));
    expect(await nameless.ofAccount()).not.toContain(name);
    expect(await nameless.ofAccount()).toEqual(expect.arrayContaining(['first', 'third']));
  });

  /** A list over three pages whose links to the next one are as `linkOf` makes them of IAM's. */
  async function withLinks(linkOf: (link: string | undefined) => unknown) {
    const lab = await Laboratory.open();
    for (const name of ['one', 'two', 'three']) await ownersKey(lab, lab.serviceId.iamId, { name });
    const adapter = altering(withShortPages(cloudAdapter(lab.cloud), 'pagesize', 1), (body, { path }) => {
      if (path === '/v1/apikeys') body['next'] = linkOf(body['next'] as string | undefined);
    });
    const { identity, sent } = productOn(lab, { adapter });
    const names = namesOf(await identity.listApiKeys(lab.serviceId.iamId, signal));
    return { names, pages: sent.filter(({ method }) => method === 'GET').length };
  }

  it.each<[string, (link: string | undefined) => unknown]>([
    ['an address', (link) => link],
    ['a path', (link) => link?.replace(/^https?:\/\/[^/]+/, '')],
    ['a query', (link) => link?.replace(/^[^?]+/, '')],
    ['an empty text behind the last', (link) => link ?? ''],
    ['an address without a token behind the last', (link) => link ?? 'https://iam.cloud.ibm.com/v1/apikeys?pagesize=1'],
    ['something else behind the last', (link) => link ?? 'http://['],
  ])('are followed to their end where the next page is %s', async (_, linkOf) => {
    expect(await withLinks(linkOf)).toEqual({ names: ['one', 'two', 'three'], pages: 3 });
  });

  it('that never end are not taken for complete', async () => {
    const lab = await Laboratory.open();
    const endless = JSON.stringify({ apikeys: [], next: '/v1/apikeys?pagetoken=again' });
    const replies = Array.from({ length: 10_001 }, () => ({ status: 200, body: endless }));
    const adapter = answeringFirst(cloudAdapter(lab.cloud), 'GET /v1/apikeys', replies);
    const { identity, sent } = productOn(lab, { adapter });
    const failure = await apiFailureOf(identity.listApiKeys(lab.serviceId.iamId, signal));
    expect(failure).toMatchObject({ code: 'unexpected_answer', effect: 'none' });
    expect(sent.filter(({ method }) => method === 'GET')).toHaveLength(10_000);
  });
});

describe('policies', () => {
  it('are all there, over several pages', async () => {
    const lab = await Laboratory.open();
    const { iamId } = lab.serviceId;
    for (let count = 0; count < 249; count += 1) {
      await lab.admin.grant(iamId, ROLE.cloudLogsSender, 'logs', { serviceInstance: `instance-${count}` });
    }
    const { policies, sent } = productOn(lab);
    const found = await policies.listPolicies(iamId, signal);
    expect(found).toHaveLength(250);
    expect(found.at(-1)?.resources[0]?.attributes.at(-1)).toMatchObject({
      name: 'serviceInstance',
      value: 'instance-248',
    });
    expect(sent.filter(({ method }) => method === 'GET')).toHaveLength(3);
  });

  it('are those of that identity alone', async () => {
    const lab = await Laboratory.open();
    await lab.admin.grant(lab.keyrota.iamId, ROLE.cloudLogsSender, 'logs');
    const found = await productOn(lab).policies.listPolicies(lab.serviceId.iamId, signal);
    expect(found.map(({ roles }) => roles[0]?.role_id)).toEqual([ROLE.cloudLogsSender]);
  });

  it('are only those that the caller may see', async () => {
    const lab = await Laboratory.open();
    await lab.admin.grant(lab.serviceId.iamId, ROLE.logsRouterWriter, 'logs-router');
    const found = await productOn(lab).policies.listPolicies(lab.serviceId.iamId, signal);
    expect(found).toHaveLength(1);
  });

  it('that are not active count as none', async () => {
    const lab = await Laboratory.open();
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path === '/v1/policies') Object.assign((body['policies'] as object[])[0] ?? {}, { state: 'deleted' });
    });
    expect(await productOn(lab, { adapter }).policies.listPolicies(lab.serviceId.iamId, signal)).toEqual([]);
  });

  it('of version 2 stand there without roles and resources, and give nothing', async () => {
    const lab = await Laboratory.open();
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path === '/v1/policies') body['policies'] = [{ id: 'v2', type: 'access', state: 'active' }];
    });
    const [policy] = await productOn(lab, { adapter }).policies.listPolicies(lab.serviceId.iamId, signal);
    expect(policy && givesRole(policy, 'logs', 'Sender', null)).toBe(false);
  });

  it('without an operator mean what they say', async () => {
    const lab = await Laboratory.open();
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path !== '/v1/policies') return;
      for (const { resources } of body['policies'] as { resources: { attributes: { operator?: string }[] }[] }[]) {
        for (const attribute of resources.flatMap(({ attributes }) => attributes)) delete attribute.operator;
      }
    });
    const [policy] = await productOn(lab, { adapter }).policies.listPolicies(lab.serviceId.iamId, signal);
    expect(policy && givesRole(policy, 'logs', 'Sender', null)).toBe(true);
    expect(policy && givesRole(policy, 'log', 'Sender', null)).toBe(false);
  });

  it('of an account that is not ours are refused', async () => {
    const lab = await Laboratory.open();
    lab.fault({ match: 'GET /v1/policies', status: 403 });
    const listing = productOn(lab).policies.listPolicies(lab.serviceId.iamId, signal);
    expect(await outcomeOf(listing)).toMatchObject({ code: 'forbidden' });
  });
});

describe('a role', () => {
  const SENDER = 'crn:v1:bluemix:public:logs::::serviceRole:Sender';

  /** A policy with the role Sender; `name~` stands for a pattern. */
  const policy = (attributes: Record<string, string>, roleIds = [SENDER]): Policy => ({
    state: 'active',
    roles: roleIds.map((roleId) => ({ role_id: roleId })),
    resources: [
      {
        attributes: Object.entries({ accountId: 'a', ...attributes }).map(([name, value]) => ({
          name: name.replace('~', ''),
          value,
          operator: name.endsWith('~') ? 'stringMatch' : 'stringEquals',
        })),
      },
    ],
  });

  it.each([
    ['the service by name', { serviceName: 'logs' }, null, true],
    ['another service', { serviceName: 'logs-router' }, null, false],
    ['every service of a type', { serviceType: 'service' }, null, true],
    ['the service and its type', { serviceType: 'service', serviceName: 'logs' }, null, true],
    ['another service and its type', { serviceType: 'service', serviceName: 'cos' }, null, false],
    ['neither a service nor a type', { resource: 'logs' }, null, false],
    ['the service on all instances, and one is needed', { serviceName: 'logs' }, 'i-1', true],
    ['the service on the one instance', { serviceName: 'logs', serviceInstance: 'i-1' }, 'i-1', true],
    ['the service on another instance', { serviceName: 'logs', serviceInstance: 'i-2' }, 'i-1', false],
    ['the service on one instance, and any will do', { serviceName: 'logs', serviceInstance: 'i-2' }, null, true],
    ['every service on the one instance', { serviceType: 'service', serviceInstance: 'i-1' }, 'i-1', true],
    ['every service on another instance', { serviceType: 'service', serviceInstance: 'i-2' }, 'i-1', false],
    ['a pattern that fits', { 'serviceName~': 'lo*' }, null, true],
    ['a pattern of one character that fits', { 'serviceName~': 'l?gs' }, null, true],
    ['a pattern that is everything', { 'serviceName~': '*' }, null, true],
    ['a pattern that fits a part only', { 'serviceName~': 'log' }, null, false],
    ['a pattern that does not fit', { 'serviceName~': 'logs?' }, null, false],
    ['a dot in a pattern, which is a dot', { 'serviceName~': 'l.gs' }, null, false],
    ['a star without a pattern, which is a star', { serviceName: 'lo*' }, null, false],
    ['a pattern of instances that fits', { serviceName: 'logs', 'serviceInstance~': 'i-*' }, 'i-1', true],
    ['a pattern of instances that does not fit', { serviceName: 'logs', 'serviceInstance~': 'j-*' }, 'i-1', false],
    ['a part of the service', { serviceName: 'logs', resource: 'r' }, null, false],
    ['parts of the service of one type', { serviceName: 'logs', resourceType: 'bucket' }, null, false],
    ['one part of the one instance', { serviceName: 'logs', serviceInstance: 'i-1', resource: 'r' }, 'i-1', false],
    ['a part that is a pattern', { serviceName: 'logs', 'resource~': '*' }, null, false],
    ['a resource group itself', { resourceType: 'resource-group', resource: 'g' }, null, false],
    ['all in a resource group', { resourceGroupId: 'g' }, null, true],
    ['all in a resource group, and one instance is needed', { resourceGroupId: 'g' }, 'i-1', true],
    ['the service in a resource group', { serviceName: 'logs', resourceGroupId: 'g' }, 'i-1', true],
    ['another service in a resource group', { serviceName: 'cos', resourceGroupId: 'g' }, null, false],
    ['another instance in a resource group', { resourceGroupId: 'g', serviceInstance: 'i-2' }, 'i-1', false],
    ['the service in a region', { serviceName: 'logs', region: 'eu-de' }, 'i-1', true],
    ['every service in a region', { serviceType: 'service', region: 'eu-de' }, null, true],
    ['the service where something holds that we do not know', { serviceName: 'logs', newAttribute: 'x' }, 'i-1', true],
    ['account management', { serviceType: 'platform_service' }, null, false],
    ['the service as one of the platform', { serviceName: 'logs', serviceType: 'platform_service' }, null, false],
    ['nothing but the account', {}, null, false],
    ['nothing but a region', { region: 'eu-de' }, null, false],
    ['nothing but the instance', { serviceInstance: 'i-1' }, 'i-1', false],
  ])('is given by a policy on %s: %o, instance %s: %s', (_, attributes, instance, gives) => {
    const { serviceName, ...others } = attributes as Record<string, string>;
    const all = serviceName === undefined ? others : { serviceName, ...others };
    expect(givesRole(policy(all), 'logs', 'Sender', instance)).toBe(gives);
  });

  it.each([
    ['of the service', [SENDER], true],
    ['of the platform', ['crn:v1:bluemix:public:iam::::serviceRole:Sender'], true],
    ['of the account’s own', ['crn:v1:bluemix:public:iam-access-management::a/a0::customRole:Sender'], true],
    ['among others', ['crn:v1:bluemix:public:iam::::role:Viewer', SENDER], true],
    ['of a name that only begins so', ['crn:v1:bluemix:public:logs::::serviceRole:SenderPlus'], false],
    ['of another name', ['crn:v1:bluemix:public:iam::::serviceRole:Manager'], false],
    ['that is missing', [], false],
  ])('is known by its name: one %s', (_, roleIds, gives) => {
    expect(givesRole(policy({ serviceName: 'logs' }, roleIds), 'logs', 'Sender', null)).toBe(gives);
  });

  it('is given only where each attribute of a name fits', () => {
    const { resources, ...others } = policy({ serviceName: 'logs', 'serviceName~': 'cos*' });
    expect(resources[0]?.attributes.filter(({ name }) => name === 'serviceName')).toHaveLength(2);
    expect(givesRole({ ...others, resources }, 'logs', 'Sender', null)).toBe(false);
  });

  it('is given by any of several resources', () => {
    const [one, other] = [policy({ serviceName: 'cos' }), policy({ serviceName: 'logs' })];
    expect(givesRole({ ...one, resources: [...one.resources, ...other.resources] }, 'logs', 'Sender', null)).toBe(true);
  });

  it.each([
    [{ serviceName: 'logs' }],
    [{ serviceName: 'logs-router' }],
    [{ serviceType: 'service' }],
    [{ 'serviceName~': 'lo*' }],
    [{ 'serviceName~': 'l?gs' }],
    [{ 'serviceName~': 'log' }],
    [{ serviceName: 'logs', serviceInstance: 'INSTANCE' }],
    [{ serviceName: 'logs', serviceInstance: 'another' }],
    [{ serviceType: 'service', serviceInstance: 'INSTANCE' }],
    [{ serviceName: 'logs', 'serviceInstance~': '????????-*' }],
  ])('is given where the embedded cloud lets the identity in: %o', async (attributes) => {
    const lab = await Laboratory.open();
    const { guid } = lab.cloud.account.cloudLogs;
    const { iamId } = await lab.admin.createServiceId('other', 'Has this policy alone.');
    const wanted = Object.entries({ accountId: lab.cloud.account.id, ...(attributes as Record<string, string>) });
    await lab.admin.request('POST', '/v1/policies', {
      type: 'access',
      subjects: [{ attributes: [{ name: 'iam_id', value: iamId }] }],
      roles: [{ role_id: 'crn:v1:bluemix:public:iam::::serviceRole:Writer' }],
      resources: [
        {
          attributes: wanted.map(([name, value]) => ({
            name: name.replace('~', ''),
            value: value === 'INSTANCE' ? guid : value,
            operator: name.endsWith('~') ? 'stringMatch' : 'stringEquals',
          })),
        },
      ],
    });
    const owner = productOn(lab, { login: logInWith(lab.cloud.iam.adminApiKey, lab) });
    const [found] = await owner.policies.listPolicies(iamId, signal);
    const target = { serviceName: 'logs-router', serviceInstance: guid };
    const isLetIn = lab.cloud.iam.allows({ iamId, accountId: lab.cloud.account.id }, 'logs-router.event.send', target);
    expect(found && givesRole(found, 'logs-router', 'Writer', guid)).toBe(isLetIn);
  });
});
