import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld } from './world.ts';
import type { World } from './world.ts';

/** Returns what the body of the request says, or does what its query says. */
const SOURCE = `
const cases = {
  undefined: () => undefined,
  text: () => 'text',
  array: () => [],
  circular: () => { const result = { body: '' }; result.self = result; return result; },
  big: () => ({ body: 'x'.repeat(5_000_001) }),
  limit: () => ({ body: 'x'.repeat(5_000_000) }),
  throw: () => { throw new Error('secret \\u2013 text\\nof a function'); },
  reject: () => Promise.reject('a string'),
};
exports.main = (params) => params.case ? cases[params.case]() : JSON.parse(params.__ce_body);
`;

describe('the result of a function', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ f: SOURCE });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const answerTo = (result: object) =>
    world.call('/f', { method: 'POST', body: JSON.stringify(result), headers: { 'content-type': 'text/plain' } });
  const typed = (type: string, body: unknown) => answerTo({ statusCode: 200, headers: { 'Content-Type': type }, body });

  it('gives the status, and says that the function set it', async () => {
    const response = await answerTo({ statusCode: 404, headers: {}, body: 'nothing here' });
    expect(response.status).toBe(404);
    expect(response.headers.get('x-faas-actionstatus')).toBe('404');
    expect(await response.text()).toBe('nothing here');
  });

  it('has status 200 and no body by default', async () => {
    const response = await answerTo({});
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(response.headers.get('x-faas-actionstatus')).toBeNull();
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('carries the ids of the platform', async () => {
    const response = await answerTo({ statusCode: 200 });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('x-faas-activation-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('x-faas-result')).toBe('success');
    expect(response.headers.get('date'), 'in virtual time').toBe('Fri, 20 Nov 2026 00:00:00 GMT');
  });

  it.each([199, 600, 200.5, '200', null, {}])('is 422 with statusCode %j', async (statusCode) => {
    const response = await answerTo({ statusCode, body: 'x' });
    expect([response.status, await response.text()]).toEqual([422, '']);
    expect(response.headers.get('x-faas-actionstatus')).toBeNull();
  });

  it('ignores a key named status', async () => {
    expect((await answerTo({ status: 500 })).status).toBe(200);
  });

  it('gives headers of strings, numbers, booleans and arrays', async () => {
    const headers = { 'X-Text': 'a', 'x-number': 1, 'X-Bool': true, 'Set-Cookie': ['a=1', 'b=2'], 'x-text': 'last' };
    const response = await answerTo({ statusCode: 200, headers });
    expect(response.headers.get('x-text')).toBe('last');
    expect(response.headers.get('x-number')).toBe('1');
    expect(response.headers.get('x-bool')).toBe('true');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it.each([{ 'a b': '1' }, { 'a\\b': '1' }, { a: {} }, { a: [null] }, { a: 'x\ny' }, 'none'])(
    'is 400 with headers %j',
    async (headers) => {
      expect((await answerTo({ statusCode: 200, headers })).status).toBe(400);
    },
  );

  it('gives a JSON body from an object, an array or a string', async () => {
    expect(await (await typed('application/json', { a: ['\\', '"'] })).json()).toEqual({ a: ['\\', '"'] });
    expect(await (await typed('application/json; charset=utf-8', [1])).json()).toEqual([1]);
    expect(await (await typed('application/json', '{"b":2}')).json()).toEqual({ b: 2 });
  });

  it('gives a text body from a string only', async () => {
    expect(await (await typed('text/html', '<p>ü</p>')).text()).toBe('<p>ü</p>');
    expect((await typed('text/html', { a: 1 })).status).toBe(400);
    expect((await answerTo({ body: { a: 1 } })).status).toBe(400);
    expect((await typed('application/json', 7)).status).toBe(400);
  });

  it('gives a body of any other type from base64', async () => {
    const bytes = Buffer.from([0, 255, 128, 10]);
    const response = await typed('image/png', bytes.toString('base64'));
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    expect((await typed('image/png', 'no base64!')).status).toBe(400);
  });

  it('keeps the body away from a status that has none', async () => {
    const response = await answerTo({ statusCode: 204, body: 'x' });
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  it('is 416 when the body is larger than 5 MB', async () => {
    expect((await world.call('/f?case=big')).status).toBe(416);
    expect((await world.call('/f?case=limit')).status).toBe(200);
  });

  it.each(['undefined', 'text', 'array', 'circular'])('is 502 when it is %s', async (name) => {
    const response = await world.call(`/f?case=${name}`);
    expect([response.status, await response.text()]).toEqual([502, '']);
  });

  it('is 500 when the function throws, with the text in a header and in the log alone', async () => {
    const response = await world.call('/f?case=throw');
    expect([response.status, await response.text()]).toEqual([500, '']);
    expect(response.headers.get('x-faas-errormessage')).toBe('secret   text of a function');
    expect(response.headers.get('x-faas-actionstatus')).toBeNull();
    expect(world.log).toContain('f stderr Error: secret – text');
    expect((await world.call('/f?case=reject')).headers.get('x-faas-errormessage')).toBe('a string');
  });
});
