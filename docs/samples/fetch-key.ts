import { Key } from './key.ts';
import { Refused } from './log-in.ts';

/** A look comes earlier than `keepForMs` says by up to this part, so that a fleet does not look in one second. */
const SPREAD = 0.1;

/** After a look that failed, the last good key is used, and the next look comes after this. */
const LOOK_AGAIN_MS = 30_000;

/** A key that was refused, and has no successor yet, is left alone for the first of these, then twice as long, up to the second. */
const BACK_OFF_MS = { first: 5_000, most: 120_000 };

const TIMEOUT_MS = 10_000;

export interface KeyFetcherOptions {
  /** `https://<instance>.<region>.secrets-manager.appdomain.cloud`. */
  secretsManagerUrl: string;
  /** `group` is the name of the secret group, not its id. */
  secret: { group: string; type: 'arbitrary' | 'kv'; name: string };
  /** A token of whoever may read the secret. */
  token: () => Promise<string>;
  /** How long a key is used without another look. */
  keepForMs: number;
  /** Hears what goes wrong while the last good key is used. */
  warn: (message: string) => void;
  fetch?: typeof fetch;
  nowMs?: () => number;
  random?: () => number;
}

/** Holds the current key of a secret: it looks now and then, and at once when the key was refused. */
export class KeyFetcher {
  readonly #options: Required<KeyFetcherOptions>;
  #key: Key | null = null;
  #lookAtMs = 0;
  #hints = 0;
  #looking: Promise<Key> | null = null;
  #refusal: { key: Key; delayMs: number; untilMs: number } | null = null;

  constructor(options: KeyFetcherOptions) {
    this.#options = { fetch, nowMs: Date.now, random: Math.random, ...options };
  }

  /** The key to use now. @throws Error while it has none yet and cannot fetch one. */
  async key(): Promise<Key> {
    if (this.#key && this.#options.nowMs() < this.#lookAtMs) return this.#key;
    return this.#lookOrKeep();
  }

  /** The next use of the key looks first: for whoever heard that there is a new one. */
  lookSoon(): void {
    this.#hints += 1;
    this.#lookAtMs = 0;
  }

  /** Looks now. Whoever asks meanwhile gets the same answer. */
  look(): Promise<Key> {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /**
   * Tries `attempt` with the key. Where it throws Refused, it looks, and tries once more if there is another key by now. Where there
   * is none yet, it throws Refused, without any call, until the back-off is over.
   */
  async tryWith<T>(attempt: (key: Key) => Promise<T>): Promise<T> {
    const key = await this.key();
    const { untilMs } = this.#refusal?.key === key ? this.#refusal : { untilMs: 0 };
    if (this.#options.nowMs() < untilMs)
      throw new Refused('The key was refused a moment ago, and has no successor yet.');
    try {
      return await attempt(key);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const other = await this.#afterRefusalOf(key);
      if (other === key) throw error;
      return attempt(other);
    }
  }

  async #afterRefusalOf(key: Key): Promise<Key> {
    if (this.#key && this.#key !== key) return this.#key; // another attempt has fetched it meanwhile
    const { nowMs, random } = this.#options;
    const formerMs = this.#refusal?.key === key ? this.#refusal.delayMs : 0;
    const delayMs = Math.min(Math.max(2 * formerMs, BACK_OFF_MS.first), BACK_OFF_MS.most);
    this.#refusal = { key, delayMs, untilMs: nowMs() + delayMs * (1 - random() / 2) };
    return this.#lookOrKeep();
  }

  /** A key that worked a moment ago is better than none. */
  async #lookOrKeep(): Promise<Key> {
    try {
      return await this.look();
    } catch (error) {
      if (!this.#key) throw error;
      this.#lookAtMs = this.#options.nowMs() + LOOK_AGAIN_MS;
      this.#options.warn(`The last good key is used on: ${error instanceof Error ? error.message : 'no answer'}`);
      return this.#key;
    }
  }

  async #read(): Promise<Key> {
    const { secretsManagerUrl, secret, token, keepForMs, fetch: send, nowMs, random } = this.#options;
    const [begunMs, hints] = [nowMs(), this.#hints];
    const [group, type, name] = [secret.group, secret.type, secret.name].map(encodeURIComponent);
    const url = `${secretsManagerUrl}/api/v2/secret_groups/${group}/secret_types/${type}/secrets/${name}`;
    const headers = { authorization: `Bearer ${await token()}`, accept: 'application/json' };
    const response = await send(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!response.ok) throw new Error(`Secrets Manager answered ${response.status}.`);
    const { id, payload, data } = (await response.json()) as { id: string; payload?: string; data?: object };
    if (payload === undefined && data === undefined) throw new Error('The secret holds no value.');
    const fetched = new Key(id, payload ?? data ?? '');
    // What was heard while it looked may be newer than what it saw.
    if (hints === this.#hints) this.#lookAtMs = begunMs + keepForMs * (1 - SPREAD * random());
    this.#key = this.#key?.equals(fetched) ? this.#key : fetched;
    return this.#key;
  }
}
