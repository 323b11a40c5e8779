import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { logInWithKey } from '../../infra/demo/admin.ts';

let clock: CloudClock;
let cloud: EmbeddedCloud;
let token: string;

beforeEach(async () => {
  clock = new CloudClock({ startMs: Date.UTC(2026, 10, 20), speed: Infinity });
  cloud = new EmbeddedCloud({ clock });
  token = await logInWithKey((request) => cloud.handle(request), 'http://cloud.local', cloud.iam.adminApiKey);
});

afterEach(() => {
  clock.stop();
});

/** Asks as the account's owner, who may do everything. */
async function ask(method: string, path: string, body?: unknown, headers: object = {}) {
  const bearer = path.startsWith('/repos/') ? cloud.github.token : token;
  const own = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', 'user-agent': 'a test' };
  const all = { ...own, ...headers };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await cloud.handle(new Request(`http://cloud.local${path}`, { method, headers: all, ...text }));
  return { status: response.status, text: await response.text() };
}

/** Every route, with a query that it takes, or needs, where it takes one. */
const ROUTES: [method: string, path: string, query?: string][] = [
  ['POST', '/identity/token'],
  ['POST', '/identity/introspect'],
  ['GET', '/v1/apikeys', 'pagesize=1'],
  ['POST', '/v1/apikeys'],
  ['GET', '/v1/apikeys/details', 'include_history=true'],
  ['GET', '/v1/apikeys/KEY', 'include_history=true'],
  ['PUT', '/v1/apikeys/KEY'],
  ['DELETE', '/v1/apikeys/KEY'],
  ['POST', '/v1/apikeys/KEY/lock'],
  ['DELETE', '/v1/apikeys/KEY/lock'],
  ['POST', '/v1/apikeys/KEY/disable'],
  ['DELETE', '/v1/apikeys/KEY/disable'],
  ['GET', '/v1/serviceids', 'pagesize=1'],
  ['POST', '/v1/serviceids'],
  ['GET', '/v1/serviceids/x', 'include_history=true'],
  ['PUT', '/v1/serviceids/x'],
  ['DELETE', '/v1/serviceids/x'],
  ['POST', '/v1/serviceids/x/lock'],
  ['DELETE', '/v1/serviceids/x/lock'],
  ['GET', '/v1/profiles', 'account_id=ACCOUNT'],
  ['POST', '/v1/profiles'],
  ['GET', '/v1/profiles/x', 'include_activity=true'],
  ['DELETE', '/v1/profiles/x'],
  ['GET', '/v1/profiles/x/links'],
  ['POST', '/v1/profiles/x/links'],
  ['GET', '/v1/profiles/x/links/y'],
  ['DELETE', '/v1/profiles/x/links/y'],
  ['GET', '/v1/policies', 'account_id=ACCOUNT'],
  ['POST', '/v1/policies'],
  ['GET', '/v1/policies/x'],
  ['PUT', '/v1/policies/x'],
  ['DELETE', '/v1/policies/x'],
  ['GET', '/v1/accounts/ACCOUNT/limits/identity', 'profiles=true'],
  ['GET', '/api/v2/secret_groups'],
  ['POST', '/api/v2/secret_groups'],
  ['GET', '/api/v2/secret_groups/default'],
  ['PATCH', '/api/v2/secret_groups/x'],
  ['DELETE', '/api/v2/secret_groups/x'],
  ['GET', '/api/v2/secrets', 'limit=1'],
  ['POST', '/api/v2/secrets'],
  ['GET', '/api/v2/secrets/x'],
  ['DELETE', '/api/v2/secrets/x', 'force_delete=false'],
  ['GET', '/api/v2/secrets/x/metadata'],
  ['PATCH', '/api/v2/secrets/x/metadata'],
  ['GET', '/api/v2/secret_groups/default/secret_types/arbitrary/secrets/x'],
  ['GET', '/api/v2/secrets/x/versions'],
  ['POST', '/api/v2/secrets/x/versions'],
  ['GET', '/api/v2/secrets/x/versions/current'],
  ['GET', '/api/v2/secrets/x/versions/current/metadata'],
  ['PATCH', '/api/v2/secrets/x/versions/current/metadata'],
  ['DELETE', '/api/v2/secrets/x/versions/current/secret_data'],
  ['POST', '/api/v2/secrets/x/actions'],
  ['POST', '/api/v2/secrets/x/versions/current/actions'],
  ['GET', '/api/v2/notifications/registration'],
  ['POST', '/api/v2/notifications/registration'],
  ['DELETE', '/api/v2/notifications/registration'],
  ['GET', '/api/v2/notifications/registration/test'],
  ['GET', '/api/v2/secrets/x/locks', 'limit=1'],
  ['GET', '/api/v2/secrets/x/versions/current/locks', 'limit=1'],
  ['GET', '/api/v2/secrets_locks', 'limit=1'],
  ['POST', '/api/v2/secrets/x/locks_bulk', 'mode=remove_previous'],
  ['DELETE', '/api/v2/secrets/x/locks_bulk', 'name=guard'],
  ['POST', '/api/v2/secrets/x/versions/current/locks_bulk', 'mode=remove_previous'],
  ['DELETE', '/api/v2/secrets/x/versions/current/locks_bulk', 'name=guard'],
  ['GET', '/v2/resource_instances', 'limit=1'],
  ['POST', '/v2/resource_instances'],
  ['GET', '/v2/resource_instances/x'],
  ['PATCH', '/v2/resource_instances/x'],
  ['DELETE', '/v2/resource_instances/x', 'recursive=false'],
  ['POST', '/v2/resource_instances/x/lock'],
  ['DELETE', '/v2/resource_instances/x/lock'],
  ['GET', '/v2/resource_instances/x/resource_keys', 'limit=1'],
  ['GET', '/v2/resource_keys', 'limit=1'],
  ['POST', '/v2/resource_keys'],
  ['GET', '/v2/resource_keys/x'],
  ['PATCH', '/v2/resource_keys/x'],
  ['DELETE', '/v2/resource_keys/x'],
  ['POST', '/logs/v1/singles'],
  ['POST', '/logs/x/logs/v1/singles'],
  ['POST', '/logs-router/v1/singles'],
  ['POST', '/event-notifications/v1/instances/x/notifications'],
  ['GET', '/event-notifications/v1/instances/x/destinations/y/public_key'],
  ['GET', '/repos/x/y/secret-scanning/alerts/1', 'hide_secret=true'],
  ['PATCH', '/repos/x/y/secret-scanning/alerts/1'],
  ['POST', '/notices/standard-webhooks'],
  ['POST', '/notices/slack/x'],
];

interface Snapshot {
  iam: { apiKeys: { id: string }[] };
}

const real = (path: string) => {
  const { iam } = cloud.snapshot({ withValues: false }) as Snapshot;
  return path.replace('KEY', iam.apiKeys[0]?.id ?? '').replaceAll('ACCOUNT', cloud.account.id);
};

describe('a query', () => {
  it.each(ROUTES)(
    'with a parameter that %s %s does not take is refused, without effect',
    async (method, path, query = '') => {
      const before = JSON.stringify(cloud.iam.snapshot({ withValues: true }));
      const { status, text } = await ask(method, real(`${path}?${query}&colour=red`));
      expect([status, text]).toEqual([400, expect.stringContaining('colour')]);
      expect(JSON.stringify(cloud.iam.snapshot({ withValues: true }))).toBe(before);
    },
  );

  it.each(ROUTES.filter(([, , query]) => query !== undefined))(
    'that repeats a parameter of %s %s is refused: %s',
    async (method, path, query = '') => {
      const [name = ''] = query.split('=');
      const { status, text } = await ask(method, real(`${path}?${query}&${query}`));
      expect([status, text]).toEqual([400, expect.stringContaining(name)]);
    },
  );

  it('is looked at after the token: who has none learns nothing', async () => {
    const open = new Set(['/identity/token', '/identity/introspect', '/notices/standard-webhooks', '/notices/slack/x']);
    for (const [method, path] of ROUTES.filter(([, path]) => !open.has(path))) {
      const { status } = await ask(method, `${path}?colour=red`, undefined, { authorization: 'Bearer none' });
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });
});

describe('a log line', () => {
  const LINE = { applicationName: 'agent', subsystemName: 'test', text: 'hello' };
  const lines = () => (cloud.snapshot({ withValues: false }) as { logs: object }).logs;

  it.each([
    [LINE],
    [{ ...LINE, text: { level: 'info' } }],
    [{ ...LINE, severity: 1 }],
    [{ ...LINE, severity: 6, timestamp: 1_795_132_800_000.5, hiResTimestamp: '1795132800000000000' }],
    [{ ...LINE, computerName: 'c', category: 'c', className: 'c', methodName: 'm', threadId: 't' }],
  ])('is taken with the documented fields: %j', async (line) => {
    expect(await ask('POST', '/logs/v1/singles', [line])).toEqual({ status: 200, text: '{}' });
    expect(lines()).toMatchObject({ accepted: { logs: 1 }, refused: { logs: 0 } });
  });

  it.each([
    ['no list', LINE, 'body'],
    ['an empty list', [], 'body'],
    ['an unknown field', [{ ...LINE, level: 'info' }], '0.level'],
    ['a severity in words', [{ ...LINE, severity: 'info' }], '0.severity'],
    ['a severity that is none', [{ ...LINE, severity: 7 }], '0.severity'],
    ['no application', [{ ...LINE, applicationName: undefined }], '0.applicationName'],
    ['a bad second line', [LINE, { ...LINE, text: 5 }], '1.text'],
  ])('is refused with %s', async (_, body, place) => {
    const { status, text } = await ask('POST', '/logs-router/v1/singles', body);
    expect([status, text]).toEqual([400, expect.stringContaining(` ${place}: `)]);
    expect(lines()).toMatchObject({ accepted: { 'logs-router': 0 }, refused: { 'logs-router': 1 } });
  });
});
