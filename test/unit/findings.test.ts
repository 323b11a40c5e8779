import { describe, expect, it } from 'vitest';
import { Check } from '../../shared/findings/check.ts';
import { noticesOfCheck } from '../../shared/findings/check-notices.ts';
import { FindingCollector, MOST_KNOWN } from '../../shared/findings/collector.ts';
import type { CollectorOptions, ReportedFinding } from '../../shared/findings/collector.ts';
import { statusOf } from '../../shared/findings/finding.ts';
import type { Finding } from '../../shared/findings/finding.ts';
import { RULES } from '../../shared/findings/rules.ts';
import { RULE_IDS } from '../../shared/keys/check-schema.ts';
import { DAY_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { AccountKey, AccountSecret, Inventory } from '../../shared/inventory/inventory.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import type { SeenIncident } from '../../shared/rotation/seen-incidents.ts';
import {
  FACTS,
  INGEST,
  LOGIN,
  SERVICE_ID,
  USER,
  accountKey,
  accountManifest,
  accountSecret,
  inventoryThat,
  keyReport,
  summaryThat,
} from '../support/account.ts';
import { NOW_MS, daysAgo } from '../support/observations.ts';

const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
const iso = (atMs: number) => new Date(atMs).toISOString();

/** What a check is told of. */
interface Seen {
  manifest?: Manifest;
  keys?: AccountKey[];
  secrets?: AccountSecret[];
  reports?: KeyReport[];
  inventory?: Partial<Inventory>;
  lastRunMs?: number | null;
  before?: CollectorOptions['before'];
}

function collect(seen: Seen): { collector: FindingCollector; found: ReportedFinding[] } {
  const manifest = seen.manifest ?? accountManifest([INGEST]);
  const found: ReportedFinding[] = [];
  const before = seen.before ?? null;
  const options = { policy: manifest.check, nowMs: NOW_MS, before };
  const collector = new FindingCollector({ ...options, onFinding: (one) => found.push(one) });
  const check = new Check({ manifest, accountId: ACCOUNT_ID, timerMs: 60_000, nowMs: NOW_MS }, collector);
  check.secrets(seen.secrets ?? []);
  check.keys(seen.keys ?? []);
  check.reports(seen.reports ?? []);
  const lookedAt = new Set((seen.reports ?? []).map(({ name }) => name));
  check.finish(inventoryThat(seen.inventory), lookedAt, seen.lastRunMs ?? null);
  return { collector, found };
}

/** What a check finds, as rule and severity. */
const found = (seen: Seen): string[] => collect(seen).found.map(({ rule, severity }) => `${rule} ${severity}`);
const foundOf = (key: Partial<AccountKey>, manifest?: Manifest): string[] =>
  found({ keys: [accountKey(key)], ...(manifest && { manifest }) });

const CURRENT = { owner: SERVICE_ID, managed: { entry: 'ingest', as: 'current' } } as const;

describe('a key of the account', () => {
  it('that is young, in use, ends in time and says disable is no finding', () => {
    expect(foundOf({})).toEqual([]);
  });

  it('is too old from the day after the maximum age, and matters more from the cryptoperiod on', () => {
    expect(foundOf({ createdAtMs: daysAgo(90) })).toEqual([]);
    expect(foundOf({ createdAtMs: daysAgo(90) - 1 })).toEqual(['key-too-old medium']);
    expect(foundOf({ createdAtMs: daysAgo(731) })).toEqual(['key-too-old high']);
    expect(foundOf({ createdAtMs: null })).toEqual([]);
  });

  it('is too old by what the manifest says', () => {
    const manifest = accountManifest([INGEST], { maximumAge: '5d' });
    expect(foundOf({ createdAtMs: daysAgo(6) }, manifest)).toEqual(['key-too-old medium']);
  });

  it('that has expired is told for that alone', () => {
    expect(foundOf({ expiresAtMs: NOW_MS, createdAtMs: daysAgo(400), actionWhenLeaked: 'none' })).toEqual([
      'key-expired medium',
    ]);
  });

  it('that expires soon matters more in the last ten days', () => {
    expect(foundOf({ expiresAtMs: NOW_MS + 31 * DAY_MS })).toEqual([]);
    expect(foundOf({ expiresAtMs: NOW_MS + 30 * DAY_MS })).toEqual(['key-expires-soon medium']);
    expect(foundOf({ expiresAtMs: NOW_MS + 10 * DAY_MS })).toEqual(['key-expires-soon high']);
  });

  it('that nobody uses is told by how long that has been so', () => {
    const idle = (days: number) => foundOf({ lastUsed: { atMs: daysAgo(days), isAtLeast: false } });
    expect([idle(90), idle(91), idle(181)]).toEqual([[], ['key-unused medium'], ['key-unused high']]);
  });

  it('is not told as unused where all that is known is that it was used since', () => {
    expect(foundOf({ lastUsed: { atMs: daysAgo(100), isAtLeast: true } })).toEqual([]);
    expect(foundOf({ lastUsed: 'unknown' })).toEqual([]);
  });

  it('that was never used has some time for its first login', () => {
    expect(foundOf({ lastUsed: 'never', createdAtMs: daysAgo(30) })).toEqual([]);
    expect(foundOf({ lastUsed: 'never', createdAtMs: daysAgo(31) })).toEqual(['key-never-used low']);
  });

  it('that would not be disabled by IBM is told, and less where it would be deleted', () => {
    expect(foundOf({ actionWhenLeaked: 'none' })).toEqual(['leak-action-not-disable medium']);
    expect(foundOf({ actionWhenLeaked: 'delete' })).toEqual(['leak-action-not-disable low']);
    expect(foundOf({ actionWhenLeaked: null })).toEqual([]);
  });

  it('without an end is told, where keys of that kind can have one', () => {
    expect(foundOf({ expiresAtMs: null })).toEqual(['key-without-expiry low']);
    expect(foundOf({ kind: 'service-credential', expiresAtMs: null })).toEqual([]);
  });

  it('of the owner of the account is told where the manifest names the owner', () => {
    const key = { kind: 'user-api-key', owner: USER } as const;
    const owned = accountManifest([INGEST], { accountOwner: USER });
    expect(foundOf(key, owned)).toEqual(['account-owner-key high', 'user-key-avoidable low']);
    expect(foundOf(key)).toEqual(['user-key-avoidable low']);
  });

  it('that is disabled, behind a credential, or on its way out is nobody’s concern', () => {
    const old = { createdAtMs: daysAgo(900), actionWhenLeaked: 'none' };
    expect(foundOf({ ...old, disabled: true })).toEqual([]);
    expect(foundOf({ ...old, generatedFor: 'crn:v1:…' })).toEqual([]);
    expect(foundOf({ ...old, managed: { entry: 'ingest', as: 'former' } })).toEqual([]);
    expect(foundOf({ ...old, managed: { entry: 'ingest', as: 'untold' } })).toEqual([]);
  });

  it('on an identity of the manifest that Keyrota did not make is told, unless an entry takes it in', () => {
    expect(foundOf({ owner: SERVICE_ID })).toEqual(['foreign-key low']);
    const adopting = accountManifest([{ ...INGEST, adopt: ['ApiKey-1'] }]);
    expect(foundOf({ owner: SERVICE_ID }, adopting)).toEqual([]);
  });

  it('that bears our name and no version knows is told once no mint can be under way', () => {
    const unknown = { managed: { entry: 'ingest', as: 'unknown' } } as const;
    expect(foundOf({ ...unknown, createdAtMs: NOW_MS - 15 * 60_000 })).toEqual([]);
    expect(foundOf({ ...unknown, createdAtMs: daysAgo(1) })).toEqual(['unknown-own-key medium']);
  });
});

describe('the current key of an entry', () => {
  it('that has expired is critical, but of a retired entry it is not', () => {
    expect(foundOf({ ...CURRENT, expiresAtMs: daysAgo(1) })).toEqual(['key-expired critical']);
    const retired = accountManifest([{ ...INGEST, state: 'retired' }]);
    expect(foundOf({ ...CURRENT, expiresAtMs: daysAgo(1) }, retired)).toEqual(['key-expired medium']);
  });

  it('that expires soon matters at once: Keyrota should have moved or replaced it', () => {
    expect(foundOf({ ...CURRENT, expiresAtMs: NOW_MS + 29 * DAY_MS })).toEqual(['key-expires-soon high']);
  });

  it('of a functional ID by which Keyrota logs in cannot be avoided', () => {
    const manifest = accountManifest([LOGIN]);
    const key = { kind: 'user-api-key', owner: USER, managed: { entry: 'login', as: 'current' } } as const;
    expect(foundOf(key, manifest)).toEqual([]);
  });
});

const incident = (changes: Partial<SeenIncident> = {}): SeenIncident => ({
  incident: 'incident-0123456789abcdef',
  name: 'ingest',
  kind: 'service-id-api-key',
  keyId: 'ApiKey-1',
  owner: SERVICE_ID,
  reports: [],
  reportedAt: iso(daysAgo(1)),
  containedAt: iso(daysAgo(1)),
  replacedBy: 'ApiKey-2',
  replacedAt: iso(daysAgo(1)),
  deletedAt: iso(daysAgo(1)),
  ...changes,
});

describe('how an entry stands', () => {
  const foundBy = (changes: Partial<KeyReport>) => found({ reports: [keyReport(changes)] });

  it('is no finding at rest, in its grace, or without a look', () => {
    const grace = { outcome: 'hold', code: 'grace', since: iso(daysAgo(40)), until: iso(NOW_MS + DAY_MS) } as const;
    expect([foundBy({}), foundBy(grace), foundBy({ outcome: 'left', code: 'no_time' })]).toEqual([[], [], []]);
  });

  it.each([
    ['identity_gone', 'person-asked high'],
    ['foreign_version', 'foreign-version high'],
    ['held_too_long', 'held-too-long medium'],
    ['grant_missing', 'policy-missing high'],
    ['key_limit_reached', 'quota-nearly-full high'],
    ['disabled_by_others', 'key-disabled critical'],
  ])('that asks a person for %s is %s', (code, expected) => {
    expect(foundBy({ outcome: 'ask', code, next: ['do it'] })).toEqual([expected]);
  });

  it('that waits for longer than its policy wants, with no end in sight, is told', () => {
    const hold = { outcome: 'hold', code: 'evidence', until: null } as const;
    expect(foundBy({ ...hold, since: iso(daysAgo(29)) })).toEqual([]);
    expect(foundBy({ ...hold, since: iso(daysAgo(31)) })).toEqual(['held-too-long medium']);
  });

  it('that fails, or whose mints failed twice, is told once', () => {
    expect(foundBy({ outcome: 'failed', code: 'service_failed', why: 'status 500' })).toEqual(['work-failed high']);
    const secrets = [accountSecret({ summary: summaryThat({ failures: 2 }) })];
    expect(found({ secrets, keys: [accountKey(CURRENT)] })).toEqual(['work-failed high']);
    expect(
      found({ secrets: [accountSecret({ summary: summaryThat({ failures: 1 }) })], keys: [accountKey(CURRENT)] }),
    ).toEqual([]);
  });

  it.each([
    ['disabled', 'key-disabled critical'],
    ['lost', 'key-gone critical'],
  ] as const)('whose key is %s at its issuer is %s', (reason, expected) => {
    expect(foundBy({ outcome: 'planned', steps: [{ step: 'mint', why: 'dead', reason }] })).toEqual([expected]);
  });

  it('whose rotation is due is none', () => {
    expect(foundBy({ outcome: 'planned', steps: [{ step: 'mint', why: 'due', reason: 'due' }] })).toEqual([]);
  });

  it('has a leak that is open until the key is out of use, replaced and deleted', () => {
    expect(foundBy({ incidents: [incident()] })).toEqual([]);
    expect(foundBy({ incidents: [incident({ deletedAt: '' })] })).toEqual(['leak-open medium']);
    expect(foundBy({ incidents: [incident({ replacedBy: '', replacedAt: '' })] })).toEqual(['leak-open critical']);
    expect(foundBy({ incidents: [incident({ containedAt: '' })] })).toEqual(['leak-open critical']);
  });
});

describe('a secret', () => {
  it('of an entry that has an end is told, and is critical in its last week', () => {
    const ending = (days: number) => found({ secrets: [accountSecret({ expiresAtMs: NOW_MS + days * DAY_MS })] });
    expect([ending(8), ending(7)]).toEqual([['secret-expires high'], ['secret-expires critical']]);
  });

  it('whose key is not among those of its issuer is told, where all of these were listed', () => {
    const secrets = [accountSecret({ summary: summaryThat() })];
    expect(found({ secrets })).toEqual(['key-gone critical']);
    expect(found({ secrets, keys: [accountKey(CURRENT)] })).toEqual([]);
    expect(found({ secrets, inventory: { complete: new Set() } })).toEqual([]);
    expect(found({ secrets, reports: [keyReport()] })).toEqual([]); // a look by its id found it
  });

  it('that was stored a moment ago may hold a key that lists do not show yet', () => {
    const secrets = [accountSecret({ summary: summaryThat({ rotated_at: iso(NOW_MS - 60_000) }) })];
    expect(found({ secrets })).toEqual([]);
  });

  it('is not believed to have lost its key where most keys of a fleet are missing', () => {
    const names = Array.from({ length: 30 }, (_, index) => `ingest-${index}`);
    const manifest = accountManifest(names.map((name) => ({ ...INGEST, name })));
    const secrets = names.map((name) =>
      accountSecret({ id: name, name, entry: name, summary: summaryThat({ name, key_id: `ApiKey-${name}` }) }),
    );
    expect(found({ manifest, secrets })).toEqual([]);
    const few = secrets.slice(0, 20);
    expect(found({ manifest, secrets: few })).toHaveLength(20);
  });

  it('of ours whose entry the manifest does not have any more is told; a former name is its entry’s', () => {
    const secrets = [accountSecret({ entry: null, name: 'old', summary: summaryThat({ name: 'old' }) })];
    expect(found({ secrets })).toEqual(['entry-gone medium']);
    expect(found({ secrets, manifest: accountManifest([{ ...INGEST, formerly: ['old'] }]) })).toEqual([]);
    const foreign = [accountSecret({ entry: null, summary: summaryThat({ name: 'old', deployment: 'other' }) })];
    expect(found({ secrets: foreign })).toEqual([]);
  });

  it('of others that was not changed for long is told, where it may hold a credential', () => {
    const others = { entry: null, isLabelled: false, updatedAtMs: daysAgo(91) };
    expect(found({ secrets: [accountSecret(others)] })).toEqual(['secret-too-old low']);
    expect(found({ secrets: [accountSecret({ ...others, type: 'imported_cert' })] })).toEqual([]);
    expect(found({ secrets: [accountSecret({ ...others, updatedAtMs: daysAgo(90) })] })).toEqual([]);
  });
});

describe('the account', () => {
  it('has nearly full quotas from nine tenths on, and full ones matter more where an entry needs a place', () => {
    const keys = (owner: string, count: number) =>
      Array.from({ length: count }, (_, index) =>
        accountKey({ id: `ApiKey-${owner}-${index}`, owner, generatedFor: 'crn' }),
      );
    const other = 'ServiceId-other';
    expect(found({ keys: keys(other, 17) })).toEqual([]);
    expect(found({ keys: keys(other, 18) })).toEqual(['quota-nearly-full medium']);
    expect(found({ keys: keys(other, 20) })).toEqual(['quota-nearly-full medium']);
    expect(found({ keys: keys(SERVICE_ID, 20) })).toEqual(['quota-nearly-full high']);
    expect(found({ keys: keys(other, 20), inventory: { facts: { ...FACTS, keysPerIdentity: null } } })).toEqual([]);
  });

  it('lacks a role that an entry demands', () => {
    const manifest = accountManifest([{ ...INGEST, grants: [{ service: 'logs', role: 'Sender' }] }]);
    const without = { facts: { ...FACTS, hasGrant: () => false } };
    expect(found({ manifest, inventory: without })).toEqual(['policy-missing high']);
    expect(found({ manifest })).toEqual([]);
    expect(found({ manifest, inventory: { facts: { ...FACTS, hasGrant: null } } })).toEqual([]);
  });

  it('lets everybody make keys, or keeps a functional ID from making its own', () => {
    const manifest = accountManifest([LOGIN]);
    const keys = [accountKey({ kind: 'user-api-key', owner: USER, managed: { entry: 'login', as: 'current' } })];
    const facts = (changes: object) => ({ facts: { ...FACTS, ...changes } });
    expect(found({ manifest, keys, inventory: facts({ restrictsUserKeys: 'NOT_SET' }) })).toEqual([
      'creation-unrestricted low',
    ]);
    expect(found({ manifest, keys, inventory: facts({ mayCreateUserKeys: () => false }) })).toEqual([
      'creation-restricted high',
    ]);
    const unknown = { restrictsUserKeys: null, restrictsServiceIds: null };
    expect(found({ manifest, keys, inventory: facts(unknown) })).toEqual([]);
  });

  it('has a functional ID that locks itself out when its last key ends, whatever became of the others', () => {
    const manifest = accountManifest([LOGIN]);
    const key = (id: string, facts: Partial<AccountKey>) =>
      accountKey({ id, kind: 'user-api-key', owner: USER, managed: { entry: 'login', as: 'current' }, ...facts });
    const soon = key('ApiKey-1', { expiresAtMs: NOW_MS + 14 * DAY_MS });
    const disabled = key('ApiKey-2', { disabled: true, expiresAtMs: null });
    expect(found({ manifest, keys: [soon, disabled] })).toContain('functional-id-lockout critical');
    expect(found({ manifest, keys: [] })).toEqual(['functional-id-lockout critical']);
    const later = key('ApiKey-3', { expiresAtMs: NOW_MS + 90 * DAY_MS });
    expect(found({ manifest, keys: [soon, disabled, later] })).not.toContain('functional-id-lockout critical');
    expect(found({ manifest, keys: [], inventory: { complete: new Set() } })).toEqual([]);
  });

  it('has a timer that is late once more than two ticks are missing; where no run was noted nobody knows', () => {
    expect(found({ lastRunMs: NOW_MS - 13 * 60_000 })).toEqual([]);
    expect(found({ lastRunMs: NOW_MS - 14 * 60_000 })).toEqual(['timer-late high']);
    expect(found({ lastRunMs: null })).toEqual([]);
  });
});

describe('what the manifest says of findings', () => {
  const old = { createdAtMs: daysAgo(100) };

  it('changes the severity of a rule, or turns it off', () => {
    const rules = { rules: { 'key-too-old': 'critical' } };
    expect(foundOf(old, accountManifest([INGEST], rules))).toEqual(['key-too-old critical']);
    expect(foundOf(old, accountManifest([INGEST], { rules: { 'key-too-old': 'off' } }))).toEqual([]);
  });

  it('accepts a finding until a day, and counts it', () => {
    const accept = (until: string) => [{ rule: 'key-too-old', subject: 'ApiKey-1', reason: 'known', until }];
    const manifest = (until: string) => accountManifest([INGEST], { accept: accept(until) });
    const { collector } = collect({ keys: [accountKey(old)], manifest: manifest('2027-01-01T00:00:00Z') });
    expect([collector.acceptedCount, collector.status]).toEqual([1, 'ok']);
    expect(foundOf(old, manifest('2026-01-01T00:00:00Z'))).toEqual(['key-too-old medium']);
  });

  it('is refused for a rule that there is not, with the path of the fault', () => {
    expect(() => accountManifest([INGEST], { rules: { 'key-too-odd': 'low' } })).toThrow(/check\.rules/);
    expect(() =>
      accountManifest([INGEST], { accept: [{ rule: 'x', subject: 'y', reason: 'z', until: '2027' }] }),
    ).toThrow(/check\.accept\[0\]\.rule.*\n.*check\.accept\[0\]\.until/);
  });
});

describe('what is new', () => {
  const old = (id: string) => accountKey({ id, createdAtMs: daysAgo(100) });
  const hashesOf = (seen: Seen) => collect(seen).collector.hashes(new Set());

  it('is what the check before did not have', () => {
    const known = hashesOf({ keys: [old('ApiKey-1'), old('ApiKey-3')] });
    const before = { known, counts: { 'key-too-old': 2 } };
    const { collector, found: now } = collect({ keys: [old('ApiKey-1'), old('ApiKey-2')], before });
    expect(now.map(({ subject, isNew }) => [subject, isNew])).toEqual([
      ['ApiKey-1', false],
      ['ApiKey-2', true],
    ]);
    expect([collector.newCount, collector.resolvedCount]).toEqual([1, 1]);
  });

  it('is everything at the first check', () => {
    expect(collect({ keys: [old('ApiKey-1')] }).collector.newCount).toBe(1);
  });

  it('is told by the number where there are more than can be known one by one', () => {
    const known = Array.from({ length: MOST_KNOWN }, (_, index) => `hash-${index}`);
    const keys = [old('ApiKey-1'), old('ApiKey-2')];
    const isNew = (count: number) =>
      collect({ keys, before: { known, counts: { 'key-too-old': count } } }).found.map((one) => one.isNew);
    expect([isNew(1), isNew(2)]).toEqual([
      [false, true],
      [false, false],
    ]);
  });

  it('stays news while nobody could be told of it', () => {
    const { collector } = collect({ keys: [old('ApiKey-1')] });
    const [hash = ''] = collector.hashes(new Set());
    expect(collector.hashes(new Set([hash]))).toEqual([]);
  });
});

describe('what is kept of many findings', () => {
  it('is a hundred of each rule about keys of others, and every one about an entry', () => {
    const keys = Array.from({ length: 300 }, (_, index) =>
      accountKey({ id: `ApiKey-${index}`, owner: `ServiceId-${index}`, createdAtMs: daysAgo(100) }),
    );
    const own = accountKey({ id: 'ApiKey-own', ...CURRENT, createdAtMs: daysAgo(100) });
    const { collector, found: all } = collect({ keys: [...keys, own] });
    expect([all.length, collector.counts['key-too-old'], collector.kept().length]).toEqual([301, 301, 101]);
    expect(collector.kept().some(({ subject }) => subject === 'ApiKey-own')).toBe(true);
  });

  it('has the worst first, and the status says what that is', () => {
    const { collector } = collect({
      keys: [
        accountKey({ createdAtMs: daysAgo(100) }),
        accountKey({ id: 'ApiKey-2', ...CURRENT, expiresAtMs: daysAgo(1) }),
      ],
    });
    expect(collector.kept().map(({ severity }) => severity)).toEqual(['critical', 'medium']);
    expect([collector.status, collector.bySeverity]).toEqual(['critical', { critical: 1, high: 0, medium: 1, low: 0 }]);
    expect(statusOf([])).toBe('ok');
  });
});

describe('notices of a check', () => {
  const finding = (subject: string, changes: Partial<Finding> = {}): ReportedFinding => ({
    rule: 'key-too-old',
    severity: 'medium',
    entry: null,
    subject,
    name: 'of somebody',
    owner: 'reports',
    why: `key ${subject} is 100d old`,
    next: ['end it'],
    sinceMs: null,
    isNew: true,
    ...changes,
  });
  const noticesOf = (findings: ReportedFinding[]) =>
    noticesOfCheck(findings, NOW_MS, { accountId: ACCOUNT_ID, deployment: 'demo' });

  it('tell what is new, and nothing else', () => {
    const { notices } = noticesOf([finding('ApiKey-1'), { ...finding('ApiKey-2'), isNew: false }]);
    expect(notices).toMatchObject([{ type: 'check.found', keyId: 'ApiKey-1', name: null, next: ['end it'] }]);
  });

  it('become one where there are more than five of a rule, which tells all of them', () => {
    const many = Array.from({ length: 7 }, (_, index) => finding(`ApiKey-${index}`));
    const { notices, tells } = noticesOf([...many, finding('ApiKey-x', { severity: 'high' })]);
    expect(notices).toHaveLength(2);
    expect(notices[0]?.details).toMatchObject({ code: 'key-too-old', severity: 'medium', count: 7 });
    expect(notices[0]?.why).toContain('7 keys. The first, ApiKey-0');
    expect(tells[notices[0]?.id ?? '']).toHaveLength(7);
  });
});

describe('the rules', () => {
  it('are all described, each with why it matters', () => {
    expect(Object.keys(RULES).toSorted()).toEqual(RULE_IDS.toSorted());
    for (const { title, matters } of Object.values(RULES)) {
      expect(title).not.toMatch(/\.$/);
      expect(matters).toMatch(/\.$/);
    }
  });

  it('that have a threshold name fields of the manifest', () => {
    const fields = Object.keys(accountManifest([INGEST]).check).map((field) => field.replace(/Ms$/, ''));
    const named = Object.values(RULES).flatMap(({ threshold }) => threshold.split(', ').filter(Boolean));
    expect(named.filter((field) => !fields.includes(field))).toEqual([]);
  });
});
