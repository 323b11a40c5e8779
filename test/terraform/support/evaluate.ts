import { knownParts } from './expressions.ts';
import type { Expression, Node } from './expressions.ts';
import { EvaluationError, FUNCTIONS, isList, isObject, sorted, text } from './functions.ts';
import type { Value } from './functions.ts';

/** What a name at the root of an expression stands for: `var`, `local`, `each`, a type of resources, a name that `for` binds. */
export type Scope = (name: string) => Value;

const within =
  (scope: Scope, bound: Readonly<Record<string, Value>>): Scope =>
  (name) =>
    Object.hasOwn(bound, name) ? bound[name] : scope(name);

/** The value of what the parser gives for an argument: a template, a number, a list, an object. */
export function evaluate(given: unknown, scope: Scope): Value {
  if (typeof given === 'string') return evaluateTemplate(given, scope);
  if (isList(given)) return given.map((one) => evaluate(one, scope));
  if (!isObject(given)) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, one]) => [text(evaluateTemplate(name, scope)), evaluate(one, scope)]),
  );
}

function evaluateTemplate(template: string, scope: Scope): Value {
  const parts = knownParts(template);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && typeof only !== 'string') return evaluateExpression(only, scope);
  return parts.map((part) => (typeof part === 'string' ? part : text(evaluateExpression(part, scope)))).join('');
}

const evaluateExpression = (expression: Expression, scope: Scope): Value =>
  new Evaluation(expression.text).of(expression.tree, scope);

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

/** The text that a quoted literal stands for. */
const unescaped = (raw: string): string =>
  raw.replaceAll('$${', '${').replaceAll(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? `\\${character}`);

const OPERATORS: Readonly<Record<string, (left: Value, right: Value) => Value>> = {
  logicalAnd: (left, right) => truth(left) && truth(right),
  logicalOr: (left, right) => truth(left) || truth(right),
  equal: (left, right) => JSON.stringify(left) === JSON.stringify(right),
  notEqual: (left, right) => JSON.stringify(left) !== JSON.stringify(right),
  greaterThan: (left, right) => Number(left) > Number(right),
  greaterThanOrEqual: (left, right) => Number(left) >= Number(right),
  lessThan: (left, right) => Number(left) < Number(right),
  lessThanOrEqual: (left, right) => Number(left) <= Number(right),
  add: (left, right) => Number(left) + Number(right),
  subtract: (left, right) => Number(left) - Number(right),
};

function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw new EvaluationError(`not a truth: ${JSON.stringify(value)}`);
  return value;
}

/** The evaluation of one expression, whose text tells the names of an object's attributes. */
class Evaluation {
  readonly #text: Buffer;

  constructor(source: Buffer) {
    this.#text = source;
  }

  of(node: Node, scope: Scope): Value {
    const [first, second, third] = node.children;
    switch (node.type) {
      case 'literalValue':
        return literal(node);
      case 'template':
        return this.#template(node, scope);
      case 'templateWrap':
      case '':
        return this.of(demand(first), scope);
      case 'scopeTraversal':
        return this.#traversal(node, scope);
      case 'relativeTraversal':
        return steps(this.of(demand(first), scope), pathOf(node));
      case 'index':
        return step(this.of(demand(first), scope), this.of(demand(second), scope));
      case 'tuple':
        return node.children.map((child) => this.of(child, scope));
      case 'object':
        return this.#object(node, scope);
      case 'for':
        return this.#for(node, scope);
      case 'function':
        return this.#call(node, scope);
      case 'conditional':
        return truth(this.of(demand(first), scope)) ? this.of(demand(second), scope) : this.of(demand(third), scope);
      case 'binaryOp': {
        const operator = OPERATORS[String(node.meta['operator'])];
        if (!operator) throw new Error(`no such operator here: ${String(node.meta['operator'])}`);
        return operator(this.of(demand(first), scope), this.of(demand(second), scope));
      }
      case 'unaryOp':
        if (node.meta['operator'] === 'logicalNot') return !truth(this.of(demand(first), scope));
        return -Number(this.of(demand(first), scope));
      default:
        throw new Error(`no such expression here: ${node.type}`);
    }
  }

  #template(node: Node, scope: Scope): Value {
    const parts = node.children.map((child) =>
      child.type === 'literalValue' ? unescaped(String(child.meta['value'])) : this.of(child, scope),
    );
    return parts.map(text).join('');
  }

  #traversal(node: Node, scope: Scope): Value {
    const [root = '', ...path] = pathOf(node);
    return steps(scope(root), path);
  }

  #object(node: Node, scope: Scope): Value {
    const entries: [string, Value][] = [];
    for (let at = 0; at < node.children.length; at += 2) {
      const value = this.of(demand(node.children[at + 1]), scope);
      entries.push([this.#name(demand(node.children[at]), scope), value]);
    }
    return Object.fromEntries(entries);
  }

  /** A bare name stands for itself. */
  #name(node: Node, scope: Scope): string {
    if (node.children.length > 0) return text(this.of(node, scope));
    const { start, end } = node.range;
    return this.#text.subarray(start.byte, end.byte).toString();
  }

  #for(node: Node, scope: Scope): Value {
    const { keyExpression, conditionalExpression, groupedValue } = node.meta;
    const { keyVar, valVar } = node.meta as { keyVar: string; valVar: string };
    const [collection, ...rest] = node.children;
    const key = keyExpression === undefined ? null : demand(rest.shift());
    const value = demand(rest.shift());
    const condition = conditionalExpression === undefined ? null : demand(rest.shift());
    const given = this.of(demand(collection), scope);
    const pairs: [Value, Value][] = isList(given) ? given.map((one, at) => [at, one]) : sorted(asObject(given));
    const results: [string, Value][] = [];
    for (const [name, one] of pairs) {
      const inner = within(scope, { ...(keyVar !== '' && { [keyVar]: name }), [valVar]: one });
      if (condition && !truth(this.of(condition, inner))) continue;
      results.push([key ? text(this.of(key, inner)) : '', this.of(value, inner)]);
    }
    if (!key) return results.map(([, result]) => result);
    return groupedValue === true ? grouped(results) : unique(results);
  }

  #call(node: Node, scope: Scope): Value {
    const name = String(node.meta['name']);
    if (name === 'try') return this.#try(node.children, scope);
    if (name === 'can') return this.#can(demand(node.children[0]), scope);
    const call = FUNCTIONS[name];
    if (!call) throw new Error(`no such function here: ${name}`);
    const given = node.children.map((child) => this.of(child, scope));
    if (node.meta['expandedFinalArgument'] !== true) return call(...given);
    return call(...given.slice(0, -1), ...(given.at(-1) as Value[]));
  }

  #try(candidates: readonly Node[], scope: Scope): Value {
    for (const candidate of candidates) {
      if (this.#can(candidate, scope)) return this.of(candidate, scope);
    }
    throw new EvaluationError('nothing that was tried worked');
  }

  #can(node: Node, scope: Scope): boolean {
    try {
      this.of(node, scope);
      return true;
    } catch (error) {
      if (error instanceof EvaluationError) return false;
      throw error;
    }
  }
}

function demand(node: Node | undefined): Node {
  if (!node) throw new Error('an expression lacks a part');
  return node;
}

function literal({ meta }: Node): Value {
  if (meta['type'] === 'number') return Number(meta['value']);
  if (meta['type'] === 'bool') return meta['value'] === 'true';
  return meta['type'] === 'dynamic' ? null : unescaped(String(meta['value']));
}

/** Names and indexes of a traversal. */
const pathOf = (node: Node): string[] =>
  (node.meta['traversal'] as { segment: string }[]).map(({ segment }) => segment.replace(/^"(.*)"$/, '$1'));

const steps = (value: Value, path: readonly string[]): Value =>
  path.reduce<Value>((inner, name) => step(inner, name), value);

function step(value: Value, name: Value): Value {
  if (isList(value)) {
    const at = Number(name);
    if (!Number.isInteger(at) || at < 0 || at >= value.length) throw new EvaluationError(`there is no [${text(name)}]`);
    return value[at];
  }
  if (!isObject(value) || !Object.hasOwn(value, text(name))) throw new EvaluationError(`there is no ${text(name)}`);
  return value[text(name)];
}

function asObject(value: Value): Record<string, Value> {
  if (!isObject(value)) throw new EvaluationError(`nothing to go through: ${JSON.stringify(value)}`);
  return value;
}

function grouped(results: readonly [string, Value][]): Value {
  const groups = Map.groupBy(results, ([name]) => name);
  return Object.fromEntries([...groups].map(([name, members]) => [name, members.map(([, value]) => value)]));
}

function unique(results: readonly [string, Value][]): Value {
  const names = results.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new EvaluationError(`two elements have the name ${twice}`);
  return Object.fromEntries(results);
}
