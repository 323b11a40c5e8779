import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld } from './world.ts';
import type { World } from './world.ts';

interface Params {
  __ce_method: string;
  __ce_headers: Record<string, string>;
  __ce_path: string;
  __ce_query: string;
  __ce_body?: string;
  [key: string]: unknown;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the params of a function', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ echo: 'exports.main = (params) => json(params);' });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const paramsOf = async (path: string, init?: RequestInit) =>
    (await (await world.call(`/echo${path}`, init)).json()) as Params;
  const postedParams = (body: string, type: string) =>
    paramsOf('/', { method: 'POST', body, headers: { 'content-type': type } });

  it('name the method and the path below the function', async () => {
    expect(await paramsOf('/a/b%20c')).toMatchObject({ __ce_method: 'GET', __ce_path: '/a/b%20c', __ce_query: '' });
    expect(await paramsOf('', { method: 'DELETE' })).toMatchObject({ __ce_method: 'DELETE', __ce_path: '/' });
    expect((await paramsOf('/')).__ce_path).toBe('/');
  });

  it('have no body key when the request has no body', async () => {
    expect(await paramsOf('')).not.toHaveProperty('__ce_body');
    const emptyJson = { method: 'POST', body: '', headers: { 'content-type': 'application/json' } };
    expect(await paramsOf('', emptyJson)).not.toHaveProperty('__ce_body');
  });

  it('hold headers under their canonical names, without the mark of the host', async () => {
    const headers = { 'x-hub-signature-256': 'sha256=1', 'CE-ID': '7', 'x-keyrota-local-instance': '1.1' };
    const { __ce_headers: given } = await paramsOf('', { headers });
    expect(given).toMatchObject({ 'X-Hub-Signature-256': 'sha256=1', 'Ce-Id': '7' });
    expect(given['X-Request-Id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.keys(given)).not.toContain('X-Keyrota-Local-Instance');
  });

  it('hold the query as it came, and decoded under its keys', async () => {
    expect(await paramsOf('?planet=Mars%20II&x=1+2')).toMatchObject({
      __ce_query: 'planet=Mars%20II&x=1+2',
      planet: 'Mars II',
      x: '1 2',
    });
  });

  it('unfold a JSON body over the query and keep its exact bytes', async () => {
    const init = {
      method: 'POST',
      body: '{"a": 1, "b": {"c": [true]}}',
      headers: { 'content-type': 'application/json' },
    };
    const params = await paramsOf('?a=query&d=4', init);
    expect(params).toMatchObject({ a: 1, b: { c: [true] }, d: '4', __ce_body: base64('{"a": 1, "b": {"c": [true]}}') });
  });

  it('treat a body without a type as JSON', async () => {
    const params = await paramsOf('', { method: 'POST', body: new Uint8Array(Buffer.from('{"a":1}')) });
    expect(params).toMatchObject({ a: 1, __ce_body: base64('{"a":1}') });
  });

  it('unfold nothing from a JSON array', async () => {
    const params = await postedParams('[{"a":1}]', 'application/json; charset=utf-8');
    expect(Object.keys(params).filter((key) => !key.startsWith('__ce_'))).toEqual([]);
    expect(params.__ce_body).toBe(base64('[{"a":1}]'));
  });

  it.each(['text/plain', 'text/csv;charset=utf-8', 'application/x-www-form-urlencoded'])(
    'hold a %s body as text',
    async (type) => {
      const params = await postedParams('a=1&b="ü"', type);
      expect(params.__ce_body).toBe('a=1&b="ü"');
      expect(params).not.toHaveProperty('a');
    },
  );

  it.each(['application/octet-stream', 'image/png', 'multipart/mixed; boundary=x', 'application/cloudevents+json'])(
    'hold a %s body as base64 and unfold nothing',
    async (type) => {
      const params = await postedParams('{"a":1}', type);
      expect(params.__ce_body).toBe(base64('{"a":1}'));
      expect(params).not.toHaveProperty('a');
    },
  );

  it('are refused with 400 when a JSON body is broken', async () => {
    const broken = { method: 'POST', body: '{"a":', headers: { 'content-type': 'application/json' } };
    const response = await world.call('/echo', broken);
    expect([response.status, response.headers.get('x-faas-actionstatus')]).toEqual([400, null]);
    expect((await world.call('/echo', { method: 'POST', body: new Uint8Array([0x7b]) })).status).toBe(400);
  });

  it('are refused with 400 when query or body supply a reserved key', async () => {
    expect((await world.call('/echo?__ce_path=/x')).status).toBe(400);
    const body = { method: 'POST', body: '{"__ce_new":1}', headers: { 'content-type': 'application/json' } };
    expect((await world.call('/echo', body)).status).toBe(400);
    expect((await postedParams('{"__ce_new":1}', 'text/plain')).__ce_body).toBe('{"__ce_new":1}');
  });

  it('are refused with 413 when the body is larger than 5 MB', async () => {
    const headers = { 'content-type': 'audio/x' };
    const tooMuch = { method: 'POST', body: new Uint8Array(5_000_001), headers };
    expect((await world.call('/echo', tooMuch)).status).toBe(413);
    // The echo in base64 is too big as an answer, which shows that the request was taken.
    expect((await world.call('/echo', { ...tooMuch, body: new Uint8Array(5_000_000) })).status).toBe(416);
  });

  it('are built for nobody when there is no such function', async () => {
    expect((await world.call('/nobody')).status).toBe(404);
  });
});
