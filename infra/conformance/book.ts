/** What a run makes. */
export type MadeKind = 'secret group' | 'secret' | 'service ID' | 'API key' | 'policy' | 'resource key';

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
