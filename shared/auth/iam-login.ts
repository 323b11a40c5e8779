import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { OutgoingHttpHeaders } from 'node:http';
import type { AuthenticatorInterface } from 'ibm-cloud-sdk-core';
import type { Login as LoginOfCalls } from '../clients/calls.ts';
import type { IamTokens, Token, TokenRequest } from '../clients/iam-token.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import type { Login } from '../runtime/settings.ts';

/** A token is renewed when this part of its life is over. */
const RENEW_AFTER = 0.8;

/** A token that is about to expire may do so before the call arrives. */
const SAFETY_MS = 30_000;

/** After a renewal failed the old token serves this long before the next try. */
const RENEW_AGAIN_MS = 60_000;

/** What the SDKs hand to an authenticator, as far as it is used. */
interface SdkRequest {
  headers?: OutgoingHttpHeaders;
  axiosOptions?: { signal?: AbortSignal };
}

export interface IamLoginOptions {
  login: Login;
  tokens: IamTokens;
  clock: Clock;
  /** Ends exchanges that are under way. Default: nothing does. */
  signal?: AbortSignal;
}

/**
 * Who Keyrota is towards IBM Cloud: one token, renewed in time, one exchange in flight. Credentials are read at each
 * exchange, because Code Engine replaces the compute-resource token now and then.
 */
export class IamLogin implements AuthenticatorInterface, LoginOfCalls {
  readonly #options: IamLoginOptions;
  #current: { token: Token; renewAtMs: number } | null = null;
  #exchange: Promise<void> | null = null;
  #generation = 0;

  constructor(options: IamLoginOptions) {
    this.#options = options;
  }

  get generation(): number {
    return this.#generation;
  }

  /** IAM id of who is logged in, as the token says; null before the first login, or where the token does not tell. */
  get iamId(): string | null {
    return this.told?.iam_id ?? null;
  }

  /** What the present token says of itself; null before the first login, or where it cannot be read. */
  get told(): TokenClaims | null {
    return this.#current ? claimsIn(this.#current.token.value) : null;
  }

  /**
   * Resolves when a token is at hand.
   * @throws KeyrotaError `compute_resource_token_missing`, the ApiError of the exchange, or the signal's reason.
   */
  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#current && this.#options.clock.nowMs() < this.#current.renewAtMs) return;
    this.#exchange ??= this.#renew().finally(() => {
      this.#exchange = null;
    });
    await unlessAborted(this.#exchange, signal);
  }

  forget(generation = this.#generation): void {
    if (generation === this.#generation) this.#current = null;
  }

  async authenticate(request: SdkRequest): Promise<void> {
    await this.ready(request.axiosOptions?.signal ?? new AbortController().signal);
    const token = this.#current?.token.value.reveal() ?? '';
    request.headers = { ...request.headers, Authorization: `Bearer ${token}` };
  }

  authenticationType(): string {
    return this.#options.login.kind === 'api-key' ? 'iam' : 'container';
  }

  /** While the old token still serves, a renewal that fails does no harm. */
  async #renew(): Promise<void> {
    const { clock, tokens, signal = new AbortController().signal } = this.#options;
    const startMs = clock.nowMs();
    const old = this.#current;
    try {
      const token = await tokens.exchange(this.#request(), signal);
      this.#current = { token, renewAtMs: startMs + (token.expiresAtMs - startMs) * RENEW_AFTER };
      this.#generation += 1;
    } catch (error) {
      if (!old || clock.nowMs() + SAFETY_MS > old.token.expiresAtMs || this.#current !== old) throw error;
      const renewAtMs = Math.min(clock.nowMs() + RENEW_AGAIN_MS, old.token.expiresAtMs - SAFETY_MS);
      this.#current = { token: old.token, renewAtMs };
    }
  }

  #request(): TokenRequest {
    const { login } = this.#options;
    if (login.kind === 'api-key') return { grant: 'apikey', apiKey: login.apiKey };
    const { profileId, profileName } = login;
    return {
      grant: 'cr-token',
      computeResourceToken: readToken(login.tokenFile),
      ...(profileId && { profileId }),
      ...(profileName && { profileName }),
    };
  }
}

/** Each who waits may stop waiting; what is shared goes on for the others. */
export function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** `iat` is in epoch seconds, by IAM's clock; `account.bss` is the account that the token is for. */
const Claims = z.object({
  iam_id: z.string(),
  iat: z.number().optional().catch(undefined),
  account: z.object({ bss: z.string() }).optional().catch(undefined),
});

/** What an access token says of itself. */
export type TokenClaims = z.infer<typeof Claims>;

/** Nobody verifies the token here: it comes from IAM itself, and decides nothing but whether to ask further. */
function claimsIn(token: SecretValue): TokenClaims | null {
  try {
    const [, claims = ''] = token.reveal().split('.');
    return Claims.parse(JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')));
  } catch {
    return null;
  }
}

function readToken(file: string): SecretValue {
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return new SecretValue(text);
  } catch (cause) {
    throw tokenMissing(`cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown reason'})`, file);
  }
  throw tokenMissing('is empty', file);
}

function tokenMissing(what: string, file: string): KeyrotaError {
  return new KeyrotaError('compute_resource_token_missing', `The compute-resource token ${file} ${what}.`, {
    next:
      'Switch trusted profiles on for the function (ibmcloud ce fn update --name NAME --trusted-profiles-enabled) or the job ' +
      '(ibmcloud ce job update, with the same), ' +
      'or log in otherwise: KEYROTA_LOGIN=api-key.',
  });
}
