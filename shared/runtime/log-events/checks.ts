import type { LogEvents } from './event.ts';

/** The daily check of the account. */
export const CHECK_EVENTS = {
  check_started: {
    levels: ['info'],
    when: 'A check of the account has read its settings and its manifest, and begins.',
    always: ['keyCount', 'dryRun'],
    toDo: '',
  },
  check_finished: {
    levels: ['info', 'warn'],
    when: 'A check is over; `warn` where the worst that it found is high or critical.',
    always: ['severity', 'bySeverity', 'newCount', 'unseenCount', 'tookMs'],
    toDo: 'At `warn`: look at the lines `finding_reported` of the same run. docs/check.md says why each rule matters.',
  },
  check_failed: {
    levels: ['error'],
    when: 'A check could do nothing at all: settings, manifest or login.',
    always: ['error'],
    toDo: 'Do what `error.next` says. Nothing is checked until then.',
    isFailure: true,
  },
  finding_reported: {
    levels: ['info', 'warn'],
    when: 'A check found something; `warn` where that is high or critical.',
    always: ['rule', 'severity', 'key', 'subject', 'isNew', 'steps', 'controls'],
    toDo: 'Do what `steps` says, or accept it for a time: `check.accept` in the manifest.',
  },
  not_seen: {
    levels: ['warn'],
    when: 'A check could not see something: what it says of the rest holds all the same.',
    always: ['what', 'code', 'next'],
    toDo: 'Do what `next` says, if that is to be checked.',
  },
  run_not_noted: {
    levels: ['debug'],
    when: 'A run could not note on the ledger that it looked at the keys.',
    always: ['error'],
    toDo: 'Nothing, unless a check says that the timer is late: then see why.',
    isFailure: true,
  },
} as const satisfies LogEvents;
