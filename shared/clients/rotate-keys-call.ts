import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import type { Settings } from '../runtime/settings.ts';
import { apiErrorOf } from './api-error.ts';
import { freshHttpConfig } from './http-options.ts';
import type { HttpOptions } from './http-options.ts';

const OPERATION = 'rotateKeys';
/** What `rotate-keys` takes in one call. */
const MOST_NAMES = 1_000;
const WAIT_MS = 2_000;

/** What `rotate-keys` is asked for. */
export interface RotateKeysWish {
  /** Names of entries, at most 1,000. Without any, all that is due. */
  only: readonly string[];
  /** What is to be remembered of leaks of keys that no entry manages. */
  incidents?: readonly object[];
}

/**
 * What became of the call. `sent`: no answer in time; a run takes longer than anybody waits for it, so it works on, or else the
 * timer's next run does the same.
 */
export type RotateKeysCall = { outcome: 'accepted' | 'sent' | 'not-configured' } | { outcome: 'failed'; why: string };

export interface RotateKeysCallOptions {
  settings: Pick<Settings, 'rotateKeysUrl' | 'triggerTokens'>;
  clock: Clock;
  http: HttpOptions;
  /** How long an answer is waited for, in milliseconds. Default 2,000. */
  waitMs?: number;
}

/**
 * Starts `rotate-keys` for some entries, once and on a connection of its own, without following redirects. Whatever happens is
 * in the answer: it never throws, because the timer does the same a little later.
 */
export async function callRotateKeys(
  wish: RotateKeysWish,
  { settings: { rotateKeysUrl, triggerTokens }, clock, http, waitMs = WAIT_MS }: RotateKeysCallOptions,
): Promise<RotateKeysCall> {
  const [token] = triggerTokens;
  if (rotateKeysUrl === null || !token) return { outcome: 'not-configured' };
  if (wish.only.length > MOST_NAMES) {
    return { outcome: 'failed', why: `${wish.only.length} names, and at most ${MOST_NAMES} are taken` };
  }
  const service = new RotateKeys(http);
  try {
    await withTimeLimit(clock, waitMs, new AbortController().signal, (signal) =>
      service.start(rotateKeysUrl, wish, token, signal),
    );
    return { outcome: 'accepted' };
  } catch (error) {
    if (error instanceof TimeIsUp) return { outcome: 'sent' };
    return { outcome: 'failed', why: messageOf(apiErrorOf(OPERATION, error, true, token)) };
  }
}

class RotateKeys extends BaseService {
  constructor(http: HttpOptions) {
    super({ ...freshHttpConfig(http), authenticator: new NoAuthAuthenticator() });
  }

  start(
    address: string,
    { only, incidents = [] }: RotateKeysWish,
    token: SecretValue,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { origin, pathname } = new URL(address);
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token.reveal()}` };
    return this.createRequest({
      options: {
        url: pathname,
        method: 'POST',
        body: { ...(only.length > 0 && { only }), ...(incidents.length > 0 && { incidents }) },
      },
      defaultOptions: { ...this.baseOptions, serviceUrl: origin, headers, axiosOptions: { signal } },
    });
  }
}
