import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../functions/show-report/handler.ts';
import { PATHS, routeOf } from '../../functions/show-report/schema.ts';
import { isReader } from '../../shared/auth/report-reader.ts';
import { SECURITY_HEADERS } from '../../shared/report/security-headers.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';

const TOKEN = 'a-report-token-of-32-characters!';
const FORMER = 'the-former-token-of-32-character';
const containing = (text: string): string => expect.stringContaining(text) as string;

const basic = (userAndPassword: string): string => `Basic ${Buffer.from(userAndPassword).toString('base64')}`;

describe('a reader', () => {
  const tokens = [new SecretValue(TOKEN), new SecretValue(FORMER)];
  const reads = (authorization: string | null) => isReader(authorization, tokens);

  it.each([
    `Bearer ${TOKEN}`,
    `bearer ${FORMER}`,
    basic(`anybody:${TOKEN}`),
    basic(`:${FORMER}`),
    basic(`ünï:${TOKEN}`),
    basic(`a b:${TOKEN}`).replace('Basic', 'basic'),
  ])('may read with %s', (authorization) => {
    expect(reads(authorization)).toBe(true);
  });

  it.each([
    null,
    '',
    'Bearer',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN} x`,
    TOKEN,
    basic(TOKEN),
    basic(`${TOKEN}:`),
    basic(`x:${TOKEN} `),
    basic(`x:y:${TOKEN}`),
    `Basic x:${TOKEN}`,
    `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64url')}x`,
    `Digest ${TOKEN}`,
  ])('may not with %s', (authorization) => {
    expect(reads(authorization)).toBe(false);
  });

  it('is nobody where there is no token', () => {
    expect(isReader('Bearer undefined', [])).toBe(false);
    expect(isReader(basic('x:'), [])).toBe(false);
    expect(isReader(null, [])).toBe(false);
  });

  it('may have a colon in the password', () => {
    const colon = new SecretValue(`${'x'.repeat(20)}:${'y'.repeat(20)}`);
    expect(isReader(basic(`somebody:${colon.reveal()}`), [colon])).toBe(true);
  });
});

describe('the function', () => {
  beforeEach(() => {
    const settings = {
      KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:1',
      KEYROTA_PROFILE_ID: 'Profile-1',
      KEYROTA_MANIFEST: '{"deployment":"lab"}',
      KEYROTA_REPORT_TOKEN: TOKEN,
      KEYROTA_REPORT_TOKEN_PREVIOUS: FORMER,
    };
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const call = (path: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }, method = 'GET') =>
    main({ __ce_method: method, __ce_path: path, __ce_headers: headers });

  it('has the headers of a strict page on every answer, whatever it is', async () => {
    const answers = [
      await call('/', {}),
      await call('/nowhere'),
      await call('/', undefined, 'POST'),
      await call('/data.json'), // the manifest has no keys: it is refused
      await call('/'), // nothing is packed beside a test
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 404, 405, 500, 500]);
    for (const { headers } of answers) expect(headers).toMatchObject(SECURITY_HEADERS);
    vi.stubEnv('KEYROTA_ACCOUNT_ID', '');
    const { statusCode, headers } = await call('/');
    expect(statusCode).toBe(500);
    expect(headers).toMatchObject(SECURITY_HEADERS);
  });

  it('allows no script but its own, no markup of texts, no frame and no other host', () => {
    const policy = SECURITY_HEADERS['content-security-policy'].split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
  });

  it('asks for a password, and says nothing else to whoever has none', async () => {
    const answers = await Promise.all(
      [...PATHS, '/nowhere'].flatMap((path) => [call(path, {}), call(path, { authorization: basic('x:wrong') })]),
    );
    for (const { statusCode, headers, body } of answers) {
      expect(statusCode).toBe(401);
      expect(headers['www-authenticate']).toBe('Basic realm="Keyrota", charset="UTF-8"');
      expect(body).toEqual({ code: 'unauthorized', message: 'Unauthorized.' });
    }
  });

  it.each([TOKEN, FORMER])('takes either token, as a password or as a bearer token', async (token) => {
    expect((await call('/nowhere', { authorization: `Bearer ${token}` })).statusCode).toBe(404);
    expect((await call('/nowhere', { Authorization: basic(`me:${token}`) })).statusCode).toBe(404);
  });

  it('is closed where no token is set, and never open', async () => {
    vi.stubEnv('KEYROTA_REPORT_TOKEN', '');
    vi.stubEnv('KEYROTA_REPORT_TOKEN_PREVIOUS', '');
    for (const path of [...PATHS, '/nowhere']) {
      for (const headers of [{}, { authorization: basic('x:') }, { authorization: 'Bearer x' }]) {
        expect(await call(path, headers)).toMatchObject({ statusCode: 503, body: { code: 'report_closed' } });
      }
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('takes no %s', async (method) => {
    expect(await call('/data.json', undefined, method)).toMatchObject({
      statusCode: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });

  it('says what is wrong with its manifest, to its readers alone', async () => {
    const { statusCode, body } = await call('/data.json');
    expect(statusCode).toBe(500);
    expect(body).toMatchObject({ code: 'manifest_invalid', next: containing('docs/manifest.md') });
  });

  it('says what to do where its files are not there', async () => {
    expect(await call('/')).toMatchObject({ statusCode: 500, body: { code: 'page_missing' } });
  });
});

describe('a path', () => {
  it.each([
    ['/', { kind: 'file', path: '/' }],
    ['/report.js', { kind: 'file', path: '/report.js' }],
    ['/report.css', { kind: 'file', path: '/report.css' }],
    ['/data.json', { kind: 'fleet' }],
    ['/metrics', { kind: 'metrics' }],
    ['/keys/cloud-logs-ingest.json', { kind: 'key', name: 'cloud-logs-ingest' }],
  ])('is %s', (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });

  it.each([
    '/main.js',
    '/manifest.json',
    '/package.json',
    '/../main.js',
    '/report.js/',
    '//',
    '/keys/',
    '/keys/.json',
    '/keys/../main.js',
    '/keys/A.json',
    '/keys/%2e%2e.json',
    `/keys/${'x'.repeat(61)}.json`,
    '/keys/a.json/b',
    '/toString',
    '/constructor',
    '',
  ])('is not %s', (path) => {
    expect(() => routeOf(path)).toThrow('There are only');
  });
});
