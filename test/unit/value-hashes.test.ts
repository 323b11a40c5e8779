import { describe, expect, it } from 'vitest';
import { hashesOf } from '../../shared/keys/value-hashes.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';

// The expected hashes were computed with Python's hashlib: sha256(value), and
// scrypt(value, salt=sha256(b"GitGuardian").digest(), n=2048, r=8, p=1, dklen=32). The values are made up.
const VECTORS = [
  {
    value: 'made-up_Value-0123456789-not-a-key-of-anyone',
    sha256: '311ca01c1076f17817139a4a068ee6a641ad8510f321c9509b753a42d4c4dd1f',
    hmsl: '35e5e044b4a9cc70f2ed37ccf52b180f44e85e03efd32f187b2f101fa3536b50',
  },
  {
    value: 'schlüssel €',
    sha256: '071e04785b634d2d536c94d4873a169e229e45906cc7d73acdc5dd3f93327650',
    hmsl: '73636db19be143ed3b357d670b2731cd05b86c4f094d9e2feee77e6ae679e20b',
  },
];

describe('the hashes of a value', () => {
  it.each(VECTORS)('are those that others compute of it: $value', ({ value, sha256, hmsl }) => {
    expect(hashesOf(new SecretValue(value))).toEqual({ sha256, hmsl });
  });

  it('stand in the order of several secrets, with blanks between', () => {
    const values = VECTORS.map(({ value }) => new SecretValue(value));
    expect(hashesOf(...values)).toEqual({
      sha256: VECTORS.map(({ sha256 }) => sha256).join(' '),
      hmsl: VECTORS.map(({ hmsl }) => hmsl).join(' '),
    });
  });

  it('differ from each other, and for every value', () => {
    const all = VECTORS.map(({ value }) => hashesOf(new SecretValue(value))).flatMap(({ sha256, hmsl }) => [
      sha256,
      hmsl,
    ]);
    expect(new Set(all).size).toBe(4);
  });
});
