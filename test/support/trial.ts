import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { isNamedFor } from '../../shared/rotation/situation.ts';
import type { Laboratory, State } from './laboratory.ts';
import { Neighbours } from './neighbours.ts';
import { onlyKey } from './rotated.ts';
import { wholeTick } from './whole-tick.ts';
import { Witness, currentKeyOf } from './witness.ts';

/** Later than what is late in a trial, than any back-off or lease, and than a mint can last: then every tick sees clearly. */
const UNTIL_A_TICK_SEES_CLEARLY_MS = 20 * MINUTE_MS;

/** Long enough for all that is superseded or left over to be retired. */
const UNTIL_ALL_IS_SETTLED_MS = [2 * HOUR_MS, DAY_MS, 6 * DAY_MS, 3 * HOUR_MS, 3 * DAY_MS + HOUR_MS, HOUR_MS];

/** What a run of the trial does. */
export type Deed = (trial: Trial, changes: Partial<RunContext>) => Promise<unknown>;

export interface TrialOptions {
  manifest: Manifest;
  deed: Deed;
  /** How many versions may be stored from the deed to the end. Default: one. `any` is for lives with many deeds. */
  stores?: readonly number[] | 'any';
  /** A person sees that the command failed and gives it again. Default: the timer goes on. */
  isRepeatedByHand?: boolean;
  /** Ticks also write down what belongs to no single key. Default: false. */
  keepsLedger?: boolean;
}

/** A look at the key, and whatever follows from it. */
export const tickDeed: Deed = ({ lab, manifest }, changes) => lab.tick(manifest, { only: ['ingest'] }, changes);

/**
 * A laboratory with log agents, as consumers should be: one fetches the value once a day and sends lines with what it
 * holds, others have just started. Something goes wrong; then it is left to itself, and must come to the one good end.
 */
export class Trial {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  readonly deed: Deed;
  readonly witness: Witness;
  readonly effects: string[];
  readonly #options: TrialOptions;
  readonly #neighbours: Neighbours;
  #refusedLines = 0;
  #held: { value: string; atMs: number } | undefined;

  private constructor(lab: Laboratory, neighbours: Neighbours, options: TrialOptions) {
    this.lab = lab;
    this.manifest = options.manifest;
    this.deed = options.deed;
    this.#options = options;
    this.#neighbours = neighbours;
    this.witness = new Witness(lab);
    this.effects = lab.recordEffects();
  }

  static async open(lab: Laboratory, options: TrialOptions): Promise<Trial> {
    return new Trial(lab, await Neighbours.settle(lab), options);
  }

  /** Each agent sends a line, unless no key was ever stored. */
  async sendLines(): Promise<void> {
    const { lab } = this;
    if (!this.#secrets.length) return;
    const fresh = { value: await lab.fetchValue(), atMs: lab.clock.nowMs() };
    if (!this.#held || fresh.atMs - this.#held.atMs >= DAY_MS) this.#held = fresh;
    const values = [...new Set([fresh.value, this.#held.value])];
    this.witness.consumersHold(values);
    for (const value of values) {
      if (!this.witness.isExcused(value) && !(await lab.works(value))) this.#refusedLines += 1;
    }
  }

  /** Somebody else kills the current key; whoever holds it goes without until it is replaced. */
  async loseTheCurrentKey(how: (keyId: string) => Promise<unknown>): Promise<void> {
    const keyId = this.lab.currentKeyId();
    this.witness.excuse(keyId);
    await how(keyId);
  }

  /** Nothing goes wrong any more. */
  async endTrouble(runSucceeded: boolean): Promise<void> {
    this.lab.cloud.faults.clear();
    this.lab.cloud.switches.staleListMs = 0;
    await this.lab.pass(UNTIL_A_TICK_SEES_CLEARLY_MS);
    if (this.#options.isRepeatedByHand && !runSucceeded) await this.deed(this, {}).catch(() => undefined);
  }

  /** Two ticks, and what is not well then: the current key must work, and nothing unknown of ours may be left on. */
  async wrongsAfterTwoTicks(): Promise<string[]> {
    const { lab, manifest } = this;
    await this.#tick();
    await lab.pass(HOUR_MS + MINUTE_MS);
    await this.#tick();
    const [report] = (await lab.tick(manifest, { only: ['ingest'], dryRun: true })).keys;
    await this.sendLines();
    // Where a look itself counts as a fetch, the end of an old key may begin with any of them.
    const isFetchedByLooks = report?.outcome === 'planned' && lab.cloud.switches.metadataReadMarksDownloaded;
    const isSettled = report?.outcome === 'rest' || report?.outcome === 'hold' || isFetchedByLooks;
    const current = currentKeyOf(lab.state);
    const known = new Set(lab.secret().versions.map(({ customMetadata }) => customMetadata.keyrota?.key_id));
    const isNamed = (name: string) => isNamedFor(onlyKey(manifest), name);
    const unknown = this.#ownKeys.filter(({ id, name, disabled }) => !disabled && isNamed(name) && !known.has(id));
    return [
      ...(current && !current.disabled && lab.keys.some(({ id }) => id === current.id) ? [] : ['no current key works']),
      ...unknown.map(({ name }) => `nobody knows key ${name}, and it is still on`),
      ...(isSettled ? [] : [`still to do: ${report?.why}`]),
    ].map((wrong) => `after two ticks: ${wrong}`);
  }

  /** The days go by, with ticks and lines. */
  async settle(): Promise<void> {
    for (const pauseMs of UNTIL_ALL_IS_SETTLED_MS) {
      await this.lab.pass(pauseMs);
      await this.#tick();
      await this.sendLines();
    }
  }

  /** What was not as it must be at some moment, or is not in the end, in words: nothing, unless the product is wrong. */
  get wrongs(): string[] {
    const { lab, effects } = this;
    const [key, ...others] = this.#ownKeys;
    const currentId = lab.currentKeyId();
    const stores = effects.filter((effect) => effect === 'store').length;
    const { stores: expected = [1] } = this.#options;
    const guarded = lab.secret().versions.filter(({ alias, locks }) => alias !== 'current' && locks.length > 0);
    const summary = lab.secret().customMetadata['keyrota'] as Record<string, unknown>;
    const isRestored = lab.secret().versions.at(-1)?.customMetadata.keyrota?.reason === 'undo';
    return [
      ...this.witness.wrongs,
      ...(this.#secrets.length === 1 ? [] : [`there are ${this.#secrets.length} secrets`]),
      ...others.map(({ name }) => `a key too many: ${name}`),
      ...(key?.id === currentId ? [] : [`the current version names ${currentId}, the issuer has ${key?.id}`]),
      ...(key?.disabled ? ['the current key is disabled'] : []),
      ...(key?.locked && !isRestored ? ['the current key is locked'] : []),
      ...(expected === 'any' || expected.includes(stores) ? [] : [`${stores} versions were stored`]),
      ...guarded.map(({ id }) => `version ${id} is still locked`),
      ...(summary['key_id'] === currentId ? [] : ['the summary names another key']),
      ...(summary['previous_key_id'] === '' ? [] : ['the summary names a former key']),
      ...(this.#refusedLines === 0 ? [] : [`${this.#refusedLines} lines were refused`]),
      ...(this.#neighbours.areTouched ? ['something foreign was touched'] : []),
    ];
  }

  /** So few ticks a day that each of them lists the account and looks at every key. */
  #tick(): Promise<unknown> {
    const options = { timerMs: DAY_MS / 2 };
    const { lab, manifest } = this;
    return this.#options.keepsLedger ? wholeTick(lab, manifest, options) : lab.tick(manifest, options);
  }

  get #secrets(): State['secretsManager']['secrets'] {
    return this.lab.state.secretsManager.secrets.filter(({ name }) => name === 'ingest');
  }

  /** Keys of the identity that are ours, by name, or were taken in. */
  get #ownKeys(): State['iam']['apiKeys'] {
    const key = onlyKey(this.manifest);
    return this.lab.keys.filter(({ id, name }) => !this.#neighbours.owns(id) || isNamedFor(key, name));
  }
}
