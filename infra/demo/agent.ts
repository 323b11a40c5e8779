import type { CloudClock, Hold } from '../local/clock.ts';
import type { EmbeddedCloud } from '../local/cloud.ts';
import { AGENTS_GROUP } from './account.ts';
import { exchange, logInWithKey } from './admin.ts';
import type { Send } from './admin.ts';
import type { Shipping } from './demo-keys.ts';

const MINUTE_MS = 60_000;

/** A token is renewed before its hour is over. */
const TOKEN_LIFE_MS = 50 * MINUTE_MS;

export interface AgentOptions {
  cloud: EmbeddedCloud;
  /** Where the cloud's routes are; any origin will do, the agent calls it in this process. */
  url: string;
  secretName: string;
  secretType: 'arbitrary' | 'kv';
  /** Where its lines go, and how; null for a program that fetches its key and ships nothing. */
  shipping: Shipping | null;
  /** How often it ships a line, in milliseconds. */
  lineEveryMs: number;
  /** How often it looks for a new key in Secrets Manager, in milliseconds. */
  refreshEveryMs: number;
  /** Who it is towards Secrets Manager: a workload with a trusted profile. */
  profileId: string;
  computeResourceToken: string;
  /** When it ships for the last time, in epoch milliseconds. */
  untilMs: number;
}

/** A secret, as far as an agent reads it. */
interface SecretAnswer {
  payload?: string;
  data?: { apikey: string };
  custom_metadata?: { keyrota?: { key_id?: string } };
}

interface Held<T> {
  value: T;
  sinceMs: number;
}

/** A line that was refused. */
export interface Refusal {
  /** Of the key that it was shipped with; empty where the secret does not tell. */
  keyId: string;
  atMs: number;
}

/** How an agent stands. */
export interface AgentState {
  secretName: string;
  /** It ships lines. */
  ships: boolean;
  /** The key that it fetched last; null for none, also after a refusal. */
  keyId: string | null;
  /** When it fetched that key first, as an ISO time. */
  fetchedAt: string | null;
  /** That key let a line in since. */
  works: boolean;
  linesSent: number;
  linesRefused: number;
}

/** What an agent holds of its secret. */
interface FetchedKey {
  value: string;
  keyId: string;
  firstMs: number;
  works: boolean;
}

/**
 * What a user cares about: an agent that ships log lines at a steady pace. It fetches its key from Secrets Manager now
 * and then, as agents do, and not because a key was rotated. A refused line is never sent again.
 */
export class IngestionAgent {
  readonly #options: AgentOptions;
  readonly #clock: CloudClock;
  #reader: Held<string> | undefined;
  #apiKey: Held<FetchedKey> | undefined;
  #token: Held<string> | undefined;
  #stopped = false;
  linesSent = 0;
  /** Every line that was refused. */
  readonly refusals: Refusal[] = [];

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#clock = options.cloud.clock;
  }

  start(): void {
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
  }

  get state(): AgentState {
    const { value: key = null } = this.#apiKey ?? {};
    const { secretName, shipping } = this.#options;
    return {
      secretName,
      ships: shipping !== null,
      keyId: key?.keyId ?? null,
      fetchedAt: key && new Date(key.firstMs).toISOString(),
      works: key?.works ?? false,
      linesSent: this.linesSent,
      linesRefused: this.refusals.length,
    };
  }

  #next(): void {
    const atMs = this.#clock.nowMs() + this.#options.lineEveryMs;
    if (this.#stopped || atMs > this.#options.untilMs) return;
    this.#clock.at(atMs, async (hold) => {
      await this.#ship(hold);
      this.#next();
    });
  }

  async #ship(hold: Hold): Promise<void> {
    const send = (request: Request) => hold.wait(this.#options.cloud.handle(request));
    await this.#refresh(send);
    const { shipping } = this.#options;
    const key = this.#apiKey?.value;
    if (!key || !shipping) return; // before the first key there is nothing to ship with
    this.linesSent += 1;
    try {
      const response = await send(await this.#line(shipping, key.value, send));
      if (response.ok) key.works = true;
      else this.#refuse(key);
    } catch {
      this.#refuse(key);
    }
  }

  /** As any sane agent, it looks for a new key after a refusal. */
  #refuse({ keyId }: FetchedKey): void {
    this.refusals.push({ keyId, atMs: this.#clock.nowMs() });
    this.#apiKey = undefined;
    this.#token = undefined;
  }

  async #line(shipping: Shipping, apiKey: string, send: Send): Promise<Request> {
    const { url, secretName } = this.#options;
    const text = 'A line of the demo.';
    const line = { applicationName: secretName, subsystemName: 'demo', severity: 3, text };
    const isToken = shipping.by === 'token';
    const authorization = isToken
      ? `Bearer ${await this.#tokenFor(apiKey, send)}`
      : `Basic ${Buffer.from(`${apiKey}:`).toString('base64')}`;
    const body = JSON.stringify(isToken ? [line] : { lines: [{ line: text, app: secretName }] });
    const headers = { authorization, 'content-type': 'application/json' };
    return new Request(url + shipping.path, { method: 'POST', headers, body });
  }

  async #tokenFor(apiKey: string, send: Send): Promise<string> {
    const isOld = !this.#token || this.#ageMs(this.#token) > TOKEN_LIFE_MS;
    if (isOld) this.#token = this.#held(await logInWithKey(send, this.#options.url, apiKey));
    return this.#token?.value ?? '';
  }

  async #refresh(send: Send): Promise<void> {
    if (this.#apiKey && this.#ageMs(this.#apiKey) < this.#options.refreshEveryMs) return;
    const { url, secretName, secretType } = this.#options;
    const path = `/api/v2/secret_groups/${AGENTS_GROUP}/secret_types/${secretType}/secrets/${secretName}`;
    try {
      const headers = { authorization: `Bearer ${await this.#readerToken(send)}` };
      const response = await send(new Request(url + path, { headers }));
      if (!response.ok) return;
      const { payload, data, custom_metadata: metadata } = (await response.json()) as SecretAnswer;
      const value = payload ?? data?.apikey ?? '';
      const known = this.#apiKey?.value;
      if (value === known?.value) {
        this.#apiKey = this.#held(known);
        return;
      }
      this.#token = undefined;
      const keyId = metadata?.keyrota?.key_id ?? '';
      this.#apiKey = this.#held({ value, keyId, firstMs: this.#clock.nowMs(), works: false });
    } catch {
      // It goes on with the key that it has and looks again with the next line.
    }
  }

  async #readerToken(send: Send): Promise<string> {
    if (!this.#reader || this.#ageMs(this.#reader) > TOKEN_LIFE_MS) {
      const { url, profileId, computeResourceToken } = this.#options;
      const grantType = 'urn:ibm:params:oauth:grant-type:cr-token';
      const form = { grant_type: grantType, cr_token: computeResourceToken, profile_id: profileId };
      this.#reader = this.#held(await exchange(send, url, form));
    }
    return this.#reader.value;
  }

  #held<T>(value: T): Held<T> {
    return { value, sinceMs: this.#clock.nowMs() };
  }

  #ageMs(held: Held<unknown>): number {
    return this.#clock.nowMs() - held.sinceMs;
  }
}
