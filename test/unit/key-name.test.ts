import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OP_LENGTH, formatKeyName, newOp, parseKeyName } from '../../shared/keys/key-name.ts';

const deployments = fc.stringMatching(/^[a-z][a-z0-9]{1,15}$/);
const names = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,5}$/);
const ops = fc.stringMatching(/^[a-z0-9]{12}$/);

describe('the name of a key', () => {
  it('tells the installation, the entry and the mint', () => {
    const name = { deployment: 'demo', name: 'logs-router-ingest', op: 'abc123abc123' };
    expect(formatKeyName(name)).toBe('keyrota-demo-logs-router-ingest-abc123abc123');
    expect(parseKeyName('keyrota-demo-logs-router-ingest-abc123abc123')).toEqual(name);
  });

  it('is read as it was written, however many dashes the entry has', () => {
    fc.assert(
      fc.property(deployments, names, ops, (deployment, name, op) => {
        expect(parseKeyName(formatKeyName({ deployment, name, op }))).toEqual({ deployment, name, op });
      }),
    );
  });

  it('is read from its end: an entry that ends like a mint is no mint', () => {
    expect(parseKeyName('keyrota-demo-ingest-aaaaaaaaaaaa-bbbbbbbbbbbb')).toEqual({
      deployment: 'demo',
      name: 'ingest-aaaaaaaaaaaa',
      op: 'bbbbbbbbbbbb',
    });
  });

  it('is different for each installation, entry and mint', () => {
    const all = fc.tuple(deployments, names, ops);
    fc.assert(
      fc.property(all, all, ([d1, n1, o1], [d2, n2, o2]) => {
        const same = d1 === d2 && n1 === n2 && o1 === o2;
        const one = formatKeyName({ deployment: d1, name: n1, op: o1 });
        expect(one === formatKeyName({ deployment: d2, name: n2, op: o2 })).toBe(same);
      }),
    );
  });

  it.each([
    '',
    'keyrota',
    'keyrota-demo',
    'keyrota-demo-abc123abc123',
    'keyrota-demo--abc123abc123',
    'keyrota--ingest-abc123abc123',
    'keyrota-demo-ingest-',
    'keyrota-demo-ingest-abc123abc12',
    'keyrota-demo-ingest-abc123abc1234',
    'keyrota-demo-ingest-ABC123ABC123',
    'keyrota-demo-ingest-abc123abc12\n',
    'keyrota-demo-ingest-abc123abc123 ',
    'Keyrota-demo-ingest-abc123abc123',
    'my-keyrota-demo-ingest-abc123abc123',
    'keyrota_demo_ingest_abc123abc123',
    'made by hand',
  ])('is none of ours: %j', (text) => {
    expect(parseKeyName(text)).toBeNull();
  });

  it('that reads as ours writes as the same text', () => {
    const likely = fc.oneof(
      fc.string(),
      fc.array(fc.oneof(names, ops), { maxLength: 6 }).map((all) => all.join('-')),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          likely,
          likely.map((rest) => `keyrota-${rest}`),
        ),
        (text) => {
          const read = parseKeyName(text);
          expect(read === null ? text : formatKeyName(read)).toBe(text);
        },
      ),
    );
  });
});

describe('the id of a mint', () => {
  it('is made of as many random bytes as it has letters', () => {
    expect(newOp((byteCount) => new Uint8Array(byteCount))).toBe('a'.repeat(OP_LENGTH));
    expect(newOp(() => Uint8Array.from({ length: OP_LENGTH }, (_, index) => index + 25))).toBe('z0123456789a');
  });

  it('always fits into the name of a key', () => {
    const bytes = fc.uint8Array({ minLength: OP_LENGTH, maxLength: OP_LENGTH });
    fc.assert(
      fc.property(bytes, (random) => {
        const op = newOp(() => random);
        expect(parseKeyName(formatKeyName({ deployment: 'demo', name: 'ingest', op }))?.op).toBe(op);
      }),
    );
  });

  it('differs each time', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => newOp(randomBytes))).size).toBe(1_000);
  });
});
