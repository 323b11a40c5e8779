import type { NewClassicUser } from '../../infra/local/classic/classic-book.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { ClassicApiKey, Manifest } from '../../shared/keys/manifest.ts';
import { importKey } from '../../shared/rotation/import.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import type { RunOptions } from '../../shared/rotation/rotate-all.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from './laboratory.ts';

const BASE = 'http://cloud.local/rest/v3.1';

/** A classic key as it really is. */
export interface ClassicKeyState {
  id: string;
  createdAtMs: number;
  value: string;
}

export interface ClassicWorldOptions {
  switches?: Partial<Switches>;
  /** Fields of the entry under test. */
  entry?: object;
  /** Of its secret, beside the group. */
  secret?: object;
  /** How the user stands in classic infrastructure; null for one who is not linked to it. */
  terms?: NewClassicUser | null;
}

/**
 * A functional ID that is linked to classic infrastructure, with two entries: `classic`, whose key consumers fetch, and
 * `login`, whose key logs in as that user and which is stored already.
 */
export class ClassicWorld {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  readonly iamId: string;
  readonly userId: number;
  readonly username: string;
  readonly #apiKey: string;

  private constructor(lab: Laboratory, { entry = {}, secret = {}, terms = {} }: ClassicWorldOptions) {
    const { iamId, apiKey } = lab.cloud.iam.addUser('functional ID');
    const linked = terms && lab.cloud.classic.linkUser(iamId, terms);
    this.lab = lab;
    this.iamId = iamId;
    this.userId = linked?.id ?? 0;
    this.username = linked?.username ?? '';
    this.#apiKey = apiKey;
    const group = { group: lab.groupId };
    const common = { kind: 'classic-api-key', name: 'classic', iamId, login: 'login', window: 'any' };
    const classic = { ...common, secret: { ...group, ...secret }, ...entry };
    const login = { kind: 'user-api-key', name: 'login', iamId, secret: group };
    this.manifest = parseManifest({ deployment: 'lab', keys: [classic, login] }, 'test');
  }

  static async open(options: ClassicWorldOptions = {}): Promise<ClassicWorld> {
    const lab = await Laboratory.open(options.switches);
    const world = new ClassicWorld(lab, options);
    await lab.pass(60_000); // the user's own key is known everywhere by now
    await lab.withPorts(world.manifest, async (ports) => {
      const login = world.manifest.keys.find(({ name }) => name === 'login');
      if (login) await importKey(login, new SecretValue(world.#apiKey), ports);
    });
    return world;
  }

  get entry(): ClassicApiKey {
    const [key] = this.manifest.keys;
    if (key?.kind !== 'classic-api-key') throw new Error('the manifest has no classic key');
    return key;
  }

  /** The keys that the user really has: one or none. */
  get keys(): readonly ClassicKeyState[] {
    const { classic } = this.lab.cloud.snapshot({ withValues: true }) as {
      classic: { users: { id: number; keys: ClassicKeyState[] }[] };
    };
    return classic.users.find(({ id }) => id === this.userId)?.keys ?? [];
  }

  /** One tick for the classic key alone. */
  async tick(options: Partial<RunOptions> = {}, changes: Partial<RunContext> = {}): Promise<KeyReport> {
    const report = await this.lab.tick(this.manifest, { only: ['classic'], ...options }, changes);
    const found = report.keys.find(({ name }) => name === 'classic');
    if (!found) throw new Error('the key was not looked at');
    return found;
  }

  /** Whether a classic key logs in. */
  async works(value: string): Promise<boolean> {
    const authorization = `Basic ${Buffer.from(`${this.username}:${value}`).toString('base64')}`;
    const url = `${BASE}/SoftLayer_Account/getCurrentUser`;
    return (await this.lab.send(new Request(url, { headers: { authorization } }))).ok;
  }

  /** The user makes a key in the console. */
  async makeByHand(): Promise<ClassicKeyState> {
    await this.#call('GET', `SoftLayer_User_Customer/${this.userId}/addApiAuthenticationKey`);
    const [made] = this.keys;
    if (!made) throw new Error('no key was made');
    return made;
  }

  /** The user removes a key in the console. */
  async removeByHand(keyId: string): Promise<void> {
    const body = JSON.stringify({ parameters: [Number(keyId)] });
    await this.#call('POST', 'SoftLayer_User_Customer/removeApiAuthenticationKey', body);
  }

  /** The user replaces the key in the console. */
  async refreshByHand(): Promise<ClassicKeyState> {
    for (const { id } of this.keys) await this.removeByHand(id);
    return this.makeByHand();
  }

  async #call(method: 'GET' | 'POST', path: string, body?: string): Promise<void> {
    const authorization = `Basic ${Buffer.from(`apikey:${this.#apiKey}`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await this.lab.send(
      new Request(`${BASE}/${path}`, { method, headers, ...(body !== undefined && { body }) }),
    );
    if (!answer.ok) throw new Error(await answer.text());
  }
}
