import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTrusted } from '../../shared/auth/trigger-token.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';

const NEW = 'new-token-0123456789-0123456789-x';
const FORMER = 'old-token-0123456789-0123456789-x';
const both = [new SecretValue(NEW), new SecretValue(FORMER)];

describe('a bearer token', () => {
  it('is trusted when it is the new one or the former one', () => {
    expect(isTrusted(`Bearer ${NEW}`, both)).toBe(true);
    expect(isTrusted(`Bearer ${FORMER}`, both)).toBe(true);
  });

  it('is not trusted any more once the former one is taken away', () => {
    expect(isTrusted(`Bearer ${FORMER}`, both.slice(0, 1))).toBe(false);
  });

  it('may have its scheme written in any case', () => {
    expect(isTrusted(`bearer ${NEW}`, both)).toBe(true);
    expect(isTrusted(`BEARER ${NEW}`, both)).toBe(true);
  });

  it.each([
    ['no header', null],
    ['an empty header', ''],
    ['the scheme alone', 'Bearer'],
    ['the scheme and a blank', 'Bearer '],
    ['no scheme', NEW],
    ['another scheme', `Basic ${NEW}`],
    ['a scheme that only ends so', `NotBearer ${NEW}`],
    ['a part of the token', `Bearer ${NEW.slice(0, -1)}`],
    ['more than the token', `Bearer ${NEW}x`],
    ['the token in another case', `Bearer ${NEW.toUpperCase()}`],
    ['two tokens', `Bearer ${NEW} ${FORMER}`],
    ['a blank before', ` Bearer ${NEW}`],
    ['a line end after', `Bearer ${NEW}\n`],
    ['a line before', `x\nBearer ${NEW}`],
  ])('is refused for %s', (_, header) => {
    expect(isTrusted(header, both)).toBe(false);
  });

  it('is refused, whatever it is, where no token is configured', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(null), fc.string(), fc.constant(`Bearer ${NEW}`)), (header) => {
        expect(isTrusted(header, [])).toBe(false);
      }),
    );
    expect(isTrusted('Bearer undefined', [])).toBe(false);
  });

  it('is not matched by an empty one that slipped into the configuration', () => {
    const empty = [new SecretValue('')];
    expect([isTrusted(null, empty), isTrusted('Bearer ', empty), isTrusted('', empty)]).toEqual([false, false, false]);
  });

  it('is trusted exactly when it is one of the configured ones', () => {
    const visible = fc.stringMatching(/^[\u0021-\u007e]{1,60}$/);
    fc.assert(
      fc.property(visible, fc.array(visible, { maxLength: 3 }), (given, configured) => {
        const tokens = configured.map((token) => new SecretValue(token));
        expect(isTrusted(`Bearer ${given}`, tokens)).toBe(configured.includes(given));
      }),
    );
  });
});
