import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../infra/local/faults.ts';
import { IamCloud } from './support/iam-cloud.ts';

const MESSAGE = { type: 'key.compromised', timestamp: '2026-11-20T00:00:00Z', data: { key: 'ApiKey-1' } };

let world: IamCloud;

beforeEach(async () => {
  world = await IamCloud.start();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  world.clock.stop();
});

const post = (path: string, body: string, headers: Record<string, string>) =>
  fetch(`${world.url}${path}`, { method: 'POST', body, headers, redirect: 'manual' });

describe('the receiver of Standard Webhooks', () => {
  const PATH = '/notices/standard-webhooks';

  interface Sent {
    id?: string;
    body?: string;
    /** Seconds by which its time is off. */
    offS?: number;
    secret?: string;
    headers?: Record<string, string>;
  }

  /** Signs as the published library does. */
  async function send({ id = 'msg_1', body = JSON.stringify(MESSAGE), offS = 0, secret, headers }: Sent = {}) {
    const at = new Date(world.clock.nowMs() + offS * 1_000);
    const signature = new Webhook(secret ?? world.cloud.notices.secret).sign(id, at, body);
    const timestamp = String(Math.floor(at.getTime() / 1_000));
    const own = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
    const response = await post(PATH, body, { 'content-type': 'application/json', ...own, ...headers });
    return response.status;
  }

  it('takes what is signed with the secret, and keeps it in order', async () => {
    expect(world.cloud.notices.secret).toMatch(/^whsec_[\w+/]{43}=$/);
    expect([await send({ id: 'b' }), await send({ id: 'a' })]).toEqual([204, 204]);
    const kept = ['b', 'a'].map((id) => ({ id, atMs: expect.any(Number) as number, times: 1, body: MESSAGE }));
    expect(world.cloud.notices.webhooks).toEqual(kept);
    expect(world.cloud.snapshot({ withValues: false })).toMatchObject({ notices: { webhooks: kept, slack: [] } });
  });

  it.each([
    [-299, 204],
    [-302, 401],
    [299, 204],
    [302, 401],
  ])('looks at the time by the clock of the cloud: %i s off is %i', async (offS, status) => {
    await world.pass(30 * 86_400_000);
    expect(await send({ offS })).toBe(status);
  });

  it('accepts any good one of several signatures', async () => {
    const at = new Date(world.clock.nowMs());
    const good = new Webhook(world.cloud.notices.secret).sign('msg_1', at, JSON.stringify(MESSAGE));
    expect(await send({ headers: { 'webhook-signature': `v1,bad v1a,x ${good}` } })).toBe(204);
  });

  it.each([
    ['another secret', { secret: `whsec_${Buffer.alloc(32).toString('base64')}` }],
    ['no signature', { headers: { 'webhook-signature': '' } }],
    ['a signature of another version', { headers: { 'webhook-signature': 'v1a,AAAA' } }],
    ['no id', { headers: { 'webhook-id': '' } }],
    ['another id', { headers: { 'webhook-id': 'msg_2' } }],
    ['an id with a dot', { id: 'a.b' }],
    ['no time', { headers: { 'webhook-timestamp': '' } }],
    ['a time that is no whole number', { headers: { 'webhook-timestamp': '1614265330.5' } }],
  ] satisfies [string, Sent][])('refuses %s with 401', async (_, sent) => {
    expect(await send(sent)).toBe(401);
    expect(world.cloud.notices.webhooks).toEqual([]);
  });

  it('verifies the bytes as they came', async () => {
    const body = `${JSON.stringify(MESSAGE, null, 2)}\n`;
    expect(await send({ body })).toBe(204);
    const compact = JSON.stringify(MESSAGE);
    const at = new Date(world.clock.nowMs());
    const signature = new Webhook(world.cloud.notices.secret).sign('msg_1', at, compact);
    expect(await send({ body, headers: { 'webhook-signature': signature } })).toBe(401);
  });

  it.each([
    ['no JSON', '{'],
    ['no type', JSON.stringify({ ...MESSAGE, type: undefined })],
    ['a type with spaces', JSON.stringify({ ...MESSAGE, type: 'key compromised' })],
    ['no time', JSON.stringify({ ...MESSAGE, timestamp: 'today' })],
    ['no data', JSON.stringify({ ...MESSAGE, data: undefined })],
    ['an unknown field', JSON.stringify({ ...MESSAGE, colour: 'red' })],
  ])('refuses a signed body with %s', async (_, body) => {
    expect(await send({ body })).toBe(400);
  });

  it('refuses what is not declared JSON, and other methods', async () => {
    expect(await send({ headers: { 'content-type': 'text/plain' } })).toBe(415);
    expect((await fetch(`${world.url}${PATH}`)).status).toBe(501);
  });

  it('takes a repeated message once, and refuses another one with its id', async () => {
    expect([await send(), await send()]).toEqual([204, 204]);
    expect(world.cloud.notices.webhooks).toMatchObject([{ id: 'msg_1', times: 2 }]);
    expect(await send({ body: JSON.stringify({ ...MESSAGE, data: {} }) })).toBe(400);
  });

  it.each([410, 500, 429, 503])('has the trouble that is injected: %i', async (status) => {
    world.cloud.faults.add(Fault.parse({ match: `POST ${PATH}`, status, retryAfterSeconds: 7 }));
    expect([await send(), world.cloud.notices.webhooks, await send()]).toEqual([status, [], 204]);
  });

  it('redirects where that is injected', async () => {
    const location = 'https://elsewhere.example/';
    world.cloud.faults.add(Fault.parse({ match: `POST ${PATH}`, status: 307, location }));
    const redirected = await post(PATH, '{}', {});
    expect([redirected.status, redirected.headers.get('location')]).toEqual([307, location]);
  });
});

describe('the receiver of messages to Slack', () => {
  const path = (token = world.cloud.notices.slackToken) => `/notices/slack/${token}`;

  async function send(body: unknown, to = path(), type = 'application/json'): Promise<[number, string]> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await post(to, text, { 'content-type': type });
    return [response.status, await response.text()];
  }

  const section = (length: number) => ({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(length) } });

  it('takes a text, and blocks with it, and keeps them in order', async () => {
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: 'A key leaked' } },
      section(3_000),
      { type: 'section', fields: [{ type: 'mrkdwn', text: '*Key*\nApiKey-1' }] },
      { type: 'divider' },
      { type: 'context', elements: [{ type: 'mrkdwn', text: 'now' }] },
    ];
    expect(await send({ text: 'first' })).toEqual([200, 'ok']);
    expect(await send({ text: 'second', blocks })).toEqual([200, 'ok']);
    expect(world.cloud.notices.slack).toMatchObject([{ text: 'first' }, { text: 'second', blocks }]);
    expect(world.cloud.snapshot({ withValues: false })).toMatchObject({
      notices: { slack: [{ text: 'first' }, { text: 'second' }] },
    });
  });

  it.each([
    ['no text', { blocks: [section(1)] }, 'no_text'],
    ['an empty text', { text: ' ' }, 'no_text'],
    ['a text of 40001 characters', { text: 'x'.repeat(40_001) }, 'msg_too_long'],
    ['a section of 3001 characters', { text: 'a', blocks: [section(3_001)] }, 'invalid_blocks'],
    ['an empty section', { text: 'a', blocks: [{ type: 'section' }] }, 'invalid_blocks'],
    ['51 blocks', { text: 'a', blocks: Array.from({ length: 51 }, () => section(1)) }, 'invalid_blocks'],
    ['no list of blocks', { text: 'a', blocks: {} }, 'invalid_blocks'],
    ['an unknown block', { text: 'a', blocks: [{ type: 'other' }] }, 'invalid_blocks'],
    ['a text that is none', { text: 1 }, 'invalid_payload'],
    ['an unknown field', { text: 'a', colour: 'red' }, 'invalid_payload'],
    ['no JSON', '{', 'invalid_payload'],
  ])('refuses %s', async (_, body, words) => {
    expect(await send(body)).toEqual([400, words]);
    expect(world.cloud.notices.slack).toEqual([]);
  });

  it('refuses what is not declared JSON, and a token that is not its own', async () => {
    expect(await send({ text: 'a' }, path(), 'text/plain')).toEqual([400, 'invalid_payload']);
    expect(await send({ text: 'a' }, path('other'))).toEqual([403, 'invalid_token']);
  });

  it('has the trouble that is injected', async () => {
    world.cloud.faults.add(Fault.parse({ match: 'POST /notices/slack/*', status: 429, retryAfterSeconds: 30 }));
    const busy = await post(path(), '{}', {});
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '30']);
  });

  it('has a token that the log of calls does not tell, nor the state unless it is asked to', async () => {
    const { slackToken, secret } = world.cloud.notices;
    await send({ text: 'a' });
    await send({ text: 'a' }, `${path()}/more`);
    const paths = world.cloud.calls.list().map((call) => call.path);
    expect(paths).toEqual(['/notices/slack/[value]', '/notices/slack/[value]']);
    const shown = [true, false].map((withValues) => {
      const text = JSON.stringify(world.cloud.snapshot({ withValues }));
      return [text.includes(slackToken), text.includes(secret)];
    });
    expect(shown).toEqual([
      [true, true],
      [false, false],
    ]);
  });
});
