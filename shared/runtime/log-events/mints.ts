import type { LogEvents } from './event.ts';

/** Between the decision to make a key and its storage. */
export const MINT_EVENTS = {
  key_created: {
    levels: ['info'],
    when: 'The issuer has made a key, which is not proven yet.',
    always: ['keyId', 'op', 'reason'],
    toDo: '',
  },
  key_not_verified: {
    levels: ['warn'],
    when: 'Where an owner can have one key, a new one has logged in once and not a second time; it is stored all the same.',
    always: ['keyId'],
    toDo: 'See that consumers work.',
  },
  key_stored: {
    levels: ['info'],
    when: 'The value of the new key is the current version of its secret.',
    always: ['keyId', 'op'],
    toDo: '',
  },
  mint_lost_race: {
    levels: ['warn'],
    when: 'Secrets Manager refused to store, for another run was first or a consumer set a lock; our key is deleted.',
    always: ['step', 'why', 'answer'],
    toDo: 'Nothing, unless it repeats: then see who locks the former version.',
  },
  store_unclear: {
    levels: ['warn'],
    when: 'No answer said whether the new key is stored.',
    always: ['step', 'why', 'keyId', 'answer'],
    toDo: 'Nothing: the next look tells.',
  },
  mint_failed: {
    levels: ['error'],
    when: 'A new key could not be made, proven or stored. The former one works on; the next attempt waits, longer each time.',
    always: ['step', 'why', 'code'],
    sometimes: ['incident'],
    toDo: 'Nothing the first time: the message says why. See "A rotation that failed twice".',
    isFailure: true,
  },
  cleanup_failed: {
    levels: ['warn'],
    when: 'A key of a failed mint could not be removed.',
    always: ['error'],
    sometimes: ['keyId'],
    toDo: 'Nothing: it is discarded once it is old enough.',
    isFailure: true,
  },
  failure_not_recorded: {
    levels: ['warn'],
    when: 'That a mint failed could not be written down.',
    always: ['error'],
    toDo: 'Nothing: its claim makes other runs wait.',
    isFailure: true,
  },
  stored_key_dead: {
    levels: ['error'],
    when: 'A key was deleted by somebody else while it was being stored. Consumers that have fetched it are without a key.',
    always: ['keyId'],
    toDo: 'See that the next run replaces it, and who deletes keys.',
    isFailure: true,
  },
  look_failed: {
    levels: ['warn'],
    when: 'A key could not be looked at right after it was stored.',
    always: ['keyId', 'error'],
    toDo: 'Nothing: the regular looks see to it.',
    isFailure: true,
  },
  user_without_key: {
    levels: ['error'],
    when: 'Where an owner can have one key, the former one is gone and no new one is stored: consumers have none that works.',
    always: ['removed', 'next'],
    sometimes: ['owner', 'keyId', 'iamId', 'username', 'error'],
    toDo: 'Do what `next` says, unless the next ticks succeed.',
    isFailure: true,
  },
} as const satisfies LogEvents;
