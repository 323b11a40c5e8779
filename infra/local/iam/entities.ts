import type { CloudParts } from '../parts.ts';
import type { Activity } from './activity.ts';

/** An entry of `history`, as `include_history` shows it. */
export interface HistoryEntry {
  atMs: number;
  iamId: string;
  /** `<verb>-<noun>`, for example `disable-apikey`. Ours: the real strings are not public. */
  action: string;
  /** Names of the properties that changed. */
  params: readonly string[];
  message: string;
}

/** What API keys, service IDs and trusted profiles have in common. */
export interface Entity {
  readonly id: string;
  readonly iamId: string;
  readonly entityTag: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly modifiedAtMs: number;
  readonly name: string;
  /** Empty when there is none. */
  readonly description: string;
  readonly history: readonly HistoryEntry[];
  /** Shared by all versions of the entity. */
  readonly activity: Activity;
}

const PAST_OF = {
  create: 'created',
  update: 'updated',
  lock: 'locked',
  unlock: 'unlocked',
  disable: 'disabled',
  enable: 'enabled',
} as const;

/** The property that a verb changes, for those that change but one. */
const FLAG_OF: Partial<Record<Verb, string>> = {
  lock: 'locked',
  unlock: 'locked',
  disable: 'disabled',
  enable: 'disabled',
};

/** What a write does to an entity. */
export type Verb = keyof typeof PAST_OF;

type Noun = 'apikey' | 'serviceid' | 'profile';

const LABEL_OF: Record<Noun, string> = { apikey: 'API key', serviceid: 'Service ID', profile: 'Trusted profile' };

/** `1-…` for a new entity, then `2-…` and so on. */
export function nextTag(parts: CloudParts, former = '0'): string {
  return `${Number.parseInt(former, 10) + 1}-${parts.random.hex(16)}`;
}

/** Writes the versions of one kind of entity: tag, dates and history. */
export class Scribe {
  readonly #parts: CloudParts;
  readonly #noun: Noun;

  constructor(parts: CloudParts, noun: Noun) {
    this.#parts = parts;
    this.#noun = noun;
  }

  /** The parts of a new entity that only depend on who made it, and when (default: now). */
  begin(name: string, byIamId: string, atMs = this.#parts.clock.nowMs()) {
    return {
      entityTag: nextTag(this.#parts),
      createdAtMs: atMs,
      createdBy: byIamId,
      modifiedAtMs: atMs,
      history: [this.#entry('create', name, byIamId, atMs, [])],
    };
  }

  /** The next version of an entity. */
  revise<T extends Entity>(
    entity: T,
    change: Partial<Omit<T, keyof Entity> & NamedPart>,
    verb: Verb,
    byIamId: string,
  ): T {
    const atMs = this.#parts.clock.nowMs();
    const params = verb === 'update' ? Object.keys(change).map(snakeCase) : [];
    const entry = this.#entry(verb, change.name ?? entity.name, byIamId, atMs, params);
    return {
      ...entity,
      ...change,
      entityTag: nextTag(this.#parts, entity.entityTag),
      modifiedAtMs: atMs,
      history: [...entity.history, entry],
    };
  }

  #entry(verb: Verb, name: string, iamId: string, atMs: number, params: readonly string[]): HistoryEntry {
    const flag = this.#parts.switches.stateHistory === 'updates' ? FLAG_OF[verb] : undefined;
    const told = flag === undefined ? verb : 'update';
    const message = `${LABEL_OF[this.#noun]} '${name}' was ${PAST_OF[told]}.`;
    return { atMs, iamId, action: `${told}-${this.#noun}`, params: flag === undefined ? params : [flag], message };
  }
}

type NamedPart = Pick<Entity, 'name' | 'description'>;

const snakeCase = (name: string): string =>
  name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
