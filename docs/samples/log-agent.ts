import { KeyFetcher } from './fetch-key.ts';
import type { KeyFetcherOptions } from './fetch-key.ts';
import { Login, apiKeyForm } from './log-in.ts';

const TIMEOUT_MS = 10_000;

export interface LogAgentOptions extends KeyFetcherOptions {
  iamUrl?: string;
  /** Of the Cloud Logs instance, without a path. */
  ingestionUrl: string;
}

/** The samples put together: ships lines to Cloud Logs with a token of the key in the secret. */
export class LogAgent {
  readonly keys: KeyFetcher;
  readonly #login: Login;
  readonly #options: LogAgentOptions;

  constructor(options: LogAgentOptions) {
    this.#options = options;
    this.keys = new KeyFetcher(options);
    this.#login = new Login(async () => apiKeyForm((await this.keys.key()).reveal()), options);
  }

  /** @throws Error where the lines were not taken: keep them, and ship them again a few seconds later. */
  async ship(lines: readonly object[]): Promise<void> {
    const token = await this.keys.tryWith(() => this.#login.token());
    const { ingestionUrl, fetch: send = fetch } = this.#options;
    const response = await send(`${ingestionUrl}/logs/v1/singles`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(lines),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    });
    if (response.status === 401) this.#login.forget();
    if (!response.ok) throw new Error(`Cloud Logs answered ${response.status}.`);
  }
}
