import { randomUUID } from 'node:crypto';
import { isTrusted } from '../../shared/auth/trigger-token.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { HttpError, functionMain } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest, FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { parseCheckRequest } from './schema.ts';

const write = (line: string) => {
  process.stdout.write(`${line}\n`);
};

async function handle(request: FunctionRequest): Promise<FunctionResponse> {
  if (request.path !== '/') throw new HttpError(404, 'not_found', 'There is only /.');
  if (request.method !== 'POST') throw new HttpError(405, 'method_not_allowed', 'Send a POST.');
  const wish = parseCheckRequest(request.body);
  const settings = readSettings(process.env);
  // What is wrong in an account is nobody's business: whoever shows no token learns how many findings there are, and no more.
  const isToldAll = isTrusted(request.header('authorization'), settings.triggerTokens);
  const runId = randomUUID();
  const log = createLog(
    { clock: systemClock, write, level: settings.logLevel },
    { run: runId, delivery: request.header('ce-id') },
  );
  // All that talks to IBM Cloud loads here: a request that is refused does without.
  const { check } = await import('./check.ts');
  return { status: 200, body: await check(wish, { runId, isToldAll, settings, clock: systemClock, log }) };
}

/** Code Engine calls this, once a day. Timer events and HTTP requests arrive alike. */
export const main = functionMain(handle, (error) => {
  createLog({ clock: systemClock, write }).error('check_failed', `The check failed: ${messageOf(error)}`, { error });
});
