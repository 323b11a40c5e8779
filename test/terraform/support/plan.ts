import { evaluate } from './evaluate.ts';
import type { Scope } from './evaluate.ts';
import { EvaluationError, isList, isObject, sorted } from './functions.ts';
import type { Value } from './functions.ts';
import type { Body, Declared, Module } from './module.ts';
import { DATA_TYPES, RESOURCE_TYPES } from './resource-types.ts';
import type { ResourceType, Shape } from './resource-types.ts';

/** One resource as an apply would make it. */
export interface Instance {
  address: string;
  type: string;
  /** Key of `for_each`; null for a single one. */
  key: string | null;
  values: Record<string, Value>;
}

/** What the platform gives to what is made: the attributes that a resource exports. */
export type Maker = (made: Omit<Instance, 'values'>, given: Record<string, Value>) => Record<string, Value>;

/** Arguments that are Terraform's own. */
const META = ['count', 'for_each', 'depends_on', 'lifecycle', 'provisioner', 'connection', 'provider', 'dynamic'];

/** An input that the module's validations, or preconditions, refuse. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** A module with its inputs: what an apply would make. Each thing is evaluated when it is first asked for. */
export class Plan {
  readonly #module: Module;
  readonly #inputs: Record<string, Value>;
  readonly #make: Maker;
  readonly #locals = new Map<string, Value>();
  readonly #made = new Map<string, Value>();
  readonly #instances: Instance[] = [];
  readonly #open = new Set<string>();

  /** @throws Refused for an input that is missing or not allowed. */
  constructor(module: Module, inputs: Record<string, Value>, make: Maker) {
    this.#module = module;
    this.#make = make;
    const unknown = Object.keys(inputs).find((name) => !module.variables.has(name));
    if (unknown !== undefined) throw new Refused(`there is no variable ${unknown}`);
    this.#inputs = Object.fromEntries([...module.variables].map(([name, body]) => [name, inputOf(name, body, inputs)]));
    for (const [name, body] of module.variables) this.#validate(name, body);
  }

  /** All that is made. @throws Refused when a precondition does not hold. */
  get instances(): readonly Instance[] {
    for (const one of this.#module.resources) this.#resource(one, RESOURCE_TYPES, one.type);
    return this.#instances;
  }

  /** Those of one type. */
  of(type: string): Instance[] {
    return this.instances.filter((one) => one.type === type);
  }

  local(name: string): Value {
    if (!this.#locals.has(name)) {
      if (!this.#module.locals.has(name)) throw new Error(`there is no local ${name}`);
      this.#locals.set(
        name,
        this.#once(`local.${name}`, () => evaluate(this.#module.locals.get(name), this.#scope)),
      );
    }
    return this.#locals.get(name);
  }

  output(name: string): Value {
    return evaluate(this.#module.outputs.get(name)?.['value'], this.#scope);
  }

  readonly #scope: Scope = (root) => {
    if (root === 'var') return this.#inputs;
    if (root === 'path') return { module: this.#module.folder, root: '.' };
    if (root === 'local') return lazily([...this.#module.locals.keys()], (name) => this.local(name));
    if (root === 'data') {
      const types = [...new Set(this.#module.data.map(({ type }) => type))];
      return lazily(types, (type) => this.#ofType(this.#module.data, DATA_TYPES, type, `data.${type}`));
    }
    return this.#ofType(this.#module.resources, RESOURCE_TYPES, root, root);
  };

  #ofType(all: readonly Declared[], types: typeof RESOURCE_TYPES, type: string, address: string): Value {
    const named = all.filter((one) => one.type === type);
    if (named.length === 0) throw new Error(`nothing is called ${address}`);
    return lazily(
      named.map(({ name }) => name),
      (name) => this.#resource(named.find((one) => one.name === name) ?? raise(name), types, address),
    );
  }

  #resource(one: Declared, types: typeof RESOURCE_TYPES, type: string): Value {
    const address = `${type}.${one.name}`;
    if (!this.#made.has(address)) {
      const shape = types[one.type] ?? raise(`there is no type ${one.type}`);
      this.#made.set(
        address,
        this.#once(address, () => this.#instancesOf(one, shape, address)),
      );
    }
    return this.#made.get(address);
  }

  #instancesOf({ body, type }: Declared, shape: ResourceType, address: string): Value {
    const instance = (key: string | null, bound: Record<string, Value>) => {
      const scope: Scope = (name) => (Object.hasOwn(bound, name) ? bound[name] : this.#scope(name));
      const given = valuesOf(body, shape, scope);
      demandPreconditions(body, scope, address);
      const made = { address: key === null ? address : `${address}["${key}"]`, type, key };
      const values = { ...given, ...this.#make(made, given) };
      if (!address.startsWith('data.')) this.#instances.push({ ...made, values });
      return values;
    };
    if (body['count'] !== undefined) {
      const count = Number(evaluate(body['count'], this.#scope));
      return Array.from({ length: count }, (_, at) => instance(String(at), { count: { index: at } }));
    }
    if (body['for_each'] === undefined) return instance(null, {});
    const all = evaluate(body['for_each'], this.#scope);
    const pairs: [string, Value][] = isList(all)
      ? all.map((key) => [String(key), key])
      : sorted(all as object as never);
    return Object.fromEntries(pairs.map(([key, value]) => [key, instance(key, { each: { key, value } })]));
  }

  #validate(name: string, body: Body): void {
    for (const { condition, error_message: message } of (body['validation'] ?? []) as Body[]) {
      if (evaluate(condition, this.#scope) !== true) throw new Refused(`${name}: ${String(message)}`);
    }
  }

  #once<T>(address: string, work: () => T): T {
    if (this.#open.has(address)) throw new Error(`a cycle: ${[...this.#open, address].join(' -> ')}`);
    this.#open.add(address);
    try {
      return work();
    } finally {
      this.#open.delete(address);
    }
  }
}

function raise(why: string): never {
  throw new Error(why);
}

/** An object whose attributes are evaluated when they are asked for. */
function lazily(names: readonly string[], valueOf: (name: string) => Value): Value {
  const target: Record<string, Value> = {};
  for (const name of names) Object.defineProperty(target, name, { enumerable: true, get: () => valueOf(name) });
  return target;
}

function inputOf(name: string, body: Body, inputs: Record<string, Value>): Value {
  const given = inputs[name];
  if (given === undefined && !Object.hasOwn(body, 'default')) throw new Refused(`${name} is required`);
  const value = given === undefined || (given === null && body['nullable'] === false) ? body['default'] : given;
  // A set has no order.
  return isList(value) && String(body['type']).includes('set(')
    ? value.toSorted((one, other) => String(one).localeCompare(String(other)))
    : value;
}

function demandPreconditions(body: Body, scope: Scope, address: string): void {
  for (const lifecycle of (body['lifecycle'] ?? []) as Body[]) {
    for (const { condition, error_message: message } of (lifecycle['precondition'] ?? []) as Body[]) {
      if (evaluate(condition, scope) === true) continue;
      throw new Refused(`${address}: ${String(evaluate(message, scope))}`);
    }
  }
}

/** Arguments and blocks; those that are made by `dynamic` after the others. */
function valuesOf(body: Body, shape: Shape, scope: Scope): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const [name, given] of Object.entries(body)) {
    if (META.includes(name)) continue;
    const inner = shape.blocks[name];
    values[name] = inner ? (given as Body[]).map((one) => valuesOf(one, inner, scope)) : evaluate(given, scope);
  }
  for (const [name, all] of Object.entries((body['dynamic'] ?? {}) as Record<string, Body[]>)) {
    const inner = shape.blocks[name] ?? raise(`there is no block ${name}`);
    const made = all.flatMap((one) => dynamicBlocks(name, one, inner, scope));
    values[name] = [...((values[name] ?? []) as Value[]), ...made];
  }
  return values;
}

function dynamicBlocks(name: string, { for_each: each, content }: Body, shape: Shape, scope: Scope): Value[] {
  const all = evaluate(each, scope);
  if (!isList(all) && !isObject(all)) throw new EvaluationError(`dynamic ${name} has nothing to go through`);
  const pairs: [Value, Value][] = isList(all) ? all.map((value) => [value, value]) : sorted(all);
  return pairs.map(([key, value]) => {
    const inner: Scope = (root) => (root === name ? { key, value } : scope(root));
    return valuesOf((content as Body[])[0] ?? {}, shape, inner);
  });
}
