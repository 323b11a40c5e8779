import { randomUUID } from 'node:crypto';
import { isTrusted } from '../../shared/auth/trigger-token.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { HttpError, functionMain } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest, FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { parseRotateRequest } from './schema.ts';

const write = (line: string) => {
  process.stdout.write(`${line}\n`);
};

async function handle(request: FunctionRequest): Promise<FunctionResponse> {
  if (request.path !== '/') throw new HttpError(404, 'not_found', 'There is only /.');
  if (request.method !== 'POST') throw new HttpError(405, 'method_not_allowed', 'Send a POST.');
  const wish = parseRotateRequest(request.body);
  const settings = readSettings(process.env);
  const isTargeted = wish.force || wish.only !== undefined || wish.incidents.length > 0;
  if (isTargeted && !isTrusted(request.header('authorization'), settings.triggerTokens)) {
    throw new HttpError(401, 'unauthorized', 'Unauthorized.');
  }
  const runId = randomUUID();
  const log = createLog(
    { clock: systemClock, write, level: settings.logLevel },
    { run: runId, delivery: request.header('ce-id') },
  );
  // All that talks to IBM Cloud loads here: a request that is refused does without.
  const { rotate } = await import('./rotate.ts');
  return { status: 200, body: await rotate(wish, runId, { settings, clock: systemClock, log }) };
}

/** Code Engine calls this. Timer events and HTTP requests arrive alike. */
export const main = functionMain(handle, (error) => {
  createLog({ clock: systemClock, write }).error('run_failed', `The run failed: ${messageOf(error)}`, { error });
});
