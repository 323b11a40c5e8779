import type { LogEvents } from './event.ts';

/** What `show-report` tells of itself. Looks at keys add the events of their issuers. */
export const REPORT_EVENTS = {
  report_made: {
    levels: ['info'],
    when: '`show-report` has looked at the fleet for a reader. The message is the headline of the page.',
    always: ['tookMs', 'counts', 'unseenCount'],
    toDo: '',
  },
  report_failed: {
    levels: ['warn', 'error'],
    when: '`show-report` could not answer a reader: settings, manifest, files of the page, or the look at one key.',
    always: ['error'],
    toDo: 'Do what `error.next` says.',
    isFailure: true,
  },
} as const satisfies LogEvents;
