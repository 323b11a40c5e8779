import * as z from 'zod';
import { PAGE_FILES } from '../../shared/report/page-files.ts';
import type { PagePath } from '../../shared/report/page-files.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';

/** What a request asks for. */
export type Route =
  { kind: 'file'; path: PagePath } | { kind: 'fleet' } | { kind: 'metrics' } | { kind: 'key'; name: string };

/** Names of entries; whether there is one, the manifest says. */
const KeyPath = z.string().regex(/^\/keys\/[a-z][a-z0-9-]{1,59}\.json$/);

/** All paths, as people are told of them. */
export const PATHS = [...Object.keys(PAGE_FILES), '/data.json', '/keys/NAME.json', '/metrics'] as const;

/** @throws HttpError 404. */
export function routeOf(path: string): Route {
  if (Object.hasOwn(PAGE_FILES, path)) return { kind: 'file', path: path as PagePath };
  if (path === '/data.json') return { kind: 'fleet' };
  if (path === '/metrics') return { kind: 'metrics' };
  if (KeyPath.safeParse(path).success) return { kind: 'key', name: path.slice('/keys/'.length, -'.json'.length) };
  throw new HttpError(404, 'not_found', `There are only ${PATHS.join(', ')}.`);
}
