import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../shared/runtime/log.ts';
import { SecretValue, maskSecrets } from '../../shared/runtime/secret-value.ts';
import { untyped } from '../support/untyped-log.ts';

const TEXT = 'a-made-up-value';
const secret = new SecretValue(TEXT);

describe('a secret value', () => {
  it('is given by reveal, and by nothing else', () => {
    expect(secret.reveal()).toBe(TEXT);
    expect(Object.keys(secret)).toEqual([]);
    expect(Object.getOwnPropertyNames(secret)).toEqual([]);
  });

  it.each([
    ['String()', String(secret)],
    ['a template', `${secret.toString()} ${String([secret])}`],
    ['whoever joins a list', ['key', secret].join('=')],
    ['JSON', JSON.stringify(secret)],
    ['JSON of something around it', JSON.stringify({ a: [{ secret }] })],
    ['inspect', inspect(secret)],
    ['inspect with everything shown', inspect({ a: [new Map([['b', secret]])] }, { depth: null, showHidden: true })],
    ['format with %s, %o and %j', format('%s %o %j', secret, secret, secret)],
  ])('says only that it is redacted to %s', (_, shown) => {
    expect(shown).toContain('[redacted]');
    expect(shown).not.toContain(TEXT);
  });

  it('does not show to whoever asks inspect to ignore its own word', () => {
    expect(inspect(secret, { customInspect: false, showHidden: true })).not.toContain(TEXT);
  });

  it('is not copied by spreading or cloning', () => {
    expect(inspect([Object.assign({}, secret), structuredClone(secret)], { showHidden: true })).not.toContain(TEXT);
  });

  it('does not show in an error that carries it as its cause, nor in the stack', () => {
    const error = new Error('it failed', { cause: { tried: secret } });
    expect(inspect(error, { depth: null })).not.toContain(TEXT);
    expect(inspect(new Error('it failed', { cause: secret }))).not.toContain(TEXT);
  });

  it('does not show in a log line, however deep in a field it stands', () => {
    const nested = fc.integer({ min: 0, max: 9 }).chain((depth) =>
      fc.array(fc.boolean(), { minLength: depth, maxLength: depth }).map((asList) => {
        let value: unknown = secret;
        for (const isList of asList) value = isList ? [value] : { inner: value };
        return value;
      }),
    );
    fc.assert(
      fc.property(nested, fc.constantFrom('json', 'text'), (value, format) => {
        const lines: string[] = [];
        const clock = { nowMs: () => 0, sleep: () => Promise.reject(new Error('a log never waits')) };
        const log = untyped(createLog({ clock, write: (line) => lines.push(line), format }));
        log.info('tried', `tried ${String(value)}`, { value, error: new Error('failed', { cause: value }) });
        expect(lines.join()).not.toContain(TEXT);
      }),
    );
  });
});

const letters = (alphabet: string, length: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet.split('')), { minLength: length, maxLength: length }).map((all) => all.join(''));

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const BASE64URL = `${LOWER}${LOWER.toUpperCase()}${DIGITS}-_`;

const iamKey = letters(BASE64URL, 44).filter((key) => /[a-z]/.test(key) && /[A-Z]/.test(key) && /\d/.test(key));
/** One in a few hundred keys has no digit. */
const iamKeyWithoutDigits = letters(`${LOWER}${LOWER.toUpperCase()}-_`, 44).filter(
  (key) => /[a-z]/.test(key) && /[A-Z]/.test(key),
);
const classicKey = letters('0123456789abcdef', 64);
const token = fc
  .tuple(letters(BASE64URL, 60), letters(BASE64URL, 300), letters(BASE64URL, 86))
  .map(([head, claims, signature]) => `eyJ${head}.eyJ${claims}.${signature}`);

/** What stands around a value in texts that libraries make. */
const before = fc.constantFrom(
  ' ',
  '"',
  "'",
  '=',
  ': ',
  ',',
  '(',
  '/',
  '&',
  '\n',
  '[',
  '%3D',
  '%3d',
  '\\n',
  'apikey%3D',
);
const after = fc.constantFrom(' ', '"', "'", '&', ',', ')', '/', '\n', '\\n', '}', '. ', '%26');

describe('masking a text', () => {
  it.each([
    ['IAM API keys', iamKey],
    ['IAM API keys without a digit', iamKeyWithoutDigits],
    ['classic infrastructure keys', classicKey],
    ['tokens', token],
    ['tokens without a signature', token.map((text) => text.slice(0, text.lastIndexOf('.') + 1))],
  ])('hides %s wherever they stand', (_, values) => {
    fc.assert(
      fc.property(values, before, after, (value, start, end) => {
        expect(maskSecrets(`refused${start}${value}${end}today`)).toBe(`refused${start}[redacted]${end}today`);
      }),
    );
  });

  it('hides every one of several values', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(iamKey, classicKey, token), { minLength: 1, maxLength: 5 }), (values) => {
        const masked = maskSecrets(JSON.stringify({ values, header: `Bearer ${values.join(',')}` }));
        for (const value of values) expect(masked).not.toContain(value);
      }),
    );
  });

  it('leaves the names of our keys as they are', () => {
    const word = (most: number) =>
      fc
        .tuple(letters(LOWER, 1), letters(LOWER + DIGITS, most - 1), fc.nat(most - 1))
        .map(([first, rest, length]) => first + rest.slice(0, length));
    const managedName = fc
      .array(word(20), { minLength: 1, maxLength: 4 })
      .map((words) => words.join('-').slice(0, 60).replace(/-$/, ''));
    fc.assert(
      fc.property(word(16), managedName, letters(LOWER + DIGITS, 12), (deployment, name, op) => {
        const text = `key keyrota-${deployment}-${name}-${op} of ${name}, mint ${op}`;
        expect(maskSecrets(text)).toBe(text);
      }),
    );
  });

  it('leaves the ids of keys, identities, secrets and accounts as they are', () => {
    fc.assert(
      fc.property(fc.uuid(), letters('0123456789abcdef', 32), (id, account) => {
        const text = [
          `ApiKey-${id}`,
          `ServiceId-${id}`,
          `iam-ServiceId-${id}`,
          `Profile-${id}`,
          `iam-Profile-${id}`,
          `{"profile_id":"Profile-${id}","apikey_id":"ApiKey-${id}"}`,
          `profile_id=Profile-${id}&grant_type=x`,
          `profile_id%3DProfile-${id}`,
          id,
          account,
          `crn:v1:bluemix:public:secrets-manager:eu-de:a/${account}:${id}:secret:${id}`,
          '2026-01-05T08:00:00.000Z',
        ].join(' ');
        expect(maskSecrets(text)).toBe(text);
      }),
    );
  });

  it('leaves a longer run of letters as it is: no key is part of a word', () => {
    const text = `x${'aB3_'.repeat(11)}`;
    expect(maskSecrets(text)).toBe(text);
  });

  it('takes no longer than its text is long', () => {
    const startMs = performance.now();
    for (const text of ['eyJ'.repeat(300_000), 'aB3'.repeat(300_000), 'a'.repeat(900_000), 'eyJa.'.repeat(200_000)]) {
      maskSecrets(text);
    }
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});
