import type { KeyKind } from '../keys/kind.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import type { AccountKey, InventoryVisitor, LastUse } from './inventory.ts';
import type { LastUses } from './last-uses.ts';
import type { ManagedKeys } from './managed-keys.ts';
import type { InventoryWorld } from './open-inventory.ts';
import type { OwnerNames } from './owner-names.ts';
import type { Sight } from './sight.ts';

type Kind = AccountKey['kind'];

export const KINDS: readonly Kind[] = [
  'service-id-api-key',
  'user-api-key',
  'service-credential',
  'logging-key',
  'classic-api-key',
];

/** What everybody who lists keys needs, and where keys are handed out. */
export class Desk {
  readonly manifest: Manifest;
  readonly world: InventoryWorld;
  readonly sight: Sight;
  readonly managed: ManagedKeys;
  readonly names: OwnerNames;
  readonly uses: LastUses | null;
  readonly counts: Record<Kind, number> = {
    'service-id-api-key': 0,
    'user-api-key': 0,
    'service-credential': 0,
    'logging-key': 0,
    'classic-api-key': 0,
  };
  readonly #visitor: Pick<InventoryVisitor, 'keys'>;

  constructor(
    parts: Pick<Desk, 'manifest' | 'world' | 'sight' | 'managed' | 'names' | 'uses'>,
    visitor: Pick<InventoryVisitor, 'keys'>,
  ) {
    this.manifest = parts.manifest;
    this.world = parts.world;
    this.sight = parts.sight;
    this.managed = parts.managed;
    this.names = parts.names;
    this.uses = parts.uses;
    this.#visitor = visitor;
  }

  entriesOf(kind: Kind): ManagedKey[] {
    return this.manifest.keys.filter((key) => key.kind === kind && key.owner !== '');
  }

  kindOf(key: ManagedKey): KeyKind {
    return this.world.kindOf(key);
  }

  /** What a list tells of a key, and beside it who its owner is and what it is to an entry. */
  told(key: Omit<AccountKey, 'ownerName' | 'managed'>): AccountKey {
    const { kind, id, name, owner } = key;
    return { ...key, ownerName: this.names.of(owner), managed: this.managed.of(kind, id, name) };
  }

  /** Of an API key; unknown where nothing tells. */
  useOf(apiKeyId: string, createdAtMs: number | null): LastUse {
    return this.uses?.of(apiKeyId, createdAtMs) ?? 'unknown';
  }

  hand(page: readonly AccountKey[]): void {
    if (page.length === 0) return;
    for (const { kind } of page) this.counts[kind] += 1;
    this.#visitor.keys(page);
  }
}
