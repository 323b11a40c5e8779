import type { LogEvents } from './event.ts';

/** Notices, and the ledger that remembers them. */
export const TELLING_EVENTS = {
  notice_sent: {
    levels: ['debug'],
    when: 'A receiver has taken a notice.',
    always: ['target', 'notice', 'type'],
    toDo: '',
  },
  notice_failed: {
    levels: ['warn'],
    when: 'A receiver did not take a notice, or of a leak nobody could be told.',
    sometimes: ['target', 'notice', 'type', 'status', 'reason', 'error'],
    toDo: 'See the receiver. With `reason` `gone`: give it a new address. What a run could not tell, later runs tell.',
    isFailure: true,
  },
  notices_unsaid: {
    levels: ['warn'],
    when: 'So many lasting states are remembered that new ones are not told.',
    toDo: 'Work off what waits for a person.',
    isFailure: true,
  },
  ledger_not_read: {
    levels: ['warn'],
    when: 'The ledger could not be read: only what happened in this run is told.',
    always: ['error'],
    toDo: 'See the roles of Keyrota on the secret of the ledger, if it repeats.',
    isFailure: true,
  },
  ledger_not_written: {
    levels: ['warn'],
    when: 'What a run found could not be written into the ledger. No key depends on it.',
    always: ['error'],
    toDo: 'Do what the message says, if it repeats.',
    isFailure: true,
  },
} as const satisfies LogEvents;
