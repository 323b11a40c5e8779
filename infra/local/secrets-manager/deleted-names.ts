import type { CloudParts } from '../parts.ts';

interface DeletedName {
  key: string;
  groupId: string;
  atMs: number;
}

/** Names of deleted secrets that are still taken, for as long as the switch `deletedNameTakenMs` says. */
export class DeletedNames {
  readonly #parts: CloudParts;
  #names: DeletedName[] = [];

  constructor(parts: CloudParts) {
    this.#parts = parts;
  }

  add(key: string, groupId: string): void {
    const atMs = this.#parts.clock.nowMs();
    this.#names = [...this.#young(), { key, groupId, atMs }];
  }

  some(key: string, isIn: (groupId: string) => boolean): boolean {
    return this.#young().some((name) => name.key === key && isIn(name.groupId));
  }

  #young(): DeletedName[] {
    const sinceMs = this.#parts.clock.nowMs() - this.#parts.switches.deletedNameTakenMs;
    return this.#names.filter(({ atMs }) => atMs > sinceMs);
  }
}
