import type { RuleId } from '../keys/check-schema.ts';
import type { Severity } from './finding.ts';

/** A rule of the daily check, as people read it. `docs/check.md` is made from these. */
export interface Rule {
  /** What it is about, in a few words. */
  title: string;
  /** The standard one; some findings of a rule matter more or less, as its text says. */
  severity: Severity;
  /** What else it may be, and when. Empty where it is always the same. */
  otherwise: string;
  /** Controls that it answers to, by the names that auditors use. */
  controls: readonly string[];
  /** Why it matters, in a sentence or two. */
  matters: string;
  /** The field of `check` in the manifest that moves it; empty where none does. */
  threshold: string;
  /** What Keyrota believes is not what exists. */
  isDrift: boolean;
}

const CIS = (number: string) => `CIS IBM Cloud Foundations ${number}`;
const PCI = (number: string) => `PCI DSS ${number}`;
const CRYPTOPERIOD = 'NIST SP 800-57 part 1, cryptoperiods';
const CONTAINMENT = 'NIST SP 800-61 RS.MI';

const rule = (part: Partial<Rule> & Pick<Rule, 'title' | 'severity' | 'matters'>): Rule => ({
  otherwise: '',
  controls: [],
  threshold: '',
  isDrift: false,
  ...part,
});

/** Every rule, the most urgent first. */
export const RULES: Readonly<Record<RuleId, Rule>> = {
  'leak-open': rule({
    title: 'A leak is not dealt with',
    severity: 'critical',
    otherwise: 'medium once the key is out of use and replaced, and only waits to be deleted',
    controls: [PCI('8.6.3'), CONTAINMENT],
    matters: 'Whoever has the key can use it, or consumers stand still without another one.',
  }),
  'functional-id-lockout': rule({
    title: 'A functional ID is about to lock itself out',
    severity: 'critical',
    controls: [PCI('8.6.3')],
    threshold: 'lockoutWithin',
    matters: 'Only a user can make keys of its own. When the last one ends, a person must log in as that user.',
  }),
  'key-gone': rule({
    title: 'The key of a secret is gone',
    severity: 'critical',
    matters: 'The secret holds a value that works no more, and every consumer that fetches it stands still.',
    isDrift: true,
  }),
  'key-expired': rule({
    title: 'A key has expired',
    severity: 'medium',
    otherwise: 'critical for the current key of an entry',
    controls: [PCI('8.6.3')],
    matters: 'It works no more, and takes a place in the quota of its owner.',
  }),
  'key-disabled': rule({
    title: 'Somebody disabled the current key of an entry',
    severity: 'critical',
    controls: [CONTAINMENT],
    matters: 'Its consumers stand still. It may have leaked: IBM disables keys that it finds in public.',
    isDrift: true,
  }),
  'secret-expires': rule({
    title: 'The secret of an entry has an end',
    severity: 'high',
    otherwise: 'critical within a week',
    matters: 'When it comes, Secrets Manager destroys the value, which nobody can bring back.',
  }),
  'work-failed': rule({
    title: 'The work on an entry fails',
    severity: 'high',
    matters: 'The key is not rotated, and grows old.',
  }),
  'timer-late': rule({
    title: 'The timer of rotate-keys is late',
    severity: 'high',
    matters: 'Without it nothing is rotated, retired or replaced after a leak.',
  }),
  'person-asked': rule({
    title: 'An entry waits for a person',
    severity: 'high',
    matters: 'Only a person can go on, and nothing is retired meanwhile.',
  }),
  'foreign-version': rule({
    title: 'Somebody else stored a version in the secret of an entry',
    severity: 'high',
    matters: 'Consumers use a key that Keyrota does not know, and does not rotate.',
    isDrift: true,
  }),
  'policy-missing': rule({
    title: 'The identity of an entry lacks a role that the manifest demands',
    severity: 'high',
    matters: 'Its key can do less than its consumers need, and the next one will not be stored.',
  }),
  'creation-restricted': rule({
    title: 'A functional ID may not make keys any more',
    severity: 'high',
    matters: 'The account restricts the creation of user API keys, and the next rotation will fail.',
  }),
  'held-too-long': rule({
    title: 'An entry waits for longer than its policy wants',
    severity: 'medium',
    controls: [PCI('8.6.3')],
    matters: 'An old key works on, and while it does no new one can be stored.',
  }),
  'quota-nearly-full': rule({
    title: 'The quota of keys of an identity is nearly full',
    severity: 'medium',
    otherwise: 'high when it is full and an entry needs a place',
    threshold: 'quotaPercent',
    matters: 'A rotation needs a free place: at the limit no new key can be made, not even after a leak.',
  }),
  'key-expires-soon': rule({
    title: 'A key expires soon',
    severity: 'medium',
    otherwise: 'high within 10 days, and for the current key of an entry',
    controls: [PCI('8.6.3')],
    threshold: 'expiresWithin',
    matters: 'When it ends, whoever uses it stands still.',
  }),
  'account-owner-key': rule({
    title: 'The owner of the account has an API key',
    severity: 'high',
    controls: [CIS('1.5')],
    threshold: 'accountOwner',
    matters: 'It can do everything in the account, and nothing limits it.',
  }),
  'key-too-old': rule({
    title: 'A key is too old',
    severity: 'medium',
    otherwise: 'high when it is older than the cryptoperiod',
    controls: [CIS('1.3'), PCI('8.6.3'), CRYPTOPERIOD],
    threshold: 'maximumAge, cryptoperiod',
    matters: 'The longer a key is in use, the more copies of it lie about, and the longer a leak stays unnoticed.',
  }),
  'key-unused': rule({
    title: 'A key is not used any more',
    severity: 'medium',
    otherwise: 'high from `inactiveFor` on',
    controls: [CIS('1.2'), PCI('8.2.6')],
    threshold: 'unusedFor, inactiveFor',
    matters: 'Nobody would notice its abuse, and nobody would miss it.',
  }),
  'key-never-used': rule({
    title: 'A key was never used',
    severity: 'low',
    controls: [CIS('1.2'), PCI('8.2.6')],
    threshold: 'neverUsedFor',
    matters: 'It was made for nothing, or its value went somewhere else than it should.',
  }),
  'leak-action-not-disable': rule({
    title: 'IBM would not disable a key that it finds in public',
    severity: 'medium',
    otherwise: 'low for `delete`, which cannot be undone',
    controls: [CONTAINMENT],
    matters: 'A leak that IBM notices is contained in seconds, if the key says `disable`.',
  }),
  'key-without-expiry': rule({
    title: 'A key never expires',
    severity: 'low',
    controls: ['OWASP Secrets Management 2.7'],
    matters: 'A forgotten key works for ever.',
  }),
  'user-key-avoidable': rule({
    title: 'A user has a key where a trusted profile or a service ID would do',
    severity: 'low',
    controls: [PCI('8.6.1')],
    matters: 'A key of a user can do in all accounts what that user may, and goes when the user goes.',
  }),
  'unknown-own-key': rule({
    title: 'A key bears our name, and no secret knows it',
    severity: 'medium',
    matters: 'A run was cut off after it had made it: its value is lost. rotate-keys discards it by itself.',
    isDrift: true,
  }),
  'foreign-key': rule({
    title: 'An identity of the manifest has a key that Keyrota does not know',
    severity: 'low',
    matters: 'It can do what the managed key can, and nobody rotates it. It is reported, and never touched.',
    isDrift: true,
  }),
  'entry-gone': rule({
    title: 'An entry is gone from the manifest, and its secret is still there',
    severity: 'medium',
    matters: 'Nobody rotates or retires its key any more.',
    isDrift: true,
  }),
  'creation-unrestricted': rule({
    title: 'Everybody in the account may make API keys or service IDs',
    severity: 'low',
    controls: [CIS('1.4')],
    matters: 'Keys that nobody asked for are keys that nobody looks after.',
  }),
  'secret-too-old': rule({
    title: 'A secret that Keyrota does not manage was not changed for long',
    severity: 'low',
    controls: ['IBM Cloud Framework for Financial Services IA-5(g)'],
    threshold: 'secretAge',
    matters: 'Its value may be a credential that nobody rotates.',
  }),
};
