import { parseKeyName } from '../keys/key-name.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import type { Summary } from '../rotation/record.ts';
import type { AccountKey, ManagedAs } from './inventory.ts';

/** Where a secret fits an entry: in its own group, or in another one, where the summary says that it is the entry's. */
type Fit = 'own place' | 'elsewhere';

interface Believed {
  fit: Fit;
  currentId: string;
  formerIds: string[];
}

const idKey = (kind: AccountKey['kind'], id: string): string => `${kind} ${id}`;

/**
 * What entries say of keys, by the summaries of their secrets. It keeps some ids for each entry of the manifest, and nothing of other
 * secrets.
 */
export class ManagedKeys {
  readonly #deployment: string;
  readonly #keys: readonly ManagedKey[];
  /** Entries by type and name of their secrets, also by names that they had before. */
  readonly #byPlace: ReadonlyMap<string, ManagedKey[]>;
  readonly #byName: ReadonlyMap<string, ManagedKey>;
  readonly #believed = new Map<ManagedKey, Believed>();
  #byId: ReadonlyMap<string, { entry: string; as: ManagedAs }> = new Map();
  #hasSeenAll = false;

  constructor({ deployment, keys }: Manifest) {
    this.#deployment = deployment;
    this.#keys = keys;
    const places = keys.flatMap((key) =>
      [key.secret.name, ...key.formerly].map((name) => ({ key, place: `${key.secret.type} ${name}` })),
    );
    const byPlace = Map.groupBy(places, ({ place }) => place);
    this.#byPlace = new Map([...byPlace].map(([place, named]) => [place, named.map(({ key }) => key)]));
    this.#byName = new Map(keys.flatMap((key) => [key.name, ...key.formerly].map((name) => [name, key] as const)));
  }

  /** Tells of a secret. @returns the entry whose value it holds; null for all others. */
  note(secret: { type: string; name: string; groupId: string; summary: Summary | null }): string | null {
    const fitting = this.#byPlace.get(`${secret.type} ${secret.name}`) ?? [];
    const own = fitting.find((key) => key.secret.groupId === secret.groupId);
    const { summary } = secret;
    const said = summary && this.#isOurs(summary) ? this.#byName.get(summary.name) : undefined;
    // A summary alone says nothing: somebody may have copied the secret.
    const key = own ?? fitting.find((one) => one === said);
    if (!key) return null;
    const fit: Fit = own ? 'own place' : 'elsewhere';
    if (summary && said === key && this.#believed.get(key)?.fit !== 'own place') {
      this.#believed.set(key, { fit, ...idsIn(summary) });
    }
    return key.name;
  }

  /** No more secrets come. */
  settle(hasSeenAll: boolean): void {
    this.#hasSeenAll = hasSeenAll;
    const byId = new Map<string, { entry: string; as: ManagedAs }>();
    for (const [key, { currentId, formerIds }] of this.#believed) {
      const { name: entry, kind, adopt } = key;
      // Before the first mint a key that is to be taken in is in full use.
      const former = [...formerIds, ...(currentId === '' ? [] : adopt)];
      for (const id of former) if (id !== '') byId.set(idKey(kind, id), { entry, as: 'former' });
    }
    for (const [{ name: entry, kind }, { currentId }] of this.#believed)
      if (currentId !== '') byId.set(idKey(kind, currentId), { entry, as: 'current' });
    this.#byId = byId;
  }

  /** What a key is to an entry; null for keys that Keyrota does not manage. */
  of(kind: AccountKey['kind'], id: string, name: string): AccountKey['managed'] {
    const known = this.#byId.get(idKey(kind, id));
    if (known) return known;
    const named = parseKeyName(name);
    const key = named?.deployment === this.#deployment ? this.#byName.get(named.name) : undefined;
    if (key?.kind !== kind) return null;
    const isTold = this.#hasSeenAll || this.#believed.get(key)?.fit === 'own place';
    return { entry: key.name, as: isTold && this.#believed.has(key) ? 'unknown' : 'untold' };
  }

  /** Ids of current keys of that kind. */
  currentIds(kind: AccountKey['kind']): string[] {
    return this.#keys.flatMap((key) => {
      const id = key.kind === kind ? (this.#believed.get(key)?.currentId ?? '') : '';
      return id === '' ? [] : [id];
    });
  }

  #isOurs({ deployment }: Summary): boolean {
    return deployment === this.#deployment;
  }
}

function idsIn(summary: Summary): Pick<Believed, 'currentId' | 'formerIds'> {
  const { key_id: currentId, previous_key_id: previousId, compromised_keys: compromised } = summary;
  return { currentId, formerIds: [previousId, ...compromised.map((one) => one.key_id)] };
}
