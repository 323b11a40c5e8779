/** What a run makes. */
export type MadeKind = 'secret group' | 'secret' | 'service ID' | 'API key' | 'policy' | 'resource key';

/** Those that are in nothing else of a run: with a group go its secrets, with a service ID its keys and policies. */
export const OUTERMOST: readonly MadeKind[] = ['resource key', 'secret group', 'service ID'];

interface Made {
  kind: MadeKind;
  id: string;
}

/**
 * What this run made, or took over from a run of before that was killed. Nothing else may be touched: the guard asks it.
 * Ids stay in it after what they name is gone, for calls that prove that.
 */
export class Book {
  /** Every name that this run gives begins with it. */
  readonly runName: string;
  readonly #ids = new Map<string, MadeKind>();
  readonly #removedIds = new Set<string>();
  #unansweredCount = 0;
  #nameCount = 0;

  constructor(runName: string) {
    this.runName = runName;
  }

  add(kind: MadeKind, id: string): void {
    if (id !== '') this.#ids.set(id, kind);
  }

  has(kind: MadeKind, id: string | undefined): boolean {
    return id !== undefined && this.#ids.get(id) === kind;
  }

  idsOf(kind: MadeKind): string[] {
    return this.all.filter((one) => one.kind === kind).map(({ id }) => id);
  }

  get all(): Made[] {
    return [...this.#ids].map(([id, kind]) => ({ id, kind }));
  }

  /** Something is asked to be made that is in nothing else of the run. */
  asked(): void {
    this.#unansweredCount += 1;
  }

  /** It was answered, by an id or a refusal. */
  answered(): void {
    this.#unansweredCount -= 1;
  }

  /** Its removal was answered as done: from now on 404 proves that it is gone, and not that it is too new to be found. */
  removed(id: string): void {
    this.#removedIds.add(id);
  }

  isRemoved(id: string): boolean {
    return this.#removedIds.has(id);
  }

  /** What was never answered to be removed, of what is in nothing else. */
  get unremoved(): Made[] {
    return this.all.filter(({ kind, id }) => OUTERMOST.includes(kind) && !this.isRemoved(id));
  }

  /** Something may be there that neither its id nor a list shows yet. */
  get isUnsure(): boolean {
    return this.#unansweredCount > 0 || this.unremoved.length > 0;
  }

  /** A name that nothing had before: that of a deleted secret may stay taken. */
  newName(purpose: string): string {
    this.#nameCount += 1;
    return `${this.runName}-${purpose}-${this.#nameCount}`;
  }

  /** Whether a name is one that this run gives. */
  isOwnName(name: unknown): boolean {
    return typeof name === 'string' && (name === this.runName || name.startsWith(`${this.runName}-`));
  }
}
