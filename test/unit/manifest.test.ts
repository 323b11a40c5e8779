import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { ManifestError, parseManifest, spreadOf } from '../../shared/keys/manifest.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';

const entry = (fields: object = {}): object => ({
  kind: 'service-id-api-key',
  name: 'ingest',
  serviceId: 'ServiceId-1',
  ...fields,
});
const manifest = (fields: object = {}): object => ({ deployment: 'demo', keys: [entry()], ...fields });

/** The first key of a manifest. */
function keyOf(fields: object = {}, defaults: object = {}): ManagedKey {
  const [key] = parseManifest(manifest({ defaults, keys: [entry(fields)] }), 'test').keys;
  if (!key) throw new Error('the manifest has no key');
  return key;
}

function errorOf(value: unknown): ManifestError {
  try {
    parseManifest(value, 'keys.yaml');
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  throw new Error('the manifest was accepted');
}

/** Faults as a person reads them, without the name of the file. */
const faultsOf = (value: unknown): string[] =>
  errorOf(value).faults.map(({ path, found, allowed }) => `${path}: found ${found}, allowed: ${allowed}`);
const entryFaults = (fields: object): string[] => faultsOf(manifest({ keys: [entry(fields)] }));

const KINDS =
  '"service-id-api-key" or "user-api-key" or "service-credential" or "logging-key" or "classic-api-key" or "trusted-profile"';

describe('a manifest', () => {
  it('needs a deployment and one key; everything else has a default', () => {
    expect(parseManifest(manifest(), 'test')).toEqual({
      deployment: 'demo',
      keys: [
        {
          kind: 'service-id-api-key',
          deployment: 'demo',
          name: 'ingest',
          formerly: [],
          state: 'active',
          adopt: [],
          secret: { name: 'ingest', groupId: 'default', type: 'arbitrary', field: 'apikey' },
          owner: 'ServiceId-1',
          runsKeyrota: false,
          window: null,
          probeUrl: null,
          serviceId: 'ServiceId-1',
          description: 'Its key is ingest, rotated by Keyrota (demo).',
          grants: [],
          policy: {
            rotateEveryMs: 30 * DAY_MS,
            dueAfterMs: Math.floor(30 * DAY_MS * (1 - 0.1 * spreadOf('ingest'))),
            graceMs: 7 * DAY_MS,
            quarantineMs: 3 * DAY_MS,
            evidence: { fetched: true, unused: true, noConsumerLock: true },
            hold: { atMostMs: 30 * DAY_MS, afterwards: 'ask' },
            consumersRefreshWithinMs: DAY_MS,
            unusedForMs: 3 * DAY_MS,
            expiresAfterMs: 100 * DAY_MS,
            paused: false,
            onCompromise: {
              consumerLocks: 'override',
              replaceFirst: false,
              disabledByOthers: 'replace',
              siblings: 'report',
            },
            freeze: [],
          },
        },
      ],
      keyless: [],
      incidents: {
        dryRun: false,
        containUnmanaged: false,
        containOwnKey: false,
        byServiceId: true,
        perHour: 20,
        senders: {},
      },
      ledger: { name: 'keyrota-ledger-demo', groupId: 'default' },
      check: {
        maximumAgeMs: 90 * DAY_MS,
        cryptoperiodMs: 730 * DAY_MS,
        expiresWithinMs: 30 * DAY_MS,
        unusedForMs: 90 * DAY_MS,
        inactiveForMs: 180 * DAY_MS,
        neverUsedForMs: 30 * DAY_MS,
        lockoutWithinMs: 14 * DAY_MS,
        secretAgeMs: 90 * DAY_MS,
        quotaPercent: 90,
        accountOwner: null,
        rules: {},
        accept: [],
      },
    });
  });

  it('gives every field of an entry on', () => {
    const key = keyOf({
      formerly: ['old-name'],
      state: 'retired',
      adopt: ['ApiKey-1'],
      secret: { name: 'Team.secret-1', group: 'group-1', type: 'kv', field: 'token' },
      probe: { url: 'https://logs.example/logs/v1/singles' },
      grants: [
        { service: 'logs', role: 'Sender' },
        { service: 'logs-router', role: 'Writer', instance: 'guid' },
      ],
    });
    expect(key).toMatchObject({
      formerly: ['old-name'],
      state: 'retired',
      adopt: ['ApiKey-1'],
      secret: { name: 'Team.secret-1', groupId: 'group-1', type: 'kv', field: 'token' },
      probeUrl: 'https://logs.example/logs/v1/singles',
      grants: [
        { service: 'logs', role: 'Sender', instance: null },
        { service: 'logs-router', role: 'Writer', instance: 'guid' },
      ],
    });
  });

  it('reads the times of a freeze window with their offset, and gives it a reason', () => {
    const { policy } = keyOf({
      freeze: [
        { from: '2026-12-20T00:00:00+01:00', until: '2027-01-06T00:00:00Z' },
        { from: '2026-06-01T00:00:00Z', until: '2026-06-02T00:00:00Z', reason: 'release' },
      ],
    });
    expect(policy.freeze).toEqual([
      { fromMs: Date.UTC(2026, 11, 19, 23), untilMs: Date.UTC(2027, 0, 6), reason: 'freeze window' },
      { fromMs: Date.UTC(2026, 5, 1), untilMs: Date.UTC(2026, 5, 2), reason: 'release' },
    ]);
  });
});

describe('defaults', () => {
  it('hold for every entry that does not say otherwise', () => {
    const { policy } = keyOf({ grace: '8d' }, { grace: '9d', quarantine: '4d', paused: true });
    expect(policy).toMatchObject({ graceMs: 8 * DAY_MS, quarantineMs: 4 * DAY_MS, paused: true });
  });

  it('merge with an entry field by field inside evidence and hold', () => {
    const { policy } = keyOf(
      { evidence: { unused: true }, hold: { afterwards: 'disable' } },
      { evidence: { fetched: false, unused: false }, hold: { atMost: '10d', afterwards: 'ask' } },
    );
    expect(policy.evidence).toEqual({ fetched: false, unused: true, noConsumerLock: true });
    expect(policy.hold).toEqual({ atMostMs: 10 * DAY_MS, afterwards: 'disable' });
  });

  it('are replaced, not extended, by the freeze windows of an entry', () => {
    const general = { from: '2026-12-20T00:00:00Z', until: '2027-01-06T00:00:00Z' };
    const own = { from: '2026-06-01T00:00:00Z', until: '2026-06-02T00:00:00Z' };
    expect(keyOf({ freeze: [own] }, { freeze: [general] }).policy.freeze).toHaveLength(1);
    expect(keyOf({ freeze: [] }, { freeze: [general] }).policy.freeze).toEqual([]);
    expect(keyOf({}, { freeze: [general] }).policy.freeze).toHaveLength(1);
  });

  it('let the expiry follow from the rest, unless one is given', () => {
    expect(keyOf({ rotateEvery: '60d', hold: { atMost: '1d' } }).policy.expiresAfterMs).toBe(101 * DAY_MS);
    expect(keyOf({}, { expiresAfter: '200d' }).policy.expiresAfterMs).toBe(200 * DAY_MS);
  });
});

describe('the spread of due dates', () => {
  const names = fc.stringMatching(/^[a-z][a-z0-9]{1,20}$/);

  it('is the same for a name on every machine, and from version to version', () => {
    expect(spreadOf('ingest')).toBe(0.43249433720484376);
    expect(spreadOf('logs-router-ingest')).toBe(0.6293633882887661);
  });

  it('is at least 0 and less than 1', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(spreadOf(name)).toBeGreaterThanOrEqual(0);
        expect(spreadOf(name)).toBeLessThan(1);
      }),
    );
  });

  it('makes a key due in the last tenth of rotateEvery, never later', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 11, max: 365 }), (name, days) => {
        const { dueAfterMs, rotateEveryMs } = keyOf({ name, rotateEvery: `${days}d` }).policy;
        expect(rotateEveryMs).toBe(days * DAY_MS);
        expect(dueAfterMs).toBeLessThanOrEqual(rotateEveryMs);
        expect(dueAfterMs).toBeGreaterThanOrEqual(Math.floor(rotateEveryMs * 0.9));
      }),
    );
  });

  it('does not depend on anything but the name', () => {
    const due = (fields: object) => keyOf({ name: 'other', ...fields }).policy.dueAfterMs;
    expect(due({ serviceId: 'ServiceId-2', state: 'retired', paused: true })).toBe(due({}));
  });

  it('differs between the names of a fleet', () => {
    const dues = Array.from({ length: 200 }, (_, index) => keyOf({ name: `agent-${index}` }).policy.dueAfterMs);
    expect(new Set(dues).size).toBe(200);
    expect(Math.max(...dues) - Math.min(...dues)).toBeGreaterThan(2 * DAY_MS);
  });
});

describe('a fault in one field', () => {
  it.each([
    ['no object', null, '(the whole): found null, allowed: an object'],
    ['a text', 'keys', '(the whole): found "keys", allowed: an object'],
  ])('is told for %s in place of the manifest', (_, value, fault) => {
    expect(faultsOf(value)).toEqual([fault]);
  });

  it('is told for each missing field', () => {
    expect(faultsOf({})).toEqual([
      'deployment: found nothing, allowed: a string',
      'keys: found nothing, allowed: an array',
    ]);
    expect(faultsOf(manifest({ keys: [{ kind: 'user-api-key' }] }))).toEqual([
      'keys[0].iamId: found nothing, allowed: a string',
      'keys[0].name: found nothing, allowed: a string',
    ]);
  });

  it.each([
    ['De-mo', 'keyrota1 and more'],
    ['1demo', 'x'],
  ])('is told for deployments such as %j and %j', (...deployments) => {
    for (const deployment of deployments) {
      expect(faultsOf(manifest({ deployment }))).toEqual([
        `deployment: found "${deployment}", allowed: 2 to 16 lower-case letters and digits, beginning with a letter, no dash`,
      ]);
    }
  });

  it.each([
    [{ kind: undefined }, `keys[0].kind: found nothing, allowed: ${KINDS}`],
    [{ kind: 'password' }, `keys[0].kind: found "password", allowed: ${KINDS}`],
    [{ name: 'a' }, 'keys[0].name: found "a", allowed: at least 2 characters'],
    [{ name: 'a'.repeat(61) }, `keys[0].name: found "${'a'.repeat(61)}", allowed: at most 60 characters`],
    [{ serviceId: 'iam-1' }, 'keys[0].serviceId: found "iam-1", allowed: an id such as "ServiceId-…"'],
    [{ state: 'gone' }, 'keys[0].state: found "gone", allowed: "active" or "retired"'],
    [{ adopt: ['ApiKey-1', 'key'] }, 'keys[0].adopt[1]: found "key", allowed: a key id such as "ApiKey-…"'],
    [{ paused: 'yes' }, 'keys[0].paused: found "yes", allowed: a boolean'],
    [{ evidence: { fetched: 1 } }, 'keys[0].evidence.fetched: found 1, allowed: a boolean'],
    [{ hold: { afterwards: 'wait' } }, 'keys[0].hold.afterwards: found "wait", allowed: "ask" or "disable"'],
    [{ secret: { type: 'password' } }, 'keys[0].secret.type: found "password", allowed: "arbitrary" or "kv"'],
    [{ secret: { name: '-x' } }, 'keys[0].secret.name: found "-x", allowed: letters, digits, dots and dashes'],
    [{ grants: [{ service: 'logs' }] }, 'keys[0].grants[0].role: found nothing, allowed: a string'],
    [{ grants: {} }, 'keys[0].grants: found {}, allowed: an array'],
  ])('is told with its path, what was found and what is allowed: %j', (fields, fault) => {
    expect(entryFaults(fields)).toEqual([fault]);
  });

  it.each(['A', 'two--dashes', '-first', 'last-', 'under_score', '1first', 'a b', 'ä1'])(
    'is told for the name %j',
    (name) => {
      expect(entryFaults({ name }).join()).toMatch(/^keys\[0\]\.name: found /);
    },
  );

  it.each(['7', '0d', '1.5d', '1w', ' 1d', '-1d', '1000000d', ''])('is told for the duration %j', (grace) => {
    const fault = `found "${grace}", allowed: a whole number with m, h or d, for example "30d"`;
    expect(entryFaults({ grace })).toEqual([`keys[0].grace: ${fault}`]);
    expect(faultsOf(manifest({ defaults: { hold: { atMost: grace } } }))).toEqual([`defaults.hold.atMost: ${fault}`]);
  });

  it('is told for a freeze window that ends before it begins, or at once', () => {
    const from = '2026-06-02T00:00:00Z';
    for (const until of ['2026-06-01T00:00:00Z', from]) {
      expect(entryFaults({ freeze: [{ from, until }] })).toEqual([
        `keys[0].freeze[0].until: found "${until}", allowed: a time after \`from\``,
      ]);
    }
  });

  it.each(['2026-06-01', '2026-06-01T00:00:00', 'tomorrow', '2026-13-01T00:00:00Z'])(
    'is told for the time %j in a freeze window, which has no offset or is none',
    (from) => {
      const faults = entryFaults({ freeze: [{ from, until: '2027-01-01T00:00:00Z' }] });
      expect(faults.join()).toContain(`keys[0].freeze[0].from: found "${from}"`);
    },
  );

  it.each(['ftp://logs.example', 'logs.example/singles', ''])('is told for the probe address %j', (url) => {
    expect(entryFaults({ probe: { url } }).join()).toMatch(/^keys\[0\]\.probe\.url: found /);
  });

  it('is told for every field that does not exist, with what stands there', () => {
    expect(
      faultsOf(manifest({ version: 2, defaults: { rotate: '1d' }, keys: [entry({ apikey: 'x', secret: { id: 1 } })] })),
    ).toEqual([
      'defaults.rotate: found "1d", allowed: no such field',
      'keys[0].secret.id: found 1, allowed: no such field',
      'keys[0].apikey: found "x", allowed: no such field',
      'version: found 2, allowed: no such field',
    ]);
  });

  it('is told for a manifest without keys', () => {
    expect(faultsOf(manifest({ keys: [] })).join()).toMatch(/^keys: found \[\], allowed: at least one entry/);
  });

  it('is told together with all others', () => {
    const faults = faultsOf({ deployment: 'X', keys: [entry({ state: 'x' }), entry({ grace: 'x' }), 'x'] });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'deployment',
      'keys[0].state',
      'keys[1].grace',
      'keys[2]',
    ]);
  });

  it('is told on a line of its own that begins with the file', () => {
    const { message, code, next } = errorOf({ deployment: 'X', keys: 1 });
    expect(code).toBe('manifest_invalid');
    expect(next).toContain('docs/manifest.md');
    expect(message.split('\n')).toHaveLength(2);
    for (const line of message.split('\n')) expect(line).toMatch(/^keys\.yaml: \w+: found .+, allowed: .+$/);
  });

  it('names the file, the place, what was found and what is allowed, whatever is wrong', () => {
    const wrongs = [
      null,
      'text',
      {},
      manifest({ keys: {} }),
      manifest({ unknown: { deep: [1] } }),
      manifest({ keys: [entry({ grants: [{ service: '', role: 1 }], freeze: [{ until: 'x' }] })] }),
      manifest({ keys: [entry({ rotateEvery: '1d', grace: '1h', unusedFor: '1h', expiresAfter: '1d' })] }),
      manifest({ keys: [entry({ adopt: ['ApiKey-1'] }), entry({ adopt: ['ApiKey-1'] })] }),
      manifest({ keys: [entry({ probe: { url: 'http://logs.example' }, secret: { name: 'a b', type: 1 } })] }),
    ];
    for (const value of wrongs) {
      const { message, faults } = errorOf(value);
      expect(faults).not.toEqual([]);
      expect(message.split('\n')).toEqual(
        faults.map(({ path, found, allowed }) => `keys.yaml: ${path}: found ${found}, allowed: ${allowed}`),
      );
      for (const { path, found, allowed } of faults) {
        expect(path).toMatch(/^(\(the whole\)|[a-zA-Z]+(\[\d+\])?(\.[a-zA-Z]+(\[\d+\])?)*)$/);
        expect(found).not.toBe('');
        expect(allowed).toMatch(/^[^A-Z]./);
      }
    }
  });

  it('is told for a manifest that holds itself, or is deeper than anybody writes', () => {
    const itself: Record<string, unknown> = { deployment: 'demo', keys: [] };
    itself['itself'] = itself;
    itself['keys'] = [entry({ secret: { name: itself } }), itself['keys']];
    expect(faultsOf(itself)).toEqual([
      'keys[0].secret.name: found something that contains itself, allowed: a string',
      'keys[1]: found [], allowed: an object',
      'itself: found something that contains itself, allowed: no such field',
    ]);
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    for (const value of [deep, manifest({ keys: deep }), manifest({ deep }), manifest({ keys: [entry({ deep })] })]) {
      expect(errorOf(value).faults).toHaveLength(1);
    }
  });

  it('is told for a field named like what every object has', () => {
    const text = '{"deployment":"demo","keys":[],"__proto__":{"paused":true},"constructor":1,"toString":2}';
    expect(faultsOf(JSON.parse(text)).slice(1)).toEqual([
      '__proto__: found {"paused":true}, allowed: no such field',
      'constructor: found 1, allowed: no such field',
      'toString: found 2, allowed: no such field',
    ]);
  });

  it('shows a long value in part', () => {
    const [fault] = errorOf(manifest({ deployment: 'x '.repeat(500) })).faults;
    expect(fault?.found).toMatch(/^"x x .*…$/);
    expect(fault?.found.length).toBeLessThanOrEqual(81);
  });
});

describe('a value in a manifest that looks like a key', () => {
  const iamKey = fc.stringMatching(/^[A-Za-z0-9_-]{44}$/).filter((text) => /[a-z]/.test(text) && /[A-Z]/.test(text));
  const keyShaped = fc.oneof(
    iamKey,
    fc.stringMatching(/^[0-9a-f]{64}$/),
    fc.stringMatching(/^eyJ\w{20}\.\w{90}\.\w{9}$/),
  );

  it('is masked in the fault, wherever it stands', () => {
    const places: ((value: string) => unknown)[] = [
      (value) => value,
      (value) => manifest({ deployment: value }),
      (value) => manifest({ apikey: value }),
      (value) => manifest({ keys: [entry({ serviceId: value })] }),
      (value) => manifest({ keys: [entry({ secret: { value } })] }),
      (value) => manifest({ keys: [entry({ grants: { deep: [value, { value }] } })] }),
      (value) => manifest({ keys: value }),
      (value) => manifest({ [value]: true }),
      (value) => manifest({ keys: [entry({ [value]: { [value]: value } })] }),
      (value) => manifest({ keys: [entry({ kind: value })] }),
      (value) => manifest({ keys: [entry({ name: `${value}.` })] }),
      (value) => manifest({ keys: [entry({ formerly: [value, value] }), entry({ formerly: ['A'] })] }),
      (value) => manifest({ keys: [entry({ adopt: [value] })] }),
      (value) => manifest({ keys: [entry({ rotateEvery: value, grace: `${value} d` })] }),
      (value) => manifest({ keys: [entry({ probe: { url: `https://logs.example/?key=${value}` } })] }),
      (value) => manifest({ keys: [entry({ probe: { url: `https://user:${value}@logs.example` } })] }),
      (value) => manifest({ keys: [entry({ freeze: [{ from: value, until: value }] })] }),
      (value) => manifest({ defaults: { hold: { atMost: value }, [value]: 1 } }),
    ];
    fc.assert(
      fc.property(keyShaped, fc.constantFrom(...places), (value, place) => {
        const error = errorOf(place(value));
        const shown = inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error);
        expect(shown).toContain('[redacted]');
        expect(shown).not.toContain(value);
      }),
    );
  });
});

describe('fields that depend on each other', () => {
  it('are accepted at the least values that they allow', () => {
    const least = { consumersRefreshWithin: '2h', grace: '3h', quarantine: '1h', rotateEvery: '28h', unusedFor: '27h' };
    const { policy } = keyOf({ ...least, hold: { atMost: '1h' }, expiresAfter: `${28 + 3 + 1 + 1 + 30 * 24}h` });
    expect(policy).toMatchObject({ rotateEveryMs: 28 * HOUR_MS, expiresAfterMs: (33 + 720) * HOUR_MS });
  });

  it.each([
    [{ expiresAfter: '2399h' }, 'expiresAfter', '2399h', '100d', 'rotateEvery, grace, hold.atMost and quarantine'],
    [{ unusedFor: '48h' }, 'unusedFor', '2d', '49h', 'consumersRefreshWithin'],
    [{ grace: '1d' }, 'grace', '1d', '25h', 'consumersRefreshWithin'],
    [{ rotateEvery: '10d' }, 'rotateEvery', '10d', '11d', 'the former key must be gone'],
  ])('are refused below that, with the least value and the reason: %j', (fields, field, found, least, reason) => {
    const [fault = '', ...more] = entryFaults(fields);
    expect(more).toEqual([]);
    expect(fault.startsWith(`keys[0].${field}: found ${found}, allowed: at least ${least} (`)).toBe(true);
    expect(fault).toContain(reason);
  });

  it('are checked for what an entry and the defaults make together', () => {
    const value = manifest({ defaults: { rotateEvery: '12d' }, keys: [entry(), entry({ name: 'two', grace: '10d' })] });
    expect(faultsOf(value)).toEqual([
      expect.stringMatching(/^keys\[1\]\.rotateEvery: found 12d, allowed: at least 14d/),
    ]);
  });

  it('are all told at once', () => {
    const fields = { expiresAfter: '1d', unusedFor: '1h', grace: '1h', rotateEvery: '1d' };
    expect(entryFaults(fields).map((fault) => fault.split(':')[0])).toEqual([
      'keys[0].expiresAfter',
      'keys[0].unusedFor',
      'keys[0].grace',
      'keys[0].rotateEvery',
    ]);
  });

  it('never let a key expire within its longest regular life', () => {
    const hours = fc.integer({ min: 1, max: 5_000 }).map((count) => `${count}h`);
    const life = fc.record({ rotateEvery: hours, grace: hours, quarantine: hours, hold: fc.record({ atMost: hours }) });
    fc.assert(
      fc.property(life, fc.option(hours, { nil: undefined }), (fields, expiresAfter) => {
        const value = manifest({ keys: [entry({ ...fields, ...(expiresAfter && { expiresAfter }) })] });
        const { policy } = ((): Partial<ManagedKey> => {
          try {
            return parseManifest(value, 'test').keys[0] ?? {};
          } catch {
            return {};
          }
        })();
        if (!policy) return;
        const { rotateEveryMs, graceMs, hold, quarantineMs, expiresAfterMs } = policy;
        expect(expiresAfterMs).toBeGreaterThanOrEqual(
          rotateEveryMs + graceMs + hold.atMostMs + quarantineMs + 30 * DAY_MS,
        );
        expect(rotateEveryMs).toBeGreaterThan(graceMs + quarantineMs);
      }),
    );
  });
});

describe('entries beside each other', () => {
  const two = (one: object, other: object) =>
    faultsOf(manifest({ keys: [entry(one), entry({ name: 'two', ...other })] }));

  it.each([
    ['a name', { name: 'same' }, { name: 'same', secret: { name: 'own' } }, 'keys[1].name'],
    ['a former name and a name', { formerly: ['two'] }, {}, 'keys[1].name'],
    ['a name and a former name', {}, { formerly: ['ingest'] }, 'keys[1].formerly'],
    ['a former name', { formerly: ['old'] }, { formerly: ['old'] }, 'keys[1].formerly'],
    ['a secret', {}, { secret: { name: 'ingest' } }, 'keys[1].secret'],
    ['an adopted key', { adopt: ['ApiKey-1'] }, { adopt: ['ApiKey-1'] }, 'keys[1].adopt'],
  ])('must not share %s', (_, one, other, path) => {
    expect(two(one, other)).toEqual([expect.stringMatching(/allowed: not what keys\[0\] has too$/)]);
    expect(two(one, other)[0]?.split(':')[0]).toBe(path);
  });

  it('may share a service ID, and a secret name of different types', () => {
    const value = manifest({ keys: [entry(), entry({ name: 'two', secret: { name: 'ingest', type: 'kv' } })] });
    expect(parseManifest(value, 'test').keys).toHaveLength(2);
  });

  it('may list a name of their own as a former one', () => {
    expect(keyOf({ formerly: ['ingest', 'old'] }).formerly).toEqual(['ingest', 'old']);
  });
});
