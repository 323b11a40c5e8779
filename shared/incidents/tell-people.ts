import { IamLogin } from '../auth/iam-login.ts';
import { Calls } from '../clients/calls.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { IamTokens } from '../clients/iam-token.ts';
import type { Manifest } from '../keys/manifest.ts';
import { sendNotices } from '../notices/send.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import type { LeakFacts } from './answer.ts';
import { leakNotices } from './leak-notices.ts';

interface Telling {
  settings: Settings;
  clock: Clock;
  log: Log;
  /** What tests put under the SDKs. Default: the network. */
  http?: HttpOptions;
}

/** What telling people may take, in milliseconds. */
const NOTICE_MS = 2_000;

/**
 * Sends the notices that the response to a leak calls for, to the receivers that the settings name.
 * @throws KeyrotaError where nobody could be told.
 */
export async function tellPeople(
  facts: LeakFacts,
  manifest: Manifest,
  telling: Telling,
  signal: AbortSignal,
): Promise<void> {
  const { settings, clock, log, http = {} } = telling;
  const { notices: targets, accountId } = settings;
  if (targets.length === 0) return;
  const { deployment } = manifest;
  const notices = leakNotices(facts, clock.nowMs(), { deployment, accountId, manifest });
  const deadlineMs = clock.nowMs() + NOTICE_MS;
  const login = loginOf(telling, deadlineMs);
  const how = { targets, clock, log, signal, deadlineMs, http, login, disabled: new Set<string>() };
  const { delivered, failed } = await sendNotices(notices, how);
  if (failed.length > 0 && delivered.length === 0) throw new KeyrotaError('not_told', 'No receiver took the notices.');
}

/** For Event Notifications. It logs in when it is first needed. */
function loginOf({ settings, clock, log, http = {} }: Telling, deadlineMs: number): IamLogin {
  const calls = new Calls({ clock, log, deadlineMs, timeoutMs: NOTICE_MS });
  const tokens = new IamTokens({ serviceUrl: settings.iamUrl, calls, clock, http });
  return new IamLogin({ login: settings.login, tokens, clock });
}
