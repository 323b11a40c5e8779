import { getExpressionAst } from './hcl.ts';

/** A node of an expression's syntax tree, as the HCL parser gives it. */
export interface Node {
  type: string;
  meta: Record<string, unknown>;
  children: Node[];
  /** Where it stands in the text of its expression, in bytes. */
  range: { start: { byte: number }; end: { byte: number } };
}

/** A part of a template: text, or an expression with its tree. */
export type Part = string | Expression;

export interface Expression {
  text: Buffer;
  tree: Node;
}

/** How a text that is parsed begins; the parser leaves it out of its positions, but for a blank. */
const OPENINGS: Readonly<Record<string, string>> = { '{': '}', '"': '"' };

/** Where an expression that begins at `from` ends: at the brace that closes it. */
function endOfExpression(template: string, from: number): number {
  const open: string[] = ['}'];
  for (let at = from; at < template.length; at += 1) {
    const character = template[at] ?? '';
    const isInText = open.at(-1) === '"';
    if (isInText && character === '\\') at += 1;
    else if (isInText && template.startsWith('$${', at)) at += 2;
    else if (isInText && template.startsWith('${', at)) {
      open.push('}');
      at += 1;
    } else if (character === open.at(-1)) {
      open.pop();
      if (open.length === 0) return at;
    } else if (!isInText && OPENINGS[character] !== undefined) open.push(OPENINGS[character]);
  }
  throw new Error(`an expression has no end: ${template}`);
}

const known = new Map<string, Part[]>();

/** The parts of a string of the parser's JSON: what stands within `${…}` is source, the rest is text. */
async function partsOf(template: string): Promise<Part[]> {
  const before = known.get(template);
  if (before) return before;
  const parts: Part[] = [];
  let text = '';
  for (let at = 0; at < template.length; at += 1) {
    if (template.startsWith('$${', at)) {
      text += '${';
      at += 2;
    } else if (template.startsWith('${', at)) {
      const end = endOfExpression(template, at + 2);
      if (text !== '') parts.push(text);
      text = '';
      parts.push(await expressionOf(template.slice(at + 2, end)));
      at = end;
    } else text += template[at] ?? '';
  }
  if (text !== '' || parts.length === 0) parts.push(text);
  known.set(template, parts);
  return parts;
}

async function expressionOf(source: string): Promise<Expression> {
  const tree = (await getExpressionAst('expression', source)) as Node | null;
  if (!tree) throw new Error(`no expression: ${source}`);
  return { text: Buffer.from(source), tree };
}

/** The parts of a template that was parsed before. */
export function knownParts(template: string): Part[] {
  const parts = known.get(template);
  if (!parts) throw new Error(`not parsed: ${template}`);
  return parts;
}

/** Parses every template within a value of the parser's JSON, names of attributes too. */
export async function parseAll(value: unknown): Promise<void> {
  if (typeof value === 'string') await partsOf(value);
  else if (Array.isArray(value)) for (const one of value) await parseAll(one);
  else if (value !== null && typeof value === 'object') {
    for (const [name, one] of Object.entries(value)) {
      await partsOf(name);
      await parseAll(one);
    }
  }
}

/** Names that an expression refers to, from their roots: `var.region`, `local.prefix`, `ibm_x.y[0].id`; without those that it binds itself. */
export function referencesIn({ tree }: Expression, bound: ReadonlySet<string> = new Set()): string[][] {
  return visit(tree, bound);
}

function visit(node: Node, bound: ReadonlySet<string>): string[][] {
  if (node.type === 'scopeTraversal') {
    const path = (node.meta['traversal'] as { segment: string }[]).map(({ segment }) => segment);
    return bound.has(path[0] ?? '') ? [] : [path];
  }
  if (node.type !== 'for') return node.children.flatMap((child) => visit(child, bound));
  const { keyVar, valVar } = node.meta as { keyVar: string; valVar: string };
  const [collection, ...rest] = node.children;
  const within = new Set([...bound, keyVar, valVar]);
  return [...(collection ? visit(collection, bound) : []), ...rest.flatMap((child) => visit(child, within))];
}

/** Every expression within a value of the parser's JSON. */
export function expressionsIn(value: unknown): Expression[] {
  if (typeof value === 'string') return knownParts(value).filter((part) => typeof part !== 'string');
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, one]) => [...expressionsIn(name), ...expressionsIn(one)]);
}
