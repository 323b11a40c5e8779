/**
 * Stands in for a part of a library that a bundle leaves out. A library may load it and pass on what it is said to hold;
 * whoever calls or makes it, changes it, or takes it for a value, gets an error with its name.
 */
export const absent = (name: string): object => standIn(name, refusal(name));

/** The same, but what is made of it is absent only then: the SDK makes an empty form for each request. */
export const absentOnceMade = (name: string): object => standIn(name, () => absent(`${name}, made`));

/** Stands in for `debug`: its lines are never wanted, whatever the environment says. */
export const silentDebug = () => (): (() => void) =>
  Object.defineProperty((): void => {}, 'enabled', { get: () => false, set() {} });

const refusal = (name: string) => (): never => {
  throw new Error(`${name} is not in this bundle; esbuild.config.mjs says why.`);
};

function standIn(name: string, construct: () => object): object {
  const refuse = refusal(name);
  // A function, so that a proxy of it can be called, made and extended.
  return new Proxy(function target() {}, {
    get(target, property) {
      if (typeof property === 'symbol') return refuse();
      // What modules and classes are asked while they load.
      if (property === '__esModule') return undefined;
      return property === 'prototype' ? (Reflect.get(target, property) as object) : absent(`${name}: ${property}`);
    },
    apply: refuse,
    construct,
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
    setPrototypeOf: refuse,
  });
}
