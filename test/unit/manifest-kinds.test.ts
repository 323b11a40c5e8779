import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { opensAtMs } from '../../shared/keys/maintenance-window.ts';
import { ManifestError, parseManifest } from '../../shared/keys/manifest.ts';

const IAM_ID = 'IBMid-2700000XYZ';
const GUID = '77777777-8888-4999-8aaa-bbbbbbbbbbbb';
const CRN = `crn:v1:bluemix:public:logs:us-south:a/0123456789abcdef0123456789abcdef:${GUID}::`;
const LOGIN = { name: 'login', kind: 'user-api-key', iamId: IAM_ID };
const USER = { name: 'ingest', kind: 'user-api-key', iamId: IAM_ID, login: 'login' };
const CLASSIC = { name: 'classic', kind: 'classic-api-key', iamId: IAM_ID, login: 'login', window: 'any' };
const CREDENTIAL = { name: 'credential', kind: 'service-credential', instance: GUID };
const LOGGING = {
  name: 'logging',
  kind: 'logging-key',
  legacy: true,
  instance: GUID,
  use: 'service',
  apiUrl: 'https://api.example',
};
const PROFILE = { name: 'job', kind: 'trusted-profile', profileId: 'Profile-1' };

const manifestOf = (...keys: object[]) => parseManifest({ deployment: 'demo', keys }, 'test');

function faultsOf(...keys: object[]): string[] {
  try {
    manifestOf(...keys);
    return [];
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return error.faults.map(({ path, found, allowed }) => `${path}: found ${found}, allowed: ${allowed}`);
  }
}

describe('an entry of each kind', () => {
  it('is taken with little more than its owner', () => {
    expect(faultsOf(LOGIN, USER, CLASSIC, CREDENTIAL, LOGGING, PROFILE)).toEqual([]);
  });

  it('belongs to what its issuer knows', () => {
    const { keys, keyless } = manifestOf(LOGIN, USER, CLASSIC, CREDENTIAL, LOGGING, PROFILE);
    expect(keys.map(({ owner }) => owner)).toEqual([IAM_ID, IAM_ID, IAM_ID, GUID, GUID]);
    expect(keyless).toEqual([{ name: 'job', profileId: 'Profile-1' }]);
  });

  it.each([CREDENTIAL, LOGGING])('belongs to the same instance, by its CRN as by its GUID: $kind', (entry) => {
    const [byCrn, byGuid] = [CRN, GUID].map((instance) => manifestOf({ ...entry, instance }).keys[0]);
    expect(byCrn).toMatchObject({ owner: GUID, instance: CRN });
    expect(byGuid).toMatchObject({ owner: GUID, instance: GUID });
  });

  it.each([
    [{ ...CREDENTIAL, serviceId: 'ServiceId-1' }, 'serviceId', 'no such field'],
    [{ ...CREDENTIAL, probe: { url: 'https://a.example' } }, 'probe', 'no such field'],
    [{ ...LOGGING, grants: [] }, 'grants', 'no such field'],
    [{ ...CLASSIC, runsKeyrota: true }, 'runsKeyrota', 'no such field'],
    [{ ...PROFILE, secret: { group: 'default' } }, 'secret', 'no such field'],
    [{ ...USER, instance: GUID }, 'instance', 'no such field'],
    [{ ...USER, iamId: 'ServiceId-1' }, 'iamId', undefined],
    [{ ...USER, iamId: 'iam-ServiceId-1' }, 'iamId', 'the IAM id of a user, such as "IBMid-…"'],
    [
      { ...CREDENTIAL, instance: 'my-instance' },
      'instance',
      'the CRN (`crn:v1:…:<GUID>::`) or the GUID of a service instance',
    ],
    [{ ...CREDENTIAL, instance: 'crn:x' }, 'instance', undefined],
    [{ ...CREDENTIAL, instance: 'crn:v1:bluemix:public:logs:us-south:a/1:x::' }, 'instance', undefined],
    [{ ...CREDENTIAL, instance: CRN.replace(/::$/, ':resource-key:x') }, 'instance', undefined],
    [{ ...LOGGING, instance: 'crn:v1:bluemix:public:logdna:us-south:a/$(id):::' }, 'instance', undefined],
    [{ ...CREDENTIAL, adopt: ['ApiKey-1'] }, 'adopt[0]', undefined],
    [{ ...CREDENTIAL, parameters: { hmac: true } }, 'parameters.hmac', '`HMAC`, in capitals'],
    [{ ...CREDENTIAL, parameters: { HMAC: 'true' } }, 'parameters.HMAC', 'true or false'],
    [{ ...CLASSIC, adopt: ['0123456'] }, 'adopt[0]', 'a key id such as "1234567"'],
    [{ ...CLASSIC, adopt: ['1234567890123456'] }, 'adopt[0]', 'a key id such as "1234567"'],
    [{ ...CLASSIC, adopt: ['1234567', '1234568'] }, 'adopt', 'at most one entry'],
    [{ ...CLASSIC, adopt: ['ApiKey-1'] }, 'adopt[0]', 'a key id such as "1234567"'],
    [{ ...LOGGING, legacy: false }, 'legacy', 'true, because Activity Tracker and Log Analysis ended on 30 March 2025'],
    [
      { ...LOGGING, legacy: undefined },
      'legacy',
      'true, because Activity Tracker and Log Analysis ended on 30 March 2025',
    ],
    [{ ...LOGGING, use: 'ingestion' }, 'ingestionUrl', 'an address, for `use: ingestion`'],
    [{ ...CLASSIC, window: undefined }, 'window', '"any" or `{ from, until }`'],
    [{ ...CLASSIC, window: 'always' }, 'window', '"any" or `{ from, until }`'],
    [{ ...CLASSIC, window: null }, 'window', '"any" or `{ from, until }`'],
    [{ ...CLASSIC, window: { from: '2:00', until: '04:00' } }, 'window.from', 'a time of day in UTC'],
    [{ ...CLASSIC, window: { from: 120, until: '04:00' } }, 'window.from', 'a time of day in UTC'],
    [{ ...CLASSIC, window: { from: '02:00', until: '25:00' } }, 'window.until', 'a time of day in UTC'],
    [{ ...CLASSIC, window: { from: '02:00' } }, 'window.until', 'a time of day in UTC'],
    [{ ...CLASSIC, window: { from: '02:00', until: '04:00', day: ['sun'] } }, 'window.day', 'no such field'],
    [{ ...CLASSIC, window: { from: '02:00', until: '04:00', days: ['someday'] } }, 'window.days[0]', undefined],
    [{ ...CLASSIC, window: { from: '02:00', until: '02:14' } }, 'window.until', 'at least 15m after `from`'],
    [{ ...CLASSIC, window: { from: '23:55', until: '00:05' } }, 'window.until', 'at least 15m after `from`'],
    [
      { ...CLASSIC, window: { from: '00:00', until: '00:00' } },
      'window.until',
      'another time than `from`, or `window: any` for any time',
    ],
    [{ ...PROFILE, profileId: 'my-profile' }, 'profileId', 'an id such as "Profile-…"'],
  ])('is refused with the path of what does not fit: %o', (entry, field, allowed) => {
    const faults = faultsOf(LOGIN, entry);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^keys\\[1\\]\\.${field.replace(/[.[\]]/g, '\\$&')}: found `));
    expect(faults[0]).toContain(`allowed: ${allowed ?? ''}`);
  });
});

describe('the login of an entry', () => {
  const WANTED = `the name of an active \`user-api-key\` entry of ${IAM_ID} that has no \`login\` itself`;

  it.each([
    ['one that is not there', { ...USER, login: 'nobody' }, LOGIN],
    ['an entry of another user', USER, { ...LOGIN, iamId: 'IBMid-other' }],
    ['an entry of another kind', { ...USER, login: 'credential' }, CREDENTIAL],
    ['an entry with a login of its own', { ...USER, login: 'ingest' }, LOGIN],
    ['a retired entry', USER, { ...LOGIN, state: 'retired' }],
  ])('is not %s', (_, entry, other) => {
    expect(faultsOf(entry, other)).toEqual([`keys[0].login: found "${entry.login}", allowed: ${WANTED}`]);
  });

  it('comes first of all keys of that user; those of consumers are the last resort', () => {
    const [, user] = manifestOf(LOGIN, USER).keys;
    expect(user).toMatchObject({
      logins: [
        { name: 'login', isForConsumers: false },
        { name: 'ingest', isForConsumers: true },
      ],
    });
  });
});

describe('what an issuer never tells', () => {
  it.each([
    [
      { ...CLASSIC, evidence: { unused: true } },
      'false, for the issuer of a classic-api-key does not tell when one is used',
    ],
    [
      { ...LOGGING, evidence: { unused: true } },
      'false, for the issuer of a logging-key does not tell when one is used',
    ],
    [
      { ...CREDENTIAL, secret: { field: 'cos_hmac_keys.access_key_id' } },
      'false, for no issuer tells when HMAC keys are used',
    ],
    [{ ...CREDENTIAL, parameters: { HMAC: true } }, 'false, for no issuer tells when HMAC keys are used'],
  ])('cannot be wanted as evidence: %o', (entry, allowed) => {
    expect(faultsOf(LOGIN, entry)).toEqual([
      expect.stringContaining(`keys[1].evidence.unused: found true, allowed: ${allowed}`),
    ]);
  });

  it('is not wanted where only the defaults want it', () => {
    const { keys } = parseManifest(
      { deployment: 'demo', defaults: { evidence: { unused: true } }, keys: [LOGIN, CLASSIC, LOGGING] },
      'test',
    );
    expect(keys.map(({ policy }) => policy.evidence.unused)).toEqual([true, false, false]);
  });
});

describe('two entries', () => {
  it('cannot be for the one classic key of the same user', () => {
    expect(faultsOf(LOGIN, CLASSIC, { ...CLASSIC, name: 'again' })).toEqual([
      `keys[2].iamId: found the classic key of ${IAM_ID}, allowed: not what keys[1] has too`,
    ]);
  });

  it('cannot both be the key that Keyrota itself logs in with', () => {
    const runs = { ...LOGIN, runsKeyrota: true };
    expect(faultsOf(runs, USER, { ...runs, name: 'again' })).toEqual([
      'keys[2].runsKeyrota: found true, allowed: false, for keys[0] has it: Keyrota logs in with one key',
    ]);
  });

  it('cannot come upon the secret of the other by a former name, unless that is of another type', () => {
    const renamed = { ...LOGIN, formerly: ['store'] };
    expect(faultsOf(renamed, { ...USER, secret: { name: 'store' } })).toEqual([
      'keys[0].formerly: found "store", allowed: not the name of the secret of keys[1]',
    ]);
    expect(faultsOf(renamed, { ...USER, secret: { name: 'store', type: 'kv' } })).toEqual([]);
    expect(faultsOf({ ...renamed, secret: { name: 'store' } }, USER)).toEqual([]);
    expect(faultsOf(renamed, { ...USER, name: 'store' })).toEqual([
      'keys[1].name: found "store", allowed: not what keys[0] has too',
    ]);
  });

  it('cannot have the same name, with or without a key', () => {
    expect(faultsOf(LOGIN, { ...PROFILE, name: 'login' })).toEqual([
      'keys[1].name: found "login", allowed: not what keys[0] has too',
    ]);
  });
});

describe('a credential', () => {
  it('is stored whole in a `kv` secret; one field is, where it is named, or the secret is `arbitrary`', () => {
    const evidence = { unused: false };
    const fieldOf = (secret: object) => manifestOf({ ...CREDENTIAL, evidence, secret }).keys[0]?.secret;
    expect(fieldOf({})).toMatchObject({ type: 'kv', field: null });
    expect(fieldOf({ field: 'password' })).toMatchObject({ type: 'kv', field: 'password' });
    expect(fieldOf({ type: 'arbitrary' })).toMatchObject({ type: 'arbitrary', field: 'apikey' });
    expect(fieldOf({ type: 'arbitrary', field: 'cos_hmac_keys.secret_access_key' })).toMatchObject({
      field: 'cos_hmac_keys.secret_access_key',
    });
  });
});

describe('a maintenance window', () => {
  const windowOf = (window: object) => {
    const found = manifestOf(LOGIN, { ...CLASSIC, window }).keys[1]?.window;
    if (!found) throw new Error('there is no window');
    return found;
  };
  /** A Monday. */
  const at = (time: string, day = 0) => Date.parse(`2026-06-15T${time}:00Z`) + day * DAY_MS;

  it('is open from its begin until just before its end', () => {
    const window = windowOf({ from: '02:00', until: '04:00' });
    expect(opensAtMs(window, at('01:59'))).toBe(at('02:00'));
    expect(opensAtMs(window, at('02:00'))).toBeNull();
    expect(opensAtMs(window, at('04:00') - 1)).toBeNull();
    expect(opensAtMs(window, at('04:00'))).toBe(at('02:00', 1));
  });

  it('of numbers, as YAML reads times without quotes, is refused at each of them', () => {
    expect(faultsOf(LOGIN, { ...CLASSIC, window: { from: 120, until: 240 } })).toEqual([
      'keys[1].window.from: found 120, allowed: a time of day in UTC, in quotes: for example "02:00"',
      'keys[1].window.until: found 240, allowed: a time of day in UTC, in quotes: for example "02:00"',
    ]);
  });

  it('may go past midnight, and belongs to the day on which it begins', () => {
    const window = windowOf({ from: '23:00', until: '01:00', days: ['mon'] });
    expect(opensAtMs(window, at('00:30'))).toBe(at('23:00'));
    expect(opensAtMs(window, at('00:30', 1))).toBeNull();
    expect(opensAtMs(window, at('01:00', 1))).toBe(at('23:00', 7));
  });

  it('may be as short as 15 minutes, and as long as a day but a minute', () => {
    const short = windowOf({ from: '23:50', until: '00:05' });
    expect(opensAtMs(short, at('00:04', 1))).toBeNull();
    expect(opensAtMs(short, at('00:05', 1))).toBe(at('23:50', 1));
    const long = windowOf({ from: '00:00', until: '23:59', days: ['sun'] });
    expect(opensAtMs(long, at('12:00'))).toBe(at('00:00', 6));
    expect(opensAtMs(long, at('23:58', 6))).toBeNull();
  });
});
