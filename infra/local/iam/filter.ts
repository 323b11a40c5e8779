import { z } from 'zod';

/** What a filter asks about. */
type Filtered = Readonly<Record<'name' | 'description', string>>;
type Filter = (item: Filtered) => boolean;

const fold = (compare: (text: string, part: string) => boolean) => (text: string, part: string) =>
  compare(text.toLowerCase(), part.toLowerCase());
const startsWith = (text: string, part: string) => text.startsWith(part);
const endsWith = (text: string, part: string) => text.endsWith(part);
const contains = (text: string, part: string) => text.includes(part);

const OPERATORS: ReadonlyMap<string, (text: string, part: string) => boolean> = new Map([
  ['sw', startsWith],
  ['sw_ci', fold(startsWith)],
  ['ew', endsWith],
  ['ew_ci', fold(endsWith)],
  ['co', contains],
  ['co_ci', fold(contains)],
]);

const TOKEN = /\s*(\(|\)|"(?:[^"\\]|\\.)*"|[A-Za-z_]+)\s*/y;

/** Thrown for text that is no filter. */
class NoFilter extends Error {
  override readonly name = 'NoFilter';
}

/**
 * The `filter` parameter of lists of IAM Identity, for example `name co "Foo" and description sw "Bar"`: SCIM with the
 * operators `sw`, `ew` and `co`, each also as `…_ci`, with `and`, `or` and parentheses. Of the fields, the two that IBM's
 * reference shows. https://cloud.ibm.com/apidocs/iam-identity-token-api#filter-list-results
 */
export const FilterParameter = z.string().transform((text, context): Filter => {
  try {
    return new Parser(tokensOf(text)).parse();
  } catch (error) {
    if (!(error instanceof NoFilter)) throw error;
    context.addIssue('is not a filter');
    return z.NEVER;
  }
});

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new NoFilter();
    tokens.push(token);
  }
  return tokens;
}

class Parser {
  readonly #tokens: string[];

  constructor(tokens: string[]) {
    this.#tokens = tokens;
  }

  parse(): Filter {
    const filter = this.#alternatives();
    if (this.#tokens.length > 0) throw new NoFilter();
    return filter;
  }

  #alternatives(): Filter {
    const filters = [this.#conjunction()];
    while (this.#skip('or')) filters.push(this.#conjunction());
    return (item) => filters.some((filter) => filter(item));
  }

  /** Binds closer than `or`. */
  #conjunction(): Filter {
    const filters = [this.#term()];
    while (this.#skip('and')) filters.push(this.#term());
    return (item) => filters.every((filter) => filter(item));
  }

  #term(): Filter {
    if (this.#skip('(')) {
      const filter = this.#alternatives();
      if (!this.#skip(')')) throw new NoFilter();
      return filter;
    }
    const field = this.#tokens.shift();
    const compare = OPERATORS.get(this.#tokens.shift() ?? '');
    const part = partOf(this.#tokens.shift());
    if ((field !== 'name' && field !== 'description') || !compare) throw new NoFilter();
    return (item) => compare(item[field], part);
  }

  #skip(token: string): boolean {
    if (this.#tokens[0] !== token) return false;
    this.#tokens.shift();
    return true;
  }
}

function partOf(token: string | undefined): string {
  if (!token?.startsWith('"')) throw new NoFilter();
  try {
    return JSON.parse(token) as string;
  } catch {
    throw new NoFilter();
  }
}
