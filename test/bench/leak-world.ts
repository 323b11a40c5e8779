import { serve } from '../../infra/local/server.ts';
import type { Listening, ServeOptions } from '../../infra/local/server.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { INCIDENT, incident } from '../support/webhook-requests.ts';
import type { Delivery } from '../support/webhook-requests.ts';
import { openFleet } from './fleet-world.ts';

/** Made up, as all secrets here. */
const TRIGGER_TOKEN = 'a-bearer-token-of-the-bench-0123456789';

export interface LeakedKey {
  /** Of its entry in the manifest. */
  name: string;
  id: string;
  value: string;
}

/** A call to the embedded cloud while it is under way: from when to when, by the cloud's clock. */
export interface SeenCall {
  startMs: number;
  endMs: number;
}

/** Managed keys that can leak, in an account each call to which takes the same time and has its effect at the end of it. */
export class LeakWorld implements AsyncDisposable {
  readonly lab: Laboratory;
  readonly calls: SeenCall[] = [];
  readonly #written: object;
  readonly #keys: LeakedKey[];
  readonly #server: Listening;

  private constructor(lab: Laboratory, written: object, keys: LeakedKey[], server: Listening) {
    this.lab = lab;
    this.#written = written;
    this.#keys = keys;
    this.#server = server;
  }

  static async open(keyCount: number, callMs: number, watch: Partial<ServeOptions> = {}): Promise<LeakWorld> {
    const names = Array.from({ length: keyCount }, (_, place) => `key-${place}`);
    const { lab, written } = await openFleet({ deployment: 'lab', names, keysPerIdentity: 1 });
    const opened: { world?: LeakWorld } = {};
    const handle = async (request: Request) => {
      const call = { startMs: lab.clock.nowMs(), endMs: Infinity };
      opened.world?.calls.push(call);
      if (callMs > 0) await lab.clock.sleep(callMs);
      call.endMs = lab.clock.nowMs();
      return lab.send(request);
    };
    const server = await serve({ handle, port: 0, ...watch });
    opened.world = new LeakWorld(lab, { ...written, ledger: { group: lab.groupId } }, keysIn(lab), server);
    return opened.world;
  }

  /** One that has not leaked yet. */
  takeKey(): LeakedKey {
    const key = this.#keys.shift();
    if (!key) throw new Error('all keys have leaked');
    return key;
  }

  /** A signed report of this key. */
  report({ id, value }: LeakedKey, by: 'value' | 'id'): Delivery {
    const body = { type: 'key.compromised', data: { credential: by === 'value' ? { value } : { id } } };
    return incident(body, { id: `msg_${id}`, atMs: this.lab.clock.nowMs() });
  }

  /** All that both functions need. */
  environment(rotateKeysUrl: string): Record<string, string> {
    const { cloud } = this.lab;
    const { login } = this.lab.context(this.lab.manifest()).settings;
    if (login.kind !== 'api-key') throw new Error('the laboratory logs in with a key');
    return {
      KEYROTA_ACCOUNT_ID: cloud.account.id,
      KEYROTA_IAM_URL: this.#server.url,
      KEYROTA_SECRETS_MANAGER_URL: this.#server.url,
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: login.apiKey.reveal(),
      KEYROTA_MANIFEST: JSON.stringify(this.#written),
      KEYROTA_INCIDENT_SECRET: INCIDENT[0],
      KEYROTA_ROTATE_KEYS_URL: rotateKeysUrl,
      KEYROTA_TRIGGER_TOKEN: TRIGGER_TOKEN,
    };
  }

  /** Resolves when the account's own records tell that the key is disabled, or that the next value of its secret is stored. */
  recorded(what: 'api-key.disable' | 'secret-version.create', { id, name }: LeakedKey): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.lab.cloud.audit.watch((record) => {
        const isIt = 'keyId' in record ? record.keyId === id : 'secretId' in record && record.name === name;
        if (record.action !== what || !isIt) return;
        stop();
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.lab.clock.stop();
  }
}

function keysIn({ state }: Laboratory): LeakedKey[] {
  return state.secretsManager.secrets.flatMap(({ name, versions }) => {
    const current = versions.find(({ alias }) => alias === 'current');
    const id = current?.customMetadata.keyrota?.key_id;
    return id === undefined ? [] : [{ name, id, value: String(current?.payload) }];
  });
}
