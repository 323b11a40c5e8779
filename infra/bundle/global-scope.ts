/** Node makes its whole fetch stack where one of these is read, and axios reads them to learn whether they are there. */
const UNREAD = new Set<string | symbol>(['FormData', 'Request', 'Response', 'ReadableStream']);

/**
 * Stands in for `globalThis`, by that name. The bare names, such as `FormData`, are Node's. It is no proxy of the real one,
 * because to be asked about a property is enough for Node to make it.
 */
const scope = new Proxy(
  {},
  {
    get: (_, name): unknown => (UNREAD.has(name) ? undefined : Reflect.get(globalThis, name)),
    set: (_, name, value) => Reflect.set(globalThis, name, value),
    has: (_, name) => !UNREAD.has(name) && Reflect.has(globalThis, name),
  },
);

export { scope as globalThis };
