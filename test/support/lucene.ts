/** A node of a query, as a test of a line. */
type Matches = (line: object) => boolean;

type Token = { kind: 'word' | 'text' | 'sign'; text: string };

const TOKENS = /\s*(?:"((?:[^"\\]|\\.)*)"|([():])|([^\s():"]+))/y;

function tokensOf(query: string): Token[] {
  const tokens: Token[] = [];
  TOKENS.lastIndex = 0;
  const end = query.trimEnd().length;
  while (TOKENS.lastIndex < end) {
    const [found, text, sign, word] = TOKENS.exec(query) ?? [];
    if (found === undefined) throw new Error(`not understood: ${query}`);
    if (text !== undefined) tokens.push({ kind: 'text', text: text.replace(/\\(.)/g, '$1') });
    else tokens.push({ kind: sign ? 'sign' : 'word', text: sign ?? word ?? '' });
  }
  return tokens;
}

/**
 * What of Lucene the saved queries use: `field:"text"`, `field:("a" OR "b")`, AND, OR, NOT and parentheses. Without parentheses
 * AND and OR do not stand side by side: Lucene has no precedence that one could rely on. As in an index, a text matches where its
 * words stand next to each other in the field; a field that ends in `.keyword` must be that text.
 * @throws Error for anything else.
 */
export function lucene(query: string): Matches {
  const tokens = tokensOf(query);
  const peek = () => tokens[0];
  const isNext = (text: string) => peek()?.kind !== 'text' && peek()?.text === text;
  const take = (text?: string): Token => {
    const token = tokens.shift();
    if (!token || (text !== undefined && (token.kind === 'text' || token.text !== text)))
      throw new Error(`${text ?? 'more'} is missing: ${query}`);
    return token;
  };
  const joined = (one: () => Matches): Matches => {
    const parts = [one()];
    const operator = isNext('AND') ? 'AND' : 'OR';
    while (isNext('AND') || isNext('OR')) {
      take(operator);
      parts.push(one());
    }
    return operator === 'AND'
      ? (line) => parts.every((part) => part(line))
      : (line) => parts.some((part) => part(line));
  };
  const grouped = (one: () => Matches): Matches => {
    take('(');
    const inner = joined(one);
    take(')');
    return inner;
  };
  const valueOf = (field: string): Matches => {
    const { kind, text } = take();
    if (kind !== 'text') throw new Error(`a text in quotes is missing: ${query}`);
    return (line) => hasText(line, field, text);
  };
  const clause = (): Matches => {
    if (isNext('NOT')) {
      take('NOT');
      const negated = clause();
      return (line) => !negated(line);
    }
    if (isNext('(')) return grouped(clause);
    const { kind, text: field } = take();
    if (kind !== 'word') throw new Error(`a field is missing: ${query}`);
    take(':');
    return isNext('(') ? grouped(() => valueOf(field)) : valueOf(field);
  };
  const matches = joined(clause);
  if (tokens.length > 0) throw new Error(`too much: ${query}`);
  return matches;
}

/** The fields that a query names. */
export const fieldsIn = (query: string): string[] => [
  ...new Set(tokensOf(query).flatMap(({ kind, text }, index, all) => (isField(kind, all[index + 1]) ? [text] : []))),
];

const isField = (kind: Token['kind'], next: Token | undefined): boolean =>
  kind === 'word' && next?.kind === 'sign' && next.text === ':';

/** The texts that a query looks for in that field. */
export function textsIn(query: string, field: string): string[] {
  const [, ...parts] = query.split(`${field}:`);
  return parts.flatMap((part) =>
    [...(/^\([^)]*\)|^"[^"]*"/.exec(part)?.[0] ?? '').matchAll(/"([^"]*)"/g)].map(([, text = '']) => text),
  );
}

const wordsOf = (text: string): string => ` ${(text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).join(' ')} `;

function hasText(line: object, field: string, wanted: string): boolean {
  const isExact = field.endsWith('.keyword');
  const path = (isExact ? field.slice(0, -'.keyword'.length) : field).split('.');
  const value = path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined,
    line,
  );
  if (typeof value !== 'string') return false;
  return isExact ? value === wanted : wordsOf(value).includes(wordsOf(wanted));
}
