/** What a field may be. In JSON: `time` is an ISO text in UTC, `texts` a list, `counts` an object of numbers, `error` an object. */
export type LogFieldType = 'text' | 'time' | 'number' | 'boolean' | 'texts' | 'counts' | 'error';

/** A field has one meaning and one type, whatever event carries it: IBM Cloud Logs drops lines in which a type changes. */
export interface LogField {
  type: LogFieldType;
  meaning: string;
  unit?: 'ms';
  /** It may be null. */
  nullable?: true;
}

/** Every field of every line. */
export const LOG_FIELDS = {
  level: { type: 'text', meaning: 'How much it matters: `debug`, `info`, `warn` or `error`.' },
  event: { type: 'text', meaning: 'What happened, as a name that never changes.' },
  message: { type: 'text', meaning: 'The same as a sentence. Its words may change.' },
  at: { type: 'time', meaning: 'When it happened, by the clock of the function.' },
  run: { type: 'text', meaning: 'Id of the run of `rotate-keys`; its answer says it too.' },
  request: { type: 'text', meaning: 'Id of the request to a function that takes webhooks.' },
  sender: {
    type: 'text',
    meaning:
      'Who reports a leak: `github`, `gitguardian`, `event-notifications`, `standard-webhooks`; `operator` for a person.',
  },
  delivery: {
    type: 'text',
    nullable: true,
    meaning:
      'Id that the sender gave to what it sent; of a tick, `Ce-Id` of the timer. Null for a run that somebody else started.',
  },
  key: {
    type: 'text',
    nullable: true,
    meaning: 'Name of the entry in the manifest; null for a key that no entry manages.',
  },
  shard: { type: 'number', meaning: 'Of the job for fleets: index of the shard, from 0 on.' },
  cut: { type: 'boolean', meaning: 'The line was longer than 30,000 bytes: only short fields are left.' },
  attempt: { type: 'number', meaning: 'Of the job: 1, and one more each time that its instance failed.' },
  answer: { type: 'text', meaning: 'What Secrets Manager answered, in words.' },
  bySeverity: { type: 'counts', meaning: 'How many findings there are: `critical`, `high`, `medium`, `low`.' },
  by: {
    type: 'text',
    nullable: true,
    meaning:
      'Of a report: what it names the key by. Of an event of a secret: IAM id of who did it; null where that is not told.',
  },
  code: {
    type: 'text',
    meaning: 'What it waits for, asks, failed with or was refused for, as a word that never changes.',
  },
  contained: { type: 'boolean', meaning: 'The key is out of use.' },
  controls: { type: 'texts', meaning: 'Controls of audits that the rule answers to.' },
  count: { type: 'number', meaning: 'How many keys a sender reported within an hour.' },
  counts: { type: 'counts', meaning: 'How many keys ended how: `rest`, `hold`, `ask`, `planned`, `failed`, `left`.' },
  decision: { type: 'text', meaning: 'What would be done about a leaked key.' },
  delayMs: { type: 'number', unit: 'ms', meaning: 'How long the next attempt waits.' },
  doneCount: { type: 'number', meaning: 'How many of its keys the shard is through with.' },
  dryRun: { type: 'boolean', meaning: 'The run only says what it would do.' },
  elapsedMs: { type: 'number', unit: 'ms', meaning: 'Since the work on the report, or of the shard, began.' },
  error: {
    type: 'error',
    meaning:
      'The failure: `name` and `message`, and where they are known `code`, `effect`, `next` (what to do) and `cause`.',
  },
  force: { type: 'boolean', meaning: 'A rotation was demanded, due or not.' },
  iamId: { type: 'text', meaning: 'IAM id of the user.' },
  incident: { type: 'text', meaning: 'Id of the leak of a key; it follows from the id of the key.' },
  instance: { type: 'text', meaning: 'GUID of the instance of Log Analysis.' },
  issuerName: { type: 'text', meaning: 'Name of the key at its issuer.' },
  jobRun: { type: 'text', nullable: true, meaning: 'Name of the job run, as Code Engine tells it.' },
  keyCount: { type: 'number', meaning: 'How many entries of the manifest have a key.' },
  keyId: { type: 'text', meaning: 'Id of the key at its issuer. Never its value.' },
  leakedKeyId: { type: 'text', meaning: 'Id of the leaked key of the same identity.' },
  limit: { type: 'number', meaning: 'How many keys that sender may report within an hour.' },
  login: { type: 'text', meaning: 'Name of the secret that the login was read from.' },
  movedLocks: {
    type: 'texts',
    meaning: "Names of consumers' locks that went from a leaked version to the current one.",
  },
  name: { type: 'text', meaning: 'Name of a secret in Secrets Manager.' },
  next: { type: 'text', meaning: 'What a person can do.' },
  notice: { type: 'text', meaning: 'Id of the notice, as its receivers see it.' },
  number: { type: 'number', meaning: 'Number of the alert at GitHub.' },
  op: { type: 'text', meaning: 'Id of the mint; it is the end of the name of the key at its issuer.' },
  operation: { type: 'text', meaning: "Name of the call, as in IBM's SDK." },
  outcome: { type: 'text', meaning: 'What became of the call of `rotate-keys`.' },
  owner: { type: 'text', meaning: 'IAM id or user that the key belongs to.' },
  problem: { type: 'text', meaning: 'What only a person can put right, as a sentence.' },
  reason: { type: 'text', meaning: 'Why, as a word that never changes.' },
  removed: {
    type: 'text',
    nullable: true,
    meaning: 'Id of the key that was removed to make place; null where it is not known.',
  },
  repository: { type: 'text', meaning: 'Repository of the alert at GitHub.' },
  restingCount: { type: 'number', meaning: 'How many keys rest, and were not looked at.' },
  secretId: { type: 'text', meaning: 'Id of the secret in Secrets Manager.' },
  shardCount: { type: 'number', meaning: 'How many shards the job has.' },
  since: { type: 'time', nullable: true, meaning: 'Since when the key waits; null where nothing tells.' },
  status: { type: 'number', nullable: true, meaning: 'HTTP status; null where there was no answer.' },
  step: {
    type: 'text',
    meaning:
      'The step of the plan: `contain`, `mint`, `hold`, `extend`, `disable`, `delete`, `discard`, `release`, `ask`, `rest`.',
  },
  steps: { type: 'texts', meaning: 'The exact steps for a person.' },
  target: { type: 'text', meaning: 'Receiver of notices. Never its address.' },
  instanceCount: { type: 'number', meaning: 'How many instances the job was started with.' },
  isNew: { type: 'boolean', meaning: 'The check before this one did not have it.' },
  newCount: { type: 'number', nullable: true, meaning: 'How many findings are new; null where nobody knows.' },
  rule: { type: 'text', meaning: 'Id of the rule of a finding, as in docs/check.md.' },
  severity: {
    type: 'text',
    meaning: 'Of a finding, or the worst one: `critical`, `high`, `medium`, `low`; `ok` for none.',
  },
  subject: { type: 'text', meaning: 'Id of the key, secret, identity or setting that a finding is about.' },
  unseenCount: { type: 'number', meaning: 'How many things a check could not see.' },
  what: { type: 'text', meaning: 'What a check could not see.' },
  totalCount: { type: 'number', meaning: 'How many keys the shard looks at in this run.' },
  tookMs: { type: 'number', unit: 'ms', meaning: 'How long the run took.' },
  type: { type: 'text', meaning: 'Type of the notice, for example `key.rotated`.' },
  unlisted: { type: 'texts', meaning: 'Names in Secrets Manager that the manifest does not have any more.' },
  until: { type: 'time', nullable: true, meaning: 'When it goes on; null when that depends on somebody.' },
  username: { type: 'text', meaning: 'Name of the user in classic infrastructure.' },
  where: { type: 'text', meaning: 'Where a leak could not be written down.' },
  why: { type: 'text', meaning: 'Why the step was decided on, as a sentence.' },
} as const satisfies Record<string, LogField>;

export type LogFieldName = keyof typeof LOG_FIELDS;

/** What every line has. */
export const FIELDS_OF_EVERY_LINE = ['level', 'event', 'message', 'at'] as const satisfies LogFieldName[];

/** What lines have by where they are written, whatever their event. */
export const FIELDS_OF_CONTEXT = [
  'run',
  'request',
  'sender',
  'delivery',
  'key',
  'shard',
  'cut',
] as const satisfies LogFieldName[];
