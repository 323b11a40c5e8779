import { createRequire } from 'node:module';

/** What is used of the parser. Its own types would bring those of browsers into the whole project. */
interface HclParser {
  parse: (file: string, text: string) => Promise<Record<string, unknown>>;
  getExpressionAst: (file: string, expression: string) => Promise<unknown>;
}

const require = createRequire(import.meta.url);

export const { parse, getExpressionAst } = require('@cdktf/hcl2json') as HclParser;
