import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HttpError, functionMain, readRequest } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest, FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';

const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');

/** What Code Engine passes for a body of that type. */
const call = (contentType: string | null, body?: unknown, more: object = {}): object => ({
  __ce_method: 'POST',
  __ce_path: '/',
  __ce_headers: contentType === null ? {} : { 'Content-Type': contentType },
  ...(body !== undefined && { __ce_body: body }),
  ...more,
});

describe('reading a request', () => {
  it('takes the method in capitals, and the path', () => {
    expect(readRequest({ __ce_method: 'get', __ce_path: '/report' })).toMatchObject({ method: 'GET', path: '/report' });
  });

  it('takes a POST to / where nothing else is said', () => {
    for (const params of [{}, { __ce_path: '' }, { __ce_method: 7, __ce_path: null }, null, undefined, 'x', []]) {
      const request = readRequest(params);
      expect(request).toMatchObject({ method: 'POST', path: '/' });
      expect(request.body).toHaveLength(0);
    }
  });

  it('finds a header whatever the case of its name, on both sides', () => {
    const request = readRequest({
      __ce_headers: { 'Ce-Id': '1', 'X-Hub-Signature-256': 'sha256=x', authorization: 'Bearer y' },
    });
    expect(['ce-id', 'CE-ID', 'Ce-Id'].map((name) => request.header(name))).toEqual(['1', '1', '1']);
    expect(request.header('x-hub-signature-256')).toBe('sha256=x');
    expect(request.header('Authorization')).toBe('Bearer y');
  });

  it('reads the type of the body under any case of its name', () => {
    for (const name of ['Content-Type', 'content-type', 'CONTENT-TYPE', 'cOnTeNt-TyPe']) {
      const params = { __ce_headers: { [name]: 'text/plain' }, __ce_body: 'abcd' };
      expect(readRequest(params).body.toString()).toBe('abcd');
    }
  });

  it('says null for a header that is not there', () => {
    for (const headers of [undefined, null, 'x', [], {}]) {
      const request = readRequest({ __ce_headers: headers });
      const found = ['authorization', 'constructor', '__proto__'].map((name) => request.header(name));
      expect(found).toEqual([null, null, null]);
    }
  });
});

describe('the body of a request', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'application/octet-stream', 'image/png', null])(
    'is the exact bytes that were sent as %s',
    (contentType) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          expect([...readRequest(call(contentType, base64(bytes))).body]).toEqual([...bytes]);
        }),
      );
    },
  );

  it.each(['text/plain', 'text/plain; charset=utf-8', 'TEXT/CSV', 'application/x-www-form-urlencoded'])(
    'is the text itself for %s, even where it looks like base64',
    (contentType) => {
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
          expect(readRequest(call(contentType, text)).body.toString()).toBe(text);
        }),
      );
    },
  );

  it.each(['application/cloudevents+json', 'application/json', 'application/vnd.other'])(
    'is the same object for %s, whether it arrives as base64 or as text',
    (contentType) => {
      fc.assert(
        fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), (value) => {
          const text = JSON.stringify(value);
          const bodies = [text, base64(text)].map((body) => readRequest(call(contentType, body)).body.toString());
          expect(bodies).toEqual([text, text]);
        }),
      );
    },
  );

  it('is empty where there is none', () => {
    for (const contentType of ['application/json', 'text/plain', null]) {
      expect(readRequest(call(contentType)).body).toHaveLength(0);
      expect(readRequest(call(contentType, '')).body).toHaveLength(0);
    }
  });

  it('is JSON again where the platform has parsed it', () => {
    expect(readRequest(call('application/json', { dryRun: true })).body.toString()).toBe('{"dryRun":true}');
  });

  it('is empty where it is null, also in the field of a timer', () => {
    for (const headers of [{}, { 'Content-Type': 'application/json' }, { 'Content-Type': 'text/plain' }]) {
      const bodies = [
        { __ce_headers: headers, __ce_body: null },
        { __ce_headers: { ...headers, 'Ce-Type': 'timer' }, body: null },
        { __ce_headers: { ...headers, 'Ce-Type': 'timer' }, __ce_body: null, body: null },
      ].map((params) => readRequest(params).body);
      expect(bodies.map(({ length }) => length)).toEqual([0, 0, 0]);
    }
  });

  it('is the exact bytes of the largest that Code Engine takes, five megabytes and more', () => {
    for (const megabytes of [1, 5, 10]) {
      const bytes = Buffer.alloc(megabytes * 1024 * 1024 + 1, 'a body that repeats itself ');
      expect(readRequest(call('application/json', base64(bytes))).body.equals(bytes)).toBe(true);
    }
  });
});

describe('the data of a timer', () => {
  const event = { __ce_headers: { 'Ce-Type': 'dev.knative.sources.ping', 'Content-Type': 'application/json' } };

  it('is taken from `body` where the event has no body of its own', () => {
    expect(readRequest({ ...event, body: '{"dryRun":true}' }).body.toString()).toBe('{"dryRun":true}');
    expect(readRequest({ ...event, body: { dryRun: true } }).body.toString()).toBe('{"dryRun":true}');
    expect(readRequest({ ...event, body: base64('{"dryRun":true}') }).body.toString()).toBe('{"dryRun":true}');
  });

  it('is taken from the real body first', () => {
    const params = { ...event, __ce_body: base64('{"a":1}'), body: '{"b":2}' };
    expect(readRequest(params).body.toString()).toBe('{"a":1}');
  });

  it('is never taken from `body` of a request that is no event', () => {
    expect(readRequest({ ...call('application/json'), body: '{"force":true}' }).body).toHaveLength(0);
  });
});

describe('fields that the caller sets', () => {
  it('change nothing: only those of the platform are read', () => {
    const names = fc
      .oneof(fc.string(), fc.constantFrom('method', 'path', 'headers', 'authorization', 'body', 'ce_headers', 'header'))
      .filter((name) => !name.startsWith('__ce_'));
    const seen = (request: FunctionRequest) => ({
      method: request.method,
      path: request.path,
      headers: ['authorization', 'content-type', 'ce-id'].map((name) => request.header(name)),
      body: request.body.toString('hex'),
    });
    const plain = call('application/json', base64('{"a":1}'));
    fc.assert(
      fc.property(fc.dictionary(names, fc.anything()), (others) => {
        expect(seen(readRequest({ ...others, ...plain }))).toEqual(seen(readRequest(plain)));
        expect(seen(readRequest({ ...others }))).toEqual(seen(readRequest({})));
      }),
    );
  });
});

describe('the main of a function', () => {
  const errors: unknown[] = [];
  const mainOf = (handle: (request: FunctionRequest) => Promise<FunctionResponse>) => {
    errors.length = 0;
    return functionMain(handle, (error) => errors.push(error));
  };
  const failing = (failure: unknown) => mainOf(() => Promise.reject(failure));

  it('gives the answer as JSON that nobody keeps', async () => {
    const main = mainOf(({ body }) => Promise.resolve({ status: 201, body: { bytes: body.length } }));
    await expect(main(call('application/json', base64('{}')))).resolves.toEqual({
      statusCode: 201,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: { bytes: 2 },
    });
  });

  it('lets the answer set headers', async () => {
    const headers = { 'retry-after': '5', 'cache-control': 'max-age=1' };
    const main = mainOf(() => Promise.resolve({ status: 200, headers, body: {} }));
    await expect(main({})).resolves.toMatchObject({
      headers: { 'content-type': 'application/json', 'retry-after': '5', 'cache-control': 'max-age=1' },
    });
  });

  it('gives text as it is, and bytes as base64: the platform wants other types than JSON and text like that', async () => {
    const answers = { text: 'a text – "as it is"', bytes: Buffer.from([0, 255, 10]) };
    const given = await Promise.all(
      Object.values(answers).map((body) => mainOf(() => Promise.resolve({ status: 200, body }))({})),
    );
    expect(given.map(({ body }) => body)).toEqual([answers.text, 'AP8K']);
  });

  it('has the headers of every answer on failures too, below those that an answer sets', async () => {
    const always = { 'x-frame-options': 'DENY', 'cache-control': 'private' };
    const handles = [
      () => Promise.resolve({ status: 200, headers: { 'cache-control': 'max-age=1' }, body: {} }),
      () => Promise.reject(new HttpError(404, 'not_found', 'Nothing.')),
      () => Promise.reject(new Error('a-made-up-text')),
    ];
    const given = await Promise.all(handles.map((handle) => functionMain(handle, () => undefined, always)({})));
    expect(given.map(({ headers }) => headers['x-frame-options'])).toEqual(['DENY', 'DENY', 'DENY']);
    expect(given.map(({ headers }) => headers['cache-control'])).toEqual(['max-age=1', 'private', 'private']);
  });

  it('answers an HttpError as it says, and does not log it', async () => {
    await expect(failing(new HttpError(401, 'unauthorized', 'Unauthorized.'))({})).resolves.toMatchObject({
      statusCode: 401,
      body: { code: 'unauthorized', message: 'Unauthorized.' },
    });
    expect(errors).toEqual([]);
  });

  it('answers another failure of ours with its code alone', async () => {
    const error = new KeyrotaError('settings_invalid', 'a-made-up-text', { next: 'a-made-up-text' });
    const answer = await failing(error)({});
    expect(answer).toMatchObject({ statusCode: 500, body: { code: 'settings_invalid' } });
    expect(JSON.stringify(answer)).not.toContain('a-made-up-text');
    expect(errors).toEqual([error]);
  });

  it.each([
    ['an error', new Error('a-made-up-text', { cause: 'a-made-up-text' })],
    [
      'an error that looks like ours',
      Object.assign(new Error('a-made-up-text'), { status: 200, code: 'a-made-up-text' }),
    ],
    ['a text', 'a-made-up-text'],
    ['nothing', undefined],
  ])('answers %s that nobody expected with a plain 500, and hands it to the log', async (_, error) => {
    const answer = await failing(error)({});
    expect(answer).toMatchObject({ statusCode: 500, body: { code: 'unexpected' } });
    expect(JSON.stringify(answer)).not.toContain('a-made-up-text');
    expect(errors).toEqual([error]);
  });

  it('answers although the log itself fails', async () => {
    const main = functionMain(
      () => Promise.reject(new Error('the first failure')),
      () => {
        throw new Error('a-made-up-text');
      },
    );
    await expect(main({})).resolves.toEqual({
      statusCode: 500,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: { code: 'unexpected', message: 'The run failed; its log says why.' },
    });
  });

  it('tells of a failure its code and one sentence, and nothing else: no stack, no cause, no name', async () => {
    const cause = new Error('a-made-up-text');
    const failures = [
      new HttpError(409, 'conflict', 'Not now.'),
      new KeyrotaError('no_answer', 'a-made-up-text', { cause }),
      new Error('a-made-up-text', { cause }),
    ];
    for (const failure of failures) {
      const { body } = await failing(failure)({});
      expect(Object.keys(body).toSorted()).toEqual(['code', 'message']);
      expect(JSON.stringify(body)).not.toMatch(/a-made-up-text|\.ts|\bat /);
    }
  });

  it('answers a handler that throws before it waits', async () => {
    const main = mainOf(() => {
      throw new HttpError(400, 'invalid_request', 'No.');
    });
    await expect(main({})).resolves.toMatchObject({ statusCode: 400 });
  });

  it('never rejects, whatever it is called with', async () => {
    const main = mainOf((request) =>
      Promise.resolve({ status: 200, body: { type: request.header('content-type'), length: request.body.length } }),
    );
    const field = fc.constantFrom('__ce_method', '__ce_headers', '__ce_path', '__ce_body', 'body');
    const params = fc.oneof(fc.anything(), fc.dictionary(field, fc.anything({ withBigInt: true, withMap: true })));
    await fc.assert(
      fc.asyncProperty(params, async (given) => {
        expect([200, 500]).toContain((await main(given)).statusCode);
      }),
    );
  });
});
