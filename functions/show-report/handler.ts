import { randomUUID } from 'node:crypto';
import { isReader } from '../../shared/auth/report-reader.ts';
import { pageFile } from '../../shared/report/page-files.ts';
import { SECURITY_HEADERS } from '../../shared/report/security-headers.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { HttpError, functionMain } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest, FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import { routeOf } from './schema.ts';

const write = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/** Browsers ask for a name and a password when they see it. */
const UNAUTHORIZED: FunctionResponse = {
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="Keyrota", charset="UTF-8"' },
  body: { code: 'unauthorized', message: 'Unauthorized.' },
};

const NOT_ALLOWED: FunctionResponse = {
  status: 405,
  headers: { allow: 'GET, HEAD' },
  body: { code: 'method_not_allowed', message: 'Send a GET.' },
};

async function handle(request: FunctionRequest): Promise<FunctionResponse> {
  const settings = readSettings(process.env);
  if (settings.reportTokens.length === 0) throw new HttpError(503, 'report_closed', 'The report is closed.');
  if (!isReader(request.header('authorization'), settings.reportTokens)) return UNAUTHORIZED;
  if (request.method === 'HEAD') return { ...(await answerTo(request, settings)), body: '' };
  return request.method === 'GET' ? answerTo(request, settings) : NOT_ALLOWED;
}

async function answerTo(request: FunctionRequest, settings: Settings): Promise<FunctionResponse> {
  const route = routeOf(request.path);
  if (route.kind === 'file') return pageFile(route.path, request);
  const log = createLog({ clock: systemClock, write, level: settings.logLevel }, { request: randomUUID() });
  // All that talks to IBM Cloud loads here: the page itself, and whoever may not read it, do without.
  const { show } = await import('./show.ts');
  return show(route, { settings, clock: systemClock, log });
}

/** Code Engine calls this, for each request of a reader. */
export const main = functionMain(
  handle,
  (error) => {
    const log = createLog({ clock: systemClock, write });
    log.error('report_failed', `The report was not made: ${messageOf(error)}`, { error });
  },
  SECURITY_HEADERS,
);
