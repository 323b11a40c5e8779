import type { AuditRecord } from '../../infra/local/audit.ts';
import type { Laboratory, State } from './laboratory.ts';

type Key = State['iam']['apiKeys'][number];

/**
 * Looks at the account at each effect, in the very moment in which it happens, and notes what must never be: a current
 * value that does not log in, or a value that a consumer holds and that does not either.
 */
export class Witness {
  readonly #lab: Laboratory;
  readonly #wrongs = new Set<string>();
  readonly #excused = new Set<string>();
  /** Ids of keys by their values, also of those that are gone. */
  readonly #keyOf = new Map<string, string>();
  #held: readonly Key[] = [];
  /**
   * A disable that is under way may reach a key that an undo is making current. That is no wrong when the very next effect is
   * that the same key is enabled.
   */
  #maybeTakenBack: { keyId: string; wrongs: readonly string[] } | null = null;

  constructor(lab: Laboratory) {
    this.#lab = lab;
    lab.cloud.audit.watch((record) => {
      if (record.action !== 'log-line.accept' && record.action !== 'log-line.refuse') this.#look(record);
    });
  }

  get wrongs(): readonly string[] {
    return [...this.#wrongs, ...(this.#maybeTakenBack?.wrongs ?? [])];
  }

  /** Somebody else has killed the key: nobody expects it to work. */
  excuse(keyId: string): void {
    this.#excused.add(keyId);
  }

  /** Whether the value is one of a key that somebody else has killed. */
  isExcused(value: string): boolean {
    return this.#excused.has(this.#keyOf.get(value) ?? '');
  }

  /** From now on consumers hold these values, and no others. */
  consumersHold(values: readonly string[]): void {
    const { apiKeys } = this.#lab.state.iam;
    for (const { id, value } of apiKeys) if (value !== undefined) this.#keyOf.set(value, id);
    this.#held = apiKeys.filter(({ value }) => value !== undefined && values.includes(value));
  }

  #look(record: AuditRecord): void {
    const { state } = this.#lab;
    const { action } = record;
    const keyId = 'keyId' in record ? record.keyId : '';
    const isTakenBack = action === 'api-key.enable' && this.#maybeTakenBack?.keyId === keyId;
    const earlier = isTakenBack ? [] : (this.#maybeTakenBack?.wrongs ?? []);
    this.#maybeTakenBack = null;
    const wrongs = [
      ...this.#wrongsOf('the current key', currentKeyOf(state), state, action),
      ...this.#held.flatMap((key) => this.#wrongsOf('a key that a consumer holds', key, state, action)),
    ];
    for (const wrong of earlier) this.#wrongs.add(wrong);
    const current = currentKeyOf(state);
    if (wrongs.length > 0 && current?.disabled) this.#maybeTakenBack = { keyId: current.id, wrongs };
    else for (const wrong of wrongs) this.#wrongs.add(wrong);
  }

  #wrongsOf(what: string, key: Key | null, state: State, action: string): string[] {
    if (!key || this.#excused.has(key.id)) return [];
    const now = state.iam.apiKeys.find(({ id }) => id === key.id);
    const nowMs = this.#lab.clock.nowMs();
    const isFresh = now && now.createdAtMs + this.#lab.cloud.switches.firstLoginDelayMs > nowMs;
    const trouble = now ? (now.disabled ? 'disabled' : isFresh ? 'not known everywhere yet' : null) : 'gone';
    return trouble ? [`at ${action} ${what} is ${trouble}`] : [];
  }
}

/** The key whose value consumers read now; null while there is none. A value that belongs to no key any more counts as a dead key. */
export function currentKeyOf(state: State, secretName = 'ingest'): Key | null {
  const secret = state.secretsManager.secrets.find(({ name }) => name === secretName);
  const current = secret?.versions.find(({ alias }) => alias === 'current');
  if (!current?.payload) return null;
  const value = valueOf(current.payload);
  const id = current.customMetadata.keyrota?.key_id ?? '';
  const gone = { id, name: '', iamId: '', disabled: false, locked: false, createdAtMs: 0, expiresAtMs: null };
  return state.iam.apiKeys.find((key) => key.value === value) ?? gone;
}

const valueOf = (payload: unknown): unknown =>
  typeof payload === 'object' && payload !== null ? Object.values(payload)[0] : payload;
