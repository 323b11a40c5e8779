import { describe, expect, it } from 'vitest';
import { KeyrotaError, codeOf, messageOf } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';

describe('a failure of ours', () => {
  it('says that nothing was changed, and has no advice, unless told otherwise', () => {
    expect(new KeyrotaError('a_code', 'It failed.')).toMatchObject({ code: 'a_code', effect: 'none', next: '' });
  });

  it('keeps what it did to the world, what to do next, and its cause', () => {
    const cause = new Error('underneath');
    const error = new KeyrotaError('a_code', 'It failed.', { effect: 'unknown', next: 'Look first.', cause });
    expect(error).toMatchObject({ message: 'It failed.', effect: 'unknown', next: 'Look first.' });
    expect(error.cause).toBe(cause);
  });

  it('has no cause where none was given', () => {
    expect('cause' in new KeyrotaError('a_code', 'It failed.')).toBe(false);
  });

  it('is an Error with a name of its own and a stack', () => {
    const error = new KeyrotaError('a_code', 'It failed.');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('KeyrotaError');
    expect(error.stack).toContain('errors.test');
  });
});

describe('what is said of any failure', () => {
  it('is its code where it is ours, else `unexpected`', () => {
    expect(codeOf(new KeyrotaError('a_code', 'It failed.'))).toBe('a_code');
    for (const other of [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'text', null, undefined, {}]) {
      expect(codeOf(other)).toBe('unexpected');
    }
  });

  it('is its message, or the thing itself as text', () => {
    expect(messageOf(new KeyrotaError('a_code', 'It failed.'))).toBe('It failed.');
    expect([messageOf('text'), messageOf(undefined), messageOf(42)]).toEqual(['text', 'undefined', '42']);
  });

  it('never is a secret that was thrown', () => {
    expect(messageOf(new SecretValue('a-made-up-value'))).toBe('[redacted]');
  });
});
