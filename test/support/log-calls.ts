import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A call of the log in the sources. */
export interface LogCall {
  file: string;
  /** As written: a level, or what says it, in brackets. */
  level: string;
  /** The name of the event; null where an expression says it. */
  event: string | null;
  expression: string;
}

const ROOTS = ['functions', 'shared', 'infra/operator'];
const CATALOGUE = 'shared/runtime/log-events';

export const productSources = (): string[] =>
  ROOTS.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path)),
  ).filter((file) => file.endsWith('.ts') && !file.startsWith(CATALOGUE));

/** Calls such as `log.warn(`, `this.#ports.log.info(`, `log[level](`, and those on a log that is made in place. */
const CALL = /(?:\blog|createLog\([^;]*?\))\s*(?:\.(debug|info|warn|error)|(\[[^\]]+\]))\(\s*('[^']*'|[^,()]+)/g;

/** Every call of the log in the product. */
export const logCalls = (): LogCall[] =>
  productSources().flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(CALL)].map(([, level = '', computed = '', first = '']) => ({
      file,
      level: level || computed,
      event: first.startsWith("'") ? first.slice(1, -1) : null,
      expression: first.trim(),
    })),
  );
