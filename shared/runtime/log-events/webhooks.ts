import type { LogEvents } from './event.ts';

/** What came to a function from outside, and what Secrets Manager tells. */
export const WEBHOOK_EVENTS = {
  request_refused: {
    levels: ['warn'],
    when: 'A request was refused: its signature, its header or its body is wrong, or the sender is not configured.',
    always: ['status', 'code'],
    toDo: 'If it is your sender: see its secret and its settings. Else nothing.',
  },
  former_secret_used: {
    levels: ['warn'],
    when: 'A sender still proves itself with the former secret.',
    toDo: 'Give it the present one before the former is taken away.',
  },
  event_ignored: {
    levels: ['info'],
    when: 'An event of Event Notifications is a test, or of a type that tells nothing.',
    always: ['reason'],
    toDo: '',
  },
  version_made: {
    levels: ['info'],
    when: 'A version was stored in the secret of an entry; whether by Keyrota is not known, for its ids are not configured.',
    always: ['secretId', 'by'],
    toDo: 'Name the identities of Keyrota in `KEYROTA_OWN_IAM_IDS`.',
  },
  version_made_by_somebody_else: {
    levels: ['warn'],
    when: 'Somebody else has stored a version in the secret of an entry.',
    always: ['secretId', 'by'],
    toDo: 'Ask who it was: `plan` shows what becomes of it.',
  },
  secret_deleted: {
    levels: ['warn'],
    when: 'The secret of an entry was deleted. Consumers can fetch nothing.',
    always: ['secretId', 'by'],
    toDo: 'Restore it, or see that the next run makes it anew.',
  },
  secret_data_deleted: {
    levels: ['warn'],
    when: 'The value of a version of the secret of an entry was deleted.',
    always: ['secretId', 'by'],
    toDo: 'See with `plan` what is done about it.',
  },
  secret_expires: {
    levels: ['warn'],
    when: 'The secret of an entry has an expiration date, which destroys its value.',
    always: ['secretId', 'by'],
    toDo: 'Take the date away.',
  },
  rotation_blocked: {
    levels: ['warn'],
    when: 'A lock kept the secret of an entry from being changed.',
    always: ['secretId', 'by'],
    toDo: 'Nothing for a lock of a consumer that is in use; else take the lock away.',
  },
  rotate_keys_called: {
    levels: ['info'],
    when: '`rotate-keys` was asked to look at the entries concerned.',
    always: ['outcome'],
    toDo: 'With `outcome` `not-configured`: set `KEYROTA_ROTATE_KEYS_URL`, or leave it to the timer.',
  },
  rotate_keys_not_called: {
    levels: ['warn'],
    when: '`rotate-keys` could not be started.',
    toDo: 'Nothing while its timer runs.',
    isFailure: true,
  },
  event_failed: {
    levels: ['error'],
    when: 'A request to `handle-secret-event` could not be worked on at all: settings or manifest.',
    always: ['error'],
    toDo: 'Do what `error.next` says. The timer of `rotate-keys` finds what was missed.',
    isFailure: true,
  },
} as const satisfies LogEvents;
