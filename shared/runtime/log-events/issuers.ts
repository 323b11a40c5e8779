import type { LogEvents } from './event.ts';

/** Logins, calls, and what single kinds of keys need. */
export const ISSUER_EVENTS = {
  call_repeated: {
    levels: ['debug'],
    when: 'A call to IBM Cloud failed, and is repeated after a pause.',
    always: ['operation', 'delayMs'],
    toDo: '',
  },
  version_marked_as_read: {
    levels: ['debug'],
    when: 'Keyrota has read a login from a secret, and says so there: its look is no fetch of a consumer.',
    always: ['name'],
    toDo: '',
  },
  user_login_last_resort: {
    levels: ['warn'],
    when: 'No login of the user works but the key that is for consumers; Keyrota uses that one.',
    always: ['iamId', 'login'],
    toDo: 'See why the login key of the user does not work.',
  },
  user_not_surveyed: {
    levels: ['warn'],
    when: "The hourly look could not list a user's classic keys.",
    always: ['error'],
    toDo: 'Nothing, unless it repeats: the other users are seen all the same.',
    isFailure: true,
  },
  classic_key_not_seen: {
    levels: ['debug'],
    when: 'Classic infrastructure did not answer while a new key was looked for.',
    toDo: '',
  },
  service_key_stored: {
    levels: ['warn'],
    when: 'What an instance of Log Analysis hands out is refused; it was opened with a stored service key.',
    always: ['instance', 'login'],
    toDo: 'Nothing while the stored service key works: it must stay in its secret.',
  },
  service_key_unclear: {
    levels: ['warn'],
    when: 'Whether a stored service key opens an instance could not be found out.',
    always: ['error'],
    toDo: 'Nothing, unless it repeats.',
    isFailure: true,
  },
  helper_left: {
    levels: ['warn'],
    when: 'A resource key that a run made for itself could not be removed.',
    always: ['error'],
    toDo: 'Nothing: a later run finds it by its name.',
    isFailure: true,
  },
} as const satisfies LogEvents;
