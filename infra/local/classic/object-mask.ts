import { invalid } from './errors.ts';

/** What of an object is asked for: its properties, each with what of it is. Null: all that shows by itself. */
export type ObjectMask = ReadonlyMap<string, ObjectMask> | null;

/** The properties that there are: null for a plain one. */
export type Shape = { readonly [property: string]: Shape | null };

const bad = (reason: string) => invalid({ property: 'objectMask', missing: false, reason });

/**
 * Reads `mask[id,apiAuthenticationKeys[id]]`. Throws 400 for any other form, and for what `shape` has not.
 * https://sldn.softlayer.com/article/object-masks/
 */
export function objectMaskOf(text: string | undefined, shape: Shape): ObjectMask {
  if (text === undefined) return null;
  const tokens = /^mask\[[\w,[\]\s]*$/.test(text) ? (text.slice('mask'.length).match(/\w+|[,[\]]/g) ?? []) : [];
  const mask = readProperties(tokens, shape);
  if (tokens.length > 0) throw bad('does not end with its brackets');
  return mask;
}

/** Takes one pair of brackets, and what is in it, off the tokens. */
function readProperties(tokens: string[], shape: Shape): ReadonlyMap<string, ObjectMask> {
  if (tokens.shift() !== '[') throw bad('is not of the form mask[property,property[property]]');
  const mask = new Map<string, ObjectMask>();
  for (;;) {
    const property = tokens.shift() ?? '';
    if (!Object.hasOwn(shape, property)) throw bad('asks for a property that does not exist');
    if (mask.has(property)) throw bad('asks twice for a property');
    const within = shape[property] ?? null;
    if (tokens[0] === '[' && within === null) throw bad('asks for a property of a property that has none');
    mask.set(property, tokens[0] === '[' && within ? readProperties(tokens, within) : null);
    const next = tokens.shift();
    if (next === ']') return mask;
    if (next !== ',') throw bad('is not of the form mask[property,property[property]]');
  }
}

/** What the mask leaves of a view; of each of its items for a list. */
export function masked(view: unknown, mask: ObjectMask): unknown {
  if (Array.isArray(view)) return view.map((item) => masked(item, mask));
  if (mask === null || typeof view !== 'object' || view === null) return view;
  const kept = Object.entries(view).filter(([property]) => mask.has(property));
  return Object.fromEntries(kept.map(([property, value]) => [property, masked(value, mask.get(property) ?? null)]));
}
