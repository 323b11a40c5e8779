/** What was tried with a key was refused: the key is dead, or never worked. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** How the token endpoint refuses a key that is disabled, deleted, expired or unknown. Anything else may pass by itself. */
const REFUSALS = new Set([400, 401, 403]);

/** A token is renewed after this part of its life. */
const RENEWED_AFTER = 0.8;

const TIMEOUT_MS = 10_000;

const GRANT = 'urn:ibm:params:oauth:grant-type';

/** Logs in with an API key. */
export const apiKeyForm = (apiKey: string) => ({ grant_type: `${GRANT}:apikey`, apikey: apiKey });

/** Logs a workload in as a trusted profile. Code Engine and Kubernetes renew the token of the workload: read its file each time. */
export const profileForm = (profileId: string, computeResourceToken: string) => ({
  grant_type: `${GRANT}:cr-token`,
  profile_id: profileId,
  cr_token: computeResourceToken,
});

export interface LoginOptions {
  /** Default: `https://iam.cloud.ibm.com`. */
  iamUrl?: string;
  fetch?: typeof fetch;
  nowMs?: () => number;
}

/** Logs in at IAM with whatever `form` gives at that moment, and keeps the token for most of its life. */
export class Login {
  readonly #form: () => Promise<Record<string, string>>;
  readonly #options: Required<LoginOptions>;
  #token: { value: string; renewAtMs: number } | null = null;

  constructor(form: () => Promise<Record<string, string>>, options: LoginOptions = {}) {
    this.#form = form;
    this.#options = { iamUrl: 'https://iam.cloud.ibm.com', fetch, nowMs: Date.now, ...options };
  }

  /** The next call logs in anew: for a token that was not taken. */
  forget(): void {
    this.#token = null;
  }

  /** @throws Refused where IAM refuses the key, and Error where it cannot answer now. */
  async token(): Promise<string> {
    const { iamUrl, fetch: send, nowMs } = this.#options;
    if (this.#token && nowMs() < this.#token.renewAtMs) return this.#token.value;
    this.#token = null;
    const body = new URLSearchParams(await this.#form());
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await send(`${iamUrl}/identity/token`, { method: 'POST', body, signal, redirect: 'error' });
    const { status } = response;
    // The answer says no more in any message: it may repeat what was sent.
    if (REFUSALS.has(status)) throw new Refused(`IAM refused the login with ${status}.`);
    if (!response.ok) throw new Error(`IAM answered ${status}.`);
    const { access_token: value, expires_in: lifeS } = (await response.json()) as Record<string, unknown>;
    this.#token = { value: String(value), renewAtMs: nowMs() + Number(lifeS) * 1_000 * RENEWED_AFTER };
    return this.#token.value;
  }
}
