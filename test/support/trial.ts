import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { Laboratory } from './laboratory.ts';

/** Long enough for strays to be discarded, for one mint, and for all that it supersedes to be retired. */
const UNTIL_ALL_IS_SETTLED_MS = [
  17 * MINUTE_MS,
  20 * MINUTE_MS,
  2 * HOUR_MS,
  DAY_MS,
  6 * DAY_MS,
  3 * HOUR_MS,
  3 * DAY_MS + HOUR_MS,
  HOUR_MS,
];

/**
 * A laboratory with log agents, as consumers should be: one fetches the value once a day and sends lines with what it
 * holds, others have just started. Something goes wrong; then it is left to itself, and must come to the one good end.
 */
export class Trial {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  readonly effects: string[];
  #refusedLines = 0;
  #held: { value: string; atMs: number } | undefined;

  constructor(lab: Laboratory) {
    this.lab = lab;
    this.manifest = lab.manifest();
    this.effects = lab.recordEffects();
  }

  /** Each agent sends a line, unless no key was ever stored. */
  async sendLines(): Promise<void> {
    const { lab } = this;
    if (lab.state.secretsManager.secrets.length === 0) return;
    const fresh = { value: await lab.fetchValue(), atMs: lab.clock.nowMs() };
    if (!this.#held || fresh.atMs - this.#held.atMs >= DAY_MS) this.#held = fresh;
    for (const value of new Set([fresh.value, this.#held.value])) {
      if (!(await lab.works(value))) this.#refusedLines += 1;
    }
  }

  /** The days go by, with ticks and lines, and nothing goes wrong any more. */
  async settle(): Promise<void> {
    this.lab.cloud.faults.clear();
    await this.sendLines();
    for (const pauseMs of UNTIL_ALL_IS_SETTLED_MS) {
      await this.lab.pass(pauseMs);
      // So few ticks a day that each of them lists the account and looks at every key.
      await this.lab.tick(this.manifest, { timerMs: DAY_MS / 2 });
      await this.sendLines();
    }
  }

  /** What is not as it must be in the end, in words: nothing, unless the product is wrong. */
  get wrongs(): string[] {
    const { lab, effects } = this;
    const secrets = lab.state.secretsManager.secrets.length;
    const [key, ...others] = lab.keys;
    const currentId = lab.currentKeyId();
    const stores = effects.filter((effect) => effect === 'store').length;
    const guarded = lab.secret().versions.filter(({ alias, locks }) => alias !== 'current' && locks.length > 0);
    const summary = lab.secret().customMetadata['keyrota'] as Record<string, unknown>;
    return [
      ...(secrets === 1 ? [] : [`there are ${secrets} secrets`]),
      ...others.map(({ name }) => `a key too many: ${name}`),
      ...(key?.id === currentId ? [] : [`the current version names ${currentId}, the issuer has ${key?.id}`]),
      ...(key?.disabled || key?.locked ? ['the current key is disabled or locked'] : []),
      ...(stores === 1 ? [] : [`${stores} versions were stored`]),
      ...guarded.map(({ id }) => `version ${id} is still locked`),
      ...(summary['key_id'] === currentId ? [] : ['the summary names another key']),
      ...(summary['previous_key_id'] === '' ? [] : ['the summary names a former key']),
      ...(this.#refusedLines === 0 ? [] : [`${this.#refusedLines} lines were refused`]),
    ];
  }
}

/** No key was ever made. */
export async function beforeFirstMint(): Promise<Trial> {
  return new Trial(await Laboratory.open());
}

/** The first rotation is due. */
export async function beforeRotation(): Promise<Trial> {
  const trial = await beforeFirstMint();
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(30 * DAY_MS);
  await trial.sendLines();
  trial.effects.length = 0;
  return trial;
}

/** K2 superseded K1, and the grace of K1 is over. */
export async function beforeDisabling(): Promise<Trial> {
  const trial = await beforeRotation();
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(DAY_MS + HOUR_MS);
  await trial.sendLines();
  await trial.lab.pass(6 * DAY_MS);
  return trial;
}

/** The quarantine of K1 is over too. */
export async function beforeDeletion(): Promise<Trial> {
  const trial = await beforeDisabling();
  await trial.lab.tick(trial.manifest, { only: ['ingest'] });
  await trial.lab.pass(3 * DAY_MS);
  await trial.sendLines();
  return trial;
}
