import { describe, expect, it } from 'vitest';
import { absent, absentOnceMade, silentDebug } from '../../infra/bundle/stand-ins.ts';
import { globalThis as scope } from '../../infra/bundle/global-scope.ts';

type Class = new () => object;

/** What a library says that another one holds. */
const held = (library: object, name: string) => Reflect.get(library, name) as Class;

describe('what stands in for a part of a library that a bundle leaves out', () => {
  const library = absent('some-library');
  const part = held(library, 'Part');

  it('can be loaded, and handed on by name', () => {
    expect([typeof part, typeof held(part, 'more'), Object.keys(library)]).toEqual(['function', 'function', []]);
    expect(Reflect.get(library, '__esModule')).toBeUndefined();
  });

  it.each<[string, () => unknown]>([
    ['called', () => Reflect.apply(part, undefined, []) as unknown],
    ['made', () => new part()],
    ['extended and made', () => new (class extends part {})()],
    ['changed', () => Reflect.set(part, 'name', 1)],
    ['given a property', () => Object.defineProperty(part, 'name', { value: 1 })],
    ['emptied', () => Reflect.deleteProperty(part, 'name')],
    ['taken for a text', () => String(part)],
    ['taken for a number', () => Number(part)],
    ['taken for a list', () => Array.from(part as unknown as string[])],
    ['asked what belongs to it', () => ({}) instanceof part],
  ])('names itself in an error where it is %s', (_, use) => {
    expect(use).toThrow('some-library: Part is not in this bundle');
  });

  it('is absent only once it was made, where something is made for nothing', () => {
    const made = new (absentOnceMade('some-library') as Class)();
    expect(() => Reflect.apply(held(made, 'append'), made, ['name', 'value']) as unknown).toThrow(
      'some-library, made: append is not in this bundle',
    );
  });

  it('is silent where lines are not wanted, whatever is asked of it', () => {
    const line = silentDebug()();
    Reflect.set(line, 'enabled', true);
    expect([Reflect.get(line, 'enabled'), Reflect.apply(line, undefined, ['a text'])]).toEqual([false, undefined]);
  });
});

describe('what stands in for globalThis', () => {
  it('hides what Node would make its fetch stack for, and nothing else', () => {
    const given = scope as unknown as Record<string, unknown>;
    for (const name of ['FormData', 'Request', 'Response', 'ReadableStream']) {
      expect([given[name], name in given]).toEqual([undefined, false]);
    }
    expect([given['process'], given['crypto'], 'Map' in given]).toEqual([process, crypto, true]);
  });

  it('is written through', () => {
    Reflect.set(scope, 'writtenThrough', 1);
    expect(Reflect.get(globalThis, 'writtenThrough')).toBe(1);
    Reflect.deleteProperty(globalThis, 'writtenThrough');
  });
});
