import { createHash } from 'node:crypto';
import type { FunctionRequest, FunctionResponse } from '../runtime/code-engine.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import { readPackedFile } from '../runtime/packed-file.ts';

/** The files of the page, that the build packs beside the bundle. */
export const PAGE_FILES = {
  '/': { name: 'report.html', type: 'text/html; charset=utf-8' },
  '/report.js': { name: 'report.js', type: 'text/javascript; charset=utf-8' },
  '/report.css': { name: 'report.css', type: 'text/css; charset=utf-8' },
} as const;
export type PagePath = keyof typeof PAGE_FILES;

/** A file of the page; 304 where the browser has it already. @throws KeyrotaError `page_missing` where nothing was packed. */
export function pageFile(path: PagePath, request: FunctionRequest): FunctionResponse {
  const { name, type } = PAGE_FILES[path];
  const text = readPackedFile(name);
  if (text === null) {
    throw new KeyrotaError('page_missing', `${name} is not beside the bundle.`, {
      next: 'Deploy the whole folder that npm run build writes.',
    });
  }
  const etag = `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`;
  const headers = { 'content-type': type, 'cache-control': 'private, no-cache', etag };
  return isKnown(request.header('if-none-match'), etag)
    ? { status: 304, headers, body: '' }
    : { status: 200, headers, body: text };
}

/** https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match: compared weakly. */
const isKnown = (given: string | null, etag: string): boolean =>
  (given ?? '').split(',').some((one) => [etag, `W/${etag}`, '*'].includes(one.trim()));
