import type { KeyFetcher } from './fetch-key.ts';
import type { Key } from './key.ts';

const TIMEOUT_MS = 10_000;

/** A current version changes in a rotation only: more than one beside a start is no accident. */
const MOST_ATTEMPTS = 3;

export interface VersionLockOptions {
  secretsManagerUrl: string;
  /** A token of whoever may create locks: a Writer of the secret group, or a custom role with that action. */
  token: () => Promise<string>;
  /** Of this one program, not of all its copies: who moves a lock says that nobody behind it needs the former key. */
  name: string;
  /** Whom to ask about the lock. */
  who: string;
  /** For how long the lock is meant, from each `take` on. People read it; it ends nothing by itself. */
  holdForMs: number;
  fetch?: typeof fetch;
  nowMs?: () => number;
}

export interface LockedKey {
  key: Key;
  versionId: string;
}

/** A lock on the version in use. While it is on the former version, Keyrota neither disables that key nor makes another. */
export class VersionLock {
  readonly #options: Required<VersionLockOptions>;

  constructor(options: VersionLockOptions) {
    this.#options = { fetch, nowMs: Date.now, ...options };
  }

  /** Locks the current version, and fetches its key. A lock of this name on the former version stays. */
  async take(keys: KeyFetcher): Promise<LockedKey> {
    const { secretId } = await keys.key();
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const versionId = await this.#currentVersion(secretId);
      await this.#lock(secretId, versionId, '');
      const key = await keys.look();
      // It was current before and after the look, so it is what was fetched.
      if (versionId === (await this.#currentVersion(secretId))) return { key, versionId };
    }
    throw new Error('The current version changed again and again.');
  }

  /** Takes the lock from the former version, once the new key works. It needs no right to delete locks. */
  leaveFormer({ key, versionId }: LockedKey): Promise<void> {
    return this.#lock(key.secretId, versionId, '?mode=remove_previous');
  }

  /** Takes the lock off for good. That takes a Manager. */
  async takeOff({ key, versionId }: LockedKey): Promise<void> {
    // Without a name it would take the locks of all others too.
    const name = encodeURIComponent(this.#options.name);
    await this.#call('DELETE', `/secrets/${key.secretId}/versions/${versionId}/locks_bulk?name=${name}`);
  }

  async #currentVersion(secretId: string): Promise<string> {
    const { versions } = (await this.#call('GET', `/secrets/${secretId}/versions`)) as {
      versions: { id: string; alias?: string }[];
    };
    const current = versions.find(({ alias }) => alias === 'current');
    if (!current) throw new Error('The secret has no current version.');
    return current.id;
  }

  async #lock(secretId: string, versionId: string, query: string): Promise<void> {
    const { name, who, holdForMs, nowMs } = this.#options;
    const attributes = { who, until: new Date(nowMs() + holdForMs).toISOString() };
    const path = `/secrets/${secretId}/versions/${versionId}/locks_bulk${query}`;
    await this.#call('POST', path, { locks: [{ name, attributes }] });
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const { secretsManagerUrl, token, fetch: send } = this.#options;
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
    const response = await send(`${secretsManagerUrl}/api/v2${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`Secrets Manager answered ${response.status} to ${method} ${path}.`);
    return response.json();
  }
}
