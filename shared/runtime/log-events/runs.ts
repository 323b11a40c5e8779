import type { LogEvents } from './event.ts';

/** A run of `rotate-keys`, and what concerns no single key. */
export const RUN_EVENTS = {
  run_started: {
    levels: ['info'],
    when: 'A run has read its settings and its manifest, and begins.',
    always: ['keyCount', 'dryRun', 'force'],
    sometimes: ['shardCount', 'attempt', 'jobRun'],
    toDo: '',
  },
  shards_missing: {
    levels: ['warn'],
    when: 'The job has fewer instances than `KEYROTA_SHARDS` says: keys of the missing shards are left alone.',
    always: ['instanceCount', 'shardCount'],
    toDo: 'Give the job all array indices. Nothing, where only some were run again.',
  },
  job_progress: {
    levels: ['info'],
    when: 'How far a shard of the job is: with every 500 keys, and every 30 s.',
    always: ['doneCount', 'totalCount', 'elapsedMs'],
    toDo: '',
  },
  run_stopping: {
    levels: ['info'],
    when: 'Code Engine or a person asked the job to end: what is begun is brought to its end, and nothing else is begun.',
    always: ['reason'],
    toDo: 'Nothing: the next run goes on.',
  },
  run_finished: {
    levels: ['info', 'warn'],
    when: 'A run is over; `warn` where a key has failed.',
    always: ['tookMs', 'counts', 'restingCount'],
    toDo: 'At `warn`: look at the lines `key_failed` and `mint_failed` of the same run.',
  },
  run_failed: {
    levels: ['error'],
    when: 'A run could do nothing at all, or was refused: settings, manifest, login or the list of secrets.',
    always: ['error'],
    toDo: 'Do what `error.next` says. No key is worked on until then.',
    isFailure: true,
  },
  entries_unlisted: {
    levels: ['warn'],
    when: 'Secrets of this deployment belong to entries that the manifest does not have any more.',
    always: ['unlisted'],
    toDo: 'Put the entry back with `state: retired`, or delete its keys and its secret by hand.',
  },
  account_list_forbidden: {
    levels: ['warn'],
    when: 'The hourly list of keys was refused: whoever disables or deletes a key by hand is noticed within a day only.',
    toDo: 'Give Keyrota the role that lists keys, if an hour matters.',
  },
  account_list_failed: {
    levels: ['warn'],
    when: 'The hourly list of keys did not come in time.',
    always: ['error'],
    toDo: 'Nothing, unless it comes every hour.',
    isFailure: true,
  },
  account_list_implausible: {
    levels: ['warn'],
    when: 'The hourly list lacks most keys of a fleet, and is not believed.',
    toDo: 'See whether Keyrota may list all keys of the account.',
  },
  not_tidied_up: {
    levels: ['warn'],
    when: 'What the run made for itself at an issuer could not be removed.',
    always: ['error'],
    toDo: 'Nothing: the next run removes it.',
    isFailure: true,
  },
} as const satisfies LogEvents;
