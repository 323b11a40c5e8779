import type { CheckPolicy } from '../keys/check-policy.ts';
import type { RuleId } from '../keys/check-schema.ts';
import { grantOptions } from '../keys/grant-command.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { AccountFacts } from '../inventory/inventory.ts';
import { timeText } from '../rotation/record.ts';
import { ticksMs } from './entry-rules.ts';
import type { Finding } from './finding.ts';
import type { KeyCensus } from './key-census.ts';
import { RULES } from './rules.ts';
import { spanText } from './words.ts';

type Found = Pick<Finding, 'subject' | 'why' | 'next'> & Partial<Finding>;

const finding = (rule: RuleId, found: Found): Finding => ({
  rule,
  severity: RULES[rule].severity,
  entry: null,
  name: '',
  owner: '',
  sinceMs: null,
  ...found,
});

/** The IAM id that policies know an owner by; null where it has none. */
export function iamIdOf(key: ManagedKey): string | null {
  if (key.kind === 'service-id-api-key') return key.serviceId === '' ? null : `iam-${key.serviceId}`;
  return key.kind === 'user-api-key' || key.kind === 'classic-api-key' ? key.iamId : null;
}

/** Roles that entries demand, and that their identities do not show. Pure. */
export function missingPolicies(keys: readonly ManagedKey[], { hasGrant }: AccountFacts): Finding[] {
  if (!hasGrant) return [];
  return keys.flatMap((key) => {
    const iamId = iamIdOf(key);
    if (key.state === 'retired' || !('grants' in key) || iamId === null) return [];
    return key.grants
      .filter(({ service, role, instance }) => !hasGrant(iamId, service, role, instance))
      .map((grant) => {
        const place = grant.instance === null ? grant.service : `${grant.service} ${grant.instance}`;
        const why = `${key.owner} does not show the role ${grant.role} on ${place}, which entry ${key.name} demands`;
        const subject = `${key.owner} ${grant.role} ${place}`;
        const command =
          key.kind === 'service-id-api-key'
            ? `ibmcloud iam service-policy-create ${key.serviceId} ${grantOptions(grant)}`
            : `ibmcloud iam user-policy-create USER_NAME_OF_${key.owner} ${grantOptions(grant)}`;
        const next = [command, 'If the role comes through an access group: leave it out of `grants`, and set a probe.'];
        return finding('policy-missing', { subject, why, next, entry: key.name, name: key.name, owner: key.owner });
      });
  });
}

/** Who may make keys in the account, and whether the functional IDs of the manifest are among them. Pure. */
export function creationRules(keys: readonly ManagedKey[], facts: AccountFacts, accountId: string): Finding[] {
  const { restrictsUserKeys, restrictsServiceIds, mayCreateUserKeys } = facts;
  const open = [
    { setting: 'restrict_create_platform_apikey', value: restrictsUserKeys, what: 'API keys of its own' },
    { setting: 'restrict_create_service_id', value: restrictsServiceIds, what: 'service IDs' },
  ]
    .filter(({ value }) => value !== null && value !== 'RESTRICTED')
    .map(({ setting, what }) =>
      finding('creation-unrestricted', {
        subject: setting,
        owner: accountId,
        why: `everybody in the account may create ${what}`,
        next: [
          `Manage > Access (IAM) > Settings: restrict the creation of ${what}, and give the role to who needs it.`,
        ],
      }),
    );
  if (restrictsUserKeys !== 'RESTRICTED' || !mayCreateUserKeys) return open;
  const users = Map.groupBy(
    keys.filter((key) => key.kind === 'user-api-key' && key.state === 'active'),
    ({ owner }) => owner,
  );
  const shut = [...users].filter(([iamId]) => !mayCreateUserKeys(iamId));
  const restricted = shut.map(([iamId, entries]) =>
    finding('creation-restricted', {
      subject: iamId,
      owner: iamId,
      entry: entries[0]?.name ?? null,
      why: `the account restricts user API keys, and ${iamId}, whose keys rotate, does not show the role to make them`,
      next: [
        `ibmcloud iam user-policy-create USER_NAME_OF_${iamId} --roles "User API key creator" --service-name iam-identity`,
      ],
    }),
  );
  return [...open, ...restricted];
}

/** Identities whose quota of keys is nearly full. Pure. */
export function fullQuotas(
  census: KeyCensus,
  policy: CheckPolicy,
  facts: AccountFacts,
  entryOfOwner: (owner: string) => ManagedKey | undefined,
): Finding[] {
  const limit = facts.keysPerIdentity;
  if (limit === null) return [];
  return [...census.keysOfOwner]
    .filter(([, count]) => count * 100 >= limit * policy.quotaPercent)
    .map(([owner, count]) => {
      const entry = entryOfOwner(owner);
      const why = `${owner} has ${count} of at most ${limit} API keys`;
      const next = [
        owner.startsWith('ServiceId-')
          ? `ibmcloud iam service-api-keys ${owner}`
          : `the API keys of ${owner}, in the console`,
        'Delete what nobody uses, or have the limit raised by a support case.',
      ];
      const isFull = count >= limit && entry !== undefined;
      const found = { subject: owner, owner, entry: entry?.name ?? null, why, next };
      return finding('quota-nearly-full', { ...found, ...(isFull && { severity: 'high' }) });
    });
}

/** Functional IDs whose last key that can log in ends soon, or is gone. Pure. */
export function lockouts(
  keys: readonly ManagedKey[],
  census: KeyCensus,
  policy: CheckPolicy,
  nowMs: number,
): Finding[] {
  const users = Map.groupBy(
    keys.filter((key) => key.kind === 'user-api-key' && key.state === 'active'),
    ({ owner }) => owner,
  );
  return [...users].flatMap(([iamId, entries]) => {
    const lastEndMs = census.lastEndOfUser.get(iamId);
    if (lastEndMs !== undefined && lastEndMs - nowMs > policy.lockoutWithinMs) return [];
    const why =
      lastEndMs === undefined
        ? `${iamId} has no API key that works: only a person can log in as that user`
        : `the last API key of ${iamId} that works ends in ${spanText(lastEndMs - nowMs)}`;
    const names = entries.map(({ name }) => name);
    const next = [
      `Log in as that user, make a key, and hand it over: keyrota import ${names[0] ?? ''}, which reads it from standard input.`,
      ...names.map((name) => `keyrota explain ${name}, which tells what keeps its rotation`),
    ];
    return [finding('functional-id-lockout', { subject: iamId, owner: iamId, entry: names[0] ?? null, why, next })];
  });
}

/** Whether the timer calls `rotate-keys`. `lastRunMs`: null where no run was ever noted, which says nothing. Pure. */
export function timerLate(lastRunMs: number | null, timerMs: number, nowMs: number): Finding[] {
  if (lastRunMs === null || nowMs - lastRunMs <= ticksMs(timerMs)) return [];
  const why = `no run of rotate-keys was noted since ${timeText(lastRunMs)}, ${spanText(nowMs - lastRunMs)} ago`;
  const next = [
    'ibmcloud ce sub cron list: is there one for rotate-keys, and is it ready?',
    'The log of rotate-keys: event run_failed tells what it failed with.',
    'keyrota rotate, which does now what the timer would.',
  ];
  return [finding('timer-late', { subject: 'rotate-keys', why, next, sinceMs: lastRunMs })];
}
