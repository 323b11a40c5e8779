import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { ManagedKey, Manifest } from '../../shared/keys/manifest.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import type { RunOptions } from '../../shared/rotation/rotate-all.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { Laboratory } from './laboratory.ts';
import { onlyKey } from './rotated.ts';

/** What one kind of key needs around it, and how a person and a consumer deal with it. */
export interface KindSetting {
  lab: Laboratory;
  /** The entry under test first; what it needs beside it after that. */
  manifest: Manifest;
  /** Keys of the entry's owner that exist at the issuer, but those of other entries. */
  keys(): readonly { id: string; disabled: boolean }[];
  /** Whether what a consumer has fetched works: the text of a secret, or the JSON of its fields. */
  works(stored: string): Promise<boolean>;
  /** A person makes a key of the same owner; its value is told where the owner can have one key only. */
  makeByHand(): Promise<{ id: string; value?: string }>;
  /** Somebody removes a key at the issuer. */
  removeByHand(keyId: string): Promise<unknown>;
  /** Takes from Keyrota the right to make such keys. */
  forbid(): Promise<unknown>;
  /** Makes as many keys as the owner may have. Left out where there is no limit but one. */
  fillQuota?(): Promise<unknown>;
}

/** A kind of key, as the suite that is the same for all needs to know it. */
export interface KindUnderTest {
  name: ManagedKey['kind'];
  open(): Promise<KindSetting>;
  keysPerOwner: 'many' | 'one';
  /** A superseded key is disabled before it is deleted. */
  canDisable: boolean;
  /** Keyrota itself fetches what is stored, and nobody else has to. Default: false. */
  isFetchedByKeyrota?: boolean;
}

/** Later than what is late, than any back-off or lease, and than a mint can last. */
const UNTIL_A_TICK_SEES_CLEARLY_MS = 20 * MINUTE_MS;

/** Long enough for all that is superseded or left over to be retired. */
const UNTIL_ALL_IS_SETTLED_MS = [
  2 * HOUR_MS,
  DAY_MS,
  6 * DAY_MS,
  3 * HOUR_MS,
  3 * DAY_MS + HOUR_MS,
  HOUR_MS,
  4 * DAY_MS,
  HOUR_MS,
];

/** One key of a kind and its world: its timer, its consumers, and what must be true of it in the end. */
export class KindWorld {
  readonly setting: KindSetting;
  readonly key: ManagedKey;
  readonly #kind: KindUnderTest;
  readonly #strangers: ReadonlySet<string>;
  #held: { value: string; atMs: number } | undefined;
  /** Times at which a consumer that fetches once a day was refused. */
  refusals = 0;

  private constructor(kind: KindUnderTest, setting: KindSetting) {
    this.#kind = kind;
    this.setting = setting;
    this.key = onlyKey(setting.manifest);
    this.#strangers = new Set(setting.keys().map(({ id }) => id));
  }

  static async open(kind: KindUnderTest): Promise<KindWorld> {
    return new KindWorld(kind, await kind.open());
  }

  get lab(): Laboratory {
    return this.setting.lab;
  }

  get currentKeyId(): string {
    return this.lab.currentKeyId(this.key.secret.name);
  }

  /** Whether there is a secret by now. */
  get isStored(): boolean {
    return this.lab.state.secretsManager.secrets.some(({ name }) => name === this.key.secret.name);
  }

  /** How many versions were stored. */
  get storedCount(): number {
    return this.isStored ? this.lab.secret(this.key.secret.name).versions.length : 0;
  }

  /** Keys of the owner that came since the beginning. */
  get ownKeys(): readonly { id: string; disabled: boolean }[] {
    const keys = this.setting.keys().map(({ id, disabled }) => ({ id, disabled }));
    return keys.filter(({ id }) => !this.#strangers.has(id));
  }

  /** One tick for this key alone. */
  async tick(options: Partial<RunOptions> = {}, changes: Partial<RunContext> = {}): Promise<KeyReport> {
    const { lab, key, setting } = this;
    const report = await lab.tick(setting.manifest, { only: [key.name], timerMs: DAY_MS / 2, ...options }, changes);
    const found = report.keys.find(({ name }) => name === key.name);
    if (!found) throw new Error('the key was not looked at');
    return found;
  }

  /** The first key is stored, consumers have it, and so many days have passed. */
  async mintFirst(days = 30): Promise<void> {
    await this.tick();
    await this.consume();
    await this.lab.pass(days * DAY_MS);
  }

  /** Consumers fetch what is stored now; one of them only once a day. Each uses what it has. */
  async consume(): Promise<void> {
    if (!this.isStored) return;
    const fresh = { value: await this.lab.fetchStored(this.key.secret.name), atMs: this.lab.clock.nowMs() };
    // Where there can be one key only, whoever holds the old one must fetch again at once.
    const isOld = !this.#held || this.#kind.keysPerOwner === 'one' || fresh.atMs - this.#held.atMs >= DAY_MS;
    if (isOld || !this.#held) this.#held = fresh;
    for (const value of new Set([fresh.value, this.#held.value])) {
      if (!(await this.setting.works(value))) this.refusals += 1;
    }
  }

  /** Nothing goes wrong any more, and the days go by. */
  async settle(): Promise<void> {
    this.lab.cloud.faults.clear();
    this.lab.cloud.switches.staleListMs = 0;
    await this.lab.pass(UNTIL_A_TICK_SEES_CLEARLY_MS);
    await this.tick();
    for (const pauseMs of UNTIL_ALL_IS_SETTLED_MS) {
      await this.lab.pass(pauseMs);
      await this.tick();
      await this.consume();
    }
  }

  /** What is not as it must be once everything has settled, in words. */
  async wrongs(): Promise<string[]> {
    const { lab, key, currentKeyId, ownKeys } = this;
    if (!this.isStored) return ['nothing is stored'];
    const current = ownKeys.find(({ id }) => id === currentKeyId);
    const works = await this.setting.works(await lab.fetchStored(key.secret.name));
    const report = await this.tick({ dryRun: true });
    const { versions, customMetadata } = lab.secret(key.secret.name);
    const guarded = versions.filter(({ alias, locks }) => alias !== 'current' && locks.length > 0);
    const summary = customMetadata['keyrota'] as Record<string, unknown>;
    return [
      ...(current && !current.disabled ? [] : [`the current key ${currentKeyId} is not there, or disabled`]),
      ...(works ? [] : ['what is stored does not work']),
      ...ownKeys.filter(({ id }) => id !== currentKeyId).map(({ id }) => `a key too many: ${id}`),
      ...(report.outcome === 'rest' ? [] : [`still to do: ${report.outcome}: ${report.why}`]),
      ...guarded.map(({ id }) => `version ${id} is still locked`),
      ...(summary['key_id'] === currentKeyId ? [] : ['the summary names another key']),
      ...(summary['previous_key_id'] === '' ? [] : ['the summary names a former key']),
    ];
  }
}
