import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { callRotateKeys } from '../../shared/clients/rotate-keys-call.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { spoiltServer } from './support/served.ts';

const TOKEN = 'trigger-token-0123456789-0123456789';
const FORMER = 'former-token-0123456789-0123456789-';
const triggerTokens = [new SecretValue(TOKEN), new SecretValue(FORMER)];

/** Nobody waits: what a server of the test answers is there at once. */
const patient: Clock = { ...systemClock, sleep: () => new Promise(() => undefined) };

const answeringWith = (status: number, headers: Record<string, string> = {}, body = '{}') =>
  spoiltServer((outgoing) => {
    outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
    outgoing.end(body);
  });

const call = (
  rotateKeysUrl: string | null,
  { only = ['one'], clock = patient, ...more }: Record<string, unknown> & { only?: string[]; clock?: Clock } = {},
) => callRotateKeys({ only, ...more }, { settings: { rotateKeysUrl, triggerTokens }, clock, http: {} });

describe('a call of rotate-keys', () => {
  it('names the entries, and carries the first trigger token, on a connection of its own', async () => {
    const seen: object[] = [];
    const take = async (outgoing: ServerResponse, incoming: IncomingMessage) => {
      const { method, url, headers } = incoming;
      const { authorization, connection, 'content-type': type } = headers;
      seen.push({ method, url, authorization, connection, type, body: JSON.parse(await text(incoming)) as unknown });
      outgoing.end('{}');
    };
    await using server = await spoiltServer((outgoing, incoming) => void take(outgoing, incoming));
    expect(await call(server.url, { only: ['one', 'two'], incidents: [{ id: 1 }] })).toEqual({ outcome: 'accepted' });
    expect(await call(`${server.url}/below/it`)).toEqual({ outcome: 'accepted' });
    const common = { method: 'POST', authorization: `Bearer ${TOKEN}`, connection: 'close', type: 'application/json' };
    expect(seen).toEqual([
      { ...common, url: '/', body: { only: ['one', 'two'], incidents: [{ id: 1 }] } },
      { ...common, url: '/below/it', body: { only: ['one'] } },
    ]);
  });

  it.each([200, 202, 204, 299])('is accepted with %i', async (status) => {
    await using server = await answeringWith(status);
    expect(await call(server.url)).toEqual({ outcome: 'accepted' });
  });

  it.each([400, 401, 404, 429, 500, 503])('has failed with %i, and is not repeated', async (status) => {
    await using server = await answeringWith(
      status,
      { 'retry-after': '0' },
      JSON.stringify({ message: `no ${TOKEN}` }),
    );
    const answer = await call(server.url);
    expect(answer).toMatchObject({ outcome: 'failed', why: expect.stringContaining(`status ${status}`) as string });
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
    expect(server.requests).toBe(1);
  });

  it.each([301, 302, 307, 308])('follows no redirect: %i', async (status) => {
    await using elsewhere = await answeringWith(200);
    await using server = await answeringWith(status, { location: elsewhere.url });
    expect(await call(server.url)).toMatchObject({ outcome: 'failed' });
    expect([server.requests, elsewhere.requests]).toEqual([1, 0]);
  });

  it('is sent where no answer comes in time', async () => {
    const arrived = Promise.withResolvers<void>();
    const waits: number[] = [];
    await using server = await spoiltServer(() => arrived.resolve());
    const clock: Clock = {
      ...systemClock,
      sleep: (delayMs) => {
        waits.push(delayMs);
        return arrived.promise;
      },
    };
    expect(await call(server.url, { clock })).toEqual({ outcome: 'sent' });
    const settings = { rotateKeysUrl: server.url, triggerTokens };
    const options = { settings, clock, http: {}, waitMs: 500 };
    expect(await callRotateKeys({ only: ['one'] }, options)).toEqual({ outcome: 'sent' });
    expect(waits).toEqual([2_000, 500]);
  });

  it('has failed where nobody listens, or the connection breaks', async () => {
    const server = await spoiltServer((outgoing) => outgoing.destroy());
    expect(await call(server.url)).toMatchObject({
      outcome: 'failed',
      why: expect.stringContaining('no answer') as string,
    });
    await server[Symbol.asyncDispose]();
    expect(await call(server.url)).toMatchObject({ outcome: 'failed' });
  });

  it('is not made without an address or a token', async () => {
    expect(await call(null)).toEqual({ outcome: 'not-configured' });
    const settings = { rotateKeysUrl: 'https://rotate-keys.example', triggerTokens: [] };
    expect(await callRotateKeys({ only: ['one'] }, { settings, clock: patient, http: {} })).toEqual({
      outcome: 'not-configured',
    });
  });

  it('names at most 1,000 entries', async () => {
    await using server = await answeringWith(200);
    const names = (count: number) => Array.from({ length: count }, (_, index) => `key-${index}`);
    expect(await call(server.url, { only: names(1_000) })).toEqual({ outcome: 'accepted' });
    expect(await call(server.url, { only: names(1_001) })).toMatchObject({ outcome: 'failed' });
    expect(server.requests).toBe(1);
  });

  it('never throws, whatever is wrong', async () => {
    for (const address of ['no address', 'http://']) expect(await call(address)).toMatchObject({ outcome: 'failed' });
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(await call('http://127.0.0.1:1', { incidents: [circle] })).toMatchObject({ outcome: 'failed' });
  });
});
